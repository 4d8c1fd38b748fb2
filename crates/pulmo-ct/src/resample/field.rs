//! What resampling reads from and writes to: a box of a source's values, the lines of a block of the target.

use std::ops::Range;

use rayon::prelude::*;

use super::lattice::{Box3, Lattice};

/// A number that can stand for HU in memory; `i16` holds most CTs in half the space of `f32`.
pub trait Sample: Copy + Send + Sync {
    /// The value as it is computed with.
    fn value(self) -> f64;
}

impl Sample for f32 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Sample for f64 {
    fn value(self) -> f64 {
        self
    }
}

impl Sample for i16 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Sample for u8 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

/// The values of a box of a source, in C order; indices are the source's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a, V> {
    pub(super) values: &'a [V],
    pub(super) first: [usize; 3],
    pub(super) shape: [usize; 3],
}

impl<'a, V: Copy> Field<'a, V> {
    /// The whole source.
    pub(super) fn whole(values: &'a [V], shape: [usize; 3]) -> Self {
        Self { values, first: [0; 3], shape }
    }

    /// One line of columns.
    pub(super) fn line(&self, slice: usize, row: usize) -> &'a [V] {
        let start = ((slice - self.first[0]) * self.shape[1] + row - self.first[1]) * self.shape[2];
        &self.values[start..start + self.shape[2]]
    }
}

/// A block of the target whose values lie together in memory, and the part of it that is computed now.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) all: Box3,
    pub(super) now: Box3,
}

impl Block {
    /// The whole of a block.
    pub(super) fn whole(all: Box3) -> Self {
        Self { now: all.clone(), all }
    }

    /// What `at(coordinate, voxels)` gives for each index of the current part, where axes run parallel to the source's.
    pub(super) fn axes<T>(&self, lattice: &Lattice, at: impl Fn(f64, usize) -> T) -> [Vec<T>; 3] {
        std::array::from_fn(|k| self.now[k].clone().map(|i| at(lattice.along(k, i), lattice.from[k])).collect())
    }

    /// Calls `fill(slice, row, line)` for every line of columns of the current part, in parallel.
    pub(super) fn lines<O: Send>(&self, out: &mut [O], fill: impl Fn(usize, usize, &mut [O]) + Sync) {
        let [slices, rows, columns] = &self.all;
        let width = columns.len();
        let part: Range<usize> = self.now[2].start - columns.start..self.now[2].end - columns.start;
        let skipped = (self.now[0].start - slices.start) * rows.len() * width;
        let lines = out[skipped..].par_chunks_mut(width).take(self.now[0].len() * rows.len());
        // A line costs a microsecond or so, hence some at a time.
        lines.with_min_len(8).enumerate().for_each(|(k, line)| {
            let (slice, row) = (self.now[0].start + k / rows.len(), rows.start + k % rows.len());
            if self.now[1].contains(&row) {
                fill(slice, row, &mut line[part.clone()]);
            }
        });
    }
}
