//! DICOMDIR: the index of a medium (PS3.3 annex F) names the files of its series.
//!
//! Names are those of ISO 9660, upper case with an optional `;1`; a copy on a disk may spell them otherwise, so
//! letter case is ignored. A name never leads out of the folder that the DICOMDIR lies in.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::{tags, uids};

use super::super::file;
use super::header::{items, text, words};
use crate::error::{Error, Result};

/// The index of a medium.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// The files that it names and that are there.
    pub(super) files: Vec<PathBuf>,
    /// The names of files that are not there, and the SeriesInstanceUID that they are listed under.
    pub(super) missing: Vec<(String, String)>,
}

/// Whether a file is called so.
pub(super) fn is_called_dicomdir(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().trim_end_matches(";1").eq_ignore_ascii_case("DICOMDIR"))
}

/// Reads the index and looks for its files.
///
/// # Errors
/// [`Error::Invalid`] if it is damaged or no DICOMDIR.
pub(super) fn read(path: &Path) -> Result<Directory> {
    let object = file::open_header(path)?;
    if object.meta().media_storage_sop_class_uid() != uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Err(Error::invalid(path, "it is called DICOMDIR and is none", "rename it, or remove it"));
    }
    let root = path.parent().unwrap_or(Path::new("."));
    let mut directory = Directory::default();
    let mut series_uid = String::new();
    for record in items(&object, tags::DIRECTORY_RECORD_SEQUENCE) {
        let kind = text(record, tags::DIRECTORY_RECORD_TYPE);
        if kind == "SERIES" {
            series_uid = text(record, tags::SERIES_INSTANCE_UID);
        }
        let name = words(record, tags::REFERENCED_FILE_ID);
        if name.is_empty() {
            continue;
        }
        match resolve(root, &name) {
            Some(file) => directory.files.push(file),
            None => directory.missing.push((name.join("/"), series_uid.clone())),
        }
    }
    directory.files.sort();
    directory.files.dedup();
    Ok(directory)
}

/// The file of a name, spelt exactly or in other letter case.
fn resolve(root: &Path, name: &[String]) -> Option<PathBuf> {
    let mut path = root.to_owned();
    for component in name {
        if [".", ".."].contains(&component.as_str()) || component.contains(['/', '\\', '\0']) {
            return None;
        }
        let exact = path.join(component);
        path = if exact.exists() { exact } else { spelt_otherwise(&path, component)? };
    }
    path.is_file().then_some(path)
}

fn spelt_otherwise(folder: &Path, component: &str) -> Option<PathBuf> {
    let bare = |name: &str| {
        let name = name.split(';').next().unwrap_or_default();
        name.trim_end_matches('.').to_ascii_lowercase()
    };
    let wanted = bare(component);
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| bare(&name.to_string_lossy()) == wanted))
        .collect();
    found.sort();
    found.into_iter().next()
}
