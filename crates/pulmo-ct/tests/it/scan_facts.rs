//! What a DICOM series says of how it was made, and that nothing else of it comes along.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use pulmo_ct::format::{OpenOptions, ScanFacts, open_ct};

use super::dicom_series::Slice;
use super::format_real::real;

fn facts(fields: &[(dicom_core::Tag, VR, &str)]) -> ScanFacts {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        let mut slice = Slice::new(number);
        for &(tag, vr, value) in fields {
            slice.text(tag, vr, value);
        }
        slice.write(&folder.path().join(number.to_string()));
    }
    open_ct(folder.path(), &OpenOptions::default()).unwrap().origin.scan
}

#[test]
fn a_series_says_how_it_was_made() {
    let found = facts(&[
        (tags::CONVOLUTION_KERNEL, VR::SH, "Br64d\\3"),
        (tags::MANUFACTURER, VR::LO, "SIEMENS"),
        (tags::MANUFACTURER_MODEL_NAME, VR::LO, "SOMATOM Force"),
        (tags::CONTRAST_BOLUS_AGENT, VR::LO, "given by Doe"),
        (tags::SLICE_THICKNESS, VR::DS, "5.0"),
        (tags::PATIENT_POSITION, VR::CS, "HFP"),
        (tags::PATIENT_AGE, VR::AS, "017Y"),
        (tags::PATIENT_NAME, VR::PN, "Doe^Jane"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19850101"),
    ]);
    let text = |text: &str| Some(text.to_owned());
    let expected = ScanFacts {
        kernel: text("Br64d/3"),
        manufacturer: text("SIEMENS"),
        scanner_model: text("SOMATOM Force"),
        contrast_agent: Some(true),
        slice_thickness_mm: Some(5.0),
        patient_position: text("HFP"),
        age_years: Some(17),
    };
    assert_eq!(found, expected);
    let json = serde_json::to_string(&found).unwrap();
    assert!(!json.contains("Doe") && !json.contains("1985"), "{json}");
    assert_eq!(serde_json::from_str::<ScanFacts>(&json).unwrap(), found);
}

#[test]
fn silence_is_not_a_fact() {
    let found = facts(&[(tags::PATIENT_AGE, VR::AS, "old"), (tags::SLICE_THICKNESS, VR::DS, "0")]);
    assert_eq!((found.age_years, found.slice_thickness_mm, found.kernel), (None, None, None));
    assert_eq!(found.contrast_agent, Some(false), "DICOM names an agent if one was given");
}

#[test]
fn real_series_say_how_they_were_made() {
    let Some(folder) = real("cip/ct-64Dicom") else { return };
    let found = open_ct(&folder, &OpenOptions::default()).unwrap().origin.scan;
    assert_eq!(found.manufacturer.as_deref(), Some("GE Medical Systems"));
    assert_eq!(found.patient_position.as_deref(), Some("HFS"));
    assert_eq!(found.slice_thickness_mm, Some(3.98734));
    assert_eq!((found.kernel, found.age_years), (None, None));
    let Some(file) = real("cip/ct-64.nrrd") else { return };
    let found = open_ct(&file, &OpenOptions::default()).unwrap().origin.scan;
    assert_eq!(found, ScanFacts::default(), "other formats say nothing");
}
