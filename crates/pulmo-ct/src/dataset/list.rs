//! `data.toml`: the cases of a data set, their files and what may be done with them.
//!
//! ```toml
//! name = "covid ct"
//! licence = "CC BY-NC-SA 4.0"
//! terms = "not for commercial use"   # what may be done, in words; carried into every model and result
//! citation = "Ma et al. 2021"
//! notes = "lesion slices only"       # carried into every result
//! source = "https://doi.org/..."     # where it can be had
//! intensity_stored = "eight_bit"     # or "hu"
//! root = "../archives/covid_ct"      # may be left out; `{root}` in the paths below stands for it
//!
//! [labels]
//! 1 = "infiltrate"
//!
//! [[case]]
//! name = "case_001"
//! image = "{root}/ct/case_001.nii.gz"   # a path without {root} is relative to this file
//! labels = "{root}/infection/case_001.nii.gz"
//! lungs = "{root}/lung/case_001.nii.gz" # may be left out, as all that follows
//! patient = "p1"                     # the case's name if left out
//! site = "a"
//! split = "train"                    # or "validation", "test"
//! slices = 301
//! spacing_mm = [1.0, 0.7, 0.7]       # (slice, row, column)
//! infiltrate_ml = 310.2
//! sha256 = "..."                     # of the image file; of a DICOM folder: of its files' sorted hashes
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place;
use crate::error::{Error, Result};

/// What the voxels of a data set's images are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntensityStored {
    /// Hounsfield units.
    #[default]
    Hu,
    /// Greys from 0 to 255; HU are lost.
    EightBit,
}

/// What a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// The network learns from it.
    #[default]
    Train,
    /// Chooses the best epoch and settings.
    Validation,
    /// Looked at once, at the end.
    Test,
}

impl Split {
    /// As `data.toml` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// One CT with its reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in its list; appears in results, so no patient's name.
    pub name: String,
    /// The CT: a file, or a folder of DICOM files.
    pub image: PathBuf,
    /// The reference label map on the CT's grid.
    pub labels: PathBuf,
    /// A label map of the lungs on the CT's grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lungs: Option<PathBuf>,
    /// Who it is, by a code; cases of one patient stay in one split. The case's name if left out.
    #[serde(default)]
    pub patient: String,
    /// Where it was scanned, by a code; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// What it is for.
    #[serde(default)]
    pub split: Split,
    /// Slices of the CT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slices: Option<usize>,
    /// Distances of voxel centres along (slice, row, column) in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing_mm: Option<[f64; 3]>,
    /// Volume in mL of all labels that are no lung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infiltrate_ml: Option<f64>,
    /// SHA-256 of the image: of the file, or of the sorted hashes of a DICOM folder's files; see [`super::digest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Anything to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A data set: its cases, and what must be said with every result on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataList {
    /// What results call it.
    pub name: String,
    /// Licence of the data.
    #[serde(default)]
    pub licence: String,
    /// What may be done with the data and with models trained on it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub terms: String,
    /// What to cite.
    #[serde(default)]
    pub citation: String,
    /// Limits that every result must carry, such as "lesion slices only".
    #[serde(default)]
    pub notes: String,
    /// Where the data can be had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// What the images' voxels are.
    #[serde(default)]
    pub intensity_stored: IntensityStored,
    /// The folder that `{root}` in the paths of the file stands for; absolute, or relative to the current folder,
    /// after [`DataList::load`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Names of the label values above 0.
    pub labels: BTreeMap<LabelValue, String>,
    /// The cases; paths are absolute, or relative to the current folder, after [`DataList::load`].
    #[serde(rename = "case", default)]
    pub cases: Vec<Case>,
}

impl Case {
    /// Image, labels and, if there are any, lungs.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [Some(&mut self.image), Some(&mut self.labels), self.lungs.as_mut()].into_iter().flatten()
    }
}

/// A label value from 1 to 255, written as a TOML key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelValue(pub u8);

impl TryFrom<String> for LabelValue {
    type Error = String;

    fn try_from(key: String) -> std::result::Result<Self, String> {
        match key.parse::<u8>() {
            Ok(value) if value > 0 => Ok(Self(value)),
            _ => Err(format!("label `{key}`: expected a whole number from 1 to 255")),
        }
    }
}

impl From<LabelValue> for String {
    fn from(value: LabelValue) -> Self {
        value.0.to_string()
    }
}

impl DataList {
    /// Reads a list and checks it; paths come back joined to the file's folder.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Invalid`] naming the case and the key if it is not
    /// a list, a file is missing, a name occurs twice or a patient stands in two splits.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        let mut list: Self = toml::from_str(&text).map_err(|error| {
            Error::invalid(path, error.to_string().trim_end().to_owned(), "compare with the example of `data.toml`")
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let places = place::Places::of_file(folder, list.root.as_deref());
        list.root = places.root.clone();
        for case in &mut list.cases {
            for part in case.paths_mut() {
                *part = places.find(part).ok_or_else(|| {
                    Error::invalid(
                        path,
                        "a path begins with {root}, and there is no `root`",
                        "name the folder: root = \"…\"",
                    )
                })?;
            }
            if case.patient.is_empty() {
                case.patient.clone_from(&case.name);
            }
        }
        list.check().map_err(|(problem, hint)| Error::invalid(path, problem, hint))?;
        Ok(list)
    }

    /// Writes the list; paths below `root` begin with `{root}`, others become relative to the file where they lie
    /// near it. Replaces the file at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the list would not load again, [`Error::Io`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.check().map_err(|(problem, hint)| Error::invalid(path, problem, hint))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = std::path::absolute(folder).map_err(|source| Error::write(path, source))?;
        let absolute = |part: &Path| std::path::absolute(part).map_err(|source| Error::write(path, source));
        let mut list = self.clone();
        let root = list.root.as_deref().map(absolute).transpose()?;
        for case in &mut list.cases {
            for part in case.paths_mut() {
                *part = place::shorten(&absolute(part)?, &base, root.as_deref());
            }
        }
        list.root = root.map(|root| place::shorten(&root, &base, None));
        let text = toml::to_string(&list)
            .map_err(|error| Error::invalid(path, format!("cannot be written as TOML: {error}"), ""))?;
        crate::atomic::write(path, text.as_bytes())
    }

    /// The cases of one split, in order.
    pub fn of_split(&self, split: Split) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.split == split)
    }

    /// Problem and hint of the first thing wrong.
    fn check(&self) -> std::result::Result<(), (String, String)> {
        if self.labels.is_empty() {
            return Err(("`labels` is empty".to_owned(), "name at least one value: 1 = \"infiltrate\"".to_owned()));
        }
        let mut names = BTreeSet::new();
        let mut splits: BTreeMap<&str, &Case> = BTreeMap::new();
        for case in &self.cases {
            let name = &case.name;
            if name.is_empty() || !names.insert(name) {
                let problem = format!("case `{name}`: `name` is empty or not unique");
                return Err((problem, "give every case its own name".to_owned()));
            }
            let parts = [("image", Some(&case.image)), ("labels", Some(&case.labels)), ("lungs", case.lungs.as_ref())];
            for (key, part) in parts {
                if let Some(missing) = part.filter(|part| !part.exists()) {
                    let problem = format!("case `{name}`: `{key}` `{}` does not exist", missing.display());
                    return Err((problem, "paths are relative to the list's own folder".to_owned()));
                }
            }
            let first = splits.entry(&case.patient).or_insert(case);
            if first.split != case.split {
                let problem =
                    format!("case `{name}`: `split` differs from case `{}`, which has the same `patient`", first.name);
                return Err((problem, "all cases of a patient belong in one split".to_owned()));
            }
        }
        Ok(())
    }
}
