//! Structured reports and encapsulated documents: round trips, other makers, hostile files.

use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::open_file;
use pulmo_ct::format::OpenOptions;
use pulmo_ct::format::dicom::seg::Segment;
use pulmo_ct::format::dicom::sr::{self, Group, Number, SegmentReference};
use pulmo_ct::format::dicom::{Code, RESEARCH_SENTENCE, SourceSeries, pdf};
use pulmo_ct::{Affine, Grid, Spacing};

use super::ct_series;
use super::format_real::real;
use super::rtstruct::settings;

fn source(folder: &Path) -> SourceSeries {
    let affine = Affine::axial(Spacing::new([2.5, 0.8, 0.7]).unwrap(), [-20.5, -31.25, -300.0]);
    ct_series::write(folder, &Grid::new([3, 5, 4], affine).unwrap());
    SourceSeries::open(folder, &OpenOptions::default()).unwrap()
}

fn groups(source: &SourceSeries) -> Vec<Group> {
    let segment = |number| SegmentReference {
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.66.4".to_owned(),
        sop_instance_uid: "2.25.77".to_owned(),
        series_instance_uid: "2.25.78".to_owned(),
        numbers: vec![number],
    };
    let group = |name, number| Group {
        segment: Some(segment(number)),
        ..Group::of(source, &Segment::named(number, name), &settings())
    };
    let share = Number::percent(100.0 / 3.0, "100 x opacity volume / volume of both lungs by the lung mask").unwrap();
    let mut opacity = group("opacity", 1);
    opacity.numbers = vec![Number::volume_ml(0.1 + 0.2), share];
    let mut lung = group("right_lung", 2);
    lung.numbers = vec![Number::volume_ml(4290.0)];
    let dense = Segment { label: "Infiltrate at or above -300 HU".to_owned(), ..Segment::named(0, "infiltrate") };
    let mut dense = Group { source_series_uid: None, ..Group::of(source, &dense, &settings()) };
    dense.numbers = vec![Number::volume_by(0.1, "voxels at or above -300 HU x volume of a voxel").unwrap()];
    dense.comments = vec!["the kernel is sharp".to_owned(), "a contrast agent was given".to_owned()];
    vec![opacity, lung, dense]
}

#[test]
fn a_report_comes_back_with_every_number_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"));
    let object = sr::write(&source, &groups(&source), &settings()).unwrap();
    let path = folder.path().join("sr.dcm");
    object.write(&path).unwrap();
    let report = sr::read(&path).unwrap();
    assert_eq!(report.groups, groups(&source));
    assert_eq!(report.title.as_ref().unwrap().value, "126000");
    assert_eq!(report.procedures, [Code::new("24627-2", "LN", "CT Chest")]);
    assert_eq!(report.comments, [RESEARCH_SENTENCE]);
    assert_eq!((report.completion.as_str(), report.verification.as_str()), ("COMPLETE", "UNVERIFIED"));
    assert_eq!(report.other_items, 3 * 2, "name and version of the algorithm in every group");
    assert_eq!(object.bytes().unwrap(), sr::write(&source, &groups(&source), &settings()).unwrap().bytes().unwrap());
}

#[test]
fn the_patient_is_copied_and_the_evidence_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"));
    let path = folder.path().join("sr.dcm");
    sr::write(&source, &groups(&source), &settings()).unwrap().write(&path).unwrap();
    let object = open_file(&path).unwrap();
    assert_eq!(object.get(tags::PATIENT_NAME).unwrap().to_str().unwrap(), ct_series::PATIENT);
    let study = &object.get(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).unwrap().items().unwrap()[0];
    let series = study.get(tags::REFERENCED_SERIES_SEQUENCE).unwrap().items().unwrap();
    let instances = |at: usize| series[at].get(tags::REFERENCED_SOP_SEQUENCE).unwrap().items().unwrap().len();
    assert_eq!((series.len(), instances(0), instances(1)), (2, 3, 1), "three slices and the segmentation");
}

#[test]
fn what_is_not_known_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"));
    let path = folder.path().join("sr.dcm");
    let mut group = Group { source_series_uid: None, ..Group::of(&source, &Segment::named(1, "opacity"), &settings()) };
    group.numbers = vec![Number::volume_ml(12.5)];
    sr::write(&source, &[group.clone()], &settings()).unwrap().write(&path).unwrap();
    assert_eq!(sr::read(&path).unwrap().groups, [group.clone()]);

    assert!(Number::percent(33.0, " ").is_err(), "a share of what?");
    assert!(Number::percent(133.0, "of the lung").is_err());
    assert!(Number::volume_by(1.0, "").is_err(), "which part of it?");
    let refused = |group: Group| sr::write(&source, &[group], &settings()).unwrap_err().to_string();
    assert!(refused(Group { tracking_uid: String::new(), ..group.clone() }).contains("needs a tracking identifier"));
    assert!(refused(Group { numbers: vec![Number::volume_ml(f64::NAN)], ..group }).contains("not finite"));
    assert!(sr::write(&source, &[], &settings()).is_err());
}

/// Expected: what highdicom 0.28.2 and pydicom 3.0.2 read.
#[test]
fn reports_of_others_give_what_highdicom_reads() {
    let Some(path) = real("objects/sr_document_with_multiple_groups.dcm") else { return };
    let report = sr::read(&path).unwrap();
    assert_eq!(report.groups.len(), 4);
    let numbers: Vec<_> = report.groups.iter().map(|group| group.numbers[0].value.unwrap()).collect();
    assert_eq!(numbers, [-119.073_852_539_062_5, 10.0, 20.0, 200.0]);
    let units: Vec<_> = report.groups.iter().map(|group| group.numbers[0].unit.clone().unwrap().value).collect();
    assert_eq!(units, ["[hnsf'U]", "mm", "mm", "mm3"]);
    let ids: Vec<_> = report.groups.iter().map(|group| group.tracking_id.as_str()).collect();
    assert_eq!(ids, ["Image0001", "LungNodule0001", "Aorta0001", "Vertebra0001"]);
    let nodule = &report.groups[1];
    assert_eq!(nodule.tracking_uid, "1.2.826.0.1.3680043.10.511.3.11998155355995483197548907108234588");
    assert_eq!(nodule.finding.as_ref().unwrap().value, "27925004");
    assert_eq!(nodule.category.as_ref().unwrap().value, "49755003");
    assert_eq!(nodule.sites[0].site.value, "39607008");
    assert_eq!(report.other_items, 2 + 3 + 2 + 2, "regions, evaluations and images");

    let Some(path) = real("objects/sr_document.dcm") else { return };
    let report = sr::read(&path).unwrap();
    let group = &report.groups[0];
    assert_eq!(group.tracking_id, "Planar ROI Measurements");
    assert_eq!(group.finding, Some(Code::new("T-A7010", "SRT", "Spinal cord")));
    assert_eq!(group.sites[0].site, Code::new("T-D00F7", "SRT", "Cervico-thoracic spine"));
    assert_eq!(group.numbers[0].value, Some(1.7));
    assert_eq!(group.numbers[0].unit.as_ref().unwrap().value, "cm2");
    assert_eq!(report.procedures, [Code::new("25045-6", "LN", "CT unspecified body region")]);
    assert_eq!(report.completion, "PARTIAL");
}

#[test]
fn hostile_reports_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"));
    let bytes = sr::write(&source, &groups(&source), &settings()).unwrap().bytes().unwrap();
    let path = folder.path().join("hostile.dcm");
    for at in (132..bytes.len()).step_by(23) {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        std::fs::write(&path, &changed).unwrap();
        let _ = sr::read(&path);
        std::fs::write(&path, &bytes[..at]).unwrap();
        let _ = sr::read(&path);
    }
    // Content within content, deeper than any report.
    let mut deep = bytes;
    for _ in 0..100 {
        deep.extend([0x40, 0, 0x30, 0xa7, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        deep.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    for _ in 0..100 {
        deep.extend([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    }
    std::fs::write(&path, &deep).unwrap();
    let error = sr::read(&path).unwrap_err().to_string();
    assert!(error.contains("nested"), "{error}");
}

#[test]
fn a_document_is_kept_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder.path().join("ct"));
    let pdf = b"%PDF-1.7\nodd\n%%EOF";
    let path = folder.path().join("pdf.dcm");
    for shows_identity in [false, true] {
        let document = pdf::Document { pdf: &pdf[..17], title: "Lung opacity", shows_identity };
        pdf::write(&source, &document, &settings()).unwrap().write(&path).unwrap();
        let object = open_file(&path).unwrap();
        let stored = object.get(tags::ENCAPSULATED_DOCUMENT).unwrap().to_bytes().unwrap().to_vec();
        assert_eq!((stored.len(), &stored[..17]), (18, &pdf[..17]), "padded to an even length");
        assert_eq!(object.get(tags::ENCAPSULATED_DOCUMENT_LENGTH).unwrap().to_int::<u32>().unwrap(), 17);
        let burned_in = object.get(tags::BURNED_IN_ANNOTATION).unwrap().to_str().unwrap().into_owned();
        assert_eq!(burned_in.trim(), if shows_identity { "YES" } else { "NO" });
        assert_eq!(object.get(tags::SOURCE_INSTANCE_SEQUENCE).unwrap().items().unwrap().len(), 3);
    }
    let document = pdf::Document { pdf: b"<html>", title: "Lung opacity", shows_identity: false };
    assert!(pdf::write(&source, &document, &settings()).is_err());
    let document = pdf::Document { pdf, title: "\u{dc}bersicht", shows_identity: false };
    assert!(pdf::write(&source, &document, &settings()).is_err(), "what the source's character set may not hold");
}
