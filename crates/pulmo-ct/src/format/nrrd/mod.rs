//! NRRD file in and out.

use std::path::Path;

use super::table::{FileFormat, Probe, Progress};
use super::{OpenOptions, Opened};
use crate::error::{Error, Result};
use crate::volume::LabelMap;

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

    fn open_ct(&self, path: &Path, _: &OpenOptions, _: Progress<'_>) -> Result<Opened> {
        Err(Error::unsupported(path, self.name(), "convert it to .nii.gz"))
    }

    fn open_label_map(&self, path: &Path) -> Result<LabelMap> {
        Err(Error::unsupported(path, self.name(), "convert it to .nii.gz"))
    }
}
