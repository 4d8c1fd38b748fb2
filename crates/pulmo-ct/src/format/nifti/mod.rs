//! NIfTI-1 and NIfTI-2 (`.nii`, `.nii.gz`, `.hdr` with `.img`): the only place that knows RAS and the (i, j, k)
//! order of the file.
//!
//! The volume keeps the file's own axis order, index (slice, row, column) = (k, j, i), so the bytes of a
//! file are those of the array and nothing is flipped. The affine is the `sform` if its code is set, else
//! the `qform`, else the voxel sizes alone (with a warning). Values agree with nibabel's `get_fdata()`.
//!
//! Refused by name: more than one volume, complex, RGB and float128 values, Analyze 7.5 without NIfTI's magic.
//! Sheared axes are read, and written in the sform alone: nibabel reads such files, SimpleITK refuses them.

mod affine;
mod fields;
mod quaternion;
mod read;
mod write;

use std::path::Path;

use super::table::{FileFormat, Probe, Progress};
use super::voxels::Values;
use super::{OpenOptions, Opened};
use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

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
        fields::version(probe.content()).is_some() || read::header_of(probe.path).is_some()
    }

    fn open_ct(&self, path: &Path, _: &OpenOptions, progress: Progress<'_>) -> Result<Opened> {
        let opened = read::open(path)?.into_ct()?;
        progress(1, 1);
        Ok(opened)
    }

    fn open_label_map(&self, path: &Path) -> Result<LabelMap> {
        read::open(path)?.into_label_map()
    }

    fn endings(&self) -> &'static [&'static str] {
        &[".nii", ".nii.gz"]
    }

    fn write_label_map(&self, path: &Path, labels: &LabelMap) -> Result<()> {
        write::write(path, labels.grid(), &Values::of_labels(labels))
    }

    fn write_volume(&self, path: &Path, volume: &CtVolume) -> Result<()> {
        write::write(path, volume.grid(), &Values::of_volume(volume))
    }
}

/// Writes shares of 255ths as uint8 with the slope 1/255; see [`super::write_shares`].
pub(super) fn write_shares(path: &Path, shares_255: &LabelMap) -> Result<()> {
    write::write_scaled(path, shares_255.grid(), &Values::of_labels(shares_255), 1.0 / 255.0)
}

/// The error for a file that is called NIfTI and is not.
pub(super) fn not_nifti(path: &Path) -> Error {
    Error::invalid(
        path,
        "it does not begin with a NIfTI header (field sizeof_hdr must be 348 or 540)",
        "the file may be damaged, empty or renamed from another format",
    )
}
