//! CT volumes before and after the network: formats in and out, geometry, resampling, intensity, data sets.
//!
//! One order everywhere: arrays, shapes, spacings and affine columns are (slice, row, column) =
//! (depth, height, width); patient space is LPS+ in mm. Outside [`format`](mod@format) voxel values are
//! Hounsfield units. There are no tensors and no networks here.
//!
//! Read first: [`geometry`], then [`volume`].

pub mod atomic;
pub mod baseline;
pub mod components;
pub mod dataset;
pub mod deidentify;
pub mod distance;
pub mod error;
pub mod folder;
pub mod format;
pub mod geometry;
pub mod intensity;
pub mod lungs;
pub mod orient;
pub mod phantom;
pub mod random;
pub mod resample;
pub mod runs;
pub mod sentence;
pub mod unfinished;
mod union_find;
pub mod volume;
pub mod voxel_box;

pub use error::{Error, Result};
pub use geometry::{Affine, Grid, Spacing};
pub use volume::{CtVolume, LabelMap};
