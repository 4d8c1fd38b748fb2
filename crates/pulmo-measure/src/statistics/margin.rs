//! Non-inferiority: is a method worse by less than a margin that was stated beforehand?

use serde::Serialize;

use super::Interval;

/// What an interval says about a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is better than the margin allows.
    NonInferior,
    /// The whole interval is worse than the margin allows.
    Inferior,
    /// The margin lies within the interval: these cases cannot tell.
    Inconclusive,
}

impl Verdict {
    /// In words, for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NonInferior => "non-inferior",
            Self::Inferior => "inferior",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Compares the interval of a gain (positive is better) with a margin, which is the loss that would be accepted.
///
/// A two-sided interval of 95 % makes this a one-sided test at 2.5 %, as usual (Piaggio et al. 2012, CONSORT). An end
/// that touches the margin is not beyond it.
///
/// # Examples
/// ```
/// use pulmo_measure::statistics::{Interval, margin::{Verdict, verdict}};
/// let gain = Interval { low: -0.015, high: 0.01, level: 0.95 };
/// assert_eq!(verdict(&gain, 0.02), Verdict::NonInferior);
/// assert_eq!(verdict(&gain, 0.01), Verdict::Inconclusive);
/// ```
#[must_use]
pub fn verdict(gain: &Interval, margin: f64) -> Verdict {
    if gain.low > -margin {
        Verdict::NonInferior
    } else if gain.high < -margin {
        Verdict::Inferior
    } else {
        Verdict::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let gain = |low, high| Interval { low, high, level: 0.95 };
        assert_eq!(verdict(&gain(-0.019, 0.1), 0.02), Verdict::NonInferior);
        assert_eq!(verdict(&gain(-0.02, 0.1), 0.02), Verdict::Inconclusive, "touching is not beyond");
        assert_eq!(verdict(&gain(-0.1, -0.02), 0.02), Verdict::Inconclusive);
        assert_eq!(verdict(&gain(-0.1, -0.021), 0.02), Verdict::Inferior);
        assert_eq!(verdict(&gain(0.0, 0.1), 0.0), Verdict::Inconclusive, "margin 0: better, or not shown");
    }
}
