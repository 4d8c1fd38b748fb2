//! What a fuzzer calls with its bytes, one function per reader.

mod entries;

pub use entries::{meta_image, nifti, nrrd, seg, series};
