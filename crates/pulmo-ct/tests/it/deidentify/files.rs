//! Which files are written, set aside or refused, and what is told of them.

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use pulmo_ct::deidentify::{Change, Outcome, SetAside, check_places, run, write_map};

use super::{CANARY, Run, files, put, slice};

#[test]
fn nothing_is_overwritten_and_the_first_of_two_wins() {
    let job = Run::new();
    job.put(slice(1), "a.dcm");
    let mut other = slice(1);
    put(&mut other, tags::INSTANCE_NUMBER, VR::IS, "77");
    job.put(other, "b.dcm");
    job.put(slice(1), "c.dcm");
    let report = job.go();
    let failures: Vec<usize> = report.failures().map(|(number, _)| number).collect();
    assert_eq!(failures, [2]);
    assert_eq!(report.entries[2].outcome, Outcome::AlreadyThere);
    let written = files(&job.output());
    assert_eq!(written.len(), 1);
    std::fs::write(&written[0], "mine").unwrap();
    let report = job.go();
    assert_eq!(report.failures().count(), 3);
    assert_eq!(std::fs::read(&written[0]).unwrap(), b"mine");
}

#[test]
fn what_may_show_text_is_set_aside() {
    let job = Run::new();
    let mut expected = Vec::new();
    let mut add = |name: &str, reason: Option<SetAside>, edit: &dyn Fn(&mut InMemDicomObject)| {
        let mut object = slice(expected.len() as u16);
        edit(&mut object);
        job.put(object, &format!("{:02}-{name}", expected.len()));
        expected.push(reason);
    };
    let class = |uid: &'static str| move |object: &mut InMemDicomObject| put(object, tags::SOP_CLASS_UID, VR::UI, uid);
    let word = |tag: Tag, vr: VR, value: &'static str| move |object: &mut InMemDicomObject| put(object, tag, vr, value);
    add("ct", None, &|_| ());
    add("localizer", None, &word(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER"));
    add("low-dose", None, &word(tags::SERIES_DESCRIPTION, VR::LO, "LOW DOSE LUNG"));
    add("capture", Some(SetAside::SecondaryCapture), &class(uids::SECONDARY_CAPTURE_IMAGE_STORAGE));
    add(
        "capture-rgb",
        Some(SetAside::SecondaryCapture),
        &class(uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE),
    );
    add("mr", Some(SetAside::OtherImage), &class(uids::MR_IMAGE_STORAGE));
    add("us", Some(SetAside::OtherImage), &class(uids::ULTRASOUND_IMAGE_STORAGE));
    for (name, uid) in [
        ("pdf", uids::ENCAPSULATED_PDF_STORAGE),
        ("cda", uids::ENCAPSULATED_CDA_STORAGE),
        ("sr", uids::COMPREHENSIVE3_DSR_STORAGE),
        ("dose", uids::X_RAY_RADIATION_DOSE_SR_STORAGE),
        ("gsps", uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE),
        ("rtstruct", uids::RT_STRUCTURE_SET_STORAGE),
    ] {
        add(name, Some(SetAside::NotAnImage), &|object| {
            put(object, tags::SOP_CLASS_UID, VR::UI, uid);
            object.remove_element(tags::PIXEL_DATA);
        });
    }
    add("seg", Some(SetAside::NotAnImage), &class(uids::SEGMENTATION_STORAGE));
    add("dicomdir", Some(SetAside::Index), &class(uids::MEDIA_STORAGE_DIRECTORY_STORAGE));
    add("burned", Some(SetAside::BurnedIn), &word(tags::BURNED_IN_ANNOTATION, VR::CS, "YES"));
    add("ssave", Some(SetAside::Screen), &word(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\SCREEN SAVE"));
    add("dose-screen", Some(SetAside::Screen), &word(tags::SERIES_DESCRIPTION, VR::LO, "Dose Report"));
    add("film", Some(SetAside::Screen), &word(tags::CONVERSION_TYPE, VR::CS, "DF"));
    add("rgb", Some(SetAside::Screen), &|object| {
        object.put(DataElement::new(tags::SAMPLES_PER_PIXEL, VR::US, PrimitiveValue::from(3_u16)));
    });
    add("overlay", Some(SetAside::OverlayInPixels), &|object| {
        object.put(DataElement::new(Tag(0x6002, 0x0102), VR::US, PrimitiveValue::from(12_u16)));
    });
    std::fs::write(job.input().join("98-notes.txt"), "KANARIE called").unwrap();
    expected.push(Some(SetAside::NotDicom));
    let report = job.go();
    for (entry, expected) in report.entries.iter().zip(&expected) {
        let outcome = expected.map_or(Outcome::Written, Outcome::SetAside);
        assert_eq!(entry.outcome, outcome, "{}", entry.source().display());
    }
    assert_eq!(report.entries.len(), expected.len());
    assert_eq!(files(&job.output()).len(), 3);
}

#[test]
fn a_damaged_file_fails_without_being_quoted() {
    let job = Run::new();
    job.put(slice(1), "good.dcm");
    job.put(slice(2), "KANARIE.dcm");
    let path = job.input().join("KANARIE.dcm");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    let mut nameless = slice(3);
    put(&mut nameless, tags::STUDY_INSTANCE_UID, VR::UI, "");
    job.put(nameless, "nameless.dcm");
    let mut odd = slice(4);
    odd.put(DataElement::new(tags::ROWS, VR::UN, PrimitiveValue::from(vec![3_u8, 0])));
    job.put(odd, "odd.dcm");
    let report = job.go();
    let reasons: Vec<String> = report.failures().map(|(_, failure)| failure.to_string()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[1].contains("StudyInstanceUID"), "{reasons:?}");
    assert!(reasons[2].contains("(0028,0010) Rows"), "{reasons:?}");
    assert!(!reasons.iter().any(|reason| reason.contains(CANARY)));
    assert_eq!(report.count(|outcome| *outcome == Outcome::Written), 1);
}

#[test]
fn the_map_is_private_and_grows() {
    let job = Run::new();
    job.put(slice(1), "a, \"b\".dcm");
    let map = job.folder.path().join("map.csv");
    write_map(&map, &job.go()).unwrap();
    job.put(slice(2), "c\nd.dcm");
    write_map(&map, &job.go()).unwrap();
    let text = std::fs::read_to_string(&map).unwrap();
    assert_eq!(text.matches("KANARIE 17").count(), 2, "{text}");
    assert!(text.contains("a, \"\"b\"\".dcm") && text.contains("1.2.3.7654321.3.2"), "{text}");
    write_map(&map, &job.go()).unwrap();
    assert_eq!(std::fs::read_to_string(&map).unwrap(), text, "equal lines are not repeated");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&map).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&map, "something else").unwrap();
    assert!(write_map(&map, &job.go()).is_err());
}

#[test]
fn places_that_get_in_each_others_way_are_refused() {
    let job = Run::new();
    job.put(slice(1), "1.dcm");
    let (input, output) = (job.input(), job.output());
    let refused = |input: &Path, output: &Path, private: &Path| check_places(input, Some(output), &[private]).is_err();
    let apart = job.folder.path().join("key");
    assert!(!refused(&input, &output, &apart));
    assert!(refused(&input, &input, &apart));
    assert!(refused(&input, &input.join("../in KANARIE/out"), &apart));
    assert!(refused(&input, job.folder.path(), &apart));
    assert!(refused(&input, &output, &output.join("deep/key")));
    assert!(refused(&input, &output, &input.join("key")));
    let error = check_places(&input, Some(&input), &[]).unwrap_err();
    assert!(!error.to_string().contains(CANARY));
}

#[test]
fn a_dry_run_writes_nothing_and_counts() {
    let job = Run::new();
    job.put(slice(1), "1.dcm");
    let report = run(&job.input(), None, &job.key, &job.options, &|_, _| true).unwrap();
    assert!(!job.output().exists());
    assert_eq!(report.changes[&(tags::PATIENT_NAME, Change::Replaced)], 1);
    assert_eq!(report.changes[&(tags::STUDY_DATE, Change::Emptied)], 1);
    assert_eq!(report.changes[&(tags::ROWS, Change::Kept)], 1);
    let stopped = run(&job.input(), None, &job.key, &job.options, &|_, _| false).unwrap();
    assert!(stopped.was_interrupted && stopped.entries.is_empty());
}

#[test]
fn a_series_that_may_show_the_face_is_named() {
    for (edit, is_suspect) in
        [(("CHEST", 2.0), false), (("NECK", 2.0), true), (("Kopf/Hals", 2.0), true), (("CHEST", 500.0), true)]
    {
        let job = Run::new();
        for number in 0..2 {
            let mut object = slice(number);
            put(&mut object, tags::BODY_PART_EXAMINED, VR::CS, edit.0);
            put(&mut object, tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("0\\0\\{}", f64::from(number) * edit.1));
            job.put(object, &number.to_string());
        }
        assert_eq!(job.go().faces.len(), usize::from(is_suspect), "{edit:?}");
    }
}
