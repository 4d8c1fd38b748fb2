//! Exports: the same cases in the same splits, laid out for other programs.
//!
//! Files that are `.nii.gz` already are linked (or copied), others are converted: voxels of a CT in HU, label maps as
//! they are. Label values are kept where the other program allows it; nnU-Net wants 1, 2, … without a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::fold::{self, Fold};
use super::list::{Case, DataList, IntensityStored, LabelValue, Split};
use crate::atomic;
use crate::error::{Error, Result};
use crate::folder::MadeFolder;
use crate::format::{OpenOptions, open_ct, open_label_map, write_label_map, write_volume};
use crate::unfinished::{self, Unfinished};
use crate::volume::LabelMap;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// nnU-Net version 2: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `dataset.json`, `splits_final.json`;
    /// test cases in `imagesTs` and `labelsTs`.
    NnUnet,
    /// The Medical Segmentation Decathlon: the same without `_0000`, cases listed in `dataset.json`.
    Decathlon,
    /// `images/`, `labels/`, `lungs/` and a `data.toml` of their own.
    Folder,
}

/// How to export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Copy files instead of linking them.
    pub copy: bool,
    /// Folds for `splits_final.json`; the list's own train and validation cases if empty (the plain folder then has its
    /// split in `data.toml` alone).
    pub folds: Vec<Fold>,
}

/// What an export did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files that share their content with the archive.
    pub linked: usize,
    /// Files copied as they are.
    pub copied: usize,
    /// Files that were converted.
    pub converted: usize,
    /// What the user should know, one sentence each.
    pub remarks: Vec<String>,
}

/// Writes the list's cases to `folder`, one after the other. A folder that it made does not stay where it fails, or Ctrl-C
/// ends it (see [`crate::unfinished`]).
///
/// # Errors
/// [`Error::Value`] if two cases would get one file name; [`Error::Io`] where something cannot be written; whatever
/// opening a file that must be converted gives.
pub fn export(
    list: &DataList,
    folder: &Path,
    layout: Layout,
    options: &ExportOptions,
    progress: &dyn Fn(usize, usize),
) -> Result<Exported> {
    let names = file_names(&list.cases)?;
    let values = new_values(list, layout);
    let around = folder.parent().filter(|around| !around.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _around = MadeFolder::make(around)?;
    let unfinished = Unfinished::note([folder.to_owned()]);
    let mut job = Job { exported: Exported::default(), copy: options.copy, values };
    let mut list_out = list.clone();
    for (done, case) in list.cases.iter().enumerate() {
        progress(done, list.cases.len());
        let name = &names[done];
        let places = Places::of(layout, case.split, name);
        job.image(&case.image, &folder.join(&places.image))?;
        job.labels(&case.labels, &folder.join(&places.labels))?;
        let out = &mut list_out.cases[done];
        (out.image, out.labels) = (folder.join(places.image), folder.join(places.labels));
        if let (Some(lungs), Layout::Folder) = (&case.lungs, layout) {
            let place = folder.join(format!("lungs/{name}.nii.gz"));
            job.same_labels(lungs, &place)?;
            out.lungs = Some(place);
        }
    }
    progress(list.cases.len(), list.cases.len());
    if layout == Layout::Folder {
        list_out.root = None;
        list_out.save(&folder.join("data.toml"))?;
        // The list carries its own split; folds of another file go along as they are.
        if !options.folds.is_empty() {
            fold::write(&folder.join("splits_final.json"), &options.folds)?;
        }
        unfinished.finish();
        return Ok(job.exported);
    }
    let Job { mut exported, values, .. } = job;
    describe(list, &names, folder, (layout, &values))?;
    let folds = if options.folds.is_empty() { own_fold(list) } else { options.folds.clone() };
    if folds.is_empty() {
        exported.remarks.push("the list has no validation cases, so no splits_final.json was written".to_owned());
    } else {
        let renamed: BTreeMap<&str, &String> = list.cases.iter().map(|case| case.name.as_str()).zip(&names).collect();
        let rename = |cases: &[String]| {
            cases.iter().map(|case| renamed.get(case.as_str()).map_or(case, |n| *n).clone()).collect()
        };
        let folds: Vec<Fold> =
            folds.iter().map(|fold| Fold { train: rename(&fold.train), val: rename(&fold.val) }).collect();
        fold::write(&folder.join("splits_final.json"), &folds)?;
    }
    if values.iter().any(|(old, new)| old.0 != *new) {
        exported.remarks.push("label values were renumbered to 1, 2, … as nnU-Net wants them".to_owned());
    }
    if list.cases.iter().any(|case| case.lungs.is_some()) {
        exported.remarks.push("lung masks are not part of this layout and stay behind".to_owned());
    }
    unfinished.finish();
    Ok(exported)
}

/// Train and validation of the list as one fold; none if there is nothing to validate on.
fn own_fold(list: &DataList) -> Vec<Fold> {
    let of = |split| -> Vec<String> { list.of_split(split).map(|case| case.name.clone()).collect() };
    let fold = Fold { train: of(Split::Train), val: of(Split::Validation) };
    if fold.val.is_empty() { Vec::new() } else { vec![fold] }
}

/// Case names with letters that every program and file system takes.
fn file_names(cases: &[Case]) -> Result<Vec<String>> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let names: Vec<String> = cases.iter().map(|case| case.name.chars().map(plain).collect()).collect();
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.to_ascii_lowercase())) {
        None => Ok(names),
        Some(name) => Err(Error::Value { problem: format!("two cases would be written as `{name}`") }),
    }
}

/// The value that each label gets.
fn new_values(list: &DataList, layout: Layout) -> BTreeMap<LabelValue, u8> {
    let number = |(at, value): (usize, &LabelValue)| {
        let new = if layout == Layout::NnUnet { u8::try_from(at + 1).unwrap_or(u8::MAX) } else { value.0 };
        (*value, new)
    };
    list.labels.keys().enumerate().map(number).collect()
}

/// Where a case goes, relative to the export.
struct Places {
    image: String,
    labels: String,
}

impl Places {
    fn of(layout: Layout, split: Split, name: &str) -> Self {
        let part = if split == Split::Test { "Ts" } else { "Tr" };
        match layout {
            Layout::NnUnet => Self {
                image: format!("images{part}/{name}_0000.nii.gz"),
                labels: format!("labels{part}/{name}.nii.gz"),
            },
            Layout::Decathlon => {
                Self { image: format!("images{part}/{name}.nii.gz"), labels: format!("labels{part}/{name}.nii.gz") }
            }
            Layout::Folder => Self { image: format!("images/{name}.nii.gz"), labels: format!("labels/{name}.nii.gz") },
        }
    }
}

struct Job {
    exported: Exported,
    copy: bool,
    values: BTreeMap<LabelValue, u8>,
}

impl Job {
    fn image(&mut self, from: &Path, to: &Path) -> Result<()> {
        make_parent(to)?;
        if is_nii_gz(from) {
            return self.share(from, to);
        }
        let options = OpenOptions { known_not_hu: true, ..OpenOptions::default() };
        let opened = open_ct(from, &options)?;
        remove(to)?;
        write_volume(to, &opened.volume)?;
        self.exported.converted += 1;
        Ok(())
    }

    fn labels(&mut self, from: &Path, to: &Path) -> Result<()> {
        if self.values.iter().all(|(old, new)| old.0 == *new) {
            return self.same_labels(from, to);
        }
        make_parent(to)?;
        let map = open_label_map(from)?;
        let new = |label: &u8| self.values.get(&LabelValue(*label)).copied().unwrap_or(0);
        let labels = map.labels().iter().map(new).collect();
        remove(to)?;
        write_label_map(to, &LabelMap::new(*map.grid(), labels)?)?;
        self.exported.converted += 1;
        Ok(())
    }

    fn same_labels(&mut self, from: &Path, to: &Path) -> Result<()> {
        make_parent(to)?;
        if is_nii_gz(from) {
            return self.share(from, to);
        }
        let map = open_label_map(from)?;
        remove(to)?;
        write_label_map(to, &map)?;
        self.exported.converted += 1;
        Ok(())
    }

    /// Links a file, or copies it where that cannot be.
    fn share(&mut self, from: &Path, to: &Path) -> Result<()> {
        let real = std::fs::canonicalize(from).map_err(|source| Error::read(from, source))?;
        // An export into the very folder the files lie in would otherwise remove them.
        if std::fs::canonicalize(to).is_ok_and(|there| there == real) {
            return Ok(());
        }
        remove(to)?;
        if !self.copy && std::fs::hard_link(&real, to).is_ok() {
            self.exported.linked += 1;
            return Ok(());
        }
        let mut file = std::fs::File::open(&real).map_err(|source| Error::read(from, source))?;
        atomic::write_with(to, |out| std::io::copy(&mut file, out).map(drop))?;
        self.exported.copied += 1;
        Ok(())
    }
}

/// A link must go before something is written in its place, or the archive's file would be changed.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::write(path, error)),
        _ => Ok(()),
    }
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new(".")).to_owned();
    unfinished::make_folder(&parent).map_err(|source| Error::write(&parent, source))
}

/// By name and content: what is called so and is not compressed must be written anew for others to read it.
fn is_nii_gz(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 2];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    path.is_file() && path.to_string_lossy().ends_with(".nii.gz") && read.is_ok() && magic == [0x1f, 0x8b]
}

/// `dataset.json`.
fn describe(
    list: &DataList,
    names: &[String],
    folder: &Path,
    (layout, values): (Layout, &BTreeMap<LabelValue, u8>),
) -> Result<()> {
    let file = folder.join("dataset.json");
    // nnU-Net takes "CT" as the word for clipping and normalising HU.
    let channel = if list.intensity_stored == IntensityStored::Hu { "CT" } else { "greys" };
    let of_split = |is_test: bool| -> Vec<(&Case, &String)> {
        list.cases.iter().zip(names).filter(|(case, _)| (case.split == Split::Test) == is_test).collect()
    };
    let (training, test) = (of_split(false), of_split(true));
    let common = |mut value: Value| {
        for (key, text) in
            [("name", &list.name), ("licence", &list.licence), ("reference", &list.citation), ("terms", &list.terms)]
        {
            if !text.is_empty() {
                value[key] = json!(text);
            }
        }
        value
    };
    let value = if layout == Layout::NnUnet {
        let mut labels = serde_json::Map::from_iter([("background".to_owned(), json!(0))]);
        labels.extend(list.labels.iter().map(|(value, name)| (name.clone(), json!(values[value]))));
        common(json!({
            "channel_names": { "0": channel },
            "labels": labels,
            "numTraining": training.len(),
            "file_ending": ".nii.gz",
        }))
    } else {
        let mut labels = serde_json::Map::from_iter([("0".to_owned(), json!("background"))]);
        labels.extend(list.labels.iter().map(|(value, name)| (value.0.to_string(), json!(name))));
        let pair = |(_, name): &(&Case, &String)| json!({ "image": format!("./imagesTr/{name}.nii.gz"), "label": format!("./labelsTr/{name}.nii.gz") });
        common(json!({
            "tensorImageSize": "3D",
            "modality": { "0": channel },
            "labels": labels,
            "numTraining": training.len(),
            "numTest": test.len(),
            "training": training.iter().map(pair).collect::<Vec<_>>(),
            "test": test.iter().map(|(_, name)| format!("./imagesTs/{name}.nii.gz")).collect::<Vec<_>>(),
        }))
    };
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Error::invalid(&file, format!("cannot be written as JSON: {error}"), ""))?;
    atomic::write(&file, text.as_bytes())
}
