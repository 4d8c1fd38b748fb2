//! Volumes on other grids: whole-volume resize as the paper's library does it, and spacing in mm.
//!
//! Three families, each for its own purpose:
//!
//! * [`resize`](mod@resize): index arithmetic, corner voxel to corner voxel or by floor; what networks are fed with;
//! * [`spacing`]: another spacing and back, edges repeated; what the engine uses around a network;
//! * [`affine`] and [`labels`]: onto any grid in patient space, as ITK does it; what measurements, exports and
//!   conversions need.
//!
//! [`slices`] holds the bicubic resize that 8-bit slices were made with.
//!
//! Values of label maps are never interpolated, but in [`LabelResize::TrilinearTruncate`], which repeats a
//! fault of the paper's time on purpose.

pub mod affine;
mod bspline;
mod field;
pub mod labels;
mod lattice;
mod oblique;
pub mod resize;
pub mod right_angled;
mod separable;
mod slab;
pub mod slices;
pub mod spacing;
mod vote;

pub use resize::{LabelResize, resize_ct, resize_labels, resize_probabilities};
pub use slices::resize_slices_bicubic;
pub use spacing::{resample_ct, resample_labels, resample_probabilities};

use rayon::prelude::*;

/// For one output index: two input indices and the weight of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tap {
    low: usize,
    high: usize,
    weight: f32,
}

impl Tap {
    /// Linear interpolation at an input coordinate; beyond the ends the end voxel repeats.
    fn at(coordinate: f64, voxels: usize) -> Self {
        let last = voxels - 1;
        let inside = coordinate.clamp(0.0, last as f64);
        let low = (inside as usize).min(last);
        Self { low, high: (low + 1).min(last), weight: (inside - low as f64) as f32 }
    }
}

/// Separable linear interpolation of `channels` values per voxel, channels last, from `shape` to the taps.
fn linear(shape: [usize; 3], values: &[f32], channels: usize, taps: &[Vec<Tap>; 3]) -> Vec<f32> {
    let [slices, rows, columns] = taps;
    let plane = rows.len() * columns.len() * channels;
    let mut out = vec![0.0; slices.len() * plane];
    out.par_chunks_mut(plane).zip(slices).for_each(|(out, slice)| {
        let line = |slice: usize, row: usize| &values[(slice * shape[1] + row) * shape[2] * channels..];
        for (out, row) in out.chunks_mut(columns.len() * channels).zip(rows) {
            let corners = [
                line(slice.low, row.low),
                line(slice.low, row.high),
                line(slice.high, row.low),
                line(slice.high, row.high),
            ];
            for (out, column) in out.chunks_mut(channels).zip(columns) {
                for (channel, out) in out.iter_mut().enumerate() {
                    let along = |line: &[f32]| {
                        let (a, b) = (line[column.low * channels + channel], line[column.high * channels + channel]);
                        a * (1.0 - column.weight) + b * column.weight
                    };
                    let front = along(corners[0]) * (1.0 - row.weight) + along(corners[1]) * row.weight;
                    let back = along(corners[2]) * (1.0 - row.weight) + along(corners[3]) * row.weight;
                    *out = front * (1.0 - slice.weight) + back * slice.weight;
                }
            }
        }
    });
    out
}

/// Picks the voxels at the given indices along each axis.
fn pick(shape: [usize; 3], labels: &[u8], indices: &[Vec<usize>; 3]) -> Vec<u8> {
    let [slices, rows, columns] = indices;
    let mut out = vec![0; slices.len() * rows.len() * columns.len()];
    out.par_chunks_mut(rows.len() * columns.len()).zip(slices).for_each(|(out, &slice)| {
        for (out, &row) in out.chunks_mut(columns.len()).zip(rows) {
            let line = &labels[(slice * shape[1] + row) * shape[2]..];
            for (out, &column) in out.iter_mut().zip(columns) {
                *out = line[column];
            }
        }
    });
    out
}
