//! The grid that the frames of an object form by themselves, without their CT.

use super::super::series::place_within_mm;
use super::read::Segmentation;
use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid, cross, dot};

/// The most voxels that frames are filled up to: 1024 slices of 512 x 512. Two frames of a small file may be said to lie
/// kilometres apart; on the grid of a CT there is no such limit.
const MOST_VOXELS: usize = 1 << 28;
/// Frames nearer than this lie at the same place.
const SAME_PLACE_MM: f64 = 1e-3;

impl Segmentation {
    /// The grid of its own frames, from the first to the last one; slices without a frame are background.
    ///
    /// The CT that was segmented is usually longer: use [`Segmentation::onto`] where it is at hand.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the frames do not lie at equal distances, naming the gap, or a single frame says
    /// nothing of the distance to the next.
    pub fn grid(&self) -> Result<Grid> {
        let layout = &self.layout;
        let normal = cross(layout.right, layout.down);
        let mut places: Vec<(f64, [f64; 3])> =
            self.frames.iter().map(|frame| (dot(frame.position_mm, normal), frame.position_mm)).collect();
        places.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        places.dedup_by(|(a, _), (b, _)| (*a - *b).abs() < SAME_PLACE_MM);
        let apart = self.distance(&places)?;
        let (first, origin_mm) = places[0];
        let (last, end_mm) = places[places.len() - 1];
        let steps = ((last - first) / apart).round();
        let step = if steps > 0.0 {
            std::array::from_fn(|n| (end_mm[n] - origin_mm[n]) / steps)
        } else {
            normal.map(|x| x * apart)
        };
        self.must_be_regular(&places, step, apart)?;
        let affine = Affine {
            columns: [step, layout.down.map(|x| x * layout.row_mm), layout.right.map(|x| x * layout.column_mm)],
            origin_mm,
        };
        // A cast saturates: frames may be said to lie anywhere.
        let shape = [(steps as usize).saturating_add(1), layout.rows, layout.columns];
        let voxels = shape.iter().try_fold(1_usize, |n, &side| n.checked_mul(side));
        if voxels.is_none_or(|voxels| voxels > MOST_VOXELS) {
            let problem = format!("its frames span {shape:?} voxels, more than {MOST_VOXELS} without a CT");
            return Err(Error::unsupported(&self.path, problem, "give the CT that was segmented"));
        }
        Grid::new(shape, affine).map_err(|e| self.invalid(e.to_string()))
    }

    /// The distance between the planes of slices in mm.
    ///
    /// SpacingBetweenSlices where the frames agree with it; else the smallest distance of two frames.
    fn distance(&self, places: &[(f64, [f64; 3])]) -> Result<f64> {
        let gaps = places.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let smallest = gaps.fold(f64::INFINITY, f64::min);
        let stated = self.layout.apart_mm;
        if !smallest.is_finite() {
            let stated = stated.or(self.layout.thickness_mm);
            return stated.ok_or_else(|| {
                let problem = "a single frame without SpacingBetweenSlices or SliceThickness";
                Error::unsupported(&self.path, problem, "give the CT that it belongs to")
            });
        }
        let is_multiple = |stated: f64| {
            let steps = (smallest / stated).round();
            steps >= 1.0 && (smallest - steps * stated).abs() <= place_within_mm(stated)
        };
        Ok(stated.filter(|&stated| is_multiple(stated)).unwrap_or(smallest))
    }

    fn must_be_regular(&self, places: &[(f64, [f64; 3])], step: [f64; 3], apart: f64) -> Result<()> {
        let (first, origin_mm) = places[0];
        for pair in places.windows(2) {
            let (along, position) = pair[1];
            let steps = ((along - first) / apart).round();
            let off: [f64; 3] = std::array::from_fn(|n| position[n] - origin_mm[n] - steps * step[n]);
            let off = dot(off, off).sqrt();
            if off.is_nan() || off > place_within_mm(apart) {
                let problem = format!(
                    "its frames are not equally spaced: {:.3} mm between {:.3} and {along:.3} mm, where slices are \
                     {apart:.3} mm apart; the frame lies {off:.3} mm from its place",
                    along - pair[0].0,
                    pair[0].0
                );
                return Err(Error::unsupported(&self.path, problem, "give the CT that it belongs to"));
            }
        }
        Ok(())
    }
}
