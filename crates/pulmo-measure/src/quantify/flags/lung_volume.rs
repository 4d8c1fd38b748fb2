//! Lungs that no adult has, or a left and a right one that do not fit.

use super::{Flag, Raised, Seen};

/// Volumes of both lungs in mL between which an adult's lie, air and tissue together.
const PLAUSIBLE_ML: [f64; 2] = [1500.0, 9500.0];
/// Shares of the left lung in both, in per cent, between which most lie.
const PLAUSIBLE_LEFT_PERCENT: [f64; 2] = [35.0, 55.0];

/// Both lungs are too small or too large.
#[derive(Debug)]
pub(super) struct LungVolume;

impl Flag for LungVolume {
    fn id(&self) -> &'static str {
        "lung_volume"
    }

    fn threshold(&self) -> String {
        let [least, most] = PLAUSIBLE_ML;
        format!("below {least} mL or above {most} mL")
    }

    fn source(&self) -> &'static str {
        "chosen by this project, wide around the total lung capacities of adults (Hall GL et al. Eur Respir J \
         2021;57:2000289) to allow for shallow breath and tissue"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "regions", "scores"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let total_ml = case.lungs?.lung.total_ml;
        let [least, most] = PLAUSIBLE_ML;
        (!(least..=most).contains(&total_ml)).then(|| Raised {
            found: format!("{total_ml:.0} mL"),
            sentence: "the lungs have a volume that is unlikely in an adult: the mask, the spacing or the field of \
                       view may be wrong"
                .to_owned(),
        })
    }
}

/// One lung is too large beside the other.
#[derive(Debug)]
pub(super) struct LungRatio;

impl Flag for LungRatio {
    fn id(&self) -> &'static str {
        "lung_ratio"
    }

    fn threshold(&self) -> String {
        let [least, most] = PLAUSIBLE_LEFT_PERCENT;
        format!("left lung below {least} % or above {most} % of both")
    }

    fn source(&self) -> &'static str {
        "the left lung has about 45 to 48 % of both; limits chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "regions", "scores", "sides"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lung = case.lungs?.lung;
        let left_percent = 100.0 * lung.left_ml / lung.total_ml;
        let [least, most] = PLAUSIBLE_LEFT_PERCENT;
        (!(least..=most).contains(&left_percent)).then(|| Raised {
            found: format!("left {left_percent:.0} % of both"),
            sentence: "one lung is unusually large beside the other: part of one may be missing from the mask, \
                       collapsed or removed"
                .to_owned(),
        })
    }
}
