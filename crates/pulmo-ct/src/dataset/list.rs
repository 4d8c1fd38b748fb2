//! `data.toml`: the cases of a data set, their files and what may be done with them.
//!
//! ```toml
//! name = "covid ct"
//! licence = "CC BY-NC-SA 4.0"
//! citation = "Ma et al. 2021"
//! notes = "lesion slices only"       # carried into every result
//! intensity_stored = "eight_bit"     # or "hu"
//!
//! [labels]
//! 1 = "infiltrate"
//!
//! [[case]]
//! name = "case_001"
//! image = "ct/case_001.nii.gz"       # relative to this file
//! labels = "infection/case_001.nii.gz"
//! lungs = "lung/case_001.nii.gz"     # may be left out
//! patient = "p1"                     # the case's name if left out
//! split = "train"                    # or "validation", "test"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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

/// One CT with its reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What it is for.
    #[serde(default)]
    pub split: Split,
    /// Anything to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A data set: its cases, and what must be said with every result on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataList {
    /// What results call it.
    pub name: String,
    /// Licence of the data.
    #[serde(default)]
    pub licence: String,
    /// What to cite.
    #[serde(default)]
    pub citation: String,
    /// Limits that every result must carry, such as "lesion slices only".
    #[serde(default)]
    pub notes: String,
    /// What the images' voxels are.
    #[serde(default)]
    pub intensity_stored: IntensityStored,
    /// Names of the label values above 0.
    pub labels: BTreeMap<LabelValue, String>,
    /// The cases; paths are absolute, or relative to the current folder, after [`DataList::load`].
    #[serde(rename = "case", default)]
    pub cases: Vec<Case>,
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
        for case in &mut list.cases {
            case.image = folder.join(&case.image);
            case.labels = folder.join(&case.labels);
            case.lungs = case.lungs.take().map(|lungs| folder.join(lungs));
            if case.patient.is_empty() {
                case.patient.clone_from(&case.name);
            }
        }
        list.check().map_err(|(problem, hint)| Error::invalid(path, problem, hint))?;
        Ok(list)
    }

    /// Writes the list; paths below the file's folder become relative to it. Replaces the file at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the list would not load again, [`Error::Io`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.check().map_err(|(problem, hint)| Error::invalid(path, problem, hint))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = std::path::absolute(folder).map_err(|source| Error::write(path, source))?;
        let mut list = self.clone();
        for case in &mut list.cases {
            for part in [Some(&mut case.image), Some(&mut case.labels), case.lungs.as_mut()].into_iter().flatten() {
                let absolute = std::path::absolute(&*part).map_err(|source| Error::write(path, source))?;
                *part = absolute.strip_prefix(&base).map(Path::to_owned).unwrap_or(absolute);
            }
        }
        let text = toml::to_string(&list)
            .map_err(|error| Error::invalid(path, format!("cannot be written as TOML: {error}"), ""))?;
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&base)?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.persist(path).map_err(|error| error.error)
        };
        write().map(|_| ()).map_err(|source| Error::write(path, source))
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
