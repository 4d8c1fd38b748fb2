//! What became of each file: what may be shown, and what only the map may hold.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::clean::Changes;
use super::face::Suspicion;
use super::key::Key;
use super::set_aside::{SetAside, texts};

/// Who and what an object was, and what it became. Nothing of it is shown but the new names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) patient_id: String,
    pub(super) patient_name: String,
    issuer: String,
    birth_date: String,
    pub(super) study: String,
    pub(super) series: String,
    pub(super) instance: String,
    pub(super) new_patient: String,
    pub(super) new_study: String,
    pub(super) new_series: String,
    pub(super) new_instance: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.new_instance)
    }
}

impl Identity {
    pub(super) fn of(object: &InMemDicomObject, key: &Key) -> Result<Self, Failure> {
        let text = |tag| texts(object, tag).into_iter().next().unwrap_or_default();
        let uid = |tag| Some(text(tag)).filter(|uid| !uid.is_empty()).ok_or(Failure::missing(tag));
        uid(tags::SOP_CLASS_UID)?;
        let instance = uid(tags::SOP_INSTANCE_UID)?;
        let (study, series) = (uid(tags::STUDY_INSTANCE_UID)?, uid(tags::SERIES_INSTANCE_UID)?);
        let mut identity = Self {
            patient_id: text(tags::PATIENT_ID),
            patient_name: text(tags::PATIENT_NAME),
            issuer: text(tags::ISSUER_OF_PATIENT_ID),
            birth_date: text(tags::PATIENT_BIRTH_DATE),
            new_patient: String::new(),
            new_study: key.uid(&study),
            new_series: key.uid(&series),
            new_instance: key.uid(&instance),
            study,
            series,
            instance,
        };
        identity.new_patient = format!("P-{}", key.code("patient", &identity.patient_parts()));
        Ok(identity)
    }

    /// What tells patients apart: number and issuer; without a number name and birth date; without those the study.
    pub(super) fn patient_parts(&self) -> [&str; 3] {
        if !self.patient_id.is_empty() {
            ["id", &self.patient_id, &self.issuer]
        } else if !self.patient_name.is_empty() {
            ["name", &self.patient_name, &self.birth_date]
        } else {
            ["study", &self.study, ""]
        }
    }
}

/// Why a file could not be de-identified.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    reason: String,
    /// What the parser or the system said: it may quote the file.
    pub(super) detail: String,
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Failure({})", self.reason)
    }
}

impl fmt::Display for Failure {
    /// The reason without anything from the file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl Failure {
    fn new(reason: impl Into<String>, detail: String) -> Self {
        Self { reason: reason.into(), detail }
    }

    pub(super) fn unreadable(detail: String) -> Self {
        Self::new("it cannot be read: damaged, cut off or of an unknown kind", detail)
    }

    pub(super) fn unwritable(detail: String) -> Self {
        Self::new("it cannot be written", detail)
    }

    pub(super) fn conflict() -> Self {
        Self::new(
            "another content with its name stands in the output (other options, or two files with one SOPInstanceUID)",
            String::new(),
        )
    }

    fn missing(tag: Tag) -> Self {
        Self::new(format!("{} is missing or empty", describe(tag)), String::new())
    }

    pub(super) fn lost(tag: Tag) -> Self {
        Self::new(
            format!("{} is written in a way that cannot be checked, and the image needs it", describe(tag)),
            String::new(),
        )
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Written below the output folder; in a dry run, would be.
    Written,
    /// It stands in the output already, byte for byte.
    AlreadyThere,
    /// Not written, and nothing is wrong.
    SetAside(SetAside),
    /// Not written because something is wrong.
    Failed(Failure),
}

/// One file of the input.
#[derive(Clone)]
pub struct Entry {
    /// Counts from 1 in the order of the files' paths. Messages name files by it, because paths hold names.
    pub number: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// The file itself; not to be shown.
    pub(super) source: PathBuf,
    /// Below the output folder.
    pub(super) written: Option<PathBuf>,
    pub(super) identity: Option<Identity>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("number", &self.number)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// A series that may show a face.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceWarning {
    /// The series' folder below the output folder.
    pub folder: String,
    /// Why.
    pub suspicion: Suspicion,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// All files, in the order of their numbers.
    pub entries: Vec<Entry>,
    /// How often each attribute met each change, over all files that were (or would be) written.
    pub changes: Changes,
    /// Series that may show a face.
    pub faces: Vec<FaceWarning>,
    /// Patients, studies and series among the written files.
    pub patients: usize,
    /// See [`Report::patients`].
    pub studies: usize,
    /// See [`Report::patients`].
    pub series: usize,
    /// Whether it was stopped before the last file.
    pub was_interrupted: bool,
}

impl Report {
    /// How many files have an outcome for which `wanted` holds.
    pub fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.entries.iter().filter(|entry| wanted(&entry.outcome)).count()
    }

    /// How many files were set aside for each reason.
    #[must_use]
    pub fn set_aside(&self) -> BTreeMap<SetAside, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            if let Outcome::SetAside(reason) = entry.outcome {
                *counts.entry(reason).or_default() += 1;
            }
        }
        counts
    }

    /// The files that failed.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.entries.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Failed(failure) => Some((entry.number, failure)),
            _ => None,
        })
    }
}

/// An attribute's number and name.
#[must_use]
pub fn describe(tag: Tag) -> String {
    use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
    let number = format!("({:04X},{:04X})", tag.group(), tag.element());
    match dicom_dictionary_std::StandardDataDictionary.by_tag(tag) {
        Some(entry) if tag.group().is_multiple_of(2) => format!("{number} {}", entry.alias()),
        _ => number,
    }
}
