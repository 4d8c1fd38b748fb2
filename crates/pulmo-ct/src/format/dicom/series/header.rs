//! What is known of one slice before its pixels are read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, InMemDicomObject};

use super::super::pixel_data::PixelData;
use super::pixel::PixelLayout;

/// One slice without its pixels: a classic file, or one frame of a multi-frame object.
#[derive(Debug, Clone)]
pub(super) struct SliceHeader {
    pub(super) file: PathBuf,
    /// From 0, in a multi-frame object.
    pub(super) frame: Option<usize>,
    /// How many frames the file holds.
    pub(super) frames: usize,
    pub(super) study_uid: String,
    pub(super) series_uid: String,
    pub(super) series_number: Option<i64>,
    pub(super) instance_number: Option<i64>,
    pub(super) acquisition_number: Option<i64>,
    pub(super) modality: String,
    pub(super) sop_class: String,
    pub(super) transfer_syntax: String,
    /// The values of ImageType (FrameType in a multi-frame object).
    pub(super) image_type: Vec<String>,
    pub(super) kernel: String,
    pub(super) has_contrast: bool,
    pub(super) slice_thickness_mm: Option<f64>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) position_mm: Option<[f64; 3]>,
    /// The direction along a row (increasing column), then along a column (increasing row).
    pub(super) orientation: Option<[f64; 6]>,
    /// Distance between rows, then between columns.
    pub(super) pixel_spacing_mm: Option<[f64; 2]>,
    /// Which volume of several the slice belongs to, as a multi-frame object says it.
    pub(super) volume: String,
    /// Which part of a concatenation the file is, and how many there are.
    pub(super) part: Option<(i64, i64)>,
    /// What makes a multi-frame object unreadable, if anything does.
    pub(super) problem: Option<String>,
    pub(super) layout: PixelLayout,
    pub(super) pixel_data: Option<Arc<PixelData>>,
}

impl SliceHeader {
    /// The header of a classic file, or what the frames of a multi-frame object share.
    pub(super) fn of(file: &Path, object: &DefaultDicomObject, pixel_data: Option<PixelData>) -> Self {
        let count = |tag| integer(object, tag).and_then(|n| usize::try_from(n).ok());
        Self {
            file: file.to_owned(),
            frame: None,
            frames: count(tags::NUMBER_OF_FRAMES).unwrap_or(1),
            study_uid: text(object, tags::STUDY_INSTANCE_UID),
            series_uid: text(object, tags::SERIES_INSTANCE_UID),
            series_number: integer(object, tags::SERIES_NUMBER),
            instance_number: integer(object, tags::INSTANCE_NUMBER),
            acquisition_number: integer(object, tags::ACQUISITION_NUMBER),
            modality: text(object, tags::MODALITY),
            sop_class: text(object, tags::SOP_CLASS_UID),
            transfer_syntax: object.meta().transfer_syntax().to_owned(),
            image_type: words(object, tags::IMAGE_TYPE),
            kernel: words(object, tags::CONVOLUTION_KERNEL).join("/"),
            has_contrast: !text(object, tags::CONTRAST_BOLUS_AGENT).is_empty(),
            slice_thickness_mm: numbers::<1>(object, tags::SLICE_THICKNESS).map(|[mm]| mm),
            rows: count(tags::ROWS).unwrap_or(0),
            columns: count(tags::COLUMNS).unwrap_or(0),
            position_mm: numbers(object, tags::IMAGE_POSITION_PATIENT),
            orientation: numbers(object, tags::IMAGE_ORIENTATION_PATIENT),
            pixel_spacing_mm: numbers(object, tags::PIXEL_SPACING),
            volume: String::new(),
            part: None,
            problem: None,
            layout: PixelLayout::of(object),
            pixel_data: pixel_data.map(Arc::new),
        }
    }

    /// Whether the object is of the multi-frame kind, even if it holds a single frame.
    pub(super) fn is_multi_frame(&self) -> bool {
        self.frames > 1
            || [uids::ENHANCED_CT_IMAGE_STORAGE, uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE]
                .contains(&self.sop_class.as_str())
    }

    /// Whether ImageType holds a word.
    pub(super) fn is_of_type(&self, word: &str) -> bool {
        self.image_type.iter().any(|value| value == word)
    }

    /// Whether it is a scout view.
    pub(super) fn is_localizer(&self) -> bool {
        self.is_of_type("LOCALIZER")
    }

    /// How warnings name the slice: by InstanceNumber or frame alone, for they go into results that are handed on, and a
    /// file's name may be a patient's.
    pub(super) fn number_name(&self) -> String {
        match (self.frame, self.instance_number) {
            (Some(frame), _) => format!("frame {}", frame + 1),
            (None, Some(number)) => format!("instance {number}"),
            (None, None) => "the slice".to_owned(),
        }
    }

    /// How errors name the slice: by InstanceNumber or frame, and file.
    pub(super) fn name(&self) -> String {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        match (self.frame, self.instance_number) {
            (Some(frame), _) => format!("frame {} of `{file}`", frame + 1),
            (None, Some(number)) => format!("instance {number} (`{file}`)"),
            (None, None) => format!("`{file}`"),
        }
    }
}

/// The text of an element without padding; empty if it is absent.
pub(super) fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let value = object.get(tag).and_then(|element| element.to_str().ok());
    value.map(|text| text.trim_matches([' ', '\0']).to_owned()).unwrap_or_default()
}

/// The values of a text element, without padding.
pub(super) fn words(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let values = text(object, tag);
    values.split('\\').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// The first integer of an element.
pub(super) fn integer(object: &InMemDicomObject, tag: Tag) -> Option<i64> {
    object.get(tag)?.to_int::<i64>().ok()
}

/// The numbers of an element, if there are exactly `COUNT`, all finite.
pub(super) fn numbers<const COUNT: usize>(object: &InMemDicomObject, tag: Tag) -> Option<[f64; COUNT]> {
    let values: [f64; COUNT] = object.get(tag)?.to_multi_float64().ok()?.try_into().ok()?;
    values.iter().all(|x| x.is_finite()).then_some(values)
}

/// The items of a sequence; none if it is absent.
pub(super) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}
