//! Importing: an archive as people download it becomes a checked `data.toml` and a table of what became of each case.
//!
//! A [`DatasetKind`](super::DatasetKind) only says what should be there ([`Found`]); [`run`](run::import) opens
//! every image and mask, checks the one against the other, makes masks where a data set has other than label maps,
//! finds copies and writes the list. A case that cannot be taken is listed with its [`Cause`]; the rest is imported.
//! Nothing is ever written into the archive: what is made lies in a folder beside `data.toml`.

mod examine;
mod flow;
mod masks;
mod options;
mod run;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use examine::is_lung;
pub use flow::{CaseFlow, Expected, Step};
pub use masks::{Empty, MakeMask, Values};
pub use options::{Options, Readers};
pub use run::{Imported, Request, import};

use super::list::{LabelValue, Split};
use crate::geometry::Grid;

/// What is known of a data set before a file is opened. It is carried in `data.toml`, from there into every model
/// trained on it and every result of that model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// What results call it.
    pub name: String,
    /// Where it can be had.
    pub source: String,
    /// Its licence by name.
    pub licence: String,
    /// What may be done with it, in words.
    pub terms: String,
    /// What to cite.
    pub citation: String,
    /// Limits that every result must carry.
    pub notes: String,
}

impl Facts {
    /// Facts that stand in the code; `[name, source, licence, terms, citation, notes]`.
    #[must_use]
    pub fn fixed([name, source, licence, terms, citation, notes]: [&str; 6]) -> Self {
        let [name, source, licence, terms, citation, notes] =
            [name, source, licence, terms, citation, notes].map(str::to_owned);
        Self { name, source, licence, terms, citation, notes }
    }
}

/// Where a kind looks and what it was told.
pub struct Search<'a> {
    /// The archive's folder (or the file that lists it), never written to.
    pub root: &'a Path,
    /// A folder beside `data.toml` for what must be made; may not exist yet.
    pub work: &'a Path,
    /// What the user chose.
    pub options: &'a Options,
    /// Called with what is going on, how much of it is done and how much there is; from any thread.
    pub progress: &'a (dyn Fn(&str, usize, usize) + Sync),
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Search").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What a kind has found, before any image is opened.
#[derive(Debug, Default)]
pub struct Found {
    /// What to say of the data set.
    pub facts: Facts,
    /// Names of the label values above 0.
    pub labels: std::collections::BTreeMap<LabelValue, String>,
    /// The cases to open.
    pub candidates: Vec<Candidate>,
    /// What is known to be left out.
    pub excluded: Vec<Excluded>,
    /// Published numbers beside those found.
    pub expected: Vec<Expected>,
    /// What the user should know, one sentence each.
    pub remarks: Vec<String>,
    /// The folder that paths in `data.toml` may be relative to, if it is not the search's root.
    pub root: Option<PathBuf>,
}

impl Found {
    /// Leaves a case or file out.
    pub fn leave_out(&mut self, what: impl Into<String>, unit: Unit, cause: Cause, reason: impl Into<String>) {
        self.excluded.push(Excluded { what: what.into(), unit, cause, reason: reason.into() });
    }
}

/// A case that has not been opened yet.
#[derive(Debug)]
pub struct Candidate {
    /// As [`super::Case::name`].
    pub name: String,
    /// The CT: a file, or a folder of DICOM files.
    pub image: PathBuf,
    /// Where its reference comes from.
    pub reference: Reference,
    /// A label map of the lungs on the CT's grid.
    pub lungs: Option<PathBuf>,
    /// As [`super::Case::patient`]; the name if empty.
    pub patient: String,
    /// As [`super::Case::site`].
    pub site: String,
    /// What it is for.
    pub split: Split,
    /// Anything to remember.
    pub note: Option<String>,
    /// Its grid, if headers have told; the voxels are then not looked at.
    pub grid: Option<Grid>,
}

impl Candidate {
    /// A case with a label map, its own patient, to train on.
    #[must_use]
    pub fn new(name: String, image: PathBuf, reference: Reference) -> Self {
        let split = Split::Train;
        let (patient, site) = (name.clone(), String::new());
        Self { name, image, reference, lungs: None, patient, site, split, note: None, grid: None }
    }
}

/// Where a case's reference comes from.
#[derive(Debug)]
pub enum Reference {
    /// A label map that is used as it is.
    File(PathBuf),
    /// A label map that is made beside `data.toml`.
    Made(Box<dyn MakeMask>),
}

/// What was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The case, or the file relative to the archive.
    pub what: String,
    /// Whether it counts as a case.
    pub unit: Unit,
    /// Why, in a word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
}

/// What an exclusion counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// One CT.
    Case,
    /// A file that is no CT of its own.
    File,
    /// An annotation.
    Annotation,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A part of it is not there.
    Missing,
    /// Cut off or otherwise damaged.
    Damaged,
    /// The same content under another name.
    Duplicated,
    /// It does not belong to the data set, or is nothing that can be read.
    Foreign,
    /// Image and mask do not fit each other.
    Mismatch,
    /// Nobody annotated it: as published.
    NotAnnotated,
    /// Its voxels are not in HU: as published.
    NotHu,
    /// The user's choice of classes, readers or splits leaves nothing of it.
    NotChosen,
}

impl Cause {
    /// Whether something is wrong with the archive; the others are as published or as the user wished.
    #[must_use]
    pub fn is_defect(self) -> bool {
        !matches!(self, Self::NotAnnotated | Self::NotHu | Self::NotChosen)
    }

    /// In words, as tables show it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "cut off or damaged",
            Self::Duplicated => "a copy",
            Self::Foreign => "does not belong here",
            Self::Mismatch => "image and mask do not fit",
            Self::NotAnnotated => "not annotated",
            Self::NotHu => "not in HU",
            Self::NotChosen => "not chosen",
        }
    }
}
