//! A warning where a series may show the face: a surface drawn from it could be recognised.
//!
//! This is no detector. It reads what the series says of itself before that is removed, and how long it is. It does not look at
//! the pixels, so a short series of the neck under an empty description passes unnoticed.

use std::fmt;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::set_aside::texts;

/// A thorax in full inspiration is shorter, from the apex of the lungs to the adrenals.
const LONGEST_THORAX_MM: f64 = 450.0;

/// Parts of words that name the head and the neck, in the languages of common protocols.
const HEAD_WORDS: [&str; 30] = [
    "HEAD",
    "NECK",
    "BRAIN",
    "SKULL",
    "FACE",
    "FACIAL",
    "SINUS",
    "ORBIT",
    "CRANI",
    "CEREB",
    "CEPHAL",
    "CSPINE",
    "C-SPINE",
    "C SPINE",
    "CERVIC",
    "WHOLEBODY",
    "WHOLE BODY",
    "WHOLE_BODY",
    "TOTALBODY",
    "PETCT",
    "MAXILL",
    "MANDIB",
    "DENTAL",
    "THYROID",
    "LARYN",
    "CAROTID",
    "KOPF",
    "HALS",
    "SCHAEDEL",
    "CABEZA",
];

/// Where these words are looked for.
const DESCRIPTIONS: [Tag; 6] = [
    tags::BODY_PART_EXAMINED,
    tags::PROTOCOL_NAME,
    tags::SERIES_DESCRIPTION,
    tags::STUDY_DESCRIPTION,
    tags::REQUESTED_PROCEDURE_DESCRIPTION,
    tags::PERFORMED_PROCEDURE_STEP_DESCRIPTION,
];

/// What one object adds to the judgement on its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    is_named: bool,
    is_declared: bool,
    /// The lowest and the highest slice along the patient's length, in mm.
    range_mm: Option<(f64, f64)>,
}

impl Look {
    /// Looks at an object as it came.
    pub(super) fn at(object: &InMemDicomObject) -> Self {
        let is_head = |text: String| {
            let text = text.to_uppercase();
            HEAD_WORDS.iter().any(|word| text.contains(word))
        };
        let is_localizer = texts(object, tags::IMAGE_TYPE).iter().any(|value| value == "LOCALIZER");
        let heights = if is_localizer { Vec::new() } else { heights_mm(object) };
        let range_mm = heights.iter().fold(None, |range: Option<(f64, f64)>, &z| {
            Some(range.map_or((z, z), |(low, high)| (low.min(z), high.max(z))))
        });
        Self {
            is_named: DESCRIPTIONS.iter().flat_map(|tag| texts(object, *tag)).any(is_head),
            is_declared: texts(object, tags::RECOGNIZABLE_VISUAL_FEATURES).iter().any(|value| value == "YES"),
            range_mm,
        }
    }

    /// What two objects of one series say together.
    pub(super) fn and(self, other: Self) -> Self {
        let range_mm = match (self.range_mm, other.range_mm) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, two) => one.or(two),
        };
        Self { is_named: self.is_named || other.is_named, is_declared: self.is_declared || other.is_declared, range_mm }
    }

    /// Why the series may show a face.
    pub(super) fn suspicion(self) -> Option<Suspicion> {
        let length_mm = self.range_mm.map_or(0.0, |(low, high)| high - low);
        if self.is_declared {
            Some(Suspicion::Declared)
        } else if self.is_named {
            Some(Suspicion::Named)
        } else {
            (length_mm > LONGEST_THORAX_MM).then_some(Suspicion::Long { length_mm })
        }
    }
}

/// Why a series may show a face.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Suspicion {
    /// RecognizableVisualFeatures (0028,0302) is YES.
    Declared,
    /// Its body part, protocol or a description names the head or the neck.
    Named,
    /// It is longer than a thorax.
    Long {
        /// From its lowest to its highest slice.
        length_mm: f64,
    },
}

impl fmt::Display for Suspicion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared => formatter.write_str("RecognizableVisualFeatures (0028,0302) was YES"),
            Self::Named => formatter.write_str("its body part, protocol or a description names the head or the neck"),
            Self::Long { length_mm } => write!(formatter, "it is {length_mm:.0} mm long, more than a thorax"),
        }
    }
}

/// The positions of all frames along the patient's length.
fn heights_mm(object: &InMemDicomObject) -> Vec<f64> {
    let height = |object: &InMemDicomObject| {
        let position = object.get(tags::IMAGE_POSITION_PATIENT)?.to_multi_float64().ok()?;
        position.get(2).copied().filter(|z| z.is_finite())
    };
    let frames =
        object.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).and_then(|groups| groups.items()).unwrap_or_default();
    let positions = frames.iter().filter_map(|frame| frame.get(tags::PLANE_POSITION_SEQUENCE)?.items()?.first());
    positions.chain([object]).filter_map(height).collect()
}
