//! NRRD in and out: `.nrrd` with everything in one file, `.nhdr` with the voxels beside it.
//!
//! The volume keeps the file's axis order with the first axis last, as NIfTI does. `space` may be
//! left-posterior-superior, right-anterior-superior or left-anterior-superior; what is written is LPS with
//! numbers that come back to the bit. Sheared axes are held exactly. Agrees with SimpleITK, pynrrd and 3D Slicer.
//!
//! Without `space`, only spacings are known: as in ITK the axes are then those of patient space from (0, 0, 0),
//! with a warning. Refused by name: other spaces, more than three axes that hold more than one value (vectors,
//! overlapping segments), lists of data files, the encodings bzip2, hex and zrl, and units other than mm.

mod header;
mod place;
mod read;
mod write;

use std::path::Path;

use super::table::{FileFormat, Probe, Progress};
use super::voxels::Values;
use super::{OpenOptions, Opened};
use crate::error::Result;
use crate::volume::{CtVolume, LabelMap};

/// The format.
#[derive(Debug)]
pub(super) struct Nrrd;

impl FileFormat for Nrrd {
    fn name(&self) -> &'static str {
        "an NRRD file"
    }

    fn recognises(&self, probe: &Probe<'_>) -> bool {
        probe.head.starts_with(b"NRRD")
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
        &[".nrrd", ".nhdr"]
    }

    fn write_label_map(&self, path: &Path, labels: &LabelMap) -> Result<()> {
        write::write(path, labels.grid(), &Values::of_labels(labels))
    }

    fn write_volume(&self, path: &Path, volume: &CtVolume) -> Result<()> {
        write::write(path, volume.grid(), &Values::of_volume(volume))
    }
}
