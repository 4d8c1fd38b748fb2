//! The attributes of a Segmentation object (PS3.3 section A.51).

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::super::code;
use super::super::dataset::DataSet;
use super::super::object::{
    Algorithm, AlgorithmKind, DicomObject, Draft, ObjectKind, Settings, algorithm_identification, references,
};
use super::super::source::SourceSeries;
use super::super::uid::Hash;
use super::frames::{self, Frame, Frames, WHOLE};
use super::planes::Planes;
use super::{SegKind, Segment};
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::volume::LabelMap;

const SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const LABEL_MAP_SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.7";

/// Makes a Segmentation object of a label map on the grid of its CT.
///
/// `segments` says what each label stands for; one that no voxel carries is described and has no frame. The voxels
/// come back exactly; highdicom, pydicom and dcmqi read the same ones. Slices without a label have no frame, except that
/// an empty label map has one empty frame.
///
/// # Errors
/// [`Error::GridMismatch`] if `labels` does not lie on the grid of `source`; [`Error::Value`] for a label without
/// a segment, for segments of a BINARY object that are not numbered 1, 2, 3, …, for `kind` FRACTIONAL (see
/// [`write_fractional`]) and for text that DICOM cannot hold; [`Error::Unsupported`] if the source lacks an
/// identifying UID.
pub fn write(
    source: &SourceSeries,
    labels: &LabelMap,
    segments: &[Segment],
    kind: SegKind,
    settings: &Settings,
) -> Result<DicomObject> {
    source.grid().must_equal(labels.grid())?;
    must_be_numbered(segments, kind)?;
    let frames = match kind {
        SegKind::Binary => frames::binary(labels, segments)?,
        SegKind::LabelMap => frames::label_map(labels, segments)?,
        SegKind::Fractional => {
            let problem = "a label map holds no probabilities for a FRACTIONAL segmentation".to_owned();
            return Err(Error::Value { problem });
        }
    };
    object(source, segments, kind, settings, frames)
}

/// Makes a FRACTIONAL Segmentation object of probabilities (0 to 1) on the grid of their CT.
///
/// `shares` holds one array of voxels (slice, row, column) for each segment. They are stored in steps of 1/255, so they
/// come back within 1/510.
///
/// # Errors
/// As [`write()`]; [`Error::Value`] for a share outside 0 to 1 or an array of another length.
pub fn write_fractional(
    source: &SourceSeries,
    grid: &Grid,
    shares: &[&[f32]],
    segments: &[Segment],
    settings: &Settings,
) -> Result<DicomObject> {
    source.grid().must_equal(grid)?;
    must_be_numbered(segments, SegKind::Fractional)?;
    let [_, rows, columns] = grid.shape();
    if shares.len() != segments.len() || shares.iter().any(|shares| shares.len() != grid.voxels()) {
        let lengths: Vec<usize> = shares.iter().map(|shares| shares.len()).collect();
        let problem = format!("probabilities {lengths:?} for {} segments of {} voxels", segments.len(), grid.voxels());
        return Err(Error::Value { problem });
    }
    let frames = frames::fractional(shares, rows * columns)?;
    object(source, segments, SegKind::Fractional, settings, frames)
}

/// The UID by which a segment is followed across objects, an SR's measurements included: the same for the same series,
/// algorithm and segment.
#[must_use]
pub fn tracking_uid(source: &SourceSeries, segment: &Segment, settings: &Settings) -> String {
    if let Some(uid) = &segment.tracking_uid {
        return uid.clone();
    }
    let Algorithm { name, version, .. } = &settings.algorithm;
    let hash = Hash::new("tracking").field(source.series_instance_uid()).field(name).field(version);
    hash.field(segment.number.to_le_bytes()).field(&segment.label).uid()
}

fn must_be_numbered(segments: &[Segment], kind: SegKind) -> Result<()> {
    let numbers: Vec<u16> = segments.iter().map(|segment| segment.number).collect();
    let is_right = match kind {
        SegKind::Binary | SegKind::Fractional => (1..).zip(&numbers).all(|(expected, &number)| number == expected),
        SegKind::LabelMap => numbers.first() > Some(&0) && numbers.is_sorted_by(|a, b| a < b),
    };
    if segments.is_empty() || !is_right || numbers.iter().any(|&number| number > 255) {
        let problem = format!(
            "segments {numbers:?}: a {} segmentation numbers them {}, from 1 to at most 255",
            kind.name(),
            if kind == SegKind::LabelMap { "in rising order" } else { "without gaps" }
        );
        return Err(Error::Value { problem });
    }
    Ok(())
}

fn object(
    source: &SourceSeries,
    segments: &[Segment],
    kind: SegKind,
    settings: &Settings,
    frames: Frames,
) -> Result<DicomObject> {
    let is_label_map = kind == SegKind::LabelMap;
    let sop_class_uid = if is_label_map { LABEL_MAP_SEGMENTATION_STORAGE } else { SEGMENTATION_STORAGE };
    let mut draft = Draft::new(
        source,
        settings,
        ObjectKind {
            sop_class_uid,
            modality: "SEG",
            series_digit: 1,
            series_description: "Segmentation (research)",
            is_in_space: true,
        },
    )?;
    draft.put_referenced_series(source);
    source.put_lossy_history(&mut draft.data);
    put_image(&mut draft.data, source.grid(), kind, &frames)?;
    let mut items: Vec<DataSet> = segments.iter().map(|segment| segment_item(source, segment, settings)).collect();
    if is_label_map {
        // Last, although its number is the lowest: OHIF 3.13 counts items where it looks for a segment's colour.
        items.push(background_item(settings));
    }
    draft.data.put_items(tags::SOURCE_IMAGE_SEQUENCE, references(source)).put_items(tags::SEGMENT_SEQUENCE, items);
    put_dimensions(&mut draft.data, source, kind);
    let planes = Planes::of(source);
    let order = slices_in_order(&frames.list);
    let per_frame = frames.list.iter().map(|frame| frame_item(&planes, frame, segments, is_label_map, &order));
    draft
        .data
        .put_item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, planes.shared())
        .put_items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame.collect())
        .put_bytes_as(tags::PIXEL_DATA, VR::OB, frames.pixels);
    draft.finish()
}

fn put_image(data: &mut DataSet, grid: &Grid, kind: SegKind, frames: &Frames) -> Result<()> {
    let [_, rows, columns] = grid.shape();
    let side = |n: usize| {
        u16::try_from(n).map_err(|_| Error::Value { problem: format!("{rows} x {columns} pixels: at most 65535 each") })
    };
    let bits = if kind == SegKind::Binary { 1 } else { 8 };
    data.put_text(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
        .put_text(tags::CONTENT_LABEL, "SEGMENTATION")
        .put_text(tags::CONTENT_DESCRIPTION, "Research software. Not for diagnosis or treatment decisions.")
        .empty_unless_present(tags::CONTENT_CREATOR_NAME)
        .put_text(tags::SEGMENTATION_TYPE, kind.name())
        .put_u16(tags::SAMPLES_PER_PIXEL, &[1])
        .put_text(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
        .put_integer(tags::NUMBER_OF_FRAMES, frames.list.len() as i64)
        .put_u16(tags::ROWS, &[side(rows)?])
        .put_u16(tags::COLUMNS, &[side(columns)?])
        .put_u16(tags::BITS_ALLOCATED, &[bits])
        .put_u16(tags::BITS_STORED, &[bits])
        .put_u16(tags::HIGH_BIT, &[bits - 1])
        .put_u16(tags::PIXEL_REPRESENTATION, &[0]);
    match kind {
        SegKind::Binary => _ = data.put_text(tags::SEGMENTS_OVERLAP, "NO"),
        SegKind::LabelMap => {
            data.put_text(tags::SEGMENTS_OVERLAP, "NO").put_u16(tags::PIXEL_PADDING_VALUE, &[0]);
        }
        SegKind::Fractional => {
            data.put_text(tags::SEGMENTATION_FRACTIONAL_TYPE, "PROBABILITY")
                .put_u16(tags::MAXIMUM_FRACTIONAL_VALUE, &[u16::from(WHOLE)]);
        }
    }
    Ok(())
}

fn segment_item(source: &SourceSeries, segment: &Segment, settings: &Settings) -> DataSet {
    let mut kind = segment.kind.item();
    if let Some(side) = &segment.laterality {
        kind.put_item(tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE, side.item());
    }
    let mut item = DataSet::new();
    item.put_u16(tags::SEGMENT_NUMBER, &[segment.number])
        .put_text(tags::SEGMENT_LABEL, &segment.label)
        .put_text(tags::SEGMENT_ALGORITHM_TYPE, settings.algorithm.kind.name())
        .put_item(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, segment.category.item())
        .put_item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, kind)
        .put_u16(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &code::cielab(segment.rgb))
        .put_text(tags::TRACKING_ID, &segment.label)
        .put_text(tags::TRACKING_UID, &tracking_uid(source, segment, settings));
    if segment.category.is_same(&code::MORPHOLOGICALLY_ABNORMAL_STRUCTURE) {
        item.put_item(tags::ANATOMIC_REGION_SEQUENCE, code::LUNG.item());
    }
    if settings.algorithm.kind != AlgorithmKind::Manual {
        item.put_text(tags::SEGMENT_ALGORITHM_NAME, &settings.algorithm.name)
            .put_item(tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, algorithm_identification(settings));
    }
    item
}

/// Segment 0 of a LABELMAP.
fn background_item(settings: &Settings) -> DataSet {
    let mut item = DataSet::new();
    item.put_u16(tags::SEGMENT_NUMBER, &[0])
        .put_text(tags::SEGMENT_LABEL, "Background")
        .put_text(tags::SEGMENT_ALGORITHM_TYPE, settings.algorithm.kind.name())
        .put_item(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, code::BACKGROUND.item())
        .put_item(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, code::BACKGROUND.item())
        .put_u16(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &code::cielab([0, 0, 0]));
    if settings.algorithm.kind != AlgorithmKind::Manual {
        item.put_text(tags::SEGMENT_ALGORITHM_NAME, &settings.algorithm.name);
    }
    item
}

/// Frames are told apart by segment, then position (PS3.3 section C.7.6.17); in a LABELMAP by position alone.
fn put_dimensions(data: &mut DataSet, source: &SourceSeries, kind: SegKind) {
    let uid = Hash::new("dimensions").field(source.series_instance_uid()).field(kind.name()).uid();
    let mut organization = DataSet::new();
    organization.put_text(tags::DIMENSION_ORGANIZATION_UID, &uid);
    let dimension = |pointer, group, label: &str| {
        let mut item = DataSet::new();
        item.put_text(tags::DIMENSION_ORGANIZATION_UID, &uid)
            .put_tags(tags::DIMENSION_INDEX_POINTER, &[pointer])
            .put_tags(tags::FUNCTIONAL_GROUP_POINTER, &[group])
            .put_text(tags::DIMENSION_DESCRIPTION_LABEL, label);
        item
    };
    let by_segment =
        dimension(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment Number");
    let by_position = dimension(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Image Position Patient");
    let items = if kind == SegKind::LabelMap { vec![by_position] } else { vec![by_segment, by_position] };
    data.put_item(tags::DIMENSION_ORGANIZATION_SEQUENCE, organization).put_items(tags::DIMENSION_INDEX_SEQUENCE, items);
}

/// The slices that have a frame, rising.
fn slices_in_order(frames: &[Frame]) -> Vec<usize> {
    let mut slices: Vec<usize> = frames.iter().map(|frame| frame.slice).collect();
    slices.sort_unstable();
    slices.dedup();
    slices
}

fn frame_item(
    planes: &Planes<'_>,
    frame: &Frame,
    segments: &[Segment],
    is_label_map: bool,
    order: &[usize],
) -> DataSet {
    let mut item = planes.of_frame(frame.slice);
    let position = order.binary_search(&frame.slice).unwrap_or(0) as u32 + 1;
    let number = segments[frame.segment].number;
    let mut content = DataSet::new();
    if is_label_map {
        content.put_u32(tags::DIMENSION_INDEX_VALUES, &[position]);
    } else {
        content.put_u32(tags::DIMENSION_INDEX_VALUES, &[u32::from(number), position]);
        let mut identification = DataSet::new();
        identification.put_u16(tags::REFERENCED_SEGMENT_NUMBER, &[number]);
        item.put_item(tags::SEGMENT_IDENTIFICATION_SEQUENCE, identification);
    }
    item.put_item(tags::FRAME_CONTENT_SEQUENCE, content);
    item
}
