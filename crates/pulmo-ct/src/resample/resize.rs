//! Whole-volume resize to a number of voxels, without regard to mm, as the paper's library does.
//!
//! # Formula
//! With `S` input and `s` output voxels along an axis, output `i` reads input coordinate
//! ```text
//! CT, probabilities     i · (S − 1) / (s − 1)            trilinear, corners aligned; 0 if s = 1
//! labels, Nearest       floor(i · S / s)
//! labels, IndexBased    floor(linspace(0, S − 1, s))
//! ```
//!
//! # Grid
//! The affine follows the formula used. Corners aligned: spacing grows by `(S − 1)/(s − 1)` and the first
//! voxel stays. Nearest: spacing grows by `S/s` and the first voxel stays, which is where its labels were
//! taken. A CT and a label map resized to one shape therefore differ by up to a voxel at the far end, as in
//! the paper; [`resize_labels`] puts its result on the CT's corner-aligned grid, so that the two can be
//! used together.
//!
//! # Agreement
//! `torch.nn.functional.interpolate` 2.0.1 and `numpy.linspace` 1.26.4, `oracles/resample`: labels equal, CT
//! within 1e-4 of the range of values.

use super::{Tap, linear, pick};
use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid};
use crate::volume::{CtVolume, LabelMap};

/// How labels find their voxel in a whole-volume resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelResize {
    /// `floor(i · S / s)`, `mode="nearest"` of the paper's framework. The one to use.
    #[default]
    Nearest,
    /// `floor(linspace(0, S − 1, s))`, the paper's library up to January 2021.
    IndexBased,
    /// Trilinear, then cut off to a whole number: the paper's library in the weeks of the paper.
    ///
    /// Label 1 survives only where all neighbours carry it, so lesions shrink; labels above 1 leave rims of
    /// lower labels. For replication only.
    TrilinearTruncate,
}

/// Resizes a CT to `shape` voxels, trilinear, corners aligned.
///
/// # Errors
/// [`Error::Value`] if the shape is empty.
pub fn resize_ct(volume: &CtVolume, shape: [usize; 3]) -> Result<CtVolume> {
    let grid = resized_grid(volume.grid(), shape)?;
    let hu = linear(volume.grid().shape(), volume.hu(), 1, &aligned_taps(volume.grid().shape(), shape));
    CtVolume::new(grid, hu)
}

/// Resizes a label map to `shape` voxels; the result lies on the grid that [`resize_ct`] gives.
///
/// # Errors
/// [`Error::Value`] if the shape is empty.
pub fn resize_labels(map: &LabelMap, shape: [usize; 3], how: LabelResize) -> Result<LabelMap> {
    let grid = resized_grid(map.grid(), shape)?;
    let from = map.grid().shape();
    let indices = |index: fn(usize, usize, usize) -> usize| -> [Vec<usize>; 3] {
        std::array::from_fn(|axis| (0..shape[axis]).map(|i| index(i, from[axis], shape[axis])).collect())
    };
    let labels = match how {
        LabelResize::Nearest => pick(from, map.labels(), &indices(nearest_index)),
        LabelResize::IndexBased => pick(from, map.labels(), &indices(linspace_index)),
        LabelResize::TrilinearTruncate => {
            let values: Vec<f32> = map.labels().iter().map(|&label| f32::from(label)).collect();
            linear(from, &values, 1, &aligned_taps(from, shape)).into_iter().map(|value| value as u8).collect()
        }
    };
    LabelMap::new(grid, labels)
}

/// Resizes probabilities, `channels` values per voxel with channels last, from `from` to `shape` voxels:
/// trilinear, corners aligned. The way back from a network's grid to the CT's.
///
/// # Errors
/// [`Error::Value`] if a shape is empty or there are not as many values as voxels times channels.
pub fn resize_probabilities(from: [usize; 3], values: &[f32], channels: usize, shape: [usize; 3]) -> Result<Vec<f32>> {
    let expected = from.iter().product::<usize>() * channels;
    if expected == 0 || values.len() != expected || shape.contains(&0) {
        let found = values.len();
        let problem = format!("{found} values for {from:?} voxels of {channels} channels, to {shape:?} voxels");
        return Err(Error::Value { problem });
    }
    Ok(linear(from, values, channels, &aligned_taps(from, shape)))
}

/// The grid after a resize with aligned corners: same corners, other spacing.
///
/// An axis that has, or gets, one voxel keeps its spacing times the ratio of voxels, and its first voxel.
///
/// # Errors
/// [`Error::Value`] if the shape is empty.
pub fn resized_grid(grid: &Grid, shape: [usize; 3]) -> Result<Grid> {
    let mut affine: Affine = *grid.affine();
    for axis in 0..3 {
        let (from, to) = (grid.shape()[axis], shape[axis]);
        let factor = match (from, to) {
            (_, 0) => return Err(Error::Value { problem: format!("cannot resize to shape {shape:?}: it is empty") }),
            (2.., 2..) => (from - 1) as f64 / (to - 1) as f64,
            _ => from as f64 / to as f64,
        };
        affine.columns[axis] = affine.columns[axis].map(|x| x * factor);
    }
    Grid::new(shape, affine)
}

fn aligned_taps(from: [usize; 3], to: [usize; 3]) -> [Vec<Tap>; 3] {
    std::array::from_fn(|axis| {
        // In f32 as the framework computes it, so that taps fall on the same voxels.
        let scale = if to[axis] > 1 { (from[axis] - 1) as f32 / (to[axis] - 1) as f32 } else { 0.0 };
        (0..to[axis]).map(|i| Tap::at(f64::from(scale * i as f32), from[axis])).collect()
    })
}

fn nearest_index(i: usize, from: usize, to: usize) -> usize {
    // The framework multiplies by the f32 ratio; the whole-number quotient differs from it for some sizes.
    let scale = from as f32 / to as f32;
    ((i as f32 * scale) as usize).min(from - 1)
}

fn linspace_index(i: usize, from: usize, to: usize) -> usize {
    if to == 1 {
        return 0;
    }
    if i + 1 == to {
        return from - 1;
    }
    let step = (from - 1) as f64 / (to - 1) as f64;
    (i as f64 * step) as usize
}
