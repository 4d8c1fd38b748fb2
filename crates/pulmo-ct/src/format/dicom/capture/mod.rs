//! Secondary captures: slices as pictures that every viewer shows, with the segmentation's borders drawn in.

mod font;
mod paint;

use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use self::paint::Picture;
use super::RESEARCH_SENTENCE;
use super::code;
use super::object::{self, DicomObject, Draft, ObjectKind, Settings};
use super::seg::Segment;
use super::source::{SourceSeries, SourceSlice};
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::volume::{CtVolume, LabelMap};

const KIND: ObjectKind = ObjectKind {
    sop_class_uid: uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    modality: "CT",
    series_digit: 5,
    series_description: "Segmentation as pictures (research)",
    is_in_space: true,
};

/// Which slices become pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Slices {
    /// Those that hold a voxel of a label that is shown.
    #[default]
    WithLabels,
    /// All.
    All,
}

/// Paints slices in the lung window with the borders of the labels as one series of Secondary Capture images (PS3.3 A.8.1), RGB, one slice each.
///
/// `labels` are shown in the colours of their segments, which lines below each slice name; below it stands the research
/// sentence. Slices narrower than 384 pixels are enlarged by a whole number. Each picture has the place of its slice (Image Plane), so
/// that viewers can cross-reference it; the text lies outside of the slice's pixels. Nothing that identifies the patient is burned in, which
/// BurnedInAnnotation says. Empty where no slice holds a label that is shown.
///
/// # Errors
/// [`Error::GridMismatch`] if `volume` or `labels` is not on the source's grid; [`Error::Value`] if that grid does not consist of the source's slices; as
/// [`Draft::finish`] otherwise.
pub fn write(
    source: &SourceSeries,
    volume: &CtVolume,
    (labels, segments): (&LabelMap, &[Segment]),
    slices: Slices,
    settings: &Settings,
) -> Result<Vec<DicomObject>> {
    source.grid().must_equal(volume.grid())?;
    source.grid().must_equal(labels.grid())?;
    source.must_be_the_grid()?;
    let [_, rows, columns] = source.grid().shape();
    let colour_of =
        |label: u8| segments.iter().find(|segment| segment.number == u16::from(label)).map(|segment| segment.rgb);
    let mut text: Vec<(String, [u8; 3])> =
        segments.iter().map(|segment| (segment.label.clone(), segment.rgb)).collect();
    text.push((RESEARCH_SENTENCE.to_owned(), [255; 3]));
    let planes = volume.hu().par_chunks(rows * columns).zip(labels.labels().par_chunks(rows * columns));
    let drafts = planes.zip(source.slices()).filter_map(|((hu, labels), slice)| {
        let is_shown = slices == Slices::All || labels.iter().any(|&label| colour_of(label).is_some());
        is_shown.then(|| {
            let picture = paint::paint(hu, labels, columns, &colour_of, &text);
            draft(source, slice, picture, settings)
        })
    });
    Draft::finish_series(drafts.collect::<Result<_>>()?)
}

fn draft(source: &SourceSeries, slice: &SourceSlice, picture: Picture, settings: &Settings) -> Result<Draft> {
    let side = |length: usize| {
        let problem = || format!("a picture of {length} pixels along a side: DICOM holds at most 65535");
        u16::try_from(length).map_err(|_| Error::Value { problem: problem() })
    };
    let (rows, columns) = (side(picture.rows)?, side(picture.columns)?);
    let mut draft = Draft::new(source, settings, KIND)?;
    let mut image = object::reference(&slice.sop_class_uid, &slice.sop_instance_uid);
    if let Some(frame) = slice.frame {
        image.put_integer(tags::REFERENCED_FRAME_NUMBER, i64::from(frame));
    }
    image.put_item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, code::SOURCE_IMAGE.item());
    draft.put_burned_in(false);
    let data = &mut draft.data;
    let [date, time] =
        [tags::CONTENT_DATE, tags::CONTENT_TIME].map(|tag| data.ascii(tag).unwrap_or_default().to_owned());
    data.put_text(tags::IMAGE_TYPE, "DERIVED\\SECONDARY")
        .put_text(tags::CONVERSION_TYPE, "WSD")
        .put_text(tags::DATE_OF_SECONDARY_CAPTURE, &date)
        .put_text(tags::TIME_OF_SECONDARY_CAPTURE, &time)
        .put_text(tags::DERIVATION_DESCRIPTION, "Lung window -600/1500 HU with borders of a segmentation")
        .put_item(tags::SOURCE_IMAGE_SEQUENCE, image)
        .put_u16(tags::SAMPLES_PER_PIXEL, &[3])
        .put_text(tags::PHOTOMETRIC_INTERPRETATION, "RGB")
        .put_u16(tags::PLANAR_CONFIGURATION, &[0])
        .put_u16(tags::ROWS, &[rows])
        .put_u16(tags::COLUMNS, &[columns])
        .put_u16(tags::BITS_ALLOCATED, &[8])
        .put_u16(tags::BITS_STORED, &[8])
        .put_u16(tags::HIGH_BIT, &[7])
        .put_u16(tags::PIXEL_REPRESENTATION, &[0])
        .copy(source.header(), tags::BODY_PART_EXAMINED)
        .copy(source.header(), tags::LATERALITY)
        .copy(source.header(), tags::SLICE_THICKNESS)
        .empty_unless_present(tags::SLICE_THICKNESS);
    put_plane(&mut draft, slice, source.grid(), picture.enlarged);
    source.put_lossy_history(&mut draft.data);
    draft.put_referenced_series(source);
    draft.data.put_bytes_as(tags::PIXEL_DATA, dicom_core::VR::OB, picture.rgb);
    Ok(draft)
}

/// The Image Plane module (PS3.3 C.7.6.2): the first pixel of an enlarged slice lies nearer to the slice's corner.
fn put_plane(draft: &mut Draft, slice: &SourceSlice, grid: &Grid, enlarged: usize) {
    let n = enlarged as f64;
    let [_, row_mm, column_mm] = grid.spacing().mm();
    let [_, down, right] = grid.affine().columns;
    let towards_corner = (1.0 / n - 1.0) / 2.0;
    let first: [f64; 3] =
        std::array::from_fn(|axis| slice.position_mm[axis] + towards_corner * (down[axis] + right[axis]));
    draft
        .data
        .put_decimals(tags::PIXEL_SPACING, &[row_mm / n, column_mm / n])
        .put_decimals(tags::IMAGE_POSITION_PATIENT, &first)
        .put_decimals(tags::IMAGE_ORIENTATION_PATIENT, &slice.orientation)
        .put_text(tags::PATIENT_ORIENTATION, &patient_orientation(slice.orientation));
}

/// PatientOrientation (PS3.3 C.7.6.1.1.1): where rows and columns lead, the nearest direction of the body first.
fn patient_orientation(orientation: [f64; 6]) -> String {
    // A twentieth of a turn off an axis is worth a second letter.
    const LEAST: f64 = 0.1;
    let towards = |direction: &[f64]| {
        let mut parts: Vec<(f64, char)> = direction
            .iter()
            .zip([['R', 'L'], ['A', 'P'], ['F', 'H']])
            .map(|(&x, ends)| (x.abs(), ends[usize::from(x > 0.0)]))
            .filter(|(size, _)| *size > LEAST)
            .collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0));
        parts.into_iter().map(|(_, letter)| letter).collect::<String>()
    };
    format!("{}\\{}", towards(&orientation[..3]), towards(&orientation[3..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_say_where_rows_and_columns_lead() {
        assert_eq!(patient_orientation([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), "L\\P");
        assert_eq!(patient_orientation([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]), "P\\F");
        assert_eq!(patient_orientation([-0.8, 0.6, 0.0, 0.0, 0.05, 0.99]), "RP\\H");
    }
}
