//! MetaImage in and out: `.mha` with everything in one file, `.mhd` with the voxels beside it.
//!
//! The volume keeps the file's axis order with the first axis last, as NIfTI does. The rows of `TransformMatrix`
//! are the directions of the file's axes in LPS, as ITK reads them. Agrees with SimpleITK.
//!
//! Refused by name: other than three dimensions, several channels, lists of data files, a scaling of the values
//! (`ElementToIntensityFunctionSlope`), which ITK ignores and others apply. A sheared grid is read as it is but not
//! written: ITK takes the rows of the matrix for a rotation.

mod header;
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
pub(super) struct MetaImage;

impl FileFormat for MetaImage {
    fn name(&self) -> &'static str {
        "a MetaImage file"
    }

    fn recognises(&self, probe: &Probe<'_>) -> bool {
        header::begins(&probe.head)
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
        &[".mha", ".mhd"]
    }

    fn write_label_map(&self, path: &Path, labels: &LabelMap) -> Result<()> {
        write::write(path, labels.grid(), &Values::of_labels(labels))
    }

    fn write_volume(&self, path: &Path, volume: &CtVolume) -> Result<()> {
        write::write(path, volume.grid(), &Values::of_volume(volume))
    }
}
