//! Data sets as two or three folders of files with matching names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::list::{Case, DataList, IntensityStored, LabelValue, Split};
use crate::error::{Error, Result};

/// Folder names tried for images, reference labels and lungs.
const IMAGES: [&str; 5] = ["images", "ct", "imagesTr", "ct_scans", "studies"];
const LABELS: [&str; 5] = ["labels", "infection", "labelsTr", "infection_mask", "masks"];
const LUNGS: [&str; 3] = ["lungs", "lung", "lung_mask"];
/// What may follow a case's name in a file name.
const SUFFIXES: [&str; 6] = ["_0000", "_mask", "-mask", "_seg", "_label", "_ct"];

/// `images/` and `labels/` (or `ct/` and `infection/`, …), perhaps `lungs/`, below one folder.
#[derive(Debug, Clone, Copy)]
pub struct Folder;

impl DatasetKind for Folder {
    fn name(&self) -> &'static str {
        "folder"
    }

    fn about(&self) -> &'static str {
        "images/ and labels/ (or ct/ and infection/), perhaps lungs/, with one file per case and matching names"
    }

    fn list(&self, root: &Path) -> Result<DataList> {
        let first_of = |names: &[&str]| names.iter().map(|name| root.join(name)).find(|path| path.is_dir());
        let (Some(images), Some(labels)) = (first_of(&IMAGES), first_of(&LABELS)) else {
            let problem = format!("no folders for images ({IMAGES:?}) and labels ({LABELS:?})");
            return Err(Error::invalid(root, problem, "name the folders, or write a `data.toml` by hand"));
        };
        from_folder(&images, &labels, first_of(&LUNGS).as_deref())
    }
}

/// Lists the cases of an images folder whose labels lie under the same names in another folder.
///
/// Names match without their extension and without a suffix such as `_0000` or `_mask`. The result calls
/// itself like the folder above the images, holds HU, names label 1 `infiltrate`, takes each case for its
/// own patient and puts all in [`Split::Train`]: the caller corrects what is otherwise.
///
/// # Errors
/// [`Error::Io`] if a folder cannot be read; [`Error::Invalid`] if there are no images, two files claim one
/// name, or an image has no labels. Lungs may be missing for some.
pub fn from_folder(images: &Path, labels: &Path, lungs: Option<&Path>) -> Result<DataList> {
    let found = by_name(images)?;
    if found.is_empty() {
        return Err(Error::invalid(images, "holds no .nii, .nii.gz or folder", "point to the folder of the CTs"));
    }
    let references = by_name(labels)?;
    let mut lung_maps = lungs.map(by_name).transpose()?.unwrap_or_default();
    let mut cases = Vec::new();
    for (name, image) in found {
        let Some(labels) = references.get(&name).cloned() else {
            let hint = "remove the image, or give the labels the image's name";
            return Err(Error::invalid(labels, format!("case `{name}` has no file here"), hint));
        };
        let lungs = lung_maps.remove(&name);
        let patient = name.clone();
        cases.push(Case { name, image, labels, lungs, patient, split: Split::Train, note: None });
    }
    let above = images.parent().and_then(Path::file_name).unwrap_or_default();
    Ok(DataList {
        name: above.to_string_lossy().into_owned(),
        licence: String::new(),
        citation: String::new(),
        notes: String::new(),
        intensity_stored: IntensityStored::Hu,
        labels: BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]),
        cases,
    })
}

/// The files and sub-folders of a folder by case name.
fn by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|source| Error::read(folder, source))? {
        let path = entry.map_err(|source| Error::read(folder, source))?.path();
        let Some(name) = case_name(&path) else { continue };
        if let Some(other) = found.insert(name.clone(), path.clone()) {
            let both = format!("`{}` and `{}`", other.display(), path.display());
            return Err(Error::invalid(folder, format!("two files for case `{name}`: {both}"), "keep one of them"));
        }
    }
    Ok(found)
}

/// The case's name, or `None` for what is no image: hidden and other files.
fn case_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem =
        if path.is_dir() { Some(name) } else { name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii")) };
    let stem = stem.filter(|stem| !stem.starts_with('.'))?;
    let bare = SUFFIXES.iter().find_map(|suffix| stem.strip_suffix(suffix)).unwrap_or(stem);
    (!bare.is_empty()).then(|| bare.to_owned())
}
