//! Writes a label map as an RT Structure Set.

use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;

use super::keyhole;
use super::trace::Point;
use crate::error::{Error, Result};
use crate::format::dicom::RESEARCH_SENTENCE;
use crate::format::dicom::code;
use crate::format::dicom::dataset::DataSet;
use crate::format::dicom::object::{self, DicomObject, Draft, ObjectKind, Settings};
use crate::format::dicom::seg::Segment;
use crate::format::dicom::source::{SourceSeries, SourceSlice};
use crate::geometry::Grid;
use crate::volume::LabelMap;

const KIND: ObjectKind = ObjectKind {
    sop_class_uid: uids::RT_STRUCTURE_SET_STORAGE,
    modality: "RTSTRUCT",
    series_digit: 2,
    series_description: "Segmentation as contours (research)",
    is_in_space: true,
};

/// Coordinates are written to this fraction of a millimetre: well below the distance of a contour from a pixel's border.
const PER_MM: f64 = 1e5;
/// A class that stands for a study in RT objects, retired for all else.
const DETACHED_STUDY_MANAGEMENT: &str = "1.2.840.10008.3.1.2.3.1";

/// Writes the labels of a label map as structures of an RT Structure Set (PS3.3 A.19), one for each of `segments` in that order; its
/// number is the label and the ROINumber.
///
/// Each piece of a label on a slice is one closed planar contour on that slice's plane, holes joined by keyholes, a two
/// hundredth of a pixel inside the border of its pixels. Filling the contours gives the same voxels in this program, in plastimatch
/// and by the even-odd rule at pixel centres; rounding them to pixels as rt-utils does, too. A label without voxels is a structure without contours.
/// Long contours need Implicit VR; then the whole object is written so.
///
/// # Errors
/// [`Error::GridMismatch`] if `labels` is not on the source's grid, [`Error::Value`] if that grid does not consist of the source's slices (it was
/// straightened or gaps were filled) or a structure is named twice; as [`Draft::finish`] otherwise.
pub fn write(
    source: &SourceSeries,
    labels: &LabelMap,
    segments: &[Segment],
    settings: &Settings,
) -> Result<DicomObject> {
    source.grid().must_equal(labels.grid())?;
    source.must_be_the_grid()?;
    let mut numbers: Vec<u16> = segments.iter().map(|segment| segment.number).collect();
    numbers.sort_unstable();
    let is_right = numbers.first() > Some(&0) && numbers.last() <= Some(&255);
    if !is_right || numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        let problem = format!("labels {numbers:?} as structures: expected at least one, each once, from 1 to 255");
        return Err(Error::Value { problem });
    }
    let mut draft = Draft::new(source, settings, KIND)?;
    put_structure_set(&mut draft, source);
    let data = &mut draft.data;
    let rois = segments.iter().map(|segment| roi(segment, source, settings));
    data.put_items(tags::STRUCTURE_SET_ROI_SEQUENCE, rois.collect());
    let contours = segments.iter().map(|segment| roi_contours(segment, source, labels));
    data.put_items(tags::ROI_CONTOUR_SEQUENCE, contours.collect());
    data.put_items(tags::RTROI_OBSERVATIONS_SEQUENCE, segments.iter().map(observation).collect());
    data.put_text(tags::APPROVAL_STATUS, "UNAPPROVED");
    draft.finish()
}

/// The Structure Set module without its structures (PS3.3 C.8.8.5).
fn put_structure_set(draft: &mut Draft, source: &SourceSeries) {
    let mut series = DataSet::new();
    series
        .put_text(tags::SERIES_INSTANCE_UID, source.series_instance_uid())
        .put_items(tags::CONTOUR_IMAGE_SEQUENCE, object::references(source));
    let mut study = object::reference(DETACHED_STUDY_MANAGEMENT, source.study_instance_uid());
    study.put_item(tags::RT_REFERENCED_SERIES_SEQUENCE, series);
    let mut frame = DataSet::new();
    frame
        .put_text(tags::FRAME_OF_REFERENCE_UID, source.frame_of_reference_uid())
        .put_item(tags::RT_REFERENCED_STUDY_SEQUENCE, study);
    let data = &mut draft.data;
    let [date, time] =
        [tags::CONTENT_DATE, tags::CONTENT_TIME].map(|tag| data.ascii(tag).unwrap_or_default().to_owned());
    data.put_text(tags::STRUCTURE_SET_LABEL, "pulmo")
        .put_text(tags::STRUCTURE_SET_NAME, KIND.series_description)
        .put_text(tags::STRUCTURE_SET_DESCRIPTION, RESEARCH_SENTENCE)
        .put_text(tags::STRUCTURE_SET_DATE, &date)
        .put_text(tags::STRUCTURE_SET_TIME, &time)
        .put_item(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, frame)
        .empty_unless_present(tags::OPERATORS_NAME);
    // This object says so as StructureSetDate and StructureSetTime.
    data.remove(tags::CONTENT_DATE);
    data.remove(tags::CONTENT_TIME);
}

fn roi(segment: &Segment, source: &SourceSeries, settings: &Settings) -> DataSet {
    let mut item = DataSet::new();
    item.put_integer(tags::ROI_NUMBER, i64::from(segment.number))
        .put_text(tags::REFERENCED_FRAME_OF_REFERENCE_UID, source.frame_of_reference_uid())
        .put_text(tags::ROI_NAME, &segment.label)
        .put_text(tags::ROI_GENERATION_ALGORITHM, settings.algorithm.kind.name());
    item
}

fn observation(segment: &Segment) -> DataSet {
    // Targets of a treatment have types of their own; a finding has none.
    let kind = if segment.category.is_same(&code::ANATOMICAL_STRUCTURE) { "ORGAN" } else { "" };
    let mut item = DataSet::new();
    item.put_integer(tags::OBSERVATION_NUMBER, i64::from(segment.number))
        .put_integer(tags::REFERENCED_ROI_NUMBER, i64::from(segment.number))
        .put_item(tags::RTROI_IDENTIFICATION_CODE_SEQUENCE, segment.kind.item())
        .put_text(tags::RTROI_INTERPRETED_TYPE, kind)
        .empty_unless_present(tags::ROI_INTERPRETER);
    item
}

fn roi_contours(segment: &Segment, source: &SourceSeries, labels: &LabelMap) -> DataSet {
    let grid = source.grid();
    let [_, rows, columns] = grid.shape();
    // Checked to fit.
    let label = segment.number as u8;
    let slices = labels.labels().par_chunks(rows * columns).zip(source.slices());
    let contours = slices.flat_map_iter(|(pixels, slice)| {
        let found = keyhole::contours(pixels, columns, label);
        found.into_iter().map(move |points| contour(&points, slice, grid))
    });
    let contours: Vec<DataSet> = contours.collect();
    let mut item = DataSet::new();
    let colour = segment.rgb.map(|x| x.to_string()).join("\\");
    item.put_text(tags::ROI_DISPLAY_COLOR, &colour).put_integer(tags::REFERENCED_ROI_NUMBER, i64::from(segment.number));
    if !contours.is_empty() {
        item.put_items(tags::CONTOUR_SEQUENCE, contours);
    }
    item
}

fn contour(points: &[Point], slice: &SourceSlice, grid: &Grid) -> DataSet {
    let [_, down, right] = grid.affine().columns;
    let mut numbers = Vec::with_capacity(3 * points.len());
    for point in points {
        let [row, column] = [point.row, point.column].map(|x| f64::from(x) / 1000.0);
        numbers.extend((0..3).map(|axis| {
            let mm = slice.position_mm[axis] + down[axis] * row + right[axis] * column;
            (mm * PER_MM).round() / PER_MM
        }));
    }
    let mut image = object::reference(&slice.sop_class_uid, &slice.sop_instance_uid);
    if let Some(frame) = slice.frame {
        image.put_integer(tags::REFERENCED_FRAME_NUMBER, i64::from(frame));
    }
    let mut item = DataSet::new();
    item.put_item(tags::CONTOUR_IMAGE_SEQUENCE, image)
        .put_text(tags::CONTOUR_GEOMETRIC_TYPE, "CLOSED_PLANAR")
        .put_integer(tags::NUMBER_OF_CONTOUR_POINTS, points.len() as i64)
        .put_decimals(tags::CONTOUR_DATA, &numbers);
    item
}
