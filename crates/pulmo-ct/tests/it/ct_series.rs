//! A synthetic CT series on disk, for tests of what is made from one.

use std::path::Path;

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pulmo_ct::Grid;

/// Names that must be found in objects and nowhere else.
pub(crate) const PATIENT: &str = "Canary^Patient";

/// Writes a series on `grid`; voxel (slice, row, column) holds -1000 + 100 slice + row + column HU.
pub(crate) fn write(folder: &Path, grid: &Grid) {
    std::fs::create_dir_all(folder).unwrap();
    let [slices, rows, columns] = grid.shape();
    let [_, row_mm, column_mm] = grid.spacing().mm();
    let [_, down, right] = grid.affine().direction();
    let joined = |numbers: &[f64]| numbers.iter().map(|x| format!("{x:.10}")).collect::<Vec<_>>();
    let short = |numbers: &[f64]| {
        let cut = joined(numbers).into_iter().map(|text| text.chars().take(16).collect::<String>());
        cut.collect::<Vec<_>>().join("\\")
    };
    for slice in 0..slices {
        let mut object = InMemDicomObject::new_empty();
        let mut text = |tag: Tag, vr, value: &str| {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        };
        let uid = format!("2.25.3.{}", slice + 1);
        let position = grid.affine().voxel_to_world([slice as f64, 0.0, 0.0]);
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            (tags::SOP_INSTANCE_UID, VR::UI, uid.as_str()),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::PATIENT_NAME, VR::PN, PATIENT),
            (tags::PATIENT_ID, VR::LO, "canary-id"),
            (tags::PATIENT_BIRTH_DATE, VR::DA, "19500102"),
            (tags::PATIENT_SEX, VR::CS, "F"),
            (tags::ACCESSION_NUMBER, VR::SH, "A-17"),
            (tags::STUDY_DATE, VR::DA, "20200301"),
            (tags::STUDY_TIME, VR::TM, "101112.5"),
            (tags::STUDY_INSTANCE_UID, VR::UI, "2.25.1"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "2.25.2"),
            (tags::FRAME_OF_REFERENCE_UID, VR::UI, "2.25.4"),
            (tags::SERIES_NUMBER, VR::IS, "3"),
            (tags::INSTANCE_NUMBER, VR::IS, &(slice + 1).to_string()),
            (tags::SLICE_THICKNESS, VR::DS, "2.5"),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, &short(&position)),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, &short(&[right, down].concat())),
            (tags::PIXEL_SPACING, VR::DS, &short(&[row_mm, column_mm])),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "-1000"),
        ] {
            text(tag, vr, value);
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, rows as u16),
            (tags::COLUMNS, columns as u16),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 16),
            (tags::HIGH_BIT, 15),
            (tags::PIXEL_REPRESENTATION, 0),
        ] {
            object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        }
        let pixels: Vec<u16> =
            (0..rows * columns).map(|at| (100 * slice + at / columns + at % columns) as u16).collect();
        object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())));
        let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let file = object.with_meta(meta).unwrap();
        // Names run against the order of slices.
        file.write_to_file(folder.join(format!("{:03}.dcm", slices - slice))).unwrap();
    }
}
