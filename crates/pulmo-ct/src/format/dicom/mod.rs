//! DICOM in and out.
//!
//! | module | does |
//! |---|---|
//! | `entry` | puts folders and single files into the list of formats |
//! | [`series`] | a folder of slices becomes a volume |
//! | `file` | the one way to open a DICOM file |
//! | `lengths` | compares every length in a file with the file, before it is parsed |
//! | `pixel_data` | finds and reads the frames of an object |
//! | `codec` | undoes the compression of one frame |

mod codec;
mod entry;
mod file;
mod lengths;
mod pixel_data;
pub mod series;

pub(super) use entry::{Folder, Single};
