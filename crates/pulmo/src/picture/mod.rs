//! Pictures of a CT with its masks: axial, coronal and sagittal slices as PNG.
//!
//! Drawn as radiologists look at them: the patient's right on the left side of the picture, front (axial) or
//! head (coronal, sagittal) at the top, whatever the order of the axes in the file; sides come from the affine and are
//! lettered. Pixels are square in mm. Colours: [`REFERENCE`] and [`PREDICTION`], told apart by colour-blind
//! eyes too.

mod canvas;
mod plane;

use pulmo_ct::{CtVolume, LabelMap};

pub use canvas::Picture;
pub use plane::View;

/// Middle of the lung window in HU.
pub const WINDOW_CENTRE_HU: f32 = -600.0;
/// Width of the lung window in HU.
pub const WINDOW_WIDTH_HU: f32 = 1500.0;
/// Colour of what an expert (or a phantom) marked: blue.
pub const REFERENCE: [u8; 3] = [86, 180, 233];
/// Colour of what the network marked: orange.
pub const PREDICTION: [u8; 3] = [230, 159, 0];
/// Colour of what only surrounds, as the lungs: light blue.
pub const OUTLINE: [u8; 3] = [86, 180, 233];

/// How much of the mask's colour covers the CT inside the contour.
const FILL: f32 = 0.25;
/// Pixels of a picture's longer side.
const LONGER_SIDE: f64 = 512.0;

/// What one picture shows. All on one grid.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The CT.
    pub volume: &'a CtVolume,
    /// The expert's mask, drawn in [`REFERENCE`].
    pub reference: Option<&'a LabelMap>,
    /// The network's mask, drawn in [`PREDICTION`].
    pub prediction: Option<&'a LabelMap>,
}

impl Layers<'_> {
    /// Draws the slice of `view` that shows most of the masks, or the middle one if they are empty.
    #[must_use]
    pub fn draw(&self, view: View) -> Picture {
        self.draw_slice(view, self.fullest_slice(view))
    }

    /// Draws slice `index` of `view`, counted along the array's axis that runs through the picture.
    ///
    /// # Panics
    /// If there is no such slice.
    #[must_use]
    pub fn draw_slice(&self, view: View, index: usize) -> Picture {
        self.paint(view, index, None, FILL)
    }

    /// As [`Layers::draw_slice`], with the contours alone: the masks' insides show the CT as it is, and every label of
    /// `outline` above 0 is lined in [`OUTLINE`].
    ///
    /// # Panics
    /// If there is no such slice.
    #[must_use]
    pub fn draw_contours(&self, view: View, index: usize, outline: Option<&LabelMap>) -> Picture {
        self.paint(view, index, outline, 0.0)
    }

    fn paint(&self, view: View, index: usize, outline: Option<&LabelMap>, fill: f32) -> Picture {
        let grid = self.volume.grid();
        let plane = plane::Plane::new(grid, view, index);
        let [height_mm, width_mm] = plane.extent_mm();
        let pixel_mm = height_mm.max(width_mm) / LONGER_SIDE;
        let pixels = |mm: f64| (mm / pixel_mm).round().max(1.0) as usize;
        let mut picture = Picture::black(pixels(width_mm), pixels(height_mm));
        picture.paint(|down, across| {
            let hu = plane.linear(self.volume.hu(), down, across);
            let low = WINDOW_CENTRE_HU - WINDOW_WIDTH_HU / 2.0;
            let grey = (255.0 * ((hu - low) / WINDOW_WIDTH_HU).clamp(0.0, 1.0)).round() as u8;
            [grey; 3]
        });
        let masks = [(outline, OUTLINE), (self.reference, REFERENCE), (self.prediction, PREDICTION)];
        for (mask, colour) in masks {
            if let Some(mask) = mask {
                picture.overlay(|down, across| mask.labels()[plane.nearest(down, across)] > 0, colour, fill);
            }
        }
        let [left, right] = view.letters();
        picture.letter(left, false);
        picture.letter(right, true);
        picture
    }

    /// The slice with most marked voxels in either mask.
    #[must_use]
    pub fn fullest_slice(&self, view: View) -> usize {
        let grid = self.volume.grid();
        let axis = view.through(grid);
        let [_, rows, columns] = grid.shape();
        let mut marked = vec![0_usize; grid.shape()[axis]];
        for mask in [self.reference, self.prediction].into_iter().flatten() {
            for (voxel, _) in mask.labels().iter().enumerate().filter(|(_, label)| **label > 0) {
                marked[[voxel / (rows * columns), voxel / columns % rows, voxel % columns][axis]] += 1;
            }
        }
        let middle = marked.len() / 2;
        let most = marked.iter().copied().max().unwrap_or(0);
        if most == 0 { middle } else { marked.iter().position(|&n| n == most).unwrap_or(middle) }
    }
}

#[cfg(test)]
mod tests {
    use pulmo_ct::{Affine, Grid};

    use super::*;

    /// A body of 0 HU with one bright voxel at the patient's left, back and head end.
    fn marked(columns: [[f64; 3]; 3], shape: [usize; 3]) -> (CtVolume, LabelMap) {
        let grid = Grid::new(shape, Affine { columns, origin_mm: [0.0; 3] }).unwrap();
        let far: [usize; 3] = std::array::from_fn(|axis| {
            // The end of this axis that lies towards left, back or head.
            if columns[axis].iter().sum::<f64>() > 0.0 { shape[axis] - 1 } else { 0 }
        });
        let at = (far[0] * shape[1] + far[1]) * shape[2] + far[2];
        let mut labels = vec![0; grid.voxels()];
        labels[at] = 1;
        (CtVolume::new(grid, vec![-1350.0; grid.voxels()]).unwrap(), LabelMap::new(grid, labels).unwrap())
    }

    fn is_coloured(picture: &Picture, across: f64, down: f64) -> bool {
        let x = (across * picture.width() as f64) as usize;
        let y = (down * picture.height() as f64) as usize;
        let [red, _, blue] = picture.pixel(x, y);
        red > blue.saturating_add(20)
    }

    #[test]
    fn patient_left_is_on_the_right_for_every_order_of_axes() {
        let axial = [[0.0, 0.0, 5.0], [0.0, 2.0, 0.0], [1.0, 0.0, 0.0]];
        let flipped = [[0.0, 0.0, -5.0], [0.0, -2.0, 0.0], [-1.0, 0.0, 0.0]];
        let coronal = [[0.0, 5.0, 0.0], [0.0, 0.0, -2.0], [1.0, 0.0, 0.0]];
        let sagittal = [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]];
        for columns in [axial, flipped, coronal, sagittal] {
            let (volume, mask) = marked(columns, [6, 7, 8]);
            let layers = Layers { volume: &volume, reference: None, prediction: Some(&mask) };
            // Left is right; back is at the bottom of an axial picture, head at the top of a coronal one.
            let axial = layers.draw(View::Axial);
            assert!(is_coloured(&axial, 0.97, 0.97), "{columns:?}");
            assert!(!is_coloured(&axial, 0.03, 0.97) && !is_coloured(&axial, 0.97, 0.03), "{columns:?}");
            let coronal = layers.draw(View::Coronal);
            assert!(is_coloured(&coronal, 0.97, 0.03), "{columns:?}");
            assert!(!is_coloured(&coronal, 0.97, 0.97), "{columns:?}");
            // Back is right and head at the top of a sagittal one.
            let sagittal = layers.draw(View::Sagittal);
            assert!(is_coloured(&sagittal, 0.97, 0.03), "{columns:?}");
            assert!(!is_coloured(&sagittal, 0.03, 0.03) && !is_coloured(&sagittal, 0.97, 0.97), "{columns:?}");
        }
    }

    #[test]
    fn pixels_are_square_in_mm() {
        let (volume, _) = marked([[0.0, 0.0, 8.0], [0.0, 1.0, 0.0], [2.0, 0.0, 0.0]], [10, 100, 100]);
        let layers = Layers { volume: &volume, reference: None, prediction: None };
        let axial = layers.draw(View::Axial);
        assert_eq!((axial.width(), axial.height()), (512, 256));
        let coronal = layers.draw(View::Coronal);
        assert_eq!((coronal.width(), coronal.height()), (512, 205), "80 of 200 mm");
    }

    #[test]
    fn the_window_is_the_lungs_and_letters_stand_at_the_sides() {
        let affine = Affine { columns: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], origin_mm: [0.0; 3] };
        let grid = Grid::new([1, 4, 4], affine).unwrap();
        let volume = CtVolume::new(grid, vec![WINDOW_CENTRE_HU; 16]).unwrap();
        let picture = Layers { volume: &volume, reference: None, prediction: None }.draw(View::Axial);
        assert_eq!(picture.pixel(256, 256), [128; 3], "the window's middle is the middle grey");
        let white =
            |from: usize, to: usize| (from..to).any(|x| (0..picture.height()).any(|y| picture.pixel(x, y) == [255; 3]));
        assert!(white(0, 40) && white(472, 512) && !white(60, 440));
    }

    #[test]
    fn png_files_can_be_read_back() {
        let (volume, mask) = marked([[0.0, 0.0, 5.0], [0.0, 2.0, 0.0], [1.0, 0.0, 0.0]], [3, 4, 5]);
        let picture = Layers { volume: &volume, reference: Some(&mask), prediction: Some(&mask) }.draw(View::Axial);
        let bytes = picture.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (picture.width(), picture.height()));
        assert_eq!(pixels[..3], picture.pixel(0, 0));
    }
}
