//! The box around a mask, so that work on it does not touch the rest of the volume.

use pulmo_ct::LabelMap;
use rayon::prelude::*;

/// The smallest box around voxels: first and end (exclusive) along (slice, row, column).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) first: [usize; 3],
    pub(super) end: [usize; 3],
}

impl Crop {
    /// The box around the voxels whose label counts; `None` if there are none.
    pub(super) fn around(map: &LabelMap, counts: &[bool; 256]) -> Option<Self> {
        let [_, rows, columns] = map.grid().shape();
        let slices = map.labels().par_chunks(rows * columns).enumerate();
        let boxes = slices.filter_map(|(slice, labels)| Self::in_slice(slice, labels, columns, counts));
        boxes.reduce_with(Self::join)
    }

    fn in_slice(slice: usize, labels: &[u8], columns: usize, counts: &[bool; 256]) -> Option<Self> {
        let mut found: Option<Self> = None;
        for (row, labels) in labels.chunks_exact(columns).enumerate() {
            let Some(first) = labels.iter().position(|&label| counts[label as usize]) else { continue };
            let last = labels.iter().rposition(|&label| counts[label as usize]).unwrap_or(first);
            let line = Self { first: [slice, row, first], end: [slice + 1, row + 1, last + 1] };
            found = Some(found.map_or(line, |so_far| so_far.join(line)));
        }
        found
    }

    fn join(self, other: Self) -> Self {
        Self {
            first: std::array::from_fn(|axis| self.first[axis].min(other.first[axis])),
            end: std::array::from_fn(|axis| self.end[axis].max(other.end[axis])),
        }
    }

    /// Voxels along (slice, row, column).
    pub(super) fn shape(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.end[axis] - self.first[axis])
    }

    /// The part of a row of the whole volume that lies in the box; `slice` and `row` count in the box.
    pub(super) fn line<'v, T>(&self, whole: [usize; 3], values: &'v [T], slice: usize, row: usize) -> &'v [T] {
        let start = ((self.first[0] + slice) * whole[1] + self.first[1] + row) * whole[2];
        &values[start + self.first[2]..start + self.end[2]]
    }
}
