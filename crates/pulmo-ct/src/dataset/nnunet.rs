//! nnU-Net's raw data sets: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `dataset.json` (versions 1 and 2).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::DatasetKind;
use super::folder::own_facts;
use super::import::{Candidate, Cause, Expected, Found, Reference, Search, Unit};
use super::list::LabelValue;
use crate::error::{Error, Result};
use crate::sentence::counted;

/// A folder `DatasetNNN_Name` (or `TaskNNN_Name`) of nnU-Net.
#[derive(Debug, Clone, Copy)]
pub struct NnUnet;

/// What is needed of `dataset.json`; both versions and the Decathlon write their own subset of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Description {
    pub(super) name: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) license: Option<String>,
    pub(super) description: Option<String>,
    /// Version 2: `{"0": "CT"}`.
    channel_names: Option<BTreeMap<String, Value>>,
    /// Version 1 and the Decathlon: the same under another name.
    modality: Option<Value>,
    labels: BTreeMap<String, Value>,
    #[serde(rename = "numTraining")]
    pub(super) num_training: Option<usize>,
    #[serde(rename = "numTest")]
    pub(super) num_test: Option<usize>,
    file_ending: Option<String>,
    pub(super) training: Vec<Entry>,
    pub(super) test: Vec<Value>,
    /// Version 2: cases whose files lie elsewhere.
    dataset: Option<BTreeMap<String, Elsewhere>>,
}

/// One training case of a `dataset.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) image: String,
    pub(super) label: String,
}

#[derive(Debug, Deserialize)]
struct Elsewhere {
    images: Vec<String>,
    label: Option<String>,
}

impl DatasetKind for NnUnet {
    fn name(&self) -> &'static str {
        "nnunet"
    }

    fn about(&self) -> &'static str {
        "a raw data set of nnU-Net, version 1 or 2: imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz and dataset.json"
    }

    fn options(&self) -> &'static [&'static str] {
        &["name", "licence", "citation"]
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let root = search.root;
        let description = Description::read(root)?;
        description.must_have_one_channel(root)?;
        let ending = description.file_ending.clone().unwrap_or_else(|| ".nii.gz".to_owned());
        let mut found = Found { labels: description.labels(root)?, ..Found::default() };
        found.facts = own_facts(root);
        description.tell(&mut found);
        let pairs = match &description.dataset {
            Some(elsewhere) => listed(root, elsewhere)?,
            None => in_folders(root, &ending, &mut found)?,
        };
        if let Some(promised) = description.num_training {
            let why = "`numTraining` of dataset.json counts other files than lie in imagesTr";
            found.expected.push(Expected::new("training cases", promised, pairs.len(), why));
        }
        for (name, (image, labels)) in pairs {
            match labels {
                Some(labels) => found.candidates.push(Candidate::new(name, image, Reference::File(labels))),
                None => found.leave_out(name, Unit::Case, Cause::Missing, "its image has no file in labelsTr"),
            }
        }
        let tests = count_files(&root.join("imagesTs"), &ending);
        if tests > 0 {
            let images = counted(tests, "image", "images");
            found.remarks.push(format!("imagesTs holds {images} without masks, not listed"));
        }
        Ok(found)
    }
}

type Pairs = BTreeMap<String, (PathBuf, Option<PathBuf>)>;

/// The files of a folder by name, hidden ones (such as those an Apple computer adds) left out.
pub(super) fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let failed = |source| Error::read(folder, source);
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.insert(name);
        }
    }
    Ok(found)
}

fn in_folders(root: &Path, ending: &str, found: &mut Found) -> Result<Pairs> {
    let (images, labels) = (root.join("imagesTr"), root.join("labelsTr"));
    let mut masks = names(&labels)?;
    let mut pairs = Pairs::new();
    for file in names(&images)? {
        match file.strip_suffix(ending).and_then(|stem| stem.strip_suffix("_0000")) {
            Some(case) => {
                let mask = format!("{case}{ending}");
                let mask = masks.remove(&mask).then(|| labels.join(mask));
                pairs.insert(case.to_owned(), (images.join(&file), mask));
            }
            None => {
                let reason = format!("its name does not end in _0000{ending}");
                found.leave_out(format!("imagesTr/{file}"), Unit::File, Cause::Foreign, reason);
            }
        }
    }
    for file in masks {
        match file.strip_suffix(ending) {
            Some(case) => found.leave_out(case, Unit::Case, Cause::Missing, "its mask has no file in imagesTr"),
            None => found.leave_out(format!("labelsTr/{file}"), Unit::File, Cause::Foreign, "no volume by its name"),
        }
    }
    Ok(pairs)
}

fn listed(root: &Path, elsewhere: &BTreeMap<String, Elsewhere>) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    for (name, files) in elsewhere {
        let [image] = files.images.as_slice() else {
            let problem = format!("case `{name}` of dataset.json has {} images", files.images.len());
            return Err(Error::unsupported(root, problem, "one channel of CT per case is read"));
        };
        pairs.insert(name.clone(), (root.join(image), files.label.as_ref().map(|label| root.join(label))));
    }
    Ok(pairs)
}

fn count_files(folder: &Path, ending: &str) -> usize {
    names(folder).map(|names| names.iter().filter(|name| name.ends_with(ending)).count()).unwrap_or(0)
}

impl Description {
    /// Reads `dataset.json` of a folder.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let file = root.join("dataset.json");
        let text = std::fs::read_to_string(&file).map_err(|source| Error::read(&file, source))?;
        serde_json::from_str(&text)
            .map_err(|error| Error::invalid(&file, format!("not a dataset.json: {error}"), "compare with nnU-Net's"))
    }

    /// Refuses data sets of several channels by their names.
    pub(super) fn must_have_one_channel(&self, root: &Path) -> Result<()> {
        let modality = self.modality.as_ref().and_then(Value::as_object).map(|map| map.values().cloned().collect());
        let channels: Vec<Value> =
            self.channel_names.as_ref().map(|map| map.values().cloned().collect()).or(modality).unwrap_or_default();
        if channels.len() > 1 {
            let names: Vec<String> = channels.iter().map(ToString::to_string).collect();
            let problem = format!("{} channels: {}", names.len(), names.join(", "));
            return Err(Error::unsupported(&root.join("dataset.json"), problem, "one channel of CT is read"));
        }
        Ok(())
    }

    /// The labels; version 1 writes value to name, version 2 name to value.
    pub(super) fn labels(&self, root: &Path) -> Result<BTreeMap<LabelValue, String>> {
        let file = root.join("dataset.json");
        let wrong = |what: String| Error::unsupported(&file, what, "each label needs one value from 1 to 255");
        let mut labels = BTreeMap::new();
        for (key, value) in &self.labels {
            let (number, name) = match (key.parse::<u64>(), value) {
                (Ok(number), Value::String(name)) => (number, name.clone()),
                (_, Value::Number(number)) => {
                    (number.as_u64().ok_or_else(|| wrong(format!("label `{key}` is {number}")))?, key.clone())
                }
                (_, Value::Array(_)) => {
                    return Err(wrong(format!("label `{key}` is a region of several values")));
                }
                _ => return Err(wrong(format!("label `{key}` is {value}"))),
            };
            match u8::try_from(number) {
                Ok(0) => {}
                // What nnU-Net leaves out of the loss has no meaning of its own.
                _ if name == "ignore" => return Err(wrong("an `ignore` label".to_owned())),
                Ok(number) => drop(labels.insert(LabelValue(number), name)),
                Err(_) => return Err(wrong(format!("label `{name}` has the value {number}"))),
            }
        }
        if labels.is_empty() {
            return Err(wrong("`labels` names nothing but background".to_owned()));
        }
        Ok(labels)
    }

    /// Licence, citation and name go to the facts.
    pub(super) fn tell(&self, found: &mut Found) {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let facts = &mut found.facts;
        facts.name = given(&self.name).unwrap_or_else(|| std::mem::take(&mut facts.name));
        facts.licence = given(&self.licence).or_else(|| given(&self.license)).unwrap_or_default();
        facts.citation = given(&self.reference).unwrap_or_default();
        if facts.licence.is_empty() {
            found.remarks.push("dataset.json names no licence; say it with --licence".to_owned());
        }
        if let Some(about) = given(&self.description) {
            found.remarks.push(format!("dataset.json says: {about}"));
        }
    }
}
