//! Pictures of slices: grey values, borders in colour, lines of text below.

use super::font;

/// HU at the middle of the lung window and from its black to its white.
const CENTER_HU: f64 = -600.0;
const WIDTH_HU: f64 = 1500.0;
/// Narrower slices are enlarged by whole numbers, so that the text below can be read.
const LEAST_COLUMNS: usize = 384;
/// Of the text from the picture and from the edges.
const MARGIN: usize = 3;

/// A picture in 8 bit red, green, blue, by rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// How many pixels along a side one pixel of the slice became.
    pub(super) enlarged: usize,
    pub(super) rgb: Vec<u8>,
}

/// The grey value of an attenuation in the lung window (PS3.3 C.11.2.1.2, LINEAR).
fn grey(hu: f32) -> u8 {
    let share = (f64::from(hu) - (CENTER_HU - 0.5)) / (WIDTH_HU - 1.0) + 0.5;
    (share * 255.0).round().clamp(0.0, 255.0) as u8
}

/// Paints a slice of `columns` pixels a row in the lung window, draws the inner border of each label in its colour, and writes `lines` below it.
///
/// `colour_of` gives the colour of a label, `None` for one that is not shown. The text stands outside of the slice, on black.
pub(super) fn paint(
    hu: &[f32],
    labels: &[u8],
    columns: usize,
    colour_of: &dyn Fn(u8) -> Option<[u8; 3]>,
    text: &[(String, [u8; 3])],
) -> Picture {
    let rows = hu.len() / columns;
    let enlarged = LEAST_COLUMNS.div_ceil(columns).max(1);
    let width = columns * enlarged;
    let lines = lines(text, width);
    let height = rows * enlarged + lines.len() * font::ADVANCE[0] + 2 * MARGIN;
    let mut picture = Picture { rows: height, columns: width, enlarged, rgb: vec![0; height * width * 3] };
    let shown = |label: u8| colour_of(label).map(|_| label);
    for row in 0..rows * enlarged {
        for column in 0..width {
            let at = |row: usize, column: usize| shown(labels[row / enlarged * columns + column / enlarged]);
            let here = at(row, column);
            let neighbours = [
                row.checked_sub(1).map(|row| at(row, column)),
                column.checked_sub(1).map(|column| at(row, column)),
                (row + 1 < rows * enlarged).then(|| at(row + 1, column)),
                (column + 1 < width).then(|| at(row, column + 1)),
            ];
            // The edge of the slice ends a label, too.
            let is_border = neighbours.iter().any(|neighbour| *neighbour != Some(here));
            let value = grey(hu[row / enlarged * columns + column / enlarged]);
            let colour = here.filter(|_| is_border).and_then(colour_of).unwrap_or([value; 3]);
            picture.put(row, column, colour);
        }
    }
    let mut top = rows * enlarged + MARGIN;
    for (line, colour) in lines {
        for (number, character) in line.chars().enumerate() {
            let left = MARGIN + number * font::ADVANCE[1];
            font::draw(character, |row, column| picture.put(top + row, left + column, colour));
        }
        top += font::ADVANCE[0];
    }
    picture
}

fn lines(text: &[(String, [u8; 3])], width: usize) -> Vec<(String, [u8; 3])> {
    let most = width.saturating_sub(2 * MARGIN) / font::ADVANCE[1];
    text.iter().flat_map(|(text, colour)| font::wrap(text, most).into_iter().map(|line| (line, *colour))).collect()
}

impl Picture {
    fn put(&mut self, row: usize, column: usize, colour: [u8; 3]) {
        let at = (row * self.columns + column) * 3;
        self.rgb[at..at + 3].copy_from_slice(&colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lung_window_runs_from_black_to_white() {
        assert_eq!(grey(-1351.0), 0);
        assert_eq!(grey(-1024.0), 55);
        assert_eq!(grey(-600.0), 128);
        assert_eq!(grey(150.0), 255);
        assert_eq!(grey(3000.0), 255);
    }

    #[test]
    fn borders_are_in_colour_and_the_inside_is_grey() {
        // A square of three by three pixels in the upper left corner of four by 400.
        let mut labels = vec![0; 4 * 400];
        for row in 0..3 {
            labels[row * 400..row * 400 + 3].fill(2);
        }
        let red = |label: u8| (label == 2).then_some([200, 10, 20]);
        let picture = paint(&vec![150.0; 4 * 400], &labels, 400, &red, &[("Lung".to_owned(), [1, 2, 3])]);
        assert_eq!((picture.enlarged, picture.columns, picture.rows), (1, 400, 4 + 11 + 6));
        let pixel = |row: usize, column: usize| &picture.rgb[(row * 400 + column) * 3..][..3];
        assert_eq!(pixel(0, 0), [200, 10, 20]);
        assert_eq!(pixel(1, 1), [255, 255, 255], "inside");
        assert_eq!(pixel(2, 1), [200, 10, 20]);
        assert_eq!(pixel(3, 1), [255, 255, 255], "outside");
        assert_eq!(pixel(7, 3), [1, 2, 3], "the upper left pixel of the L");
        assert_eq!(pixel(4, 0), [0, 0, 0]);
    }

    #[test]
    fn narrow_slices_are_enlarged() {
        let labels = [1, 0, 0, 0, 0, 0];
        let picture = paint(&[-2000.0; 6], &labels, 3, &|label| (label == 1).then_some([9, 8, 7]), &[]);
        assert_eq!((picture.enlarged, picture.columns, picture.rows), (128, 384, 256 + 6));
        let pixel = |row: usize, column: usize| &picture.rgb[(row * 384 + column) * 3..][..3];
        assert_eq!([pixel(0, 64), pixel(127, 0), pixel(64, 127)], [[9, 8, 7]; 3], "the border of the enlarged pixel");
        assert_eq!([pixel(1, 1), pixel(128, 0), pixel(0, 128)], [[0; 3]; 3]);
    }
}
