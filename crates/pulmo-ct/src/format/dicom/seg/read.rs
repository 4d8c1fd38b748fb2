//! Reading Segmentation objects, other makers' included.
//!
//! Nothing that the object says of its size is believed: the frames are counted in its functional groups and
//! compared with NumberOfFrames and with the length of its pixel data. Compressed frames are decoded one at a time,
//! when their voxels are wanted.

mod pixels;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use self::pixels::Pixels;
use super::super::code::Code;
use super::super::file;
use super::{SegKind, Segment};
use crate::error::{Error, Result};
use crate::geometry::{cross, dot};

/// How far the directions of two frames may differ in a component.
const SAME_DIRECTION_WITHIN: f64 = 1e-4;
/// How far direction cosines may lie from unit length and right angles, as in a CT series.
const ORTHONORMAL_WITHIN: f64 = 1e-3;
/// Rows and columns beyond any CT, which only a damaged header has.
const LARGEST_SIDE: usize = 8192;

/// A segment of an object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSegment {
    /// What it says of itself; its colour is white where the object gives none.
    pub segment: Segment,
    /// TrackingID; empty where there is none.
    pub tracking_id: String,
    /// SegmentAlgorithmName; empty where there is none.
    pub algorithm_name: String,
}

/// A Segmentation object that was read: its segments, and frames that lie somewhere in the patient.
#[derive(Debug)]
pub struct Segmentation {
    pub(super) path: PathBuf,
    pub(super) kind: SegKind,
    segments: Vec<ReadSegment>,
    pub(super) frames: Vec<ReadFrame>,
    pub(super) layout: Layout,
    pub(super) pixels: Pixels,
    /// What stands for a share of 1; 1 unless FRACTIONAL.
    pub(super) whole: u16,
    series_uid: String,
    frame_of_reference_uid: String,
    /// Its own SOPClassUID, SOPInstanceUID and SeriesInstanceUID.
    own_uids: [String; 3],
}

/// One frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReadFrame {
    /// `None` in a LABELMAP.
    pub(super) segment: Option<u16>,
    pub(super) position_mm: [f64; 3],
}

/// What all frames share.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Along a row, towards higher columns; of unit length.
    pub(super) right: [f64; 3],
    /// Along a column, towards higher rows; of unit length and at a right angle to `right`.
    pub(super) down: [f64; 3],
    pub(super) row_mm: f64,
    pub(super) column_mm: f64,
    /// SpacingBetweenSlices, if the object says so.
    pub(super) apart_mm: Option<f64>,
    /// SliceThickness, if the object says so.
    pub(super) thickness_mm: Option<f64>,
}

/// Reads a Segmentation object: BINARY, FRACTIONAL or LABELMAP.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] for another kind of object or encoding, for frames of different orientation
/// and for frames without a place in the patient; [`Error::Invalid`] for contradictory content, with the field named.
pub fn read(path: &Path) -> Result<Segmentation> {
    let (object, pixel_data) = file::open_lazily(path).map_err(|e| e.at(path))?;
    let reader = Reader { path, object: &object };
    reader.must_be_segmentation()?;
    let kind = reader.kind()?;
    let groups = reader.groups()?;
    let layout = reader.layout(&groups)?;
    let frames = reader.frames(kind, &groups)?;
    let whole = match kind {
        SegKind::Fractional => reader.number(tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255),
        _ => 1,
    };
    let whole = u16::try_from(whole).ok().filter(|&whole| whole > 0);
    let whole = whole.ok_or_else(|| reader.invalid("its MaximumFractionalValue is not positive"))?;
    let pixel_data = pixel_data.ok_or_else(|| reader.invalid("it has no PixelData"))?;
    let pixels = Pixels::of(&object, pixel_data, &layout, frames.len()).map_err(|problem| problem.at(path))?;
    let segments = reader.segments(kind)?;
    Ok(Segmentation {
        path: path.to_owned(),
        kind,
        segments,
        frames,
        layout,
        pixels,
        whole,
        series_uid: reader.referenced_series(),
        frame_of_reference_uid: text(&object, tags::FRAME_OF_REFERENCE_UID),
        own_uids: [tags::SOP_CLASS_UID, tags::SOP_INSTANCE_UID, tags::SERIES_INSTANCE_UID]
            .map(|tag| text(&object, tag)),
    })
}

/// Whether a file is one that [`read`] takes, by its SOP class; not if it cannot be opened.
pub(in crate::format::dicom) fn is_segmentation_file(path: &Path) -> bool {
    file::open_lazily(path).is_ok_and(|(object, _)| is_segmentation(&text(&object, tags::SOP_CLASS_UID)))
}

fn is_segmentation(sop_class_uid: &str) -> bool {
    ["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"].contains(&sop_class_uid)
}

impl Segmentation {
    /// How its segments are stored.
    #[must_use]
    pub fn kind(&self) -> SegKind {
        self.kind
    }

    /// Its segments as the object lists them, the background of a LABELMAP left out.
    #[must_use]
    pub fn segments(&self) -> &[ReadSegment] {
        &self.segments
    }

    /// Its own SOPClassUID.
    #[must_use]
    pub fn sop_class_uid(&self) -> &str {
        &self.own_uids[0]
    }

    /// Its own SOPInstanceUID.
    #[must_use]
    pub fn sop_instance_uid(&self) -> &str {
        &self.own_uids[1]
    }

    /// Its own SeriesInstanceUID.
    #[must_use]
    pub fn series_instance_uid(&self) -> &str {
        &self.own_uids[2]
    }

    /// How many frames it has.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// SeriesInstanceUID of the series it refers to first; empty if it refers to none.
    #[must_use]
    pub fn referenced_series_uid(&self) -> &str {
        &self.series_uid
    }

    /// FrameOfReferenceUID; empty if it has none.
    #[must_use]
    pub fn frame_of_reference_uid(&self) -> &str {
        &self.frame_of_reference_uid
    }

    pub(super) fn invalid(&self, problem: impl Into<String>) -> Error {
        Error::invalid(&self.path, problem, HINT)
    }
}

const HINT: &str = "export the segmentation again from its source";

/// The functional groups of the frames.
struct Groups<'a> {
    shared: Option<&'a InMemDicomObject>,
    per_frame: &'a [InMemDicomObject],
}

impl<'a> Groups<'a> {
    /// The item of a group: the frame's own, or the one that all share.
    fn of(&self, frame: usize, group: Tag) -> Option<&'a InMemDicomObject> {
        first_item(&self.per_frame[frame], group).or_else(|| first_item(self.shared?, group))
    }
}

struct Reader<'a> {
    path: &'a Path,
    object: &'a InMemDicomObject,
}

impl<'a> Reader<'a> {
    fn invalid(&self, problem: impl Into<String>) -> Error {
        Error::invalid(self.path, problem, HINT)
    }

    fn unsupported(&self, problem: impl Into<String>, hint: &str) -> Error {
        Error::unsupported(self.path, problem, hint)
    }

    fn number(&self, tag: Tag) -> Option<i64> {
        self.object.get(tag)?.to_int::<i64>().ok()
    }

    fn must_be_segmentation(&self) -> Result<()> {
        let class = text(self.object, tags::SOP_CLASS_UID);
        if is_segmentation(&class) {
            return Ok(());
        }
        Err(self.unsupported(format!("SOP class `{class}`, expected a Segmentation"), "give a DICOM SEG file"))
    }

    fn kind(&self) -> Result<SegKind> {
        match text(self.object, tags::SEGMENTATION_TYPE).as_str() {
            "BINARY" => Ok(SegKind::Binary),
            "FRACTIONAL" => Ok(SegKind::Fractional),
            "LABELMAP" => Ok(SegKind::LabelMap),
            other => {
                let problem = format!("SegmentationType `{other}`, expected BINARY, FRACTIONAL or LABELMAP");
                Err(self.unsupported(problem, HINT))
            }
        }
    }

    fn groups(&self) -> Result<Groups<'a>> {
        let shared = first_item(self.object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let per_frame = items(self.object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let frames = self.number(tags::NUMBER_OF_FRAMES).unwrap_or(1);
        if per_frame.is_empty() || i64::try_from(per_frame.len()) != Ok(frames) {
            let problem = format!("NumberOfFrames is {frames}, and {} frames have functional groups", per_frame.len());
            return Err(self.invalid(problem));
        }
        Ok(Groups { shared, per_frame })
    }

    fn layout(&self, groups: &Groups<'_>) -> Result<Layout> {
        let side = |tag, name| {
            let side = self.number(tag).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            if (1..=LARGEST_SIDE).contains(&side) {
                Ok(side)
            } else {
                Err(self.invalid(format!("{name} is {side}, expected 1 to {LARGEST_SIDE}")))
            }
        };
        let (rows, columns) = (side(tags::ROWS, "Rows")?, side(tags::COLUMNS, "Columns")?);
        let orientation = self.orientation(groups)?;
        let measures = |frame| groups.of(frame, tags::PIXEL_MEASURES_SEQUENCE);
        let missing = || self.invalid("it has no usable PixelSpacing");
        let is_positive = |mm: &f64| *mm > 0.0;
        let spacing = measures(0).and_then(|item| numbers::<2>(item, tags::PIXEL_SPACING));
        let [row_mm, column_mm] = spacing.filter(|mm| mm.iter().all(is_positive)).ok_or_else(missing)?;
        for frame in 1..groups.per_frame.len() {
            let other = measures(frame).and_then(|item| numbers::<2>(item, tags::PIXEL_SPACING)).ok_or_else(missing)?;
            let is_same = |(a, b): (f64, f64)| (a - b).abs() <= 1e-4 * b;
            if !other.into_iter().zip([row_mm, column_mm]).all(is_same) {
                let problem = format!("frame {} has another PixelSpacing than the first", frame + 1);
                return Err(self.unsupported(problem, HINT));
            }
        }
        let one = |tag| measures(0).and_then(|item| numbers::<1>(item, tag)).map(|[mm]| mm).filter(is_positive);
        let [a, b, c, d, e, f] = orientation;
        let right = unit([a, b, c]);
        let along = dot([d, e, f], right);
        let down = unit([d - along * right[0], e - along * right[1], f - along * right[2]]);
        Ok(Layout {
            rows,
            columns,
            right,
            down,
            row_mm,
            column_mm,
            apart_mm: one(tags::SPACING_BETWEEN_SLICES),
            thickness_mm: one(tags::SLICE_THICKNESS),
        })
    }

    /// The orientation of all frames.
    fn orientation(&self, groups: &Groups<'_>) -> Result<[f64; 6]> {
        let of = |frame| {
            let item = groups.of(frame, tags::PLANE_ORIENTATION_SEQUENCE);
            item.and_then(|item| numbers::<6>(item, tags::IMAGE_ORIENTATION_PATIENT)).ok_or_else(|| {
                let problem = format!("frame {} has no usable ImageOrientationPatient", frame + 1);
                self.unsupported(problem, "without it the frame has no place in the patient")
            })
        };
        let first: [f64; 6] = of(0)?;
        for frame in 1..groups.per_frame.len() {
            if of(frame)?.iter().zip(first).any(|(a, b)| (a - b).abs() > SAME_DIRECTION_WITHIN) {
                let problem = format!("frame {} has another ImageOrientationPatient than the first", frame + 1);
                return Err(self.unsupported(problem, "frames of one orientation are read"));
            }
        }
        let [a, b, c, d, e, f] = first;
        let (right, down) = ([a, b, c], [d, e, f]);
        let off = [dot(right, right).sqrt() - 1.0, dot(down, down).sqrt() - 1.0, dot(right, down)];
        let off = off.into_iter().fold(0.0, |worst: f64, x| worst.max(x.abs()));
        if off.is_nan() || off > ORTHONORMAL_WITHIN || dot(cross(right, down), cross(right, down)) < 0.5 {
            let problem = format!("ImageOrientationPatient {first:?} is {off:.4} off unit vectors at right angles");
            return Err(self.invalid(problem));
        }
        Ok(first)
    }

    fn frames(&self, kind: SegKind, groups: &Groups<'_>) -> Result<Vec<ReadFrame>> {
        let of = |frame: usize| {
            let place = groups.of(frame, tags::PLANE_POSITION_SEQUENCE);
            let position = place.and_then(|item| numbers::<3>(item, tags::IMAGE_POSITION_PATIENT));
            let position_mm = position.ok_or_else(|| {
                let problem = format!("frame {} has no usable ImagePositionPatient", frame + 1);
                self.unsupported(problem, "without it the frame has no place in the patient")
            })?;
            let segment = groups
                .of(frame, tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                .and_then(|item| item.get(tags::REFERENCED_SEGMENT_NUMBER)?.to_int::<u16>().ok());
            match (kind, segment) {
                (SegKind::LabelMap, _) => Ok(ReadFrame { segment: None, position_mm }),
                (_, Some(segment)) => Ok(ReadFrame { segment: Some(segment), position_mm }),
                (_, None) => Err(self.invalid(format!("frame {} has no ReferencedSegmentNumber", frame + 1))),
            }
        };
        (0..groups.per_frame.len()).map(of).collect()
    }

    fn segments(&self, kind: SegKind) -> Result<Vec<ReadSegment>> {
        let mut segments: Vec<ReadSegment> = Vec::new();
        for item in items(self.object, tags::SEGMENT_SEQUENCE) {
            let number = item.get(tags::SEGMENT_NUMBER).and_then(|element| element.to_int::<u16>().ok());
            let number = number.ok_or_else(|| self.invalid("a segment has no SegmentNumber"))?;
            if segments.iter().any(|other| other.segment.number == number) {
                return Err(self.invalid(format!("two segments have the number {number}")));
            }
            if number > 0 || kind != SegKind::LabelMap {
                segments.push(segment(number, item));
            }
        }
        Ok(segments)
    }

    fn referenced_series(&self) -> String {
        let series = first_item(self.object, tags::REFERENCED_SERIES_SEQUENCE);
        series.map(|item| text(item, tags::SERIES_INSTANCE_UID)).unwrap_or_default()
    }
}

fn segment(number: u16, item: &InMemDicomObject) -> ReadSegment {
    let kind = first_item(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE);
    let modifier = kind.and_then(|kind| first_item(kind, tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE));
    let tracking_uid = Some(text(item, tags::TRACKING_UID)).filter(|uid| !uid.is_empty());
    ReadSegment {
        segment: Segment {
            number,
            label: text(item, tags::SEGMENT_LABEL),
            category: code(first_item(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE)),
            kind: code(kind),
            laterality: modifier.map(|item| code(Some(item))),
            tracking_uid,
            rgb: [255; 3],
        },
        tracking_id: text(item, tags::TRACKING_ID),
        algorithm_name: text(item, tags::SEGMENT_ALGORITHM_NAME),
    }
}

/// The code of an item; empty where there is none.
fn code(item: Option<&InMemDicomObject>) -> Code {
    let field = |tag| Cow::Owned(item.map(|item| text(item, tag)).unwrap_or_default());
    Code {
        value: field(tags::CODE_VALUE),
        scheme: field(tags::CODING_SCHEME_DESIGNATOR),
        meaning: field(tags::CODE_MEANING),
    }
}

fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}

fn first_item(object: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    items(object, tag).first()
}

/// The text of an element without padding; empty if it is absent.
fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map(|text| text.trim_matches([' ', '\0']).to_owned()).unwrap_or_default()
}

/// The numbers of an element, if there are exactly `COUNT`, all finite.
fn numbers<const COUNT: usize>(object: &InMemDicomObject, tag: Tag) -> Option<[f64; COUNT]> {
    let values: [f64; COUNT] = object.get(tag)?.to_multi_float64().ok()?.try_into().ok()?;
    values.iter().all(|x| x.is_finite()).then_some(values)
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
