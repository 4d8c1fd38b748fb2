//! What becomes of one attribute: the table first, then the rules for what the table does not name.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use super::Options;
use super::table::{self, Actions, Row};

/// What is done to an attribute, before its value is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The element goes.
    Remove,
    /// Its value goes.
    Empty,
    /// A fixed value takes its place.
    Dummy,
    /// Each of its UIDs is replaced.
    Uids,
    /// Its items are cleaned in turn.
    Items,
    /// Dates move, times stay.
    Shift,
    /// A patient characteristic stays if it is a number, an age or a coded word.
    Characteristic,
    /// A device's identity stays as it is.
    Device,
    /// It stays if its value is one of those that [`super::text`] knows; otherwise what the image needs decides.
    IfKnown,
    /// It stays.
    Keep,
}

/// How much an image of this kind needs an attribute: the type of PS3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Type 1: with a value.
    Value,
    /// Type 2: present, may be empty.
    Presence,
    /// Type 3.
    None,
}

/// What a value representation can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Temporal,
    CodedWord,
    Age,
    Uid,
    Number,
    NumberText,
    Pointer,
    Bulk,
    Items,
    /// AE, UR, UN: nothing that an image needs.
    Never,
}

impl Kind {
    pub(super) fn of(vr: VR) -> Self {
        match vr {
            VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT => Self::Text,
            VR::DA | VR::DT | VR::TM => Self::Temporal,
            VR::CS => Self::CodedWord,
            VR::AS => Self::Age,
            VR::UI => Self::Uid,
            VR::DS | VR::IS => Self::NumberText,
            VR::AT => Self::Pointer,
            VR::FD | VR::FL | VR::SL | VR::SS | VR::SV | VR::UL | VR::US | VR::UV => Self::Number,
            VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW => Self::Bulk,
            VR::SQ => Self::Items,
            VR::AE | VR::UR | VR::UN => Self::Never,
        }
    }
}

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// 0 for the data set itself.
    pub(super) depth: usize,
    /// Whether the object is one of the enhanced multi-frame kind.
    pub(super) is_enhanced: bool,
}

/// Groups of which attributes may stay that the table does not name: identification, acquisition, relationship,
/// image, nuclear medicine, functional groups, pixels.
const GROUPS: [u16; 7] = [0x0008, 0x0018, 0x0020, 0x0028, 0x0054, 0x5200, 0x7fe0];

/// Attributes of group 0040 that say how stored values become units, and are kept with it.
const REAL_WORLD_VALUES: std::ops::RangeInclusive<u16> = 0x9094..=0x9225;

/// Single attributes of other groups that enhanced CT requires, and which can hold a coded word or a coded entry only.
const REQUIRED: [Tag; 2] = [tags::PRESENTATION_LUT_SHAPE, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE];

/// Binary values that are pixels or where they lie. Palettes are not among them: CT is grey.
const BULK: [Tag; 5] = [
    tags::PIXEL_DATA,
    tags::FLOAT_PIXEL_DATA,
    tags::DOUBLE_FLOAT_PIXEL_DATA,
    tags::EXTENDED_OFFSET_TABLE,
    tags::EXTENDED_OFFSET_TABLE_LENGTHS,
];

/// The rule for an element of this tag and of the VR that the file gives it.
pub(super) fn rule(tag: Tag, vr: VR, place: Place, options: &Options) -> Rule {
    if is_always_removed(tag) {
        return Rule::Remove;
    }
    let Some(entry) = StandardDataDictionary.by_tag(tag) else { return Rule::Remove };
    let (kind, expected) = (Kind::of(vr), Kind::of(entry.vr().relaxed()));
    let is_table = tag == tags::LUT_DATA || tag == tags::LUT_DESCRIPTOR;
    if kind != expected && !(is_table && [Kind::Number, Kind::Bulk].contains(&kind)) {
        // A file that calls a text a number, or a number a text, is not believed.
        return without_value(need(tag, place));
    }
    if options.keep_device && is_device_text(tag) && kind == Kind::Text {
        return Rule::Device;
    }
    match table::row(tag) {
        Some(row) => of_row(row, tag, kind, place, options),
        None => unlisted(tag, kind, place),
    }
}

/// What stands where a value had to go, by what the image needs.
pub(super) fn without_value(need: Need) -> Rule {
    match need {
        Need::Value => Rule::Dummy,
        Need::Presence => Rule::Empty,
        Need::None => Rule::Remove,
    }
}

/// Private attributes, group lengths, commands, file meta, directories, curves, overlays, and what is written anew.
fn is_always_removed(tag: Tag) -> bool {
    let Tag(group, element) = tag;
    let is_graphic = matches!(group & 0xff00, 0x5000 | 0x6000);
    let is_written_anew = [
        tags::SPECIFIC_CHARACTER_SET,
        tags::PATIENT_IDENTITY_REMOVED,
        tags::DEIDENTIFICATION_METHOD,
        tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
        tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
    ]
    .contains(&tag);
    group % 2 == 1 || element == 0 || group < 8 || is_graphic || is_written_anew
}

/// Attributes outside the table that name a device's maker, model and software.
fn is_device_text(tag: Tag) -> bool {
    [tags::MANUFACTURER, tags::MANUFACTURER_MODEL_NAME, tags::SOFTWARE_VERSIONS].contains(&tag)
}

fn of_row(row: &Row, tag: Tag, kind: Kind, place: Place, options: &Options) -> Rule {
    // Dates of a device or a patient are dates first.
    if kind == Kind::Temporal {
        return if row.is_date && options.keep_dates { Rule::Shift } else { basic(row.basic, kind, need(tag, place)) };
    }
    if row.is_device && options.keep_device && matches!(kind, Kind::Text | Kind::Uid | Kind::CodedWord) {
        return Rule::Device;
    }
    let is_plain = matches!(kind, Kind::Age | Kind::CodedWord | Kind::Number | Kind::NumberText);
    if row.is_characteristic && options.keep_characteristics && is_plain && place.depth == 0 {
        return Rule::Characteristic;
    }
    basic(row.basic, kind, need(tag, place))
}

/// The Basic Profile's action where the table leaves a choice: remove where that is valid, else empty, else a dummy.
fn basic(actions: Actions, kind: Kind, need: Need) -> Rule {
    if actions.uid {
        return if kind == Kind::Items { Rule::Items } else { Rule::Uids };
    }
    if actions.remove && need == Need::None {
        return Rule::Remove;
    }
    if actions.empty && need != Need::Value {
        return Rule::Empty;
    }
    match kind {
        Kind::Text | Kind::Temporal | Kind::Age if actions.dummy => Rule::Dummy,
        // A type that this program does not expect to be required; an empty value reveals nothing either.
        _ if actions.empty => Rule::Empty,
        _ => Rule::Remove,
    }
}

fn unlisted(tag: Tag, kind: Kind, place: Place) -> Rule {
    let Tag(group, element) = tag;
    let is_real_world = group == 0x0040 && REAL_WORLD_VALUES.contains(&element);
    if !GROUPS.contains(&group) && !is_real_world && !REQUIRED.contains(&tag) {
        return Rule::Remove;
    }
    match kind {
        Kind::Items => Rule::Items,
        Kind::Uid => Rule::Uids,
        Kind::Number | Kind::Pointer => Rule::Keep,
        Kind::Text | Kind::CodedWord | Kind::NumberText => Rule::IfKnown,
        // An icon has pixels too, deeper down; the table that makes stored values HU is always in a sequence.
        Kind::Bulk if BULK.contains(&tag) && place.depth == 0 => Rule::Keep,
        Kind::Bulk if tag == tags::LUT_DATA && place.depth > 0 => Rule::Keep,
        Kind::Temporal | Kind::Age | Kind::Never | Kind::Bulk => without_value(need(tag, place)),
    }
}

/// What CT images (PS3.3 A.3), enhanced CT (A.38) and their like need of what may have to go.
pub(super) fn need(tag: Tag, place: Place) -> Need {
    const PRESENT: [Tag; 13] = [
        tags::PATIENT_NAME,
        tags::PATIENT_ID,
        tags::PATIENT_BIRTH_DATE,
        tags::PATIENT_SEX,
        tags::STUDY_DATE,
        tags::STUDY_TIME,
        tags::STUDY_ID,
        tags::ACCESSION_NUMBER,
        tags::REFERRING_PHYSICIAN_NAME,
        tags::MANUFACTURER,
        tags::POSITION_REFERENCE_INDICATOR,
        tags::CONTRAST_BOLUS_AGENT,
        tags::ACQUISITION_CONTEXT_SEQUENCE,
    ];
    const WITH_VALUE: [Tag; 11] = [
        tags::MANUFACTURER,
        tags::MANUFACTURER_MODEL_NAME,
        tags::DEVICE_SERIAL_NUMBER,
        tags::SOFTWARE_VERSIONS,
        tags::CONTENT_DATE,
        tags::CONTENT_TIME,
        tags::ACQUISITION_DATE_TIME,
        tags::FRAME_ACQUISITION_DATE_TIME,
        tags::FRAME_REFERENCE_DATE_TIME,
        tags::CONVOLUTION_KERNEL,
        tags::STACK_ID,
    ];
    if place.is_enhanced && WITH_VALUE.contains(&tag) || tag == tags::RESCALE_TYPE {
        Need::Value
    } else if PRESENT.contains(&tag) {
        Need::Presence
    } else {
        Need::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSIC: Place = Place { depth: 0, is_enhanced: false };
    const ENHANCED: Place = Place { depth: 0, is_enhanced: true };

    #[test]
    fn choices_of_the_table_depend_on_the_kind_of_object() {
        let rule = |tag, vr, place| rule(tag, vr, place, &Options::default());
        assert_eq!(rule(tags::DEVICE_SERIAL_NUMBER, VR::LO, CLASSIC), Rule::Remove);
        assert_eq!(rule(tags::DEVICE_SERIAL_NUMBER, VR::LO, ENHANCED), Rule::Dummy);
        assert_eq!(rule(tags::CONTENT_DATE, VR::DA, CLASSIC), Rule::Empty);
        assert_eq!(rule(tags::CONTENT_DATE, VR::DA, ENHANCED), Rule::Dummy);
        assert_eq!(rule(tags::REFERENCED_IMAGE_SEQUENCE, VR::SQ, CLASSIC), Rule::Items);
        assert_eq!(rule(tags::INSTITUTION_NAME, VR::LO, CLASSIC), Rule::Remove);
        assert_eq!(rule(tags::CONTENT_SEQUENCE, VR::SQ, CLASSIC), Rule::Remove);
    }

    #[test]
    fn what_no_rule_knows_goes() {
        let rule = |tag, vr| rule(tag, vr, CLASSIC, &Options::default());
        for (tag, vr) in [
            (Tag(0x0009, 0x1001), VR::LO),
            (Tag(0x0008, 0x7fff), VR::US),
            (Tag(0x5000, 0x0010), VR::US),
            (Tag(0x6002, 0x3000), VR::OW),
            (Tag(0x0010, 0x1022), VR::DS),
            (Tag(0x0008, 0x0000), VR::UL),
            (tags::ROWS, VR::LT),
            (tags::ICC_PROFILE, VR::OB),
            (tags::PIXEL_SPACING, VR::UN),
            (tags::STATION_NAME, VR::SH),
        ] {
            assert_eq!(rule(tag, vr), Rule::Remove, "{tag}");
        }
        assert_eq!(rule(tags::ROWS, VR::US), Rule::Keep);
        assert_eq!(rule(tags::PIXEL_DATA, VR::OW), Rule::Keep);
    }
}
