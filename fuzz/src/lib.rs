//! What a fuzzer calls with its bytes, one function per reader.

use std::io::Write;

mod entries;

pub use entries::{meta_image, nifti, nrrd, seg, series};

/// Keeps the fuzzer from taking a panic for a crash that the readers catch: decoders of other makers may give up on damaged
/// streams. One that nobody catches is a crash as before.
pub fn only_what_nobody_catches() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(std::io::stderr(), "{panic}");
    }));
}
