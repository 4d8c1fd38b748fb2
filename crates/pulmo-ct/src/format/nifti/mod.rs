//! NIfTI-1 (`.nii`, `.nii.gz`): the only place that knows RAS and the (i, j, k) order of the file.
//!
//! The volume keeps the file's own axis order, index (slice, row, column) = (k, j, i), so the bytes of a
//! file are those of the array and nothing is flipped. The affine is the `sform` if its code is set, else
//! the `qform`, else the voxel sizes alone (with a warning). Values agree with nibabel's `get_fdata()`.
//!
//! Refused by name: NIfTI-2, `.hdr`/`.img` pairs, more than three dimensions, complex and RGB values,
//! axes that are not at right angles.

mod header;
mod read;
mod write;

use std::path::Path;

use crate::error::Error;

pub(super) use header::looks_like_header;
pub(super) use read::{open_ct, open_label_map};
pub(super) use write::{write_label_map, write_volume};

/// Bytes of the header, which is also its first field.
const HEADER_BYTES: usize = 348;

/// The largest number of voxels along an axis: dimensions are int16.
const LONGEST_AXIS: usize = i16::MAX as usize;

/// Whether the name ends as a NIfTI file's does.
pub(super) fn has_extension(path: &Path) -> bool {
    stem(path).is_some()
}

/// The file name without `.nii` or `.nii.gz`, or `None` if it ends otherwise.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let ending = [".nii.gz", ".nii"].into_iter().find(|ending| lower.ends_with(ending))?;
    Some(name[..name.len() - ending.len()].to_owned())
}

/// The error for a file that is called NIfTI and is not.
pub(super) fn not_nifti(path: &Path) -> Error {
    Error::invalid(
        path,
        "it does not begin with a NIfTI-1 header (field sizeof_hdr must be 348)",
        "the file may be damaged, empty or renamed from another format",
    )
}
