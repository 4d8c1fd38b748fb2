//! Lung that was not measured.

use pulmo_ct::CtVolume;

use super::{Flag, Raised, Seen};

/// So much of the lung, in per cent, may hold the value of voxels that were not measured.
const MOST_PERCENT: f64 = 1.0;

/// Part of the lung was not measured.
#[derive(Debug)]
pub(super) struct Padding;

impl Flag for Padding {
    fn id(&self) -> &'static str {
        "padding_in_lung"
    }

    fn threshold(&self) -> String {
        format!("more than {MOST_PERCENT} % of the lung at {} HU or less", CtVolume::AIR_HU)
    }

    fn source(&self) -> &'static str {
        "padding is read as -1024 HU, less than air; chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["volumes", "percent", "attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lungs = case.lungs?;
        let voxels: u64 = lungs.counted.lungs.iter().map(|lung| lung.voxels).sum();
        let percent = 100.0 * case.values.unmeasured_lung_voxels as f64 / voxels as f64;
        (case.values.are_hu && percent > MOST_PERCENT).then(|| Raised {
            found: format!("{percent:.1} % of the lung"),
            sentence: "part of the lung holds padding (or values cut off at its level): it was not measured".to_owned(),
        })
    }
}
