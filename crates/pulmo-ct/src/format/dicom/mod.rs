//! DICOM in and out.
//!
//! | module | does |
//! |---|---|
//! | [`series`] | a folder of slices becomes a volume |
//! | `codec` | undoes the compression of one frame |
//! | `lengths` | compares every length in a file with the file, before it is parsed |

mod codec;
mod lengths;
pub mod series;
