//! Resampling in patient space: to a spacing, or onto another grid of the same axes.
//!
//! # Formula
//! With `S` voxels of `d` mm along an axis and the spacing `e` wanted there are `s = round(S · d / e)` voxels,
//! at least 1, and output `i` reads input coordinate `(i + ½) · e/d − ½ + shift`, where `shift` centres the new
//! extent on the old one. Linear for CT and probabilities, nearest (halves up) for labels.
//!
//! # Edge cases
//! Output voxels that reach beyond the first or last voxel centre repeat the edge voxel.
//!
//! # Agreement
//! `SimpleITK.Resample` 2.5.7 with `sitkLinear` and `sitkNearestNeighbor`, edges repeated by
//! `SetUseNearestNeighborExtrapolator(True)`, `oracles/resample`: CT within 0.01 HU inside the outermost voxel
//! centres, labels equal.

use super::{Tap, linear, pick};
use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid, Spacing};
use crate::volume::{CtVolume, LabelMap};

/// The grid of the same field of view with another spacing.
///
/// Axes keep their directions and the field its centre; the extent changes by less than one voxel because
/// the number of voxels is whole.
///
/// # Errors
/// [`Error::Value`] if the result has more voxels than can be counted.
pub fn grid_with_spacing(grid: &Grid, spacing: Spacing) -> Result<Grid> {
    let (old, new) = (grid.spacing().mm(), spacing.mm());
    let shape: [usize; 3] =
        std::array::from_fn(|axis| ((grid.shape()[axis] as f64 * old[axis] / new[axis]).round() as usize).max(1));
    let mut affine: Affine = *grid.affine();
    let first = std::array::from_fn(|axis| coordinate(0, axis, grid.shape(), shape, [old, new]));
    affine.origin_mm = grid.affine().voxel_to_world(first);
    for axis in 0..3 {
        affine.columns[axis] = affine.columns[axis].map(|x| x * new[axis] / old[axis]);
    }
    Grid::new(shape, affine)
}

/// Resamples a CT to a spacing, linearly.
///
/// # Errors
/// [`Error::Value`] if the result has more voxels than can be counted.
pub fn resample_ct(volume: &CtVolume, spacing: Spacing) -> Result<CtVolume> {
    let grid = grid_with_spacing(volume.grid(), spacing)?;
    CtVolume::new(grid, linear(volume.grid().shape(), volume.hu(), 1, &taps(volume.grid(), &grid)))
}

/// Resamples a label map to a spacing: each voxel takes the nearest label.
///
/// # Errors
/// [`Error::Value`] if the result has more voxels than can be counted.
pub fn resample_labels(map: &LabelMap, spacing: Spacing) -> Result<LabelMap> {
    let grid = grid_with_spacing(map.grid(), spacing)?;
    LabelMap::new(grid, pick(map.grid().shape(), map.labels(), &nearest(map.grid(), &grid)))
}

/// Puts a label map that [`resample_labels`] or a network on its grid gave back onto the grid it came from.
///
/// # Errors
/// [`Error::GridMismatch`] if `map` does not lie on `grid_with_spacing(grid, map's spacing)`.
pub fn labels_to_grid(map: &LabelMap, grid: &Grid) -> Result<LabelMap> {
    must_derive(grid, map.grid())?;
    LabelMap::new(*grid, pick(map.grid().shape(), map.labels(), &nearest(map.grid(), grid)))
}

/// Resamples probabilities, `channels` per voxel with channels last, between a grid and the grid that
/// [`grid_with_spacing`] derives from it, in either direction; linear.
///
/// # Errors
/// [`Error::Value`] if there are not as many values as voxels times channels, [`Error::GridMismatch`] if
/// neither grid derives from the other.
pub fn resample_probabilities(from: &Grid, values: &[f32], channels: usize, to: &Grid) -> Result<Vec<f32>> {
    if channels == 0 || values.len() != from.voxels() * channels {
        let problem = format!("{} values for {} voxels of {channels} channels", values.len(), from.voxels());
        return Err(Error::Value { problem });
    }
    if must_derive(from, to).is_err() {
        must_derive(to, from)?;
    }
    Ok(linear(from.shape(), values, channels, &taps(from, to)))
}

fn must_derive(source: &Grid, derived: &Grid) -> Result<()> {
    grid_with_spacing(source, derived.spacing())?.must_equal(derived)
}

/// Input coordinate of output voxel `i`; both fields have one centre.
fn coordinate(i: usize, axis: usize, from: [usize; 3], to: [usize; 3], [old, new]: [[f64; 3]; 2]) -> f64 {
    let from_centre_mm = (i as f64 - 0.5 * (to[axis] as f64 - 1.0)) * new[axis];
    from_centre_mm / old[axis] + 0.5 * (from[axis] as f64 - 1.0)
}

fn coordinates(from: &Grid, to: &Grid, axis: usize) -> impl Iterator<Item = f64> {
    let (shapes, spacings) = ((from.shape(), to.shape()), [from.spacing().mm(), to.spacing().mm()]);
    (0..to.shape()[axis]).map(move |i| coordinate(i, axis, shapes.0, shapes.1, spacings))
}

fn taps(from: &Grid, to: &Grid) -> [Vec<Tap>; 3] {
    std::array::from_fn(|axis| coordinates(from, to, axis).map(|c| Tap::at(c, from.shape()[axis])).collect())
}

fn nearest(from: &Grid, to: &Grid) -> [Vec<usize>; 3] {
    std::array::from_fn(|axis| {
        let last = from.shape()[axis] - 1;
        // A hair upwards, so that exact halves go up whatever the rounding of the spacing.
        coordinates(from, to, axis).map(|c| ((c + 0.5 + 1e-6).max(0.0) as usize).min(last)).collect()
    })
}
