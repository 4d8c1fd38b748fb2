//! Data sets as lists of cases: `data.toml`, importers for the forms in which data are downloaded, splits by patient,
//! fingerprints and exports.
//!
//! A [`DataList`] names files and says what may be done with them; it holds no voxels.
//! To add a kind of data set: one file beside [`folder`] with a type that implements [`DatasetKind`], and its
//! entry in [`ALL`].

pub mod check;
pub mod covid_19_20;
pub mod covid_19_ct_seg;
pub mod decathlon;
pub mod digest;
pub mod export;
pub mod fingerprint;
pub mod fold;
pub mod folder;
pub mod import;
pub mod list;
pub mod monai;
pub mod mosmed;
pub mod nnunet;
mod pattern;
mod place;
pub mod published;
pub mod ricord;
pub mod split;
pub mod table;
mod zips;

use crate::error::Result;
pub use covid_19_20::Covid1920;
pub use covid_19_ct_seg::Covid19CtSeg;
pub use decathlon::Decathlon;
pub use folder::Folder;
pub use import::{CaseFlow, Facts, Imported, import};
pub use list::{Case, DataList, IntensityStored, Split};
pub use monai::Monai;
pub use mosmed::MosMed;
pub use nnunet::NnUnet;
pub use ricord::Ricord1a;
pub use table::Table;

/// One way in which a data set lies on disk.
pub trait DatasetKind: Sync + std::fmt::Debug {
    /// The name on the command line, snake_case.
    fn name(&self) -> &'static str;

    /// One line: which layout it expects.
    fn about(&self) -> &'static str;

    /// The options of [`import::Options`] that it knows, by their names on the command line.
    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it is the user's own folder, so that `data.toml` may lie in it.
    fn is_own(&self) -> bool {
        false
    }

    /// What is there, by names and lists alone; opens no image.
    ///
    /// # Errors
    /// If the layout is not this kind's. A case that lacks a part is no error but an exclusion.
    fn find(&self, search: &import::Search<'_>) -> Result<import::Found>;
}

/// Every kind, as help and messages list them.
pub const ALL: &[&dyn DatasetKind] =
    &[&Ricord1a, &Covid19CtSeg, &MosMed, &Covid1920, &NnUnet, &Decathlon, &Monai, &Folder, &Table];

/// The kind of that name; `-` and `_` are the same.
#[must_use]
pub fn kind(name: &str) -> Option<&'static dyn DatasetKind> {
    let name = name.replace('-', "_");
    ALL.iter().copied().find(|kind| kind.name() == name)
}
