//! Finding the files of a folder, reading their headers and grouping them by series.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::super::file::{Unreadable, open_lazily};
use super::dicomdir::{self, Directory};
use super::enhanced;
use super::header::{SliceHeader, text};
use crate::error::{Error, Result};
use crate::format::warning;
use crate::sentence::counted;

/// How deep folders are followed, so that a link to a parent ends somewhere.
const DEEPEST: usize = 16;

/// The files of one series, in the order of their names.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) slices: Vec<SliceHeader>,
}

impl Series {
    /// Any header: a series has at least one.
    pub(super) fn first(&self) -> &SliceHeader {
        &self.slices[0]
    }
}

/// What a folder holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// By SeriesNumber, then SeriesInstanceUID.
    pub(super) series: Vec<Series>,
    not_dicom: Vec<PathBuf>,
    /// DICOM files whose header is damaged, how, and their SeriesInstanceUID if it can still be read.
    damaged: Vec<(PathBuf, String, Option<String>)>,
    /// Files that a DICOMDIR lists and that are not there, and their SeriesInstanceUID.
    missing: Vec<(String, String)>,
}

impl Scan {
    /// A damaged file may be a slice of any series, even the first or last one, which no gap would show; only
    /// one that still says that it belongs to another series does no harm.
    pub(super) fn must_be_whole(&self, folder: &Path, series_uid: &str) -> Result<()> {
        let of_it = |uid: &Option<String>| uid.as_deref().is_none_or(|uid| uid == series_uid);
        if let Some((file, how, _)) = self.damaged.iter().find(|(_, _, uid)| of_it(uid)) {
            return Err(Error::invalid(file, how, "copy the file again, or remove it from the folder"));
        }
        let missing: Vec<&str> =
            self.missing.iter().filter(|(_, uid)| uid == series_uid).map(|(name, _)| name.as_str()).collect();
        match missing.first() {
            None => Ok(()),
            Some(first) => {
                let problem = format!(
                    "for the series its DICOMDIR lists {} not there, the first is `{first}`",
                    counted(missing.len(), "file that is", "files that are")
                );
                Err(Error::invalid(folder, problem, "copy the whole medium again, or remove the DICOMDIR"))
            }
        }
    }

    /// One sentence each on files that were left out, damaged or missing.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.not_dicom.is_empty() {
            let count = self.not_dicom.len();
            warnings.push(warning::NOT_DICOM.say(&[&count, &self.name_not_dicom()]));
        }
        if let Some((file, how, _)) = self.damaged.first() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            warnings.push(warning::DAMAGED.say(&[&self.damaged.len(), &name, how]));
        }
        if let Some((name, _)) = self.missing.first() {
            let count = self.missing.len();
            warnings.push(warning::DICOMDIR_MISSING.say(&[&count, name]));
        }
        warnings
    }

    fn name_not_dicom(&self) -> String {
        let name = |path: &PathBuf| format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy());
        let mut names: Vec<String> = self.not_dicom.iter().take(3).map(name).collect();
        if self.not_dicom.len() > names.len() {
            names.push("…".to_owned());
        }
        names.join(", ")
    }
}

/// Reads the headers of all files of a folder and those below it, of a DICOMDIR, or of a single file.
///
/// A DICOMDIR at the top of a folder adds nothing to what lies there, but tells which files are missing.
pub(super) fn scan(path: &Path) -> Result<Scan> {
    let mut files = Vec::new();
    let mut directory = Directory::default();
    if path.is_dir() {
        collect_files(path, 0, &mut files)?;
        files.sort();
        if let Some(index) = files.iter().find(|file| dicomdir::is_called_dicomdir(file) && file.parent() == Some(path))
        {
            // A damaged index must not keep anybody from the files.
            directory = dicomdir::read(index).unwrap_or_default();
        }
    } else if dicomdir::is_called_dicomdir(path) {
        directory = dicomdir::read(path)?;
        files.clone_from(&directory.files);
    } else {
        files.push(path.to_owned());
    }
    let headers: Vec<_> = files.par_iter().map(|file| read_headers(file)).collect();
    let scan = group(files.into_iter().zip(headers), directory.missing);
    if scan.series.is_empty() {
        scan.must_be_whole(path, "")?;
        let problem = match (scan.damaged.first(), scan.not_dicom.len()) {
            (Some((file, how, _)), _) => return Err(Error::invalid(file, how, "copy the file again")),
            (None, 0) => "it holds no file".to_owned(),
            (None, 1) => format!("its one file is no DICOM file: {}", scan.name_not_dicom()),
            (None, n) => format!("none of its {n} files is a DICOM file: {}", scan.name_not_dicom()),
        };
        return Err(Error::invalid(path, problem, "give the folder that holds the .dcm files of one CT series"));
    }
    Ok(scan)
}

type Headers = std::result::Result<Vec<SliceHeader>, Unreadable>;

fn group(files: impl Iterator<Item = (PathBuf, Headers)>, missing: Vec<(String, String)>) -> Scan {
    let mut groups: BTreeMap<_, Vec<SliceHeader>> = BTreeMap::new();
    let (mut not_dicom, mut damaged) = (Vec::new(), Vec::new());
    for (file, headers) in files {
        match headers {
            Ok(headers) => {
                for header in headers {
                    // Files that were stripped of the UID belong together if they lie together.
                    let folder = header.series_uid.is_empty().then(|| file.parent().map(Path::to_owned));
                    let key = (header.series_number, header.series_uid.clone(), folder);
                    groups.entry(key).or_default().push(header);
                }
            }
            // A damaged index keeps nobody from the files.
            Err(_) if dicomdir::is_called_dicomdir(&file) => (),
            Err(Unreadable::NotDicom) => not_dicom.push(file),
            Err(Unreadable::Damaged { how, series_uid }) => damaged.push((file, how, series_uid)),
        }
    }
    let series = groups.into_values().map(|slices| Series { slices }).collect();
    Scan { series, not_dicom, damaged, missing }
}

fn collect_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::read(folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if !path.is_dir() {
            files.push(path);
        } else if depth < DEEPEST {
            collect_files(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

/// Reads everything before the pixels of one file: a header, or one per frame.
pub(super) fn read_headers(file: &Path) -> Headers {
    let (object, pixel_data) = open_lazily(file)?;
    // The index of a medium, not an image.
    let is_index = object.meta().media_storage_sop_class_uid() == uids::MEDIA_STORAGE_DIRECTORY_STORAGE;
    if is_index || text(&object, tags::SOP_CLASS_UID) == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Ok(Vec::new());
    }
    let header = SliceHeader::of(file, &object, pixel_data);
    // Of other modalities one header will do: they are listed and not read.
    let is_read = header.modality == "CT" && header.is_multi_frame();
    Ok(if is_read { enhanced::frames(&object, header) } else { vec![header] })
}
