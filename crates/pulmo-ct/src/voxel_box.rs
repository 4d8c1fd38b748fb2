//! Boxes of voxels: the part of a volume where something is.

use rayon::prelude::*;

/// A box of voxels in (slice, row, column): `start` belongs to it, `end` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoxelBox {
    /// First voxel.
    pub start: [usize; 3],
    /// One past the last voxel.
    pub end: [usize; 3],
}

impl VoxelBox {
    /// The box that is the whole volume.
    #[must_use]
    pub fn whole(shape: [usize; 3]) -> Self {
        Self { start: [0; 3], end: shape }
    }

    /// The smallest box around the voxels whose value `inside` says yes to; `None` if there are none.
    ///
    /// `values` are in C order and as many as `shape` has voxels.
    #[must_use]
    pub fn around<T: Sync>(shape: [usize; 3], values: &[T], inside: impl Fn(&T) -> bool + Sync) -> Option<Self> {
        let [_, rows, columns] = shape;
        let in_slice = |(slice, values): (usize, &[T])| {
            let in_rows = values.chunks_exact(columns).enumerate().filter_map(|(row, values)| {
                let first = values.iter().position(&inside)?;
                let last = values.iter().rposition(&inside)?;
                Some(Self { start: [slice, row, first], end: [slice + 1, row + 1, last + 1] })
            });
            in_rows.reduce(Self::union)
        };
        values.par_chunks_exact(rows * columns).enumerate().filter_map(in_slice).reduce_with(Self::union)
    }

    /// The smallest box around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            start: std::array::from_fn(|axis| self.start[axis].min(other.start[axis])),
            end: std::array::from_fn(|axis| self.end[axis].max(other.end[axis])),
        }
    }

    /// The box with `steps` voxels more on each side, as far as a volume of `shape` reaches.
    #[must_use]
    pub fn grown(self, steps: [usize; 3], shape: [usize; 3]) -> Self {
        Self {
            start: std::array::from_fn(|axis| self.start[axis].saturating_sub(steps[axis])),
            end: std::array::from_fn(|axis| self.end[axis].saturating_add(steps[axis]).min(shape[axis])),
        }
    }

    /// Voxels along (slice, row, column).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.end[axis] - self.start[axis])
    }

    /// Whether it lies inside a volume of `shape` and has voxels.
    #[must_use]
    pub fn fits(&self, shape: [usize; 3]) -> bool {
        (0..3).all(|axis| self.start[axis] < self.end[axis] && self.end[axis] <= shape[axis])
    }

    /// Where the row of the box with number (`slice`, `row`), counted inside it, lies in a volume of `shape`.
    ///
    /// The box must [fit](Self::fits) the shape.
    #[must_use]
    pub fn row_in(&self, shape: [usize; 3], slice: usize, row: usize) -> std::ops::Range<usize> {
        let start = ((self.start[0] + slice) * shape[1] + self.start[1] + row) * shape[2];
        start + self.start[2]..start + self.end[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_grows_and_joins() {
        let mut values = [0_u8; 3 * 4 * 5];
        assert_eq!(VoxelBox::around([3, 4, 5], &values, |&v| v > 0), None);
        values[(4 + 2) * 5 + 3] = 1; // slice 1, row 2, column 3
        let one = VoxelBox::around([3, 4, 5], &values, |&v| v > 0).unwrap();
        assert_eq!(one, VoxelBox { start: [1, 2, 3], end: [2, 3, 4] });
        values[(2 * 4) * 5 + 1] = 1;
        let two = VoxelBox::around([3, 4, 5], &values, |&v| v > 0).unwrap();
        assert_eq!(two, VoxelBox { start: [1, 0, 1], end: [3, 3, 4] });
        assert_eq!(two.shape(), [2, 3, 3]);
        assert_eq!(one.union(two), two);
        assert_eq!(one.grown([1, 9, 1], [3, 4, 5]), VoxelBox { start: [0, 0, 2], end: [3, 4, 5] });
        assert_eq!(values[two.row_in([3, 4, 5], 0, 2)], [0, 0, 1]);
        assert!(two.fits([3, 4, 5]) && !two.fits([3, 4, 3]));
    }
}
