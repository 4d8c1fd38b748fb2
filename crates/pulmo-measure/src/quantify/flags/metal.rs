//! Metal.

use super::super::values::METAL_HU;
use super::{Flag, Raised, Seen};

/// So much of it, in mL, is more than a few noisy voxels.
const LEAST_ML: f64 = 0.05;

/// There is metal in the volume.
#[derive(Debug)]
pub(super) struct Metal;

impl Flag for Metal {
    fn id(&self) -> &'static str {
        "metal"
    }

    fn threshold(&self) -> String {
        format!("{LEAST_ML} mL or more at {METAL_HU} HU or more")
    }

    fn source(&self) -> &'static str {
        "bone stays below about 2000 HU, and 12-bit CT ends at 3071 HU; chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["attenuation", "percent"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let metal_ml = case.values.metal_voxels as f64 * case.input.ct.grid().voxel_ml();
        (case.values.are_hu && metal_ml >= LEAST_ML).then(|| Raised {
            found: format!("{metal_ml:.2} mL"),
            sentence: "there is metal: streaks may look like opacity or hide it".to_owned(),
        })
    }
}
