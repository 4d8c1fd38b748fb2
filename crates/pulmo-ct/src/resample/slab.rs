//! Slabs: a target in pieces of whole slices, so that memory stays bounded whatever its size.

use std::ops::Range;

use super::field::Block;
use super::lattice::{Box3, Lattice, voxels};
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::volume::{CtVolume, LabelMap};

/// Voxels of a slab: 64 MiB of `f32`.
const SLAB_VOXELS: usize = 1 << 24;

/// A volume to resample: its grid and its values where they lie, as `f32`, `f64`, `i16` or `u8`.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a, V> {
    pub(super) grid: &'a Grid,
    pub(super) values: &'a [V],
}

impl<'a, V> Source<'a, V> {
    /// Values in C order (slice, row, column) on a grid; HU or labels, finite.
    ///
    /// # Errors
    /// [`Error::Value`] if there are not as many values as voxels.
    pub fn new(grid: &'a Grid, values: &'a [V]) -> Result<Self> {
        if values.len() == grid.voxels() {
            return Ok(Self { grid, values });
        }
        Err(Error::Value { problem: format!("{} values for {} voxels", values.len(), grid.voxels()) })
    }
}

impl<'a> From<&'a CtVolume> for Source<'a, f32> {
    fn from(volume: &'a CtVolume) -> Self {
        Self { grid: volume.grid(), values: volume.hu() }
    }
}

impl<'a> From<&'a LabelMap> for Source<'a, u8> {
    fn from(map: &'a LabelMap) -> Self {
        Self { grid: map.grid(), values: map.labels() }
    }
}

/// Some whole slices of a target.
#[derive(Debug, Clone, Copy)]
pub struct Slab<'a, O> {
    /// The index of its first slice in the target.
    pub first_slice: usize,
    /// Its values, C order (slice, row, column), rows and columns as in the target.
    pub values: &'a [O],
}

/// The slices of each slab of a shape: as many as make [`SLAB_VOXELS`], at least one.
///
/// They depend on the shape alone, so that whole and slab by slab give the same bits.
pub(super) fn slabs(shape: [usize; 3]) -> impl Iterator<Item = Range<usize>> {
    let slices = (SLAB_VOXELS / (shape[1] * shape[2])).max(1);
    (0..shape[0]).step_by(slices).map(move |first| first..(first + slices).min(shape[0]))
}

/// What to compute: a box of a lattice's target. With `parallel`, target axis `k` runs along source axis `k`.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) lattice: &'a Lattice,
    pub(super) parallel: bool,
    pub(super) all: Box3,
}

/// Fills the values of a range of target slices by `run`, which sees axes in the source's order where they are
/// parallel.
pub(super) fn fill<O: Copy + Default + Send + Sync>(
    lattice: &Lattice,
    slices: Range<usize>,
    out: &mut [O],
    run: &mut dyn FnMut(Part<'_>, &mut [O]),
) {
    let all = [slices, 0..lattice.to[1], 0..lattice.to[2]];
    let order = match lattice.order() {
        None => return run(Part { lattice, parallel: false, all }, out),
        Some([0, 1, 2]) => return run(Part { lattice, parallel: true, all }, out),
        Some(order) => order,
    };
    let turned = order.map(|k| all[k].clone());
    let mut values = vec![O::default(); voxels(&all)];
    let strides = [turned[1].len() * turned[2].len(), turned[2].len(), 1];
    run(Part { lattice: &lattice.permuted(order), parallel: true, all: turned }, &mut values);
    let stride = |axis: usize| strides[order.iter().position(|&k| k == axis).unwrap_or(axis)];
    let start = all[0].start;
    Block::whole(all).lines(out, |slice, row, line| {
        let first = (slice - start) * stride(0) + row * stride(1);
        line.iter_mut().zip(values[first..].iter().step_by(stride(2))).for_each(|(out, value)| *out = *value);
    });
}

/// Calls `sink` with every slab of the target in order; `run` as for [`fill`].
pub(super) fn stream<O: Copy + Default + Send + Sync>(
    lattice: &Lattice,
    run: &mut dyn FnMut(Part<'_>, &mut [O]),
    sink: &mut dyn FnMut(Slab<'_, O>) -> Result<()>,
) -> Result<()> {
    let plane = lattice.to[1] * lattice.to[2];
    let mut values = Vec::new();
    for slices in slabs(lattice.to) {
        values.resize(slices.len() * plane, O::default());
        fill(lattice, slices.clone(), &mut values, run);
        sink(Slab { first_slice: slices.start, values: &values })?;
    }
    Ok(())
}

/// Computes the whole target.
pub(super) fn whole<O: Copy + Default + Send + Sync>(
    lattice: &Lattice,
    run: &mut dyn FnMut(Part<'_>, &mut [O]),
) -> Vec<O> {
    let plane = lattice.to[1] * lattice.to[2];
    let mut values = vec![O::default(); lattice.to[0] * plane];
    for slices in slabs(lattice.to) {
        fill(lattice, slices.clone(), &mut values[slices.start * plane..slices.end * plane], run);
    }
    values
}
