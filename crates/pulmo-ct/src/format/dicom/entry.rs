//! DICOM in the list of formats: a folder, and a single file.

use std::path::Path;

use super::seg::{self, LabelRule};
use super::{file, series};
use crate::error::{Error, Result};
use crate::format::table::{FileFormat, Probe, Progress};
use crate::format::{OpenOptions, Opened};
use crate::volume::LabelMap;

/// A folder with the files of one or more series.
#[derive(Debug)]
pub(in crate::format) struct Folder;

impl FileFormat for Folder {
    fn name(&self) -> &'static str {
        "a folder"
    }

    fn recognises(&self, probe: &Probe<'_>) -> bool {
        probe.is_folder
    }

    fn open_ct(&self, path: &Path, options: &OpenOptions, progress: Progress<'_>) -> Result<Opened> {
        series::open(path, options, progress)
    }

    fn open_label_map(&self, path: &Path) -> Result<LabelMap> {
        Err(Error::unsupported(path, "a folder, expected a label map", "give a file"))
    }
}

/// A single DICOM file: an object of its own, or one slice of a series.
#[derive(Debug)]
pub(in crate::format) struct Single;

impl FileFormat for Single {
    fn name(&self) -> &'static str {
        "a DICOM file"
    }

    fn recognises(&self, probe: &Probe<'_>) -> bool {
        file::looks_like(&probe.head)
    }

    fn open_ct(&self, path: &Path, options: &OpenOptions, progress: Progress<'_>) -> Result<Opened> {
        series::open_file(path, options, progress)
    }

    fn open_label_map(&self, path: &Path) -> Result<LabelMap> {
        if seg::is_segmentation_file(path) {
            return seg::read(path)?.to_label_map(&LabelRule::default());
        }
        Err(series::refuse_single_file(path))
    }
}
