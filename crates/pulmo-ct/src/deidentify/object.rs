//! One file: read, judged, cleaned, and put together again.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::clean::{Changes, Cleaner, sequence, text_element};
use super::face::Look;
use super::key::Key;
use super::report::{Failure, Identity};
use super::set_aside::{self, SetAside, texts};
use super::{Options, codes, table};
use crate::format::dicom::file;
use crate::format::dicom::uid::IMPLEMENTATION_CLASS_UID;

/// What an image is nothing without: if one of these is there, it must stay.
const VITAL: [Tag; 16] = [
    tags::SOP_CLASS_UID,
    tags::MODALITY,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::PIXEL_SPACING,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::PIXEL_REPRESENTATION,
    tags::RESCALE_SLOPE,
    tags::RESCALE_INTERCEPT,
    tags::PIXEL_DATA,
];

/// A file as it will be written.
pub(super) struct Cleaned {
    pub(super) bytes: Vec<u8>,
    /// Below the output folder.
    pub(super) path: PathBuf,
    pub(super) series_code: String,
    pub(super) identity: Identity,
    pub(super) changes: Changes,
    pub(super) look: Look,
}

/// What is to be done with a file.
pub(super) enum Verdict {
    Write(Box<Cleaned>),
    SetAside(SetAside),
    Failed(Failure),
}

/// Reads `path` and cleans it.
pub(super) fn judge(path: &Path, key: &Key, options: &Options) -> Verdict {
    match looks_like_dicom(path) {
        Ok(true) => (),
        Ok(false) => return Verdict::SetAside(SetAside::NotDicom),
        Err(error) => return Verdict::Failed(Failure::unreadable(error.to_string())),
    }
    let object = match file::open(path) {
        Ok(object) => object,
        Err(error) => return Verdict::Failed(Failure::unreadable(error.to_string())),
    };
    let transfer_syntax = object.meta().transfer_syntax().trim_end_matches(['\0', ' ']).to_owned();
    let object = object.into_inner();
    if let Some(reason) = set_aside::reason(&object, options) {
        return Verdict::SetAside(reason);
    }
    clean(object, &transfer_syntax, key, options)
        .map_or_else(Verdict::Failed, |cleaned| Verdict::Write(Box::new(cleaned)))
}

fn looks_like_dicom(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut head = Vec::with_capacity(132);
    std::fs::File::open(path)?.take(132).read_to_end(&mut head)?;
    Ok(file::looks_like(&head))
}

fn clean(object: InMemDicomObject, syntax: &str, key: &Key, options: &Options) -> Result<Cleaned, Failure> {
    let identity = Identity::of(&object, key)?;
    let look = Look::at(&object);
    let vital: Vec<Tag> = VITAL.into_iter().filter(|tag| object.get(*tag).is_some()).collect();
    let mut cleaner = Cleaner {
        key,
        options,
        is_enhanced: set_aside::is_enhanced(&object),
        patient: &identity.new_patient,
        shift_days: key.shift_days(&identity.patient_parts()),
        changes: Changes::new(),
    };
    let mut cleaned = cleaner.data_set(object);
    if let Some(lost) = vital.into_iter().find(|tag| cleaned.get(*tag).is_none()) {
        return Err(Failure::lost(lost));
    }
    let changes = cleaner.changes;
    declare(&mut cleaned, options, &changes);
    let code = |purpose: &str, uid: &str| key.code(purpose, &[uid]);
    let series_code = code("series", &identity.series);
    let path = PathBuf::from(&identity.new_patient)
        .join(code("study", &identity.study))
        .join(&series_code)
        .join(code("instance", &identity.instance) + ".dcm");
    let bytes = bytes(cleaned, syntax, &identity.new_instance)?;
    Ok(Cleaned { bytes, path, series_code, identity, changes, look })
}

/// Says in the object what was done to it: (0012,0062), (0012,0063), (0012,0064), (0028,0303).
fn declare(object: &mut InMemDicomObject, options: &Options, changes: &Changes) {
    let has_dates = changes.keys().any(|(_, change)| *change == super::Change::Shifted);
    let mut method = vec![
        concat!("pulmo ", env!("CARGO_PKG_VERSION")).to_owned(),
        format!("DICOM PS3.15 {} Table E.1-1", table::EDITION),
        "unlisted dates, names, free text, private elements removed".to_owned(),
    ];
    let mut items = vec![codes::entry("113100", "DCM", "Basic Application Confidentiality Profile")];
    let mut option = |is_on: bool, code: &str, meaning: &str, words: &str| {
        if is_on {
            items.push(codes::entry(code, "DCM", meaning));
            method.push(words.to_owned());
        }
    };
    let meaning = "Retain Longitudinal Temporal Information Modified Dates Option";
    option(options.keep_dates, "113107", meaning, "dates shifted by days, once per patient");
    let words =
        if options.cap_age { "age (capped at 90), sex, size, weight kept" } else { "age, sex, size, weight kept" };
    option(options.keep_characteristics, "113108", "Retain Patient Characteristics Option", words);
    option(options.keep_device, "113109", "Retain Device Identity Option", "device identity kept");
    object.put(text_element(tags::PATIENT_IDENTITY_REMOVED, VR::CS, vec!["YES".to_owned()]));
    object.put(text_element(tags::DEIDENTIFICATION_METHOD, VR::LO, method));
    object.put(sequence(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, items));
    let modified = if has_dates { "MODIFIED" } else { "REMOVED" };
    object.put(text_element(tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, VR::CS, vec![modified.to_owned()]));
}

/// The file: an empty preamble, a new meta group, the data set in the source's transfer syntax.
fn bytes(mut object: InMemDicomObject, syntax: &str, instance: &str) -> Result<Vec<u8>, Failure> {
    // Type 2 of the patient module, where a stripped source has none.
    for (tag, vr) in [(tags::PATIENT_BIRTH_DATE, VR::DA), (tags::PATIENT_SEX, VR::CS)] {
        if object.get(tag).is_none() {
            object.put(DataElement::new(tag, vr, dicom_core::PrimitiveValue::Empty));
        }
    }
    let class = texts(&object, tags::SOP_CLASS_UID).into_iter().next().unwrap_or_default();
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid(instance)
        .implementation_class_uid(IMPLEMENTATION_CLASS_UID)
        .implementation_version_name("PULMO")
        .build()
        .map_err(|e| Failure::unwritable(e.to_string()))?;
    let mut bytes = Vec::new();
    object.with_exact_meta(meta).write_all(&mut bytes).map_err(|e| Failure::unwritable(file::causes(&e)))?;
    Ok(bytes)
}
