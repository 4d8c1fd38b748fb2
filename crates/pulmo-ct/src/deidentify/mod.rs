//! De-identification of CT studies after DICOM PS3.15 Annex E.
//!
//! Table E.1-1 of a named edition ([`EDITION`]) says what becomes of the attributes that it lists. What it does not list stays only
//! if it is a number, a class UID or a word that this program knows; dates, times, names and free text go, private
//! elements, curves, overlays and icons too. Pixels are not touched, so files whose pixels may hold text are not
//! written at all. What users need to know is in `docs/deidentification.md`.
//!
//! | module | does |
//! |---|---|
//! | [`run`](fn@run) | many files, in parallel, into folders named by codes |
//! | `object` | one file: read, judge, clean, put together |
//! | `set_aside` | which files are not written |
//! | `clean` | one data set, sequences included |
//! | `policy` | what becomes of one attribute |
//! | `table` | Table E.1-1 |
//! | `text`, `codes`, `dates`, `uids` | which values stay, and what takes the place of others |
//! | `face` | a warning where a face may be seen |
//! | `key` | everything that is secret |
//! | `map`, `report`, `places` | what is written about a run, and where |

mod clean;
mod codes;
mod dates;
mod face;
mod key;
mod map;
mod object;
mod places;
mod policy;
mod report;
mod run;
mod set_aside;
mod table;
mod text;
mod uids;

pub use clean::{Change, Changes};
pub use face::Suspicion;
pub use key::Key;
pub use map::write_map;
pub use places::check_places;
pub use report::{Entry, FaceWarning, Failure, Outcome, Report, describe};
pub use run::run;
pub use set_aside::SetAside;
pub use table::EDITION;

/// What is kept beyond the Basic Profile; by default nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Dates are moved by one number of whole days per patient instead of removed; times of day stay. This is the
    /// option Retain Longitudinal Temporal Information with Modified Dates.
    pub keep_dates: bool,
    /// Age, sex, size, weight and the other characteristics that are numbers or coded words stay.
    pub keep_characteristics: bool,
    /// Ages over 89 years become 90.
    pub cap_age: bool,
    /// Serial number, station name, device UID and the like stay, also maker, model and software as they are written.
    pub keep_device: bool,
    /// MR and PET images are written too; the words that stay were chosen for CT.
    pub include_mr_and_pet: bool,
}
