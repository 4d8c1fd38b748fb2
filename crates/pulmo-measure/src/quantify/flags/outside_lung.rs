//! Opacity outside the lungs.

use super::{Flag, Raised, Seen};

/// So much of the opacity, in per cent, may lie outside the lung mask.
const MOST_PERCENT: f64 = 5.0;

/// Opacity lies outside the lung mask.
#[derive(Debug)]
pub(super) struct OutsideLung;

impl Flag for OutsideLung {
    fn id(&self) -> &'static str {
        "outside_lung"
    }

    fn threshold(&self) -> String {
        format!("more than {MOST_PERCENT} % of the opacity")
    }

    fn source(&self) -> &'static str {
        "chosen by this project: the three rules for per cent of lung then differ by more than readers do"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "regions", "scores"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let percent = case.opacity.outside_lung_percent.filter(|&percent| percent > MOST_PERCENT)?;
        let outside_ml = case.opacity.outside_lung_ml?;
        Some(Raised {
            found: format!("{outside_ml:.1} mL, {percent:.1} %"),
            sentence:
                "opacity lies outside the lung mask: either mask may be wrong, and per cent of lung leaves it out"
                    .to_owned(),
        })
    }
}
