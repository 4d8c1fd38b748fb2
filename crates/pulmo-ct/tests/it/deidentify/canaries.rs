//! A canary in every attribute of the dictionary: none survives, and options keep what they name.

use std::collections::BTreeSet;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::{InMemDicomObject, open_file};
use pulmo_ct::deidentify::{Options, Outcome};

use super::{CANARY, DATE, Run, UID_PART, files, has, oracle, plain_bytes, sequence, slice, text, write};

/// In Japanese, for files in UTF-8.
const CANARY_ABROAD: &str = "カナリア";

const ALL_OPTIONS: Options = Options {
    keep_dates: true,
    keep_characteristics: true,
    cap_age: true,
    keep_device: true,
    include_mr_and_pet: true,
};

/// Every attribute of the standard dictionary outside the command and file meta groups.
fn attributes() -> Vec<(Tag, VR)> {
    let high = [
        0x0100, 0x0400, 0x2000, 0x2010, 0x2020, 0x2030, 0x2040, 0x2050, 0x2100, 0x2110, 0x2120, 0x2130, 0x2200, 0x3002,
        0x3004, 0x3006, 0x3008, 0x300a, 0x300c, 0x300e, 0x3010, 0x4000, 0x4008, 0x4010, 0x4ffe, 0x5000, 0x5002, 0x5200,
        0x5400, 0x5600, 0x6000, 0x6002, 0x7fe0,
    ];
    let groups = (0x0008..0x0100).step_by(2).chain(high);
    let tags = groups.flat_map(|group| (1..=u16::MAX).map(move |element| Tag(group, element)));
    tags.filter_map(|tag| Some((tag, StandardDataDictionary.by_tag(tag)?.vr().relaxed()))).collect()
}

/// A canary that the VR can hold; `None` for numbers.
fn seed(tag: Tag, vr: VR) -> Option<PrimitiveValue> {
    let Tag(group, element) = tag;
    Some(match vr {
        VR::CS | VR::AE => PrimitiveValue::from(CANARY),
        // Longer than any of them may be.
        VR::UC | VR::UT | VR::LT | VR::ST => PrimitiveValue::from(format!("{CANARY} ").repeat(400)),
        VR::PN => PrimitiveValue::from(format!("{CANARY}^{CANARY_ABROAD}")),
        VR::LO | VR::SH => PrimitiveValue::Strs(
            [format!("{CANARY}{element:04x}"), format!("{CANARY} ").repeat(9)].into_iter().collect(),
        ),
        VR::UR => PrimitiveValue::from(format!("https://{CANARY}.example/{group:04x}")),
        VR::DA => PrimitiveValue::from(DATE),
        VR::DT => PrimitiveValue::from(format!("{DATE}112358.246813")),
        VR::TM => PrimitiveValue::from("112358.246813"),
        VR::UI => PrimitiveValue::from(format!("1.2.3{UID_PART}{group}.{element}")),
        VR::OB | VR::OW | VR::UN => PrimitiveValue::from(format!("{CANARY}!").into_bytes()),
        _ => return None,
    })
}

/// An item that holds a canary of each kind, and one more item.
fn seeded_item(depth: usize) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for tag in [
        tags::PATIENT_NAME,
        tags::PATIENT_ID,
        tags::STUDY_DATE,
        tags::INSTITUTION_NAME,
        tags::OPERATORS_NAME,
        tags::CONTENT_LABEL,
        tags::REFERENCED_SOP_INSTANCE_UID,
        tags::CODE_MEANING,
        tags::TEXT_VALUE,
        tags::MODALITY,
        tags::CONVOLUTION_KERNEL,
        tags::RETRIEVE_URL,
        tags::ICC_PROFILE,
        Tag(0x0009, 0x0010),
    ] {
        let vr = StandardDataDictionary.by_tag(tag).map_or(VR::LO, |entry| entry.vr().relaxed());
        item.put(DataElement::new(tag, vr, seed(tag, vr).unwrap()));
    }
    if depth > 0 {
        // Without a code, so that it is no coded entry.
        item.remove_element(tags::CODE_MEANING);
        item.put(sequence(tags::REFERENCED_IMAGE_SEQUENCE, vec![seeded_item(depth - 1)]));
    }
    item
}

/// A slice with a canary in every attribute of the dictionary and everywhere else.
fn seeded() -> InMemDicomObject {
    let slice = slice(1);
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr) in attributes() {
        if vr == VR::SQ {
            object.put(sequence(tag, vec![seeded_item(2), seeded_item(0)]));
        } else if let Some(value) = seed(tag, vr) {
            object.put(DataElement::new(tag, vr, value));
        }
    }
    for element in slice {
        object.put(element);
    }
    for tag in [Tag(0x0009, 0x0010), Tag(0x0009, 0x1001), Tag(0x7fe1, 0x0010), Tag(0x0008, 0x7777), Tag(0x0010, 0x7777)]
    {
        object.put(DataElement::new(tag, VR::LO, PrimitiveValue::from(CANARY)));
    }
    object.put(DataElement::new(Tag(0x0009, 0x1002), VR::UN, PrimitiveValue::from(CANARY.as_bytes().to_vec())));
    object.put(sequence(Tag(0x0009, 0x1003), vec![seeded_item(1)]));
    // Kinds that the dictionary does not expect.
    object.put(DataElement::new(tags::WINDOW_CENTER, VR::LO, PrimitiveValue::from(CANARY)));
    object.put(DataElement::new(tags::SLICE_THICKNESS, VR::DS, PrimitiveValue::from("1.5 KANARIE")));
    object.put(DataElement::new(
        tags::LARGEST_IMAGE_PIXEL_VALUE,
        VR::UN,
        PrimitiveValue::from(CANARY.as_bytes().to_vec()),
    ));
    // A screen would be set aside, and these are seeded with words, not numbers.
    object.remove_element(tags::SERIES_DESCRIPTION);
    object
}

const SYNTAXES: [&str; 4] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
];

#[test]
fn no_canary_survives_in_any_transfer_syntax() {
    let count = attributes().iter().filter(|(tag, vr)| seed(*tag, *vr).is_some()).count();
    assert!(count > 2000, "the dictionary has {count} attributes that hold text");
    for syntax in SYNTAXES {
        let job = Run::new();
        write(seeded(), syntax, &job.input().join("KANARIE^Vogel/KANARIE.dcm"));
        let report = job.go();
        assert_eq!(report.count(|outcome| *outcome == Outcome::Written), 1, "{syntax}: {report:?}");
        let written = files(&job.output());
        assert_eq!(written.len(), 1);
        each(&open_file(&written[0]).unwrap(), &mut |tag, value| assert!(!value.contains(CANARY), "{syntax}: {tag}"));
        let bytes = plain_bytes(&written[0]);
        for needle in [CANARY, "Vogel", CANARY_ABROAD, DATE, "112358.2468", ".7654321", "094Y", "SN 4711", "20200302"] {
            assert!(!has(&bytes, needle), "{syntax}: {needle}");
            assert!(!written[0].strip_prefix(job.folder.path()).unwrap().to_string_lossy().contains(needle));
        }
        assert!(!format!("{report:?}").contains(CANARY));
        assert!(!format!("{report:?}").contains(UID_PART));
        let object = open_file(&written[0]).unwrap();
        assert_eq!(object.meta().transfer_syntax(), syntax);
        assert_eq!(
            object.get(tags::PIXEL_DATA),
            open_file(files(&job.input())[0].as_path()).unwrap().get(tags::PIXEL_DATA)
        );
        assert_eq!(text(&object, tags::CONVOLUTION_KERNEL), "B30f");
        assert_eq!(text(&object, tags::MANUFACTURER_MODEL_NAME), "SOMATOM Definition AS+");
        assert_eq!(text(&object, tags::IMAGE_TYPE), "ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI");
        assert_eq!(text(&object, tags::PATIENT_IDENTITY_REMOVED), "YES");
        assert_eq!(text(&object, tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), "REMOVED");
        assert_eq!(codes(&object), ["113100"]);
    }
}

fn codes(object: &InMemDicomObject) -> Vec<String> {
    let items = object.get(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE).unwrap().items().unwrap();
    items.iter().map(|item| text(item, tags::CODE_VALUE)).collect()
}

#[test]
fn options_keep_what_they_name_and_no_more() {
    let job = Run::with(ALL_OPTIONS);
    job.put(seeded(), "a.dcm");
    let report = job.go();
    assert_eq!(report.count(|outcome| *outcome == Outcome::Written), 1, "{report:?}");
    let object = job.objects().remove(0);
    let bytes = plain_bytes(&files(&job.output())[0]);
    for needle in ["Vogel", CANARY_ABROAD, DATE, "20200302", "094Y"] {
        assert!(!has(&bytes, needle), "{needle}");
    }
    // Only what identifies a device was kept as it is written.
    let table = std::fs::read_to_string(oracle("table_e1_1.tsv")).unwrap();
    let mut device: BTreeSet<String> =
        table.lines().filter(|line| line.contains("device=K")).map(|line| line[..8].to_owned()).collect();
    device.insert("00181020".to_owned());
    each(&object, &mut |tag, value| {
        let is_device = device.contains(&format!("{:04x}{:04x}", tag.group(), tag.element()));
        assert!(!value.contains(CANARY) || is_device, "{tag} {value}");
        assert!(!value.contains(UID_PART) || is_device, "{tag} {value}");
    });
    assert_eq!(text(&object, tags::DEVICE_SERIAL_NUMBER), "SN 4711");
    assert_eq!(text(&object, tags::PATIENT_AGE), "090Y");
    assert_eq!(text(&object, tags::PATIENT_SEX), "F");
    assert_eq!(text(&object, tags::PATIENT_WEIGHT), "61.5");
    assert_eq!(text(&object, tags::PATIENT_BIRTH_DATE), "");
    assert_eq!(text(&object, tags::STUDY_TIME), "112358");
    assert_eq!(text(&object, tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), "MODIFIED");
    assert_eq!(codes(&object), ["113100", "113107", "113108", "113109"]);
    let method = text(&object, tags::DEIDENTIFICATION_METHOD);
    assert!(method.split('\\').all(|value| value.len() <= 64), "{method}");
}

/// Calls `look` with every text of an object, sequences included.
fn each(object: &InMemDicomObject, look: &mut impl FnMut(Tag, &str)) {
    for element in object {
        if let Some(items) = element.items() {
            items.iter().for_each(|item| each(item, look));
        } else if element.vr() != VR::OW {
            look(element.header().tag, &element.to_str().unwrap());
        }
    }
}
