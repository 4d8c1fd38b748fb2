//! Where the surface of a mask is: corners between voxels, and voxels at the edge.

use pulmo_ct::voxel_box::VoxelBox;
use rayon::prelude::*;

/// The part of a label map that holds the masks of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// All labels.
    pub labels: &'a [u8],
    /// The shape that they have.
    pub whole: [usize; 3],
    /// The part, around every voxel of the mask.
    pub inside: VoxelBox,
    /// The label whose voxels make the mask.
    pub label: u8,
}

impl<'a> Part<'a> {
    /// A row of the part; what is not in the part is background.
    fn row(&self, slice: Option<usize>, row: Option<usize>) -> Option<&'a [u8]> {
        let shape = self.inside.shape();
        let (slice, row) = (slice.filter(|&k| k < shape[0])?, row.filter(|&k| k < shape[1])?);
        Some(&self.labels[self.inside.row_in(self.whole, slice, row)])
    }

    /// The corners where voxels inside and outside meet, with the code of the eight voxels around each.
    ///
    /// Corner (0, 0, 0) lies before voxel (0, 0, 0): there is one more along each axis than there are voxels.
    pub(super) fn corners(&self) -> Vec<(u32, u8)> {
        let [slices, rows, columns] = self.inside.shape();
        let in_slice = |around: &mut Vec<u8>, slice: usize| {
            let mut found = Vec::new();
            for row in 0..=rows {
                around.clear();
                around.resize(columns + 1, 0);
                for (k, bit) in [64, 16, 4, 1].into_iter().enumerate() {
                    let labels = self.row((slice + k / 2).checked_sub(1), (row + k % 2).checked_sub(1));
                    let labels = labels.unwrap_or_default();
                    let flags = labels.iter().map(|&label| if label == self.label { bit } else { 0 });
                    around.iter_mut().zip(flags).for_each(|(around, flag)| *around |= flag);
                }
                if around.iter().all(|&around| around == 0) {
                    continue;
                }
                let start = (slice * (rows + 1) + row) * (columns + 1);
                let mut left = 0;
                for (column, &right) in around.iter().enumerate() {
                    let code = left << 1 | right;
                    if code != 0 && code != 255 {
                        found.push(((start + column) as u32, code));
                    }
                    left = right;
                }
            }
            found
        };
        (0..=slices).into_par_iter().map_init(Vec::new, in_slice).flatten_iter().collect()
    }

    /// The voxels of the mask that share a face with a voxel outside, or with the outside of the volume.
    pub(super) fn edge_voxels(&self) -> Vec<u32> {
        let [slices, rows, columns] = self.inside.shape();
        let in_slice = |enclosed: &mut Vec<bool>, slice: usize| {
            let mut found = Vec::new();
            for row in 0..rows {
                let Some(labels) = self.row(Some(slice), Some(row)) else { continue };
                if !labels.contains(&self.label) {
                    continue;
                }
                enclosed.clear();
                enclosed.resize(columns, true);
                let neighbours = [
                    self.row(slice.checked_sub(1), Some(row)),
                    self.row(Some(slice + 1), Some(row)),
                    self.row(Some(slice), row.checked_sub(1)),
                    self.row(Some(slice), Some(row + 1)),
                ];
                for neighbour in neighbours {
                    match neighbour {
                        Some(labels) => {
                            enclosed.iter_mut().zip(labels).for_each(|(all, &label)| *all &= label == self.label);
                        }
                        None => enclosed.fill(false),
                    }
                }
                let start = (slice * rows + row) * columns;
                let is = |column: usize| labels.get(column).is_some_and(|&label| label == self.label);
                let edge = |&column: &usize| {
                    is(column) && !(enclosed[column] && column > 0 && is(column - 1) && is(column + 1))
                };
                found.extend((0..columns).filter(edge).map(|column| (start + column) as u32));
            }
            found
        };
        (0..slices).into_par_iter().map_init(Vec::new, in_slice).flatten_iter().collect()
    }
}
