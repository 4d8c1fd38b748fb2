//! De-identification: no canary survives, everything else does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Length, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::{DefaultDicomObject, FileMetaTableBuilder, InMemDicomObject, open_file};
use pulmo_ct::deidentify::{Change, Key, Options, Outcome, Report, SetAside, check_places, run, write_map};
use pulmo_ct::format::{OpenOptions, open_ct};

const CANARY: &str = "KANARIE";
/// In Japanese, for files in UTF-8.
const CANARY_ABROAD: &str = "カナリア";
const DATE: &str = "19210307";
/// With its points, because digits alone may stand in any new UID.
const UID_PART: &str = ".7654321.";

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

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED))
}

/// A CT slice; `number` tells its instance.
fn slice(number: u16) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI\\KANARIE"),
        (tags::BURNED_IN_ANNOTATION, VR::CS, "NO"),
        (tags::CONVERSION_TYPE, VR::CS, "WSD"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3.7654321.1"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.7654321.2"),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.3.7654321.4"),
        (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
        (tags::PIXEL_SPACING, VR::DS, "0.8\\0.7"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        (tags::RESCALE_SLOPE, VR::DS, "1"),
        (tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
        (tags::RESCALE_TYPE, VR::LO, "HU"),
        (tags::SERIES_NUMBER, VR::IS, "3"),
        (tags::PATIENT_AGE, VR::AS, "094Y"),
        (tags::PATIENT_SEX, VR::CS, "F"),
        (tags::PATIENT_WEIGHT, VR::DS, "61.5"),
        (tags::PATIENT_ID, VR::LO, "KANARIE 17"),
        (tags::PATIENT_NAME, VR::PN, "KANARIE^Vogel"),
        (tags::DEVICE_SERIAL_NUMBER, VR::LO, "SN 4711"),
        (tags::MANUFACTURER, VR::LO, "SIEMENS"),
        (tags::MANUFACTURER_MODEL_NAME, VR::LO, "SOMATOM Definition AS+"),
        (tags::CONVOLUTION_KERNEL, VR::SH, "B30f"),
        (tags::STUDY_DATE, VR::DA, "20200302"),
        (tags::ACQUISITION_DATE, VR::DA, "20200305"),
        (tags::STUDY_TIME, VR::TM, "112358"),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    }
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1_u16),
        (tags::ROWS, 3),
        (tags::COLUMNS, 4),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 0),
        (Tag(0x6000, 0x0100), 1),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let words: Vec<u16> = (0..12).map(|pixel| pixel + 100 * number).collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
    put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, &format!("1.2.3.7654321.3.{number}"));
    put(&mut object, tags::INSTANCE_NUMBER, VR::IS, &number.to_string());
    put(&mut object, tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("0\\0\\{}", f64::from(number) * 2.0));
    object
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
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

fn write(object: InMemDicomObject, syntax: &str, path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_instance_uid("1.2.3.7654321.9")
        .source_application_entity_title(CANARY)
        .implementation_version_name(CANARY)
        .private_information_creator_uid("1.2.3.7654321.8")
        .private_information(CANARY.as_bytes().to_vec());
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    for (at, letter) in CANARY.bytes().enumerate() {
        bytes[at] = letter;
    }
    std::fs::write(path, bytes).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn has(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// The file's bytes, and those of its data set where nothing is deflated.
fn plain_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    let object = open_file(path).unwrap();
    if object.meta().transfer_syntax() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        object.into_inner().with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
    }
    bytes
}

struct Run {
    folder: tempfile::TempDir,
    key: Key,
    options: Options,
}

impl Run {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: Key::random().unwrap(), options: Options::default() }
    }

    fn with(options: Options) -> Self {
        Self { options, ..Self::new() }
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("in KANARIE")
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn put(&self, object: InMemDicomObject, name: &str) {
        write(object, uids::EXPLICIT_VR_LITTLE_ENDIAN, &self.input().join(name));
    }

    fn go(&self) -> Report {
        run(&self.input(), Some(&self.output()), &self.key, &self.options, &|_, _| true).unwrap()
    }

    /// The output, in the order of InstanceNumber.
    fn objects(&self) -> Vec<DefaultDicomObject> {
        let mut objects: Vec<_> = files(&self.output()).iter().map(|path| open_file(path).unwrap()).collect();
        objects.sort_by_key(|object| object.get(tags::INSTANCE_NUMBER).and_then(|e| e.to_int::<i64>().ok()));
        objects
    }
}

fn text(object: &InMemDicomObject, tag: Tag) -> String {
    object
        .get(tag)
        .map(|element| element.to_str().unwrap().trim_end_matches(['\0', ' ']).to_owned())
        .unwrap_or_default()
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

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/deidentify")).join(name)
}

#[test]
fn the_lists_are_those_of_the_oracle() {
    for name in ["table_e1_1.tsv", "coded_words.txt"] {
        let used = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deidentify").join(name);
        assert_eq!(std::fs::read(oracle(name)).unwrap(), std::fs::read(used).unwrap(), "{name}");
    }
}

/// The first ten slices of each series would do, but whole series prove the order too.
#[allow(clippy::print_stderr, reason = "a test says what it measured or why it did not run")]
#[test]
fn the_voxels_stay_those_of_the_source() {
    let series = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_series"));
    let mut sources: Vec<PathBuf> = std::fs::read_dir(series).unwrap().map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.is_dir());
    let real = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if real.is_dir() {
        sources.extend(["cip", "ibsi"].map(|name| real.join(name)));
    } else {
        eprintln!("skipped: no real data at {}", real.display());
    }
    for source in sources {
        let Some(folder) = files(&source)
            .into_iter()
            .find(|path| std::fs::read(path).is_ok_and(|bytes| bytes.get(128..132) == Some(b"DICM")))
        else {
            continue;
        };
        let folder = folder.parent().unwrap();
        let output = tempfile::tempdir().unwrap();
        let output = output.path().join("out");
        let report = run(folder, Some(&output), &Key::random().unwrap(), &Options::default(), &|_, _| true).unwrap();
        assert_eq!(report.failures().count(), 0, "{}: {report:?}", source.display());
        let Ok(expected) = open_ct(folder, &OpenOptions::default()) else { continue };
        let opened = open_ct(&output, &OpenOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        assert_eq!(opened.volume.hu(), expected.volume.hu(), "{}", source.display());
        assert_eq!(opened.volume.grid(), expected.volume.grid(), "{}", source.display());
    }
}

#[test]
fn files_made_by_pydicom_give_nothing_away() {
    let job = Run::new();
    std::fs::create_dir_all(job.input()).unwrap();
    let names = ["deflated", "jp", "kr", "ru", "gb"];
    for name in names {
        std::fs::copy(oracle(&format!("seeded_{name}.dcm")), job.input().join(name)).unwrap();
    }
    let report = job.go();
    assert_eq!(report.count(|outcome| *outcome == Outcome::Written), names.len(), "{report:?}");
    // The names as bytes of their character sets: JIS X 0208, KS X 1001, ISO 8859-5, GB 18030.
    let abroad: [&[u8]; 5] =
        [b"$B6b;e?}", b"\xc4\xab\xb3\xaa", b"\xba\xd0\xdd\xd0\xe0\xd5\xd9\xda\xd0", b"\xbd\xf0\xcb\xbf", b"Kanarie"];
    for path in files(&job.output()) {
        let bytes = plain_bytes(&path);
        for needle in [CANARY, "Vogel", DATE, "112358.2468", ".7654321", "094Y"] {
            assert!(!has(&bytes, needle), "{needle}");
        }
        for needle in abroad {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
        let object = open_file(&path).unwrap();
        assert_eq!(object.get(tags::SPECIFIC_CHARACTER_SET), None, "all text that is left is ASCII");
        assert_eq!(object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().len(), 48);
    }
}

#[test]
fn whatever_another_tool_changes_is_changed() {
    let job = Run::new();
    std::fs::create_dir_all(job.input()).unwrap();
    std::fs::copy(oracle("seeded_deflated.dcm"), job.input().join("a")).unwrap();
    job.go();
    let (before, after) = (open_file(oracle("seeded_deflated.dcm")).unwrap(), job.objects().remove(0));
    let lines = std::fs::read_to_string(oracle("dicom_anonymizer.tsv")).unwrap();
    let (mut only_here, mut kept) = (0, Vec::new());
    for line in lines.lines() {
        let (number, state) = line.split_once('\t').unwrap();
        let number = u32::from_str_radix(number, 16).unwrap();
        let tag = Tag((number >> 16) as u16, (number & 0xffff) as u16);
        if before.get(tag).is_none_or(|element| element.value().to_str().is_ok_and(|value| value.is_empty())) {
            continue;
        }
        let is_same = after.get(tag).map(|element| element.value()) == before.get(tag).map(|element| element.value());
        match (state, is_same) {
            ("kept", false) => only_here += 1,
            ("removed" | "emptied" | "changed", true) => kept.push(tag),
            _ => (),
        }
    }
    assert_eq!(kept, [], "the other tool does not keep these");
    assert!(only_here > 2000, "{only_here} attributes that the other tool keeps are changed here");
}
