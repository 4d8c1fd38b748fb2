//! De-identification: no canary survives, everything else does.

mod canaries;
mod files;
mod oracle;
mod together;

use std::path::{Path, PathBuf};

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Length, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, FileMetaTableBuilder, InMemDicomObject, open_file};
use pulmo_ct::deidentify::{Key, Options, Report, run};

const CANARY: &str = "KANARIE";

const DATE: &str = "19210307";

/// With its points, because digits alone may stand in any new UID.
const UID_PART: &str = ".7654321.";

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

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/deidentify")).join(name)
}
