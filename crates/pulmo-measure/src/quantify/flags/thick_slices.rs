//! Thick slices.

use super::{Flag, Raised, Seen};

/// Slices over this many mm are thick.
const THICK_MM: f64 = 3.0;

/// Slices are thick, by the larger of their thickness and their distance.
#[derive(Debug)]
pub(super) struct ThickSlices;

impl Flag for ThickSlices {
    fn id(&self) -> &'static str {
        "thick_slices"
    }

    fn threshold(&self) -> String {
        format!("more than {THICK_MM} mm")
    }

    fn source(&self) -> &'static str {
        "chosen by this project; the Fleischner Society asks for 1.5 mm or less (MacMahon et al., Radiology 2017;284:228)"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["volumes", "attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let apart_mm = case.input.ct.grid().spacing().mm()[0];
        let thickest_mm = case.input.scan.slice_thickness_mm.map_or(apart_mm, |mm| mm.max(apart_mm));
        (thickest_mm > THICK_MM + 1e-3).then(|| Raised {
            found: format!("{thickest_mm:.1} mm"),
            sentence: "slices are thick: small foci and borders are blurred, volumes less exact".to_owned(),
        })
    }
}
