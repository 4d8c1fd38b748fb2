//! DICOM in and out.
//!
//! | module | does |
//! |---|---|
//! | `entry` | puts folders and single files into the list of formats |
//! | [`series`] | a folder of slices becomes a volume |
//! | `file` | the one way to open a DICOM file |
//! | [`kind`] | says what a file holds |
//! | `fields` | values of a parsed object |
//! | `lengths` | compares every length in a file with the file, before it is parsed |
//! | `pixel_data` | finds and reads the frames of an object |
//! | `codec` | undoes the compression of one frame |
//! | [`source`] | a series as the objects made from it see it |
//! | `person` | who is on it, where a user asks for it |
//! | [`object`] | what all objects share: identity, equipment, UIDs |
//! | [`pdf`], [`capture`] | a document and pictures in the study |
//! | [`rtstruct`] | contours, out and in |
//! | [`sr`] | measurements in a structured report, out and in |
//! | [`code`] | coded concepts |
//! | [`seg`] | Segmentation objects, in and out |
//! | `raw`, `dataset`, `text`, `uid` | elements as bytes, in and out; their limits; UIDs from content |

pub mod capture;
mod codec;
mod dataset;
mod entry;
mod fields;
pub(crate) mod file;
mod lengths;
mod person;
mod pixel_data;
mod raw;
mod text;
pub(crate) mod uid;

pub mod code;
pub mod kind;
pub mod object;
pub mod pdf;
pub mod rtstruct;
pub mod seg;
pub mod series;
pub mod source;
pub mod sr;

/// What every object says of itself where it has a place for a sentence.
pub const RESEARCH_SENTENCE: &str = "Research software. Not a medical device, not CE-marked or FDA-cleared. \
                                     Not for diagnosis or treatment decisions.";

pub use code::{Code, SegmentMeaning};
pub(super) use entry::{Folder, Single};
pub(crate) use file::{looks_like, open_header};
pub use kind::{Kind, kind_of};
pub use object::{Algorithm, AlgorithmKind, DicomObject, Settings, Timestamp};
pub use person::Person;
pub use source::{SourceSeries, SourceSlice};
