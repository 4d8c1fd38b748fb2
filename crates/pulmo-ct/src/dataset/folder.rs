//! Any folder of pairs: by the usual folder names, or by patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::import::{Candidate, Cause, Facts, Found, Options, Reference, Search, Unit};
use super::list::LabelValue;
use super::pattern::{Pattern, Words};
use crate::error::{Error, Result};

/// Folder names tried for images, reference labels and lungs.
const IMAGES: [&str; 5] = ["images", "ct", "imagesTr", "ct_scans", "studies"];
const LABELS: [&str; 5] = ["labels", "infection", "labelsTr", "infection_mask", "masks"];
const LUNGS: [&str; 3] = ["lungs", "lung", "lung_mask"];
/// What may follow a case's name in a file name.
const SUFFIXES: [&str; 6] = ["_0000", "_mask", "-mask", "_seg", "_label", "_ct"];

/// `images/` and `labels/` (or `ct/` and `infection/`, …), perhaps `lungs/`, below one folder; or files by pattern.
#[derive(Debug, Clone, Copy)]
pub struct Folder;

impl DatasetKind for Folder {
    fn name(&self) -> &'static str {
        "folder"
    }

    fn about(&self) -> &'static str {
        "a folder with images/ and labels/ (or ct/ and infection/), perhaps lungs/, one file per case and matching \
         names; or any folder with --images and --labels patterns such as ct/{case}.nii.gz"
    }

    fn options(&self) -> &'static [&'static str] {
        &["images", "labels", "lungs", "label", "name", "licence", "citation"]
    }

    fn is_own(&self) -> bool {
        true
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let Search { root, options, .. } = search;
        if !root.is_dir() {
            return Err(Error::invalid(root, "not a folder", "give the folder that holds images and labels"));
        }
        let mut found = Found { facts: own_facts(root), labels: label_names(options), ..Found::default() };
        match (&options.images, &options.labels) {
            (Some(images), Some(labels)) => by_pattern(root, [images, labels], options.lungs.as_deref(), &mut found)?,
            (None, None) => by_folder(root, &mut found)?,
            _ => {
                let problem = "--images and --labels go together".to_owned();
                return Err(Error::Value { problem });
            }
        }
        Ok(found)
    }
}

/// What can be said of the user's own data: the folder's name.
pub(super) fn own_facts(root: &Path) -> Facts {
    let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let name = real.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Facts { name, ..Facts::default() }
}

/// The given names of label values, or 1 for infiltrate.
pub(super) fn label_names(options: &Options) -> BTreeMap<LabelValue, String> {
    if options.label_names.is_empty() {
        BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())])
    } else {
        options.label_names.iter().cloned().collect()
    }
}

fn by_folder(root: &Path, found: &mut Found) -> Result<()> {
    let first_of = |names: &[&str]| names.iter().map(|name| root.join(name)).find(|path| path.is_dir());
    let (Some(images), Some(labels)) = (first_of(&IMAGES), first_of(&LABELS)) else {
        let problem = format!("no folders for images ({IMAGES:?}) and labels ({LABELS:?})");
        return Err(Error::invalid(root, problem, "say where they are: --images 'ct/{case}.nii.gz' --labels '…'"));
    };
    let lungs = first_of(&LUNGS);
    let images = by_name(&images, found)?;
    let mut references = by_name(&labels, found)?;
    let mut lungs = lungs.map(|lungs| by_name(&lungs, found)).transpose()?.unwrap_or_default();
    for (name, image) in images {
        match references.remove(&name) {
            Some(labels) => {
                let lungs = lungs.remove(&name);
                found.candidates.push(Candidate { lungs, ..Candidate::new(name, image, Reference::File(labels)) });
            }
            None => found.leave_out(name, Unit::Case, Cause::Missing, "its image has no mask"),
        }
    }
    for (name, _) in references {
        found.leave_out(name, Unit::Case, Cause::Missing, "its mask has no image");
    }
    Ok(())
}

/// The files and sub-folders of a folder by case name; what is no image, or a second one for a name, is left out.
fn by_name(folder: &Path, found: &mut Found) -> Result<BTreeMap<String, PathBuf>> {
    let failed = |source| Error::read(folder, source);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match case_name(&path) {
            None if file.starts_with('.') => {}
            None => found.leave_out(file, Unit::File, Cause::Foreign, "no volume by its name"),
            Some(name) => match named.get(&name) {
                Some(first) => {
                    let first = first.file_name().unwrap_or_default().to_string_lossy();
                    let reason = format!("`{first}` has the same case name");
                    found.leave_out(file, Unit::File, Cause::Duplicated, reason);
                }
                None => {
                    named.insert(name, path);
                }
            },
        }
    }
    Ok(named)
}

/// The case's name, or `None` for what is no volume: hidden and other files.
fn case_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = if path.is_dir() { Some(name) } else { volume_stem(name) };
    let stem = stem.filter(|stem| !stem.starts_with('.'))?;
    let bare = SUFFIXES.iter().find_map(|suffix| stem.strip_suffix(suffix)).unwrap_or(stem);
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// A file name without the ending of a volume; `None` if it has none.
pub(super) fn volume_stem(name: &str) -> Option<&str> {
    const ENDINGS: [&str; 7] = [".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm"];
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

fn by_pattern(root: &Path, [images, labels]: [&str; 2], lungs: Option<&str>, found: &mut Found) -> Result<()> {
    let (images, labels) = (Pattern::parse(images)?, Pattern::parse(labels)?);
    let lungs = lungs.map(Pattern::parse).transpose()?;
    if !images.has("case") {
        return Err(Error::Value { problem: format!("pattern `{}` has no {{case}}", images.text()) });
    }
    let pictures = images.find(root, &Words::new())?;
    if pictures.is_empty() {
        let problem = format!("nothing matches the pattern `{}`", images.text());
        return Err(Error::invalid(root, problem, "patterns are relative to the folder: ct/{case}.nii.gz"));
    }
    let mut used = BTreeSet::new();
    for (image, words) in pictures {
        let name = words["case"].clone();
        match only(&labels, root, &words)? {
            Ok(mask) => {
                used.insert(mask.clone());
                let mut candidate = Candidate::new(name, image, Reference::File(mask));
                if let Some(lungs) = &lungs {
                    candidate.lungs = only(lungs, root, &words)?.ok();
                }
                candidate.patient = words.get("patient").unwrap_or(&candidate.name).clone();
                candidate.site = words.get("site").cloned().unwrap_or_default();
                found.candidates.push(candidate);
            }
            Err((cause, reason)) => found.leave_out(name, Unit::Case, cause, reason),
        }
    }
    for (mask, words) in labels.find(root, &Words::new())?.into_iter().filter(|(mask, _)| !used.contains(mask)) {
        let name = words.get("case").cloned().unwrap_or_else(|| mask.display().to_string());
        if !found.excluded.iter().any(|one| one.what == name) {
            found.leave_out(name, Unit::Case, Cause::Missing, "its mask has no image");
        }
    }
    Ok(())
}

/// The one path that matches, or why there is none.
fn only(pattern: &Pattern, root: &Path, words: &Words) -> Result<std::result::Result<PathBuf, (Cause, String)>> {
    let mut paths = pattern.find(root, words)?;
    Ok(match paths.len() {
        1 => Ok(paths.remove(0).0),
        0 => Err((Cause::Missing, format!("its image has no mask by `{}`", pattern.text()))),
        n => Err((Cause::Duplicated, format!("{n} masks match `{}`", pattern.text()))),
    })
}
