//! A lobe map that does not fit the lungs.

use super::{Flag, Raised, Seen};

/// By so much of the lung, in per cent, the lobes together may differ from it.
const MOST_PERCENT: f64 = 10.0;

/// The lobes together are not the lungs.
#[derive(Debug)]
pub(super) struct LobesDiffer;

impl Flag for LobesDiffer {
    fn id(&self) -> &'static str {
        "lobes_differ"
    }

    fn threshold(&self) -> String {
        format!("lobes and lungs differ by more than {MOST_PERCENT} % of lung volume")
    }

    fn source(&self) -> &'static str {
        "lobe models leave out dense lung (README of lungmask, LTRCLobes); chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["regions", "scores"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lungs = case.lungs?;
        if case.lobes.is_empty() {
            return None;
        }
        let lobes_ml =
            case.lobes.iter().map(|(_, count)| count.lung).sum::<u64>() as f64 * case.input.ct.grid().voxel_ml();
        let percent = 100.0 * (lobes_ml - lungs.lung.total_ml) / lungs.lung.total_ml;
        (percent.abs() > MOST_PERCENT).then(|| Raised {
            found: format!("{percent:+.1} %"),
            sentence: "the lobes together are not the lungs: scores by lobe rest on the lobe map alone".to_owned(),
        })
    }
}
