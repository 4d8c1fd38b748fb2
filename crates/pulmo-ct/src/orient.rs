//! Axis order: from the order a file was stored in to patient axes, and back to the bit.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid};
use crate::volume::{CtVolume, LabelMap};

/// The order in which a network sees a volume's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// As stored in the file, as the paper's library does; DICOM and NIfTI may then differ by flips.
    Stored,
    /// Slices from the feet to the head, rows from front to back, columns from the patient's right to left.
    #[default]
    Patient,
}

/// Which stored axis each new axis is, and whether it runs backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    axes: [usize; 3],
    flipped: [bool; 3],
}

impl Turn {
    /// The turn that brings a grid into an orientation.
    ///
    /// For an oblique grid the permutation whose axes lie closest to the patient's; nothing is interpolated.
    /// Of equally close ones the first in lexical order wins.
    #[must_use]
    pub fn to(orientation: Orientation, grid: &Grid) -> Self {
        match orientation {
            Orientation::Stored => Self { axes: [0, 1, 2], flipped: [false; 3] },
            // New axis 0 follows z (head), 1 follows y (back), 2 follows x (left).
            Orientation::Patient => Self::following([(2, 1.0), (1, 1.0), (0, 1.0)], grid),
        }
    }

    /// The turn after which columns, rows and slices run towards the three letters, in this order.
    ///
    /// L and R are the patient's left and right, P and A back and front, S and I head and feet: `LPS` is
    /// [`Orientation::Patient`], `RAS` what most NIfTI software shows. The letters are those of
    /// `nibabel.aff2axcodes`, the fastest axis first. Exact: nothing is interpolated.
    ///
    /// # Errors
    /// [`Error::Value`] if it is not one of the 48 codes.
    pub fn towards(code: &str, grid: &Grid) -> Result<Self> {
        let letters: Vec<(usize, f64)> = code.chars().filter_map(axis_of).collect();
        let distinct = (0..3).all(|axis| letters.iter().any(|letter| letter.0 == axis));
        if code.chars().count() != 3 || !distinct {
            let problem =
                format!("orientation `{code}`: expected one letter each of L or R, P or A, S or I, as in `LPS`");
            return Err(Error::Value { problem });
        }
        Ok(Self::following([letters[2], letters[1], letters[0]], grid))
    }

    /// The turn that lets each new axis follow an LPS axis, forwards or backwards, as closely as the stored ones can.
    fn following(wanted: [(usize, f64); 3], grid: &Grid) -> Self {
        let direction = grid.affine().direction();
        let along = |new_axis: usize, stored: usize| wanted[new_axis].1 * direction[stored][wanted[new_axis].0];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let closeness = |order: &[usize; 3]| (0..3).map(|k| along(k, order[k]).abs()).sum::<f64>();
        let mut axes = orders[0];
        for order in &orders[1..] {
            // The margin keeps the choice stable against the last bits of a stored matrix.
            if closeness(order) > closeness(&axes) + 1e-6 {
                axes = *order;
            }
        }
        Self { axes, flipped: std::array::from_fn(|k| along(k, axes[k]) < 0.0) }
    }

    /// The turn that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut inverse = *self;
        for new_axis in 0..3 {
            inverse.axes[self.axes[new_axis]] = new_axis;
            inverse.flipped[self.axes[new_axis]] = self.flipped[new_axis];
        }
        inverse
    }

    /// True if nothing moves.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.axes == [0, 1, 2] && self.flipped == [false; 3]
    }

    /// The shape after the turn.
    #[must_use]
    pub fn shape(&self, shape: [usize; 3]) -> [usize; 3] {
        self.axes.map(|axis| shape[axis])
    }

    /// The grid after the turn: every voxel keeps its patient position.
    ///
    /// # Errors
    /// None in practice: a valid grid stays valid.
    pub fn grid(&self, grid: &Grid) -> Result<Grid> {
        let first = {
            let mut index = [0.0; 3];
            for (&axis, &flipped) in self.axes.iter().zip(&self.flipped) {
                index[axis] = if flipped { (grid.shape()[axis] - 1) as f64 } else { 0.0 };
            }
            index
        };
        let columns = std::array::from_fn(|k| {
            let column = grid.affine().columns[self.axes[k]];
            if self.flipped[k] { column.map(|x| -x) } else { column }
        });
        let affine = Affine { columns, origin_mm: grid.affine().voxel_to_world(first) };
        Grid::new(self.shape(grid.shape()), affine)
    }

    /// Moves the values of a volume of `shape`, `channels` per voxel with channels last.
    #[must_use]
    pub fn values<T: Copy>(&self, shape: [usize; 3], channels: usize, values: &[T]) -> Vec<T> {
        if self.is_identity() {
            return values.to_vec();
        }
        let strides = [shape[1] * shape[2], shape[2], 1];
        let new_shape = self.shape(shape);
        let stored =
            |k: usize, i: usize| strides[self.axes[k]] * if self.flipped[k] { new_shape[k] - 1 - i } else { i };
        let mut turned = Vec::with_capacity(values.len());
        for slice in 0..new_shape[0] {
            for row in 0..new_shape[1] {
                let line = stored(0, slice) + stored(1, row);
                for column in 0..new_shape[2] {
                    let voxel = (line + stored(2, column)) * channels;
                    turned.extend_from_slice(&values[voxel..voxel + channels]);
                }
            }
        }
        turned
    }

    /// Turns a CT.
    ///
    /// # Errors
    /// None in practice, as [`Turn::grid`].
    pub fn ct(&self, volume: &CtVolume) -> Result<CtVolume> {
        CtVolume::new(self.grid(volume.grid())?, self.values(volume.grid().shape(), 1, volume.hu()))
    }

    /// Turns a label map.
    ///
    /// # Errors
    /// None in practice, as [`Turn::grid`].
    pub fn labels(&self, map: &LabelMap) -> Result<LabelMap> {
        LabelMap::new(self.grid(map.grid())?, self.values(map.grid().shape(), 1, map.labels()))
    }

    /// Turns a label map back onto the grid it came from, which it takes over to the bit.
    ///
    /// `self` is the turn that was applied to `stored`.
    ///
    /// # Errors
    /// [`crate::Error::GridMismatch`] if the map does not lie on the turned grid.
    pub fn labels_back(&self, map: &LabelMap, stored: &Grid) -> Result<LabelMap> {
        self.grid(stored)?.must_equal(map.grid())?;
        LabelMap::new(*stored, self.inverse().values(map.grid().shape(), 1, map.labels()))
    }
}

/// The LPS axis that a letter names, and its sign.
fn axis_of(letter: char) -> Option<(usize, f64)> {
    Some(match letter {
        'L' => (0, 1.0),
        'R' => (0, -1.0),
        'P' => (1, 1.0),
        'A' => (1, -1.0),
        'S' => (2, 1.0),
        'I' => (2, -1.0),
        _ => return None,
    })
}

/// The letters towards which columns, rows and slices run, as `nibabel.aff2axcodes` gives them: `LPS` for most CTs.
///
/// For an oblique grid the closest axes, as [`Turn::to`] chooses them.
#[must_use]
pub fn axis_codes(grid: &Grid) -> String {
    let turn = Turn::to(Orientation::Patient, grid);
    let letters = [['S', 'I'], ['P', 'A'], ['L', 'R']];
    let mut codes = [' '; 3];
    for ((&axis, &flipped), letters) in turn.axes.iter().zip(&turn.flipped).zip(letters) {
        codes[2 - axis] = letters[usize::from(flipped)];
    }
    codes.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Spacing;

    fn numbered(grid: Grid) -> CtVolume {
        CtVolume::new(grid, (0..grid.voxels()).map(|k| k as f32).collect()).unwrap()
    }

    #[test]
    fn standard_grids_stay() {
        let grid = Grid::new([2, 3, 4], Affine::axial(Spacing::new([5.0, 1.0, 1.0]).unwrap(), [0.0; 3])).unwrap();
        assert!(Turn::to(Orientation::Patient, &grid).is_identity());
    }

    #[test]
    fn every_order_and_flip_comes_to_patient_axes_and_back() {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            for flips in 0..8_usize {
                // Stored axis k runs along LPS axis order[k], slightly oblique.
                let columns = std::array::from_fn(|k| {
                    let mut column = [0.02, 0.03, -0.01];
                    column[order[k]] = if flips >> k & 1 == 1 { -1.0 - k as f64 } else { 1.0 + k as f64 };
                    column
                });
                let grid = Grid::new([2, 3, 4], Affine { columns, origin_mm: [3.0, -7.0, 11.0] }).unwrap();
                let volume = numbered(grid);
                let turn = Turn::to(Orientation::Patient, &grid);
                let turned = turn.ct(&volume).unwrap();
                for (axis, lps) in [(0, 2), (1, 1), (2, 0)] {
                    assert!(turned.grid().affine().direction()[axis][lps] > 0.9, "{order:?} {flips}");
                }
                for (voxel, &value) in turned.hu().iter().enumerate() {
                    let there = place(turned.grid(), voxel);
                    let here = place(&grid, value as usize);
                    assert!((0..3).all(|k| (there[k] - here[k]).abs() < 1e-9), "a voxel moved in the patient");
                }
                let back = turn.inverse().ct(&turned).unwrap();
                assert_eq!(back.hu(), volume.hu());
                assert!(back.grid().must_equal(&grid).is_ok());
                let labels = LabelMap::new(grid, (0..24).collect()).unwrap();
                let there = turn.labels(&labels).unwrap();
                assert_eq!(turn.labels_back(&there, &grid).unwrap(), labels, "grid and labels to the bit");
            }
        }
    }

    fn place(grid: &Grid, voxel: usize) -> [f64; 3] {
        let [_, rows, columns] = grid.shape();
        let index = [voxel / (rows * columns), voxel / columns % rows, voxel % columns];
        grid.affine().voxel_to_world(index.map(|i| i as f64))
    }

    #[test]
    fn every_code_is_reached_and_kept() {
        let grid = Grid::new([2, 3, 4], Affine::axial(Spacing::new([5.0, 1.0, 1.0]).unwrap(), [0.0; 3])).unwrap();
        assert_eq!(axis_codes(&grid), "LPS");
        let volume = numbered(grid);
        let mut codes = std::collections::BTreeSet::new();
        for axes in ["LPS", "LSP", "PLS", "PSL", "SLP", "SPL"] {
            for flips in 0..8_usize {
                let flip = |(k, letter): (usize, char)| {
                    let there = "LPS".find(letter).unwrap();
                    "LPSRAI".chars().nth(if flips >> k & 1 == 1 { there + 3 } else { there }).unwrap()
                };
                let code: String = axes.chars().enumerate().map(flip).collect();
                let turned = Turn::towards(&code, &grid).unwrap().ct(&volume).unwrap();
                assert_eq!(axis_codes(turned.grid()), code);
                let back = Turn::towards("LPS", turned.grid()).unwrap().ct(&turned).unwrap();
                assert_eq!(back, volume, "{code}");
                codes.insert(code);
            }
        }
        assert_eq!(codes.len(), 48);
        for bad in ["", "LP", "LPSS", "LRS", "XYZ", "lps"] {
            assert!(Turn::towards(bad, &grid).is_err(), "{bad}");
        }
    }

    #[test]
    fn channels_stay_together() {
        let turn = Turn { axes: [0, 2, 1], flipped: [false, true, false] };
        let values: Vec<u8> = (0..8).collect();
        assert_eq!(turn.values([1, 2, 2], 2, &values), [2, 3, 6, 7, 0, 1, 4, 5]);
    }
}
