//! The headers below a folder, in any nesting, by series.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;
use rayon::prelude::*;

use super::super::digest::collect;
use super::super::import::{Cause, Found, Search, Unit};
use crate::error::Result;
use crate::format::dicom;

/// What lies beside the images of an archive and is no image.
const COMPANIONS: [&str; 9] = ["json", "csv", "tsv", "txt", "md", "xlsx", "xls", "pdf", "tcia"];

/// One slice, by its header.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) file: PathBuf,
    pub(super) sop_uid: String,
    pub(super) series_uid: String,
    pub(super) study_uid: String,
    /// Never shown: a hash of it becomes the patient's code.
    patient_id: String,
    pub(super) instance: Option<i64>,
    position: Option<[f64; 3]>,
}

impl std::fmt::Display for Head {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.sop_uid)
    }
}

/// One series: its slices in the order of their files.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) uid: String,
    pub(super) study_uid: String,
    /// A code that does not tell who it is.
    pub(super) patient: String,
    /// The number of the site in RICORD's patient codes; empty otherwise.
    pub(super) site: String,
    pub(super) slices: Vec<Head>,
}

/// Reads all headers; what is no DICOM file or damaged is left out with its reason.
pub(super) fn scan(search: &Search<'_>, found: &mut Found) -> Result<Vec<Series>> {
    let mut files = Vec::new();
    collect(search.root, 0, &mut files)?;
    files.sort();
    let total = files.len();
    let done = AtomicUsize::new(0);
    let heads: Vec<Option<std::result::Result<Head, (Cause, String)>>> = files
        .par_iter()
        .map(|file| {
            let head = read(file);
            (search.progress)("reading headers", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            head
        })
        .collect();
    let mut by_series: BTreeMap<String, Vec<Head>> = BTreeMap::new();
    for (file, head) in files.iter().zip(heads) {
        let what = || file.strip_prefix(search.root).unwrap_or(file).display().to_string();
        match head {
            None => {}
            Some(Ok(head)) => by_series.entry(head.series_uid.clone()).or_default().push(head),
            Some(Err((cause, reason))) => found.leave_out(what(), Unit::File, cause, reason),
        }
    }
    Ok(by_series.into_iter().map(|(uid, slices)| Series::of(uid, slices)).collect())
}

/// `None` for a companion of the images.
fn read(file: &Path) -> Option<std::result::Result<Head, (Cause, String)>> {
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if COMPANIONS.contains(&ending.as_str()) || name == "LICENSE" || name == "DICOMDIR" {
        return None;
    }
    if !is_dicom(file) {
        return Some(Err((Cause::Foreign, "no DICOM file".to_owned())));
    }
    Some(match dicom::open_header(file) {
        Ok(object) => {
            let head = Head::of(file, &object);
            if head.series_uid.is_empty() || head.sop_uid.is_empty() {
                Err((Cause::Foreign, "it has no SeriesInstanceUID or SOPInstanceUID".to_owned()))
            } else {
                Ok(head)
            }
        }
        Err(error) => {
            let cause = match error {
                crate::Error::Unsupported { .. } => Cause::Foreign,
                _ => Cause::Damaged,
            };
            Err((cause, short(&error)))
        }
    })
}

/// By its first bytes; an empty file with the name of one counts too, and cannot be read then.
fn is_dicom(file: &Path) -> bool {
    use std::io::Read;
    let mut head = Vec::with_capacity(132);
    let read = std::fs::File::open(file).and_then(|file| file.take(132).read_to_end(&mut head));
    let is_named_so = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("dcm"));
    read.is_err() || is_named_so || dicom::looks_like(&head)
}

/// The problem without the path, which stands beside it.
fn short(error: &crate::Error) -> String {
    match error {
        crate::Error::Invalid { problem, .. } | crate::Error::Unsupported { problem, .. } => problem.clone(),
        other => other.to_string(),
    }
}

impl Head {
    fn of(file: &Path, object: &DefaultDicomObject) -> Self {
        let numbers = |tag: Tag| object.get(tag).and_then(|element| element.to_multi_float64().ok());
        Self {
            file: file.to_owned(),
            sop_uid: text(object, tags::SOP_INSTANCE_UID),
            series_uid: text(object, tags::SERIES_INSTANCE_UID),
            study_uid: text(object, tags::STUDY_INSTANCE_UID),
            patient_id: text(object, tags::PATIENT_ID),
            instance: object.get(tags::INSTANCE_NUMBER).and_then(|element| element.to_int().ok()),
            position: numbers(tags::IMAGE_POSITION_PATIENT).and_then(|mm| mm.try_into().ok()),
        }
    }

    /// Whether both lie at one place, to a thousandth of a mm.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        match (self.position, other.position) {
            (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3),
            _ => false,
        }
    }

    /// A key that sorts slices by place.
    pub(super) fn height(&self) -> f64 {
        self.position.map_or(f64::INFINITY, |[x, y, z]| z + 1e-3 * y + 1e-6 * x)
    }
}

fn text(object: &DefaultDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map(|text| text.trim_matches([' ', '\0']).to_owned()).unwrap_or_default()
}

impl Series {
    fn of(uid: String, slices: Vec<Head>) -> Self {
        let first = &slices[0];
        let who = if first.patient_id.is_empty() { &first.study_uid } else { &first.patient_id };
        let (patient, site) = (super::code(who), site(&first.patient_id));
        Self { uid, study_uid: first.study_uid.clone(), patient, site, slices }
    }
}

/// The middle number of `MIDRC-RICORD-1A-419639-000082`.
fn site(patient_id: &str) -> String {
    let parts: Vec<&str> = patient_id.split('-').collect();
    match parts.as_slice() {
        ["MIDRC", "RICORD", _, site, _] if site.bytes().all(|byte| byte.is_ascii_digit()) => (*site).to_owned(),
        _ => String::new(),
    }
}
