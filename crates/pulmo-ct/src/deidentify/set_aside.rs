//! Which files are not written at all, because text may stand in their pixels or is what they are made of.

use std::fmt;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::Options;
use super::clean::values;

/// Why a file was not written although nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SetAside {
    /// It is no DICOM file.
    NotDicom,
    /// A link to a folder, which is not followed.
    Link,
    /// The index of a medium (DICOMDIR), which names patients and files.
    Index,
    /// A secondary capture: a screenshot, a dose report, a scanned page.
    SecondaryCapture,
    /// A report, a document, a segmentation, a plan: no image.
    NotAnImage,
    /// An image of another kind than CT.
    OtherImage,
    /// Its BurnedInAnnotation (0028,0301) is YES.
    BurnedIn,
    /// It is stored as CT but looks like a screen: colour, 8 bits, or named one by its image type or description.
    Screen,
    /// An overlay lies in unused bits of its pixels.
    OverlayInPixels,
}

impl SetAside {
    /// All reasons, in the order of tables.
    pub const ALL: [Self; 9] = [
        Self::SecondaryCapture,
        Self::BurnedIn,
        Self::Screen,
        Self::OverlayInPixels,
        Self::NotAnImage,
        Self::OtherImage,
        Self::Index,
        Self::NotDicom,
        Self::Link,
    ];

    /// The reason in a word, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotDicom => "not_dicom",
            Self::Link => "link",
            Self::Index => "index",
            Self::SecondaryCapture => "secondary_capture",
            Self::NotAnImage => "not_an_image",
            Self::OtherImage => "other_image",
            Self::BurnedIn => "burned_in_annotation",
            Self::Screen => "screen",
            Self::OverlayInPixels => "overlay_in_pixels",
        }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotDicom => "not a DICOM file",
            Self::Link => "a link to a folder, not followed",
            Self::Index => "the index of a medium (DICOMDIR)",
            Self::SecondaryCapture => "a secondary capture",
            Self::NotAnImage => "not an image (report, document, segmentation, plan …)",
            Self::OtherImage => "an image of another kind than CT",
            Self::BurnedIn => "BurnedInAnnotation (0028,0301) is YES",
            Self::Screen => "stored as CT, but looks like a screen (colour, 8 bits, or named so)",
            Self::OverlayInPixels => "an overlay lies in unused bits of its pixels",
        })
    }
}

const CT: [&str; 4] = [
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_CT_IMAGE_STORAGE_FOR_PROCESSING,
];

const MR_AND_PET: [&str; 6] = [
    uids::MR_IMAGE_STORAGE,
    uids::ENHANCED_MR_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE,
    uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE,
    uids::ENHANCED_PET_IMAGE_STORAGE,
    uids::LEGACY_CONVERTED_ENHANCED_PET_IMAGE_STORAGE,
];

/// The secondary captures are this class and those below it.
const CAPTURES: &str = uids::SECONDARY_CAPTURE_IMAGE_STORAGE;

/// Words in an image type, from its third value on, by which scanners name their screens.
const SCREEN_TYPES: [&str; 7] = ["SCREEN", "SSAVE", "REPORT", "CAPTURE", "DOSE", "PHOTO", "SCANNED"];

/// Descriptions that scanners give to their screens. `LOW DOSE` alone is a scan.
const SCREEN_DESCRIPTIONS: [&str; 9] = [
    "DOSE REPORT",
    "DOSE RECORD",
    "DOSE INFO",
    "DOSE SUMMARY",
    "PATIENT PROTOCOL",
    "SCREEN SAVE",
    "SCREEN CAPTURE",
    "SECONDARY CAPTURE",
    "SCANNED DOC",
];

/// Why `object` is not to be written, or `None` if it may be.
pub(super) fn reason(object: &InMemDicomObject, options: &Options) -> Option<SetAside> {
    let first = |tag: Tag| texts(object, tag).into_iter().next().unwrap_or_default();
    let class = first(tags::SOP_CLASS_UID);
    let class = class.as_str();
    if class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Some(SetAside::Index);
    }
    if class == CAPTURES || class.strip_prefix(CAPTURES).is_some_and(|rest| rest.starts_with('.')) {
        return Some(SetAside::SecondaryCapture);
    }
    if class.is_empty() && first(tags::MODALITY) == "CT" {
        // It fails for want of the class, rather than pass for something else.
        return None;
    }
    let is_let_through = options.include_mr_and_pet && MR_AND_PET.contains(&class);
    if !is_let_through && !CT.contains(&class) {
        let has_pixels = object.get(tags::PIXEL_DATA).is_some();
        let is_segmentation = class == uids::SEGMENTATION_STORAGE || first(tags::MODALITY) == "SEG";
        return Some(if has_pixels && !is_segmentation { SetAside::OtherImage } else { SetAside::NotAnImage });
    }
    if first(tags::BURNED_IN_ANNOTATION).eq_ignore_ascii_case("YES") {
        return Some(SetAside::BurnedIn);
    }
    if is_screen(object) {
        return Some(SetAside::Screen);
    }
    has_overlay_in_pixels(object).then_some(SetAside::OverlayInPixels)
}

/// Whether the object is of the enhanced multi-frame kind.
pub(super) fn is_enhanced(object: &InMemDicomObject) -> bool {
    object.get(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).is_some()
        || object.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).is_some()
}

fn is_screen(object: &InMemDicomObject) -> bool {
    let number = |tag: Tag| object.get(tag).and_then(|element| element.to_int::<i64>().ok());
    let is_coloured = number(tags::SAMPLES_PER_PIXEL).is_some_and(|samples| samples != 1);
    let is_shallow = number(tags::BITS_ALLOCATED).is_some_and(|bits| bits <= 8);
    // Film, video, paper and drawings; what a workstation converted (WSD, DI) may be a scan.
    let was_converted = texts(object, tags::CONVERSION_TYPE)
        .iter()
        .any(|kind| ["DV", "DF", "SD", "SI", "DRW"].contains(&kind.as_str()));
    let words = |text: &str| text.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    let types = texts(object, tags::IMAGE_TYPE);
    let mut types = types.iter().skip(2).map(|value| words(value));
    let mut descriptions = texts(object, tags::SERIES_DESCRIPTION).into_iter().map(|value| words(&value));
    let is_named = types.any(|value| value.split(' ').any(|word| SCREEN_TYPES.contains(&word)))
        || descriptions.any(|value| SCREEN_DESCRIPTIONS.iter().any(|name| value.contains(name)));
    is_coloured || is_shallow || was_converted || is_named
}

/// An overlay group without data of its own that says it has bits in the pixels.
fn has_overlay_in_pixels(object: &InMemDicomObject) -> bool {
    let is_bit_position = |tag: Tag| tag.group() & 0xff00 == 0x6000 && tag.element() == 0x0102;
    object.iter().map(|element| element.header().tag).filter(|tag| is_bit_position(*tag)).any(|tag| {
        let has_data = object.get(Tag(tag.group(), 0x3000)).is_some();
        let allocated = object.get(Tag(tag.group(), 0x0100)).and_then(|element| element.to_int::<i64>().ok());
        !has_data || allocated.is_some_and(|bits| bits > 1)
    })
}

/// The values of a text element; none if it is absent.
pub(super) fn texts(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    object.get(tag).and_then(values).unwrap_or_default()
}
