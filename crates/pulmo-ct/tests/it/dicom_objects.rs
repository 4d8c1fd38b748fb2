//! What all DICOM outputs share: whose they are, their numbers and UIDs, in every character set.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pulmo_ct::format::OpenOptions;
use pulmo_ct::format::dicom::seg::{self, SegKind, Segment};
use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, DicomObject, Settings, SourceSeries, Timestamp};
use pulmo_ct::{Error, LabelMap};
use serde_json::Value;

pub(crate) fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_objects")).join(name)
}

pub(crate) fn truth() -> Value {
    serde_json::from_slice(&std::fs::read(oracle("truth.json")).unwrap()).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        algorithm: Algorithm { name: "unet".to_owned(), version: "7".to_owned(), kind: AlgorithmKind::Automatic },
        created: Timestamp::from_seconds(1_790_000_000).unwrap(),
        new_study: false,
    }
}

/// A small CT series: 5 slices of 7 rows and 13 columns.
pub(crate) struct Series {
    pub(crate) orientation: [f64; 6],
    pub(crate) step: [f64; 3],
    /// Elements that differ from the usual ones; an empty text removes the element.
    pub(crate) edits: Vec<(Tag, VR, String)>,
}

impl Default for Series {
    fn default() -> Self {
        Self { orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], step: [0.0, 0.0, 2.5], edits: Vec::new() }
    }
}

impl Series {
    fn with(mut self, tag: Tag, vr: VR, value: &str) -> Self {
        self.edits.push((tag, vr, value.to_owned()));
        self
    }

    pub(crate) fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        (0..5).for_each(|slice| self.write_slice(folder.path(), slice));
        folder
    }

    fn write_slice(&self, folder: &Path, slice: u16) {
        let mut object = InMemDicomObject::new_empty();
        let mut put = |tag, vr, value: &str| object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        let text = |numbers: &[f64]| numbers.iter().map(|x| format!("{x:.9}")).collect::<Vec<_>>().join("\\");
        let position: Vec<f64> = (0..3).map(|n| [-20.5, -10.25, -300.0][n] + self.step[n] * f64::from(slice)).collect();
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            (tags::SOP_INSTANCE_UID, VR::UI, &format!("2.25.3.{slice}")),
            (tags::STUDY_DATE, VR::DA, "20200203"),
            (tags::STUDY_TIME, VR::TM, "101112.345"),
            (tags::ACCESSION_NUMBER, VR::SH, "ACC-17"),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::MANUFACTURER, VR::LO, "Maker"),
            (tags::PATIENT_NAME, VR::PN, "Canary^Name"),
            (tags::PATIENT_ID, VR::LO, "CANARY-ID"),
            (tags::STUDY_INSTANCE_UID, VR::UI, "2.25.1"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "2.25.2"),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.4"),
            (tags::SERIES_NUMBER, VR::IS, "3"),
            (tags::INSTANCE_NUMBER, VR::IS, &slice.to_string()),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &text(&self.orientation)),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, &text(&position)),
            (tags::PIXEL_SPACING, VR::DS, "0.8\\0.7"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
        ] {
            put(tag, vr, value);
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, 7),
            (tags::COLUMNS, 13),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value as u16)));
        }
        for (tag, vr, value) in &self.edits {
            if value.is_empty() {
                object.remove_element(*tag);
            } else {
                object.put(DataElement::new(*tag, *vr, PrimitiveValue::from(value.as_str())));
            }
        }
        let pixels: Vec<u16> = (0..91).map(|pixel| pixel + 100 * slice).collect();
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())));
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid(format!("2.25.3.{slice}"));
        object.with_meta(meta).unwrap().write_to_file(folder.join(format!("{slice}.dcm"))).unwrap();
    }
}

fn open(folder: &Path) -> SourceSeries {
    SourceSeries::open(folder, &OpenOptions::default()).unwrap()
}

/// An object of the series with one voxel set.
fn object(source: &SourceSeries, settings: &Settings, voxel: usize) -> Result<DicomObject, Error> {
    let mut labels = vec![0; source.grid().voxels()];
    labels[voxel] = 1;
    let labels = LabelMap::new(*source.grid(), labels).unwrap();
    seg::write(source, &labels, &[Segment::named(1, "infiltrate")], SegKind::Binary, settings)
}

/// The value of an element with a short length in a file, at its first place.
fn raw(bytes: &[u8], Tag(group, element): Tag, vr: &[u8; 2]) -> Option<Vec<u8>> {
    let mark = [&group.to_le_bytes()[..], &element.to_le_bytes(), vr].concat();
    let at = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    Some(bytes[at + 2..at + 2 + length].to_vec())
}

fn text(bytes: &[u8], tag: Tag, vr: &[u8; 2]) -> String {
    let value = raw(bytes, tag, vr).unwrap_or_else(|| panic!("no {tag}"));
    String::from_utf8(value).unwrap().trim_end_matches([' ', '\0']).to_owned()
}

#[test]
fn text_keeps_its_bytes_in_every_character_set() {
    let truth = truth();
    let sets = truth["character_sets"].as_object().unwrap();
    assert!(sets.len() >= 10);
    for (name, expected) in sets {
        let source = open(&oracle("charsets").join(name));
        let bytes = object(&source, &settings(), 5).unwrap().bytes().unwrap();
        for (keyword, tag, vr) in [
            ("SpecificCharacterSet", tags::SPECIFIC_CHARACTER_SET, b"CS"),
            ("PatientName", tags::PATIENT_NAME, b"PN"),
            ("ReferringPhysicianName", tags::REFERRING_PHYSICIAN_NAME, b"PN"),
            ("StudyDescription", tags::STUDY_DESCRIPTION, b"LO"),
        ] {
            let hex =
                raw(&bytes, tag, vr).map(|value| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            assert_eq!(hex.as_deref(), expected[keyword].as_str(), "{name}: {keyword}");
        }
    }
}

#[test]
fn identity_is_read_from_every_transfer_syntax() {
    for syntax in ["implicit", "explicit", "big_endian", "deflated", "rle", "jpeg_70", "j2k"] {
        let folder = oracle("../dicom_series").join(format!("signed16_{syntax}"));
        let source = open(&folder);
        assert_eq!(source.slices().len(), 2, "{syntax}");
        assert_eq!(source.slices()[1].sop_instance_uid, "2.25.1234567890.3.2", "{syntax}");
        let bytes = object(&source, &settings(), 5).unwrap().bytes().unwrap();
        assert_eq!(text(&bytes, tags::PATIENT_NAME, b"PN"), "Phantom", "{syntax}");
        assert_eq!(text(&bytes, tags::FRAME_OF_REFERENCE_UID, b"UI"), "2.25.1234567890.4", "{syntax}");
    }
}

#[test]
fn identity_is_copied_and_the_maker_is_named() {
    let bytes = object(&open(&oracle("ct")), &settings(), 5).unwrap().bytes().unwrap();
    for (tag, vr, expected) in [
        (tags::STUDY_DATE, b"DA", "20200203"),
        (tags::STUDY_TIME, b"TM", "101112.345"),
        (tags::ACCESSION_NUMBER, b"SH", "ACC-00017"),
        (tags::PATIENT_BIRTH_DATE, b"DA", "19500101"),
        (tags::PATIENT_AGE, b"AS", "070Y"),
        (tags::STUDY_INSTANCE_UID, b"UI", "2.25.9876543210.1.1"),
        (tags::FRAME_OF_REFERENCE_UID, b"UI", "2.25.9876543210.1.4"),
        (tags::POSITION_REFERENCE_INDICATOR, b"LO", "SN"),
        (tags::CONTENT_QUALIFICATION, b"CS", "RESEARCH"),
        (tags::LOSSY_IMAGE_COMPRESSION, b"CS", "00"),
        (tags::SERIES_DATE, b"DA", "20260921"),
        (tags::CONTENT_TIME, b"TM", "141320"),
        (tags::MODALITY, b"CS", "SEG"),
        (tags::MANUFACTURER, b"LO", "pulmo"),
    ] {
        assert_eq!(text(&bytes, tag, vr), expected, "{tag}");
    }
    assert!(raw(&bytes, tags::TIMEZONE_OFFSET_FROM_UTC, b"SH").is_none(), "the source states none");
}

#[test]
fn lossy_history_is_carried_on() {
    let folder = Series::default()
        .with(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01")
        .with(tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, "12.5")
        .with(tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, "ISO_15444_1")
        .write();
    let bytes = object(&open(folder.path()), &settings(), 5).unwrap().bytes().unwrap();
    assert_eq!(text(&bytes, tags::LOSSY_IMAGE_COMPRESSION, b"CS"), "01");
    assert_eq!(text(&bytes, tags::LOSSY_IMAGE_COMPRESSION_RATIO, b"DS"), "12.5");
    assert_eq!(text(&bytes, tags::LOSSY_IMAGE_COMPRESSION_METHOD, b"CS"), "ISO_15444_1");
}

#[test]
fn the_same_content_gives_the_same_bytes_and_any_change_other_uids() {
    let folder = Series::default().write();
    let source = open(folder.path());
    let one = object(&source, &settings(), 5).unwrap();
    let again = object(&open(folder.path()), &settings(), 5).unwrap();
    assert_eq!(one.bytes().unwrap(), again.bytes().unwrap());
    let uids = |object: &DicomObject| [object.sop_instance_uid().to_owned(), object.series_instance_uid().to_owned()];
    for uid in uids(&one) {
        assert!(uid.starts_with("2.25.") && uid.len() <= 64, "{uid}");
    }
    let mut later = settings();
    later.created = Timestamp::from_seconds(1_790_000_001).unwrap();
    let mut better = settings();
    better.algorithm.version = "8".to_owned();
    let other_patient = Series::default().with(tags::PATIENT_ID, VR::LO, "CANARY-IE").write();
    let mut all = vec![uids(&one)];
    for (what, changed) in [
        ("voxel", object(&source, &settings(), 6)),
        ("time", object(&source, &later, 5)),
        ("algorithm", object(&source, &better, 5)),
        ("patient", object(&open(other_patient.path()), &settings(), 5)),
    ] {
        let changed = uids(&changed.unwrap());
        assert!(all.iter().flatten().all(|uid| !changed.contains(uid)), "{what}");
        all.push(changed);
    }
}

#[test]
fn series_numbers_do_not_collide_and_re_runs_keep_theirs() {
    let folder = Series::default().write();
    let write = |name: &str, settings: &Settings| {
        let object = object(&open(folder.path()), settings, 5).unwrap();
        object.write(&folder.path().join(name)).unwrap();
        object
    };
    let first = write("a.dcm", &settings());
    assert_eq!(first.series_number(), 301);
    // The first one lies in the folder now: made again it is the same, another algorithm takes the next number.
    assert_eq!(write("b.dcm", &settings()).bytes().unwrap(), first.bytes().unwrap());
    let mut other = settings();
    other.algorithm.name = "other".to_owned();
    assert_eq!(write("c.dcm", &other).series_number(), 311);
    let without = Series::default().with(tags::SERIES_NUMBER, VR::IS, "").write();
    assert_eq!(object(&open(without.path()), &settings(), 5).unwrap().series_number(), 9001);
    let huge = Series::default().with(tags::SERIES_NUMBER, VR::IS, "2147483647").write();
    assert_eq!(object(&open(huge.path()), &settings(), 5).unwrap().series_number(), 9001);
}

#[test]
fn a_source_without_identity_is_refused_by_field_unless_a_new_study_is_wanted() {
    for (tag, name) in [
        (tags::STUDY_INSTANCE_UID, "StudyInstanceUID"),
        (tags::SERIES_INSTANCE_UID, "SeriesInstanceUID"),
        (tags::SOP_INSTANCE_UID, "SOPInstanceUID"),
        (tags::FRAME_OF_REFERENCE_UID, "FrameOfReferenceUID"),
    ] {
        let folder = Series::default().with(tag, VR::UI, "").write();
        let source = open(folder.path());
        assert_eq!(source.missing(), [name]);
        let error = object(&source, &settings(), 5).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(name), "{error}");
        assert!(error.hint().unwrap().contains("--new-study"));
        let new_study = Settings { new_study: true, ..settings() };
        let made = object(&source, &new_study, 5).unwrap().bytes().unwrap();
        assert_eq!(made, object(&open(folder.path()), &new_study, 5).unwrap().bytes().unwrap(), "stable");
        assert!(text(&made, tags::STUDY_INSTANCE_UID, b"UI").starts_with("2.25."));
        assert!(text(&made, tags::FRAME_OF_REFERENCE_UID, b"UI").starts_with("2.25."));
    }
}

#[test]
fn patients_are_never_mixed_or_shown() {
    let folder = Series::default().write();
    Series::default().with(tags::PATIENT_ID, VR::LO, "CANARY-OTHER").write_slice(folder.path(), 2);
    let error = SourceSeries::open(folder.path(), &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("slices of one series differ in PatientID"), "{error}");

    let folder = Series::default().write();
    let source = open(folder.path());
    let object = object(&source, &settings(), 5).unwrap();
    for shown in [format!("{error:?} {error}"), format!("{source:?}"), format!("{object:?}")] {
        assert!(!shown.to_lowercase().contains("canary"), "{shown}");
    }
}

#[test]
fn times_are_told_in_the_zone_of_the_source() {
    let folder = Series::default().with(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "-0530").write();
    let bytes = object(&open(folder.path()), &settings(), 5).unwrap().bytes().unwrap();
    assert_eq!(text(&bytes, tags::TIMEZONE_OFFSET_FROM_UTC, b"SH"), "-0530");
    assert_eq!(text(&bytes, tags::CONTENT_TIME, b"TM"), "084320");
    assert_eq!(text(&bytes, tags::STUDY_TIME, b"TM"), "101112.345", "as it was");
}
