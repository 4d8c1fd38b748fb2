//! Data sets as lists of cases: `data.toml`, importers for folders, and splits by patient.
//!
//! A [`DataList`] names files and says what may be done with them; it holds no voxels.
//! To add a kind of data set: one file beside [`folder`] with a type that implements [`DatasetKind`], and its
//! entry in [`ALL`].

pub mod folder;
pub mod list;
pub mod split;

use std::path::Path;

use crate::error::Result;
pub use folder::{Folder, from_folder};
pub use list::{Case, DataList, IntensityStored, Split};

/// One way in which a data set lies on disk.
pub trait DatasetKind: Sync {
    /// The name on the command line, snake_case.
    fn name(&self) -> &'static str;

    /// One line: which layout it expects.
    fn about(&self) -> &'static str;

    /// Lists the cases below `root`, all in [`Split::Train`].
    ///
    /// # Errors
    /// If the layout is not this kind's, or a case lacks a part.
    fn list(&self, root: &Path) -> Result<DataList>;
}

/// Every kind, in the order they are tried.
pub const ALL: &[&dyn DatasetKind] = &[&Folder];

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static dyn DatasetKind> {
    ALL.iter().copied().find(|kind| kind.name() == name)
}
