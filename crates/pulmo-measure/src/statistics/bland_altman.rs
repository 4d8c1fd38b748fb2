//! Agreement of two ways to measure the same quantity: bias and limits of agreement.
//!
//! Bland and Altman 1986, with the standard error of a limit as in their paper of 1999 (section 3.2):
//! `SD · sqrt(1/n + 1.96² / (2 (n − 1)))`, and Student's distribution with n − 1 degrees of freedom.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Interval, Summary};

/// So many SD lie between the bias and each limit, whichever level the intervals have.
const WITHIN: f64 = 1.96;

/// Bias and limits of agreement, in the unit of the differences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlandAltman {
    /// Pairs.
    pub n: usize,
    /// Mean difference.
    pub bias: f64,
    /// Its interval.
    pub bias_interval: Interval,
    /// Standard deviation of the differences (n − 1).
    pub sd: f64,
    /// Bias − 1.96 SD.
    pub lower_limit: f64,
    /// Its interval.
    pub lower_interval: Interval,
    /// Bias + 1.96 SD.
    pub upper_limit: f64,
    /// Its interval.
    pub upper_interval: Interval,
}

/// Bias and limits of agreement of paired differences, with intervals of the given level.
///
/// The intervals take the differences for independent and about normal. Where patients have several cases they are too
/// narrow, and the limits mix what differs between patients and within them (Bland and Altman 2007): say so beside them.
///
/// Under some 40 pairs the exact interval of a limit (Carkeet 2015) reaches further outwards; the oracle shows how far.
///
/// # Edge cases
/// `None` for fewer than two differences, one that is not finite, or a level not between 0 and 1.
/// # Agreement
/// numpy and `scipy.stats.t` 1.17.1 by the formulas above, within 1e-10: `oracles/statistics`.
#[must_use]
pub fn agreement(differences: &[f64], level: f64) -> Option<BlandAltman> {
    if differences.iter().any(|d| !d.is_finite()) || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let values: Vec<Option<f64>> = differences.iter().copied().map(Some).collect();
    let summary = Summary::of(&values)?;
    let (n, bias, sd) = (summary.n, summary.mean, summary.sd?);
    let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).ok()?.inverse_cdf((1.0 + level) / 2.0);
    let around = |centre: f64, error: f64| Interval { low: centre - t * error, high: centre + t * error, level };
    let limit_error = sd * (1.0 / n as f64 + WITHIN * WITHIN / (2.0 * (n - 1) as f64)).sqrt();
    let (lower_limit, upper_limit) = (bias - WITHIN * sd, bias + WITHIN * sd);
    Some(BlandAltman {
        n,
        bias,
        bias_interval: around(bias, sd / (n as f64).sqrt()),
        sd,
        lower_limit,
        lower_interval: around(lower_limit, limit_error),
        upper_limit,
        upper_interval: around(upper_limit, limit_error),
    })
}

/// `second` minus `first` in per cent of the mean of both; `None` if that mean is 0, as for two empty masks.
#[must_use]
pub fn percent_difference(first: f64, second: f64) -> Option<f64> {
    let mean = (first + second) / 2.0;
    (mean != 0.0).then(|| 100.0 * (second - first) / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // -1, 0, 1: bias 0, SD 1; with 2 degrees of freedom the quantile of t at (1 + q)/2 is q · sqrt(2 / (1 - q²)).
        let found = agreement(&[-1.0, 0.0, 1.0], 0.95).unwrap();
        assert_eq!((found.n, found.bias, found.sd, found.lower_limit, found.upper_limit), (3, 0.0, 1.0, -1.96, 1.96));
        let t = 0.95 * (2.0 / (1.0 - 0.95_f64 * 0.95)).sqrt();
        assert!((found.bias_interval.high - t / 3.0_f64.sqrt()).abs() < 1e-10);
        let error = (1.0 / 3.0 + 1.96 * 1.96 / 4.0_f64).sqrt();
        assert!((found.upper_interval.low - (1.96 - t * error)).abs() < 1e-10);
        assert_eq!(percent_difference(90.0, 110.0), Some(20.0));
    }

    #[test]
    fn what_has_no_spread_has_no_limits() {
        assert_eq!(agreement(&[1.0], 0.95), None);
        assert_eq!(agreement(&[], 0.95), None);
        assert_eq!(agreement(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(percent_difference(0.0, 0.0), None);
        let equal = agreement(&[2.0, 2.0], 0.95).unwrap();
        assert_eq!((equal.bias, equal.sd, equal.upper_limit), (2.0, 0.0, 2.0));
    }
}
