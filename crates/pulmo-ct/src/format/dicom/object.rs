//! What all DICOM objects of this program share: whose they are, who made them, and their UIDs.
//!
//! Patient, study and frame of reference are copied from the source byte by byte. UIDs come from a hash of the
//! finished content, so the same source, settings and time give the same file to the bit and any change gives
//! other UIDs. See `docs/decisions/0007-dicom-outputs.md`.

mod settings;

use std::io::Write;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

pub use self::settings::{Algorithm, AlgorithmKind, Settings, Timestamp};
use super::code::{self, Code};
use super::dataset::{DataSet, Encoding};
use super::source::SourceSeries;
use super::text;
use super::uid::{Hash, IMPLEMENTATION_CLASS_UID};
use crate::atomic;
use crate::error::{Error, Result};

/// How this program names itself in (0008,0070) and (0008,1090).
pub(super) const MANUFACTURER: &str = "pulmo";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Study attributes that are copied, beside groups 0010 (patient) and 0012 (clinical trial).
const COPIED: [Tag; 29] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::REFERRING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::CONSULTING_PHYSICIAN_NAME,
    tags::CONSULTING_PHYSICIAN_IDENTIFICATION_SEQUENCE,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PROCEDURE_CODE_SEQUENCE,
    tags::PHYSICIANS_OF_RECORD,
    tags::PHYSICIANS_OF_RECORD_IDENTIFICATION_SEQUENCE,
    tags::NAME_OF_PHYSICIANS_READING_STUDY,
    tags::PHYSICIANS_READING_STUDY_IDENTIFICATION_SEQUENCE,
    tags::ADMITTING_DIAGNOSES_DESCRIPTION,
    tags::ADMITTING_DIAGNOSES_CODE_SEQUENCE,
    tags::REFERENCED_STUDY_SEQUENCE,
    tags::STUDY_ID,
    tags::REQUESTING_SERVICE,
    tags::REQUESTING_SERVICE_CODE_SEQUENCE,
    tags::REASON_FOR_VISIT,
    tags::REASON_FOR_VISIT_CODE_SEQUENCE,
    tags::ADMISSION_ID,
    tags::ISSUER_OF_ADMISSION_ID_SEQUENCE,
    tags::SERVICE_EPISODE_ID,
    tags::SERVICE_EPISODE_DESCRIPTION,
    tags::REASON_FOR_PERFORMED_PROCEDURE_CODE_SEQUENCE,
];

/// Attributes of group 0012 that belong to the source's series, not to its study.
const OF_THE_SERIES: [Tag; 3] =
    [tags::CLINICAL_TRIAL_SERIES_ID, tags::CLINICAL_TRIAL_SERIES_DESCRIPTION, Tag(0x0012, 0x0073)];

/// Attributes of every object that may be empty but not absent (type 2).
const MAY_BE_EMPTY: [Tag; 9] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
];

/// What kind of object a draft becomes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectKind {
    /// SOPClassUID.
    pub(super) sop_class_uid: &'static str,
    /// Modality.
    pub(super) modality: &'static str,
    /// From 1 to 9: the last digit of its SeriesNumber, so that the objects of one run do not share one.
    pub(super) series_digit: u8,
    /// SeriesDescription.
    pub(super) series_description: &'static str,
    /// Whether it lies in the patient's space: copies the frame of reference.
    pub(super) is_in_space: bool,
}

/// An object that is being made; [`Draft::finish`] makes it whole.
#[derive(Debug)]
pub(super) struct Draft {
    /// To be filled with what the kind of object needs. SOPInstanceUID and SeriesInstanceUID are put at the end.
    pub(super) data: DataSet,
    kind: ObjectKind,
}

impl Draft {
    /// Copies the identity from `source` and says who made the object.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `source` lacks an identifying UID and `settings.new_study` is not set, and if its slices
    /// were resampled and the object would lie on them.
    pub(super) fn new(source: &SourceSeries, settings: &Settings, kind: ObjectKind) -> Result<Self> {
        source.must_be_identified(settings.new_study)?;
        // Frames of a SEG lie where they say; reports and documents lie nowhere.
        if !["SEG", "SR", "DOC"].contains(&kind.modality) {
            source.must_have_its_slices()?;
        }
        let mut data = DataSet::new();
        copy_identity(source, kind, &mut data);
        let header = source.header();
        let created = settings.created.in_zone_of(header);
        let software = software_versions(settings);
        data.put_text(tags::SOP_CLASS_UID, kind.sop_class_uid)
            .put_text(tags::MODALITY, kind.modality)
            .put_text(tags::SERIES_DESCRIPTION, kind.series_description)
            .put_integer(tags::SERIES_NUMBER, series_number(source, kind, &software))
            .put_integer(tags::INSTANCE_NUMBER, 1)
            .put_text(tags::CONTENT_QUALIFICATION, "RESEARCH")
            .put_text(tags::MANUFACTURER, MANUFACTURER)
            .put_text(tags::MANUFACTURER_MODEL_NAME, MANUFACTURER)
            .put_text(tags::DEVICE_SERIAL_NUMBER, VERSION)
            .put_text(tags::SOFTWARE_VERSIONS, &software);
        for (date, time) in [
            (tags::INSTANCE_CREATION_DATE, tags::INSTANCE_CREATION_TIME),
            (tags::SERIES_DATE, tags::SERIES_TIME),
            (tags::CONTENT_DATE, tags::CONTENT_TIME),
        ] {
            data.put_text(date, &created.date()).put_text(time, &created.time());
        }
        data.put_items(tags::CONTRIBUTING_EQUIPMENT_SEQUENCE, contributing_equipment(header, settings));
        Ok(Self { data, kind })
    }

    /// Lists every object of the source series (Common Instance Reference, PS3.3 section C.12.2).
    pub(super) fn put_referenced_series(&mut self, source: &SourceSeries) {
        let mut series = DataSet::new();
        series
            .put_text(tags::SERIES_INSTANCE_UID, source.series_instance_uid())
            .put_items(tags::REFERENCED_INSTANCE_SEQUENCE, references(source));
        self.data.put_item(tags::REFERENCED_SERIES_SEQUENCE, series);
    }

    /// Says whether the pixels show who the patient is.
    pub(super) fn put_burned_in(&mut self, is_burned_in: bool) {
        self.data.put_text(tags::BURNED_IN_ANNOTATION, if is_burned_in { "YES" } else { "NO" });
    }

    /// Checks every value and gives the object its UIDs.
    ///
    /// # Errors
    /// [`Error::Value`] for a value that its VR cannot hold, naming the tag.
    pub(super) fn finish(self) -> Result<DicomObject> {
        let [object] = <[DicomObject; 1]>::try_from(Self::finish_series(vec![self])?)
            .map_err(|_| Error::Value { problem: "a draft gave no object".to_owned() })?;
        Ok(object)
    }

    /// [`Draft::finish`] for the instances of one series, numbered from 1.
    ///
    /// # Errors
    /// As [`Draft::finish`].
    pub(super) fn finish_series(mut drafts: Vec<Self>) -> Result<Vec<DicomObject>> {
        let mut series = Hash::new("series");
        let mut contents = Vec::with_capacity(drafts.len());
        for (number, draft) in (1..).zip(&mut drafts) {
            draft.data.put_integer(tags::INSTANCE_NUMBER, number);
            text::check(&draft.data)?;
            let mut content = Hash::new("object");
            draft
                .data
                .write(draft.data.encoding(), &mut content)
                .map_err(|e| Error::Value { problem: e.to_string() })?;
            let content = content.digest();
            series = series.field(content);
            contents.push(content);
        }
        let series_uid = series.uid();
        let objects = drafts.into_iter().zip(contents).map(|(mut draft, content)| {
            let sop_uid = Hash::new("instance").field(&series_uid).field(content).uid();
            draft.data.put_text(tags::SERIES_INSTANCE_UID, &series_uid).put_text(tags::SOP_INSTANCE_UID, &sop_uid);
            DicomObject {
                sop_class_uid: draft.kind.sop_class_uid,
                sop_instance_uid: sop_uid,
                series_instance_uid: series_uid.clone(),
                data: draft.data,
            }
        });
        Ok(objects.collect())
    }
}

/// A finished object: to be written to a file or sent.
///
/// Holds the patient's attributes; its debug output shows only UIDs.
pub struct DicomObject {
    sop_class_uid: &'static str,
    sop_instance_uid: String,
    series_instance_uid: String,
    data: DataSet,
}

impl std::fmt::Debug for DicomObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sop_class_uid, sop_instance_uid, series_instance_uid, .. } = self;
        let mut fields = f.debug_struct("DicomObject");
        fields.field("sop_class_uid", sop_class_uid).field("sop_instance_uid", sop_instance_uid);
        fields.field("series_instance_uid", series_instance_uid).finish_non_exhaustive()
    }
}

impl DicomObject {
    /// SOPClassUID.
    #[must_use]
    pub fn sop_class_uid(&self) -> &str {
        self.sop_class_uid
    }

    /// SOPInstanceUID: a hash of the content.
    #[must_use]
    pub fn sop_instance_uid(&self) -> &str {
        &self.sop_instance_uid
    }

    /// SeriesInstanceUID: a hash of the content of all objects of the series.
    #[must_use]
    pub fn series_instance_uid(&self) -> &str {
        &self.series_instance_uid
    }

    /// StudyInstanceUID: the source's.
    #[must_use]
    pub fn study_instance_uid(&self) -> &str {
        self.data.ascii(tags::STUDY_INSTANCE_UID).unwrap_or_default()
    }

    /// SeriesNumber: no other series of the source's folder and study has it.
    #[must_use]
    pub fn series_number(&self) -> i64 {
        self.data.ascii(tags::SERIES_NUMBER).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The object as a DICOM file (PS3.10) in Explicit VR Little Endian; in Implicit VR where a value is too long for that, as
    /// contours may be.
    ///
    /// # Errors
    /// [`Error::Value`] if an element is too long for its length field.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.data.written_length(self.data.encoding()) as usize + 1024);
        self.put(&mut bytes).map_err(|e| Error::Value { problem: e.to_string() })?;
        Ok(bytes)
    }

    /// Writes the file, complete or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write_with(path, |out| self.put(out))
    }

    fn put(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let encoding = self.data.encoding();
        let mut meta = DataSet::new();
        meta.put_bytes(tags::FILE_META_INFORMATION_VERSION, vec![0, 1])
            .put_text(tags::MEDIA_STORAGE_SOP_CLASS_UID, self.sop_class_uid)
            .put_text(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, &self.sop_instance_uid)
            .put_text(tags::TRANSFER_SYNTAX_UID, encoding.transfer_syntax())
            .put_text(tags::IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS_UID)
            .put_text(tags::IMPLEMENTATION_VERSION_NAME, &implementation_version());
        let length = meta.written_length(Encoding::ExplicitVr) as u32;
        meta.put_u32(tags::FILE_META_INFORMATION_GROUP_LENGTH, &[length]);
        out.write_all(&[0; 128])?;
        out.write_all(b"DICM")?;
        meta.write(Encoding::ExplicitVr, out)?;
        self.data.write(encoding, out)
    }
}

/// At most 16 characters.
fn implementation_version() -> String {
    let name = format!("PULMO_{}", VERSION.replace('.', "_"));
    name.chars().take(16).collect()
}

fn copy_identity(source: &SourceSeries, kind: ObjectKind, data: &mut DataSet) {
    let header = source.header();
    let in_groups = header.iter().map(|(tag, _)| tag).filter(|tag| [0x0010, 0x0012].contains(&tag.0));
    for tag in in_groups.filter(|tag| !OF_THE_SERIES.contains(tag)).chain(COPIED) {
        data.copy(header, tag);
    }
    for tag in MAY_BE_EMPTY {
        data.empty_unless_present(tag);
    }
    data.put_text(tags::STUDY_INSTANCE_UID, source.study_instance_uid());
    if kind.is_in_space {
        data.put_text(tags::FRAME_OF_REFERENCE_UID, source.frame_of_reference_uid())
            .copy(header, tags::POSITION_REFERENCE_INDICATOR)
            .empty_unless_present(tags::POSITION_REFERENCE_INDICATOR);
    }
}

/// The first number of the form (source's number)(tens)(kind's digit) that no series of the folder's study has.
fn series_number(source: &SourceSeries, kind: ObjectKind, software: &str) -> i64 {
    let of_source: i64 = source.header().ascii(tags::SERIES_NUMBER).and_then(|text| text.parse().ok()).unwrap_or(0);
    // Within an integer string whatever the source says; 0 and absent count alike.
    let base = if (1..=1_000_000).contains(&of_source) { of_source } else { 90 } * 100;
    let candidates = (0..).map(|ten| base + ten * 10 + i64::from(kind.series_digit));
    let mut free = candidates.filter(|&number| !source.is_number_used(number, [MANUFACTURER, software]));
    free.next().unwrap_or(base)
}

/// Our version, then the algorithm's name and version.
fn software_versions(settings: &Settings) -> String {
    let Algorithm { name, version, .. } = &settings.algorithm;
    format!("{VERSION}\\{}", format!("{name} {version}").trim())
}

/// Who took part: the scanner, if the source names it, and this program.
fn contributing_equipment(header: &DataSet, settings: &Settings) -> Vec<DataSet> {
    let mut equipment = Vec::new();
    // Manufacturer must not be empty there.
    if header.bytes(tags::MANUFACTURER).is_some() {
        let mut scanner = DataSet::new();
        for tag in [
            tags::MANUFACTURER,
            tags::INSTITUTION_NAME,
            tags::STATION_NAME,
            tags::MANUFACTURER_MODEL_NAME,
            tags::DEVICE_SERIAL_NUMBER,
            tags::SOFTWARE_VERSIONS,
        ] {
            scanner.copy(header, tag);
        }
        scanner.put_item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, code::ACQUISITION_EQUIPMENT.item());
        equipment.push(scanner);
    }
    let mut ours = DataSet::new();
    ours.put_text(tags::MANUFACTURER, MANUFACTURER)
        .put_text(tags::MANUFACTURER_MODEL_NAME, MANUFACTURER)
        .put_text(tags::DEVICE_SERIAL_NUMBER, VERSION)
        .put_text(tags::SOFTWARE_VERSIONS, &software_versions(settings))
        .put_text(tags::CONTRIBUTION_DATE_TIME, &settings.created.in_zone_of(header).date_time())
        .put_item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, code::PROCESSING_EQUIPMENT.item());
    equipment.push(ours);
    equipment
}

/// A reference to each object of the source, in the order of the grid, each once.
pub(super) fn references(source: &SourceSeries) -> Vec<DataSet> {
    let mut items: Vec<DataSet> = Vec::with_capacity(source.slices().len());
    let mut last = "";
    for slice in source.slices() {
        if slice.sop_instance_uid != last {
            items.push(reference(&slice.sop_class_uid, &slice.sop_instance_uid));
            last = &slice.sop_instance_uid;
        }
    }
    items
}

/// A reference to one object.
pub(super) fn reference(sop_class_uid: &str, sop_instance_uid: &str) -> DataSet {
    let mut item = DataSet::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, sop_class_uid)
        .put_text(tags::REFERENCED_SOP_INSTANCE_UID, sop_instance_uid);
    item
}

/// The AlgorithmIdentificationSequence's item (PS3.3 section 10.16).
pub(super) fn algorithm_identification(settings: &Settings) -> DataSet {
    let algorithm = &settings.algorithm;
    let family: &Code = &code::ARTIFICIAL_INTELLIGENCE;
    let mut item = DataSet::new();
    item.put_item(tags::ALGORITHM_FAMILY_CODE_SEQUENCE, family.item())
        .put_text(tags::ALGORITHM_NAME, &algorithm.name)
        .put_text(tags::ALGORITHM_VERSION, algorithm.version_in_words())
        .put_text(tags::ALGORITHM_SOURCE, MANUFACTURER);
    item
}
