//! DICOM Segmentation objects: label maps and probabilities out, other makers' segments back in.
//!
//! | module | does |
//! |---|---|
//! | `write` | the attributes of an object |
//! | `planes` | where its frames lie and which slices they come from |
//! | `frames` | which frames there are, and their pixels |
//! | `bits` | eight pixels in a byte |
//! | `read` | the attributes of another maker's object |
//! | `stack` | the grid that its frames form by themselves |
//! | `place` | its voxels on a grid |

mod bits;
mod frames;
mod place;
mod planes;
mod read;
mod stack;
mod write;

pub use place::{LabelRule, Overlap, Placed};
pub(in crate::format::dicom) use read::is_segmentation_file;
pub use read::{ReadSegment, Segmentation, read};
pub use write::{tracking_uid, write, write_fractional};

use super::code::{self, Code, SegmentMeaning};

/// How an object stores its segments (SegmentationType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegKind {
    /// One bit per voxel, frame and segment; segments may overlap. Every viewer reads it.
    Binary,
    /// A share from 0 to 1 per voxel, frame and segment, in steps of 1/255.
    Fractional,
    /// One label per voxel (Supplement 243 of 2025); fewer viewers read it.
    LabelMap,
}

impl SegKind {
    /// The term of the standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "BINARY",
            Self::Fractional => "FRACTIONAL",
            Self::LabelMap => "LABELMAP",
        }
    }
}

/// What one label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// SegmentNumber, and the label in a label map.
    pub number: u16,
    /// SegmentLabel, for people: at most 64 ASCII characters when written.
    pub label: String,
    /// What kind of thing it is.
    pub category: Code,
    /// What it is.
    pub kind: Code,
    /// Which side, for a paired organ.
    pub laterality: Option<Code>,
    /// TrackingUID; `None` lets [`tracking_uid`] make it from the source and the algorithm.
    pub tracking_uid: Option<String>,
    /// The colour to show it in: red, green, blue.
    pub rgb: [u8; 3],
}

impl Segment {
    /// A segment with one of the known meanings.
    #[must_use]
    pub fn of(number: u16, meaning: &SegmentMeaning) -> Self {
        Self {
            number,
            label: meaning.label.to_owned(),
            category: meaning.category.clone(),
            kind: meaning.kind.clone(),
            laterality: meaning.laterality.clone(),
            tracking_uid: None,
            rgb: meaning.rgb,
        }
    }

    /// A segment by the name of its label: with its codes if [`SegmentMeaning`] knows the name, as tissue of that
    /// name otherwise.
    #[must_use]
    pub fn named(number: u16, name: &str) -> Self {
        match SegmentMeaning::of(name) {
            Some(meaning) => Self::of(number, meaning),
            None => Self {
                number,
                label: name.to_owned(),
                category: code::TISSUE,
                kind: code::TISSUE,
                laterality: None,
                tracking_uid: None,
                rgb: [200, 200, 90],
            },
        }
    }
}
