//! What belongs together stays together: dates of a patient, references, a second call.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use pulmo_ct::deidentify::{Options, Outcome};

use super::{Run, files, put, sequence, slice, text};

#[test]
fn dates_of_a_patient_move_together() {
    let job = Run::with(Options { keep_dates: true, ..Options::default() });
    for (number, patient, date) in [(1, "one", "20200229"), (2, "one", "20200331"), (3, "two", "20200229")] {
        let mut object = slice(number);
        put(&mut object, tags::PATIENT_ID, VR::LO, patient);
        put(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, &format!("1.2.{number}"));
        put(&mut object, tags::STUDY_DATE, VR::DA, date);
        put(&mut object, tags::ACQUISITION_DATE_TIME, VR::DT, &format!("{date}235959.5+0100"));
        put(&mut object, tags::SERIES_DATE, VR::DA, "KANARIE");
        job.put(object, &format!("{number}.dcm"));
    }
    job.go();
    let objects = job.objects();
    let day = |at: usize| {
        let date: u32 = text(&objects[at], tags::STUDY_DATE).parse().unwrap();
        let time = text(&objects[at], tags::ACQUISITION_DATE_TIME);
        assert_eq!(time, format!("{date}235959.5"));
        let (year, month, day) = (i64::from(date / 10000), i64::from(date / 100 % 100), i64::from(date % 100));
        // Days of the proleptic Gregorian calendar, by counting.
        let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
        let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        (1900..year).map(|y| if leap(y) { 366 } else { 365 }).sum::<i64>()
            + months[..month as usize - 1].iter().sum::<i64>()
            + day
    };
    assert_eq!(day(1) - day(0), 31);
    assert_ne!(day(2), day(0), "another patient, another shift (by chance equal once in 3288 runs)");
    let before = (1900..2020).map(|y: i64| if y % 4 == 0 && y != 1900 { 366 } else { 365 }).sum::<i64>() + 31 + 29;
    assert!((366..=3653).contains(&(before - day(0))));
    assert_eq!(text(&objects[0], tags::SERIES_DATE), "", "what is no date cannot move");
}

#[test]
fn references_and_patients_stay_together() {
    let job = Run::new();
    for number in 1..=2 {
        let mut object = slice(number);
        let mut item = InMemDicomObject::new_empty();
        put(&mut item, tags::REFERENCED_SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
        put(&mut item, tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &format!("1.2.3.7654321.3.{}", 3 - number));
        object.put(sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![item]));
        put(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, &format!("1.2.{number}"));
        job.put(object, &format!("{number}.dcm"));
    }
    let report = job.go();
    assert_eq!((report.patients, report.studies, report.series), (1, 2, 2));
    let objects = job.objects();
    for (one, other) in [(0, 1), (1, 0)] {
        let items = objects[one].get(tags::SOURCE_IMAGE_SEQUENCE).unwrap().items().unwrap();
        assert_eq!(text(&items[0], tags::REFERENCED_SOP_INSTANCE_UID), text(&objects[other], tags::SOP_INSTANCE_UID));
        assert_eq!(text(&items[0], tags::REFERENCED_SOP_CLASS_UID), uids::CT_IMAGE_STORAGE);
        assert_eq!(objects[one].meta().media_storage_sop_instance_uid(), text(&objects[one], tags::SOP_INSTANCE_UID));
        assert_eq!(objects[one].meta().source_application_entity_title(), None);
    }
    assert_eq!(text(&objects[0], tags::PATIENT_ID), text(&objects[1], tags::PATIENT_ID));
    assert!(text(&objects[0], tags::PATIENT_NAME).starts_with("P-"));
    assert_eq!(text(&objects[0], tags::FRAME_OF_REFERENCE_UID), text(&objects[1], tags::FRAME_OF_REFERENCE_UID));
}

#[test]
fn the_same_key_goes_on_where_it_stopped() {
    let job = Run::new();
    job.put(slice(1), "1.dcm");
    job.go();
    let first = std::fs::read(&files(&job.output())[0]).unwrap();
    job.put(slice(2), "0.dcm");
    let report = job.go();
    assert_eq!(report.count(|outcome| *outcome == Outcome::AlreadyThere), 1);
    assert_eq!(report.count(|outcome| *outcome == Outcome::Written), 1);
    assert_eq!((report.patients, report.studies, report.series), (1, 1, 1));
    assert!(files(&job.output()).iter().any(|path| std::fs::read(path).unwrap() == first));
    let other = Run::new();
    other.put(slice(1), "1.dcm");
    other.go();
    assert_ne!(files(&other.output())[0].file_name(), files(&job.output())[0].file_name());
}
