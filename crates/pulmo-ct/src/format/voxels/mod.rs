//! Voxels between a file and memory, for every format that keeps them in one piece.
//!
//! A reader parses its header into an [`Unread`]: the grid, how a number is stored and where the numbers lie.
//! The rest is the same for all: `section` compares the claimed size with the file, `stream` unpacks on a thread
//! of its own, `read` converts slab by slab, so that a volume is in memory once. A writer hands a [`Values`] to
//! `pack`, which compresses blocks in parallel.

mod number;
mod pack;
mod read;
mod section;
mod stream;
mod values;

pub(super) use number::{Number, Stored};
pub(super) use pack::{Wrapper, pack};
pub(super) use read::Unread;
pub(super) use section::{Packing, Section};
pub(super) use values::Values;

use crate::format::warning;
use crate::geometry::{Grid, SHEARED_FROM_DEGREES};

/// Below this many degrees the axes are at right angles for a float32 matrix.
const ROUNDING_DEGREES: f64 = 1e-3;

/// What a user should know of axes that are not exactly at right angles.
pub(super) fn angle_warning(grid: &Grid) -> Option<String> {
    let off = grid.shear_degrees();
    if off >= SHEARED_FROM_DEGREES {
        Some(warning::AXES_SHEARED.say(&[&format_args!("{off:.2}")]))
    } else if off >= ROUNDING_DEGREES {
        Some(warning::AXES_OFF.say(&[&format_args!("{off:.4}")]))
    } else {
        None
    }
}
