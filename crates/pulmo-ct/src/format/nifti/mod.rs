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

use super::table::{FileFormat, Probe, Progress};
use super::{OpenOptions, Opened};
use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

/// Bytes of the header, which is also its first field.
const HEADER_BYTES: usize = 348;

/// The largest number of voxels along an axis: dimensions are int16.
const LONGEST_AXIS: usize = i16::MAX as usize;

/// How the names of the two files of a pair end.
pub(super) const PAIR_ENDINGS: [&str; 4] = [".hdr", ".img", ".hdr.gz", ".img.gz"];

/// The format.
#[derive(Debug)]
pub(super) struct Nifti;

impl FileFormat for Nifti {
    fn name(&self) -> &'static str {
        "a NIfTI file"
    }

    fn recognises(&self, probe: &Probe<'_>) -> bool {
        header::looks_like_header(probe.content())
    }

    fn open_ct(&self, path: &Path, _: &OpenOptions, progress: Progress<'_>) -> Result<Opened> {
        let opened = read::open_ct(path)?;
        progress(1, 1);
        Ok(opened)
    }

    fn open_label_map(&self, path: &Path) -> Result<LabelMap> {
        read::open_label_map(path)
    }

    fn endings(&self) -> &'static [&'static str] {
        &[".nii", ".nii.gz"]
    }

    fn write_label_map(&self, path: &Path, labels: &LabelMap) -> Result<()> {
        write::write_label_map(path, labels)
    }

    fn write_volume(&self, path: &Path, volume: &CtVolume) -> Result<()> {
        write::write_volume(path, volume)
    }
}

/// The error for a file that is called NIfTI and is not.
pub(super) fn not_nifti(path: &Path) -> Error {
    Error::invalid(
        path,
        "it does not begin with a NIfTI-1 header (field sizeof_hdr must be 348)",
        "the file may be damaged, empty or renamed from another format",
    )
}
