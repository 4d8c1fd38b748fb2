//! Tiny DICOM slices for synthetic archives.

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

/// What differs from slice to slice.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) patient: String,
    pub(super) study: String,
    pub(super) series: String,
    pub(super) number: usize,
    pub(super) sop: String,
    pub(super) z: f64,
    pub(super) side: u16,
}

impl Slice {
    /// Slice `number` of a series, 2 mm above the one before.
    pub(super) fn new(patient: &str, study: &str, series: &str, number: usize) -> Self {
        let sop = format!("{series}.{number}");
        let [patient, study, series] = [patient, study, series].map(str::to_owned);
        Self { patient, study, series, number, sop, z: number as f64 * 2.0, side: 8 }
    }

    pub(super) fn write(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut object = InMemDicomObject::new_empty();
        let number = self.number.to_string();
        let position = format!("0\\0\\{:.3}", self.z);
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            (tags::SOP_INSTANCE_UID, VR::UI, &self.sop),
            (tags::STUDY_INSTANCE_UID, VR::UI, &self.study),
            (tags::SERIES_INSTANCE_UID, VR::UI, &self.series),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.9"),
            (tags::PATIENT_ID, VR::LO, &self.patient),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, &position),
            (tags::PIXEL_SPACING, VR::DS, "0.75\\0.75"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
            (tags::SERIES_NUMBER, VR::IS, "2"),
            (tags::INSTANCE_NUMBER, VR::IS, &number),
        ] {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, self.side),
            (tags::COLUMNS, self.side),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        }
        let pixels: Vec<u16> = (0..self.side * self.side).collect();
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())));
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid(&self.sop);
        object.with_meta(meta).unwrap().write_to_file(path).unwrap();
    }
}
