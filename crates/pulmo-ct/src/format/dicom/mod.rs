//! DICOM in and out.
//!
//! | module | does |
//! |---|---|
//! | `entry` | puts folders and single files into the list of formats |
//! | [`series`] | a folder of slices becomes a volume |
//! | `codec` | undoes the compression of one frame |
//! | `lengths` | compares every length in a file with the file, before it is parsed |

mod codec;
mod entry;
mod lengths;
pub mod series;

pub(super) use entry::{Folder, Single};
