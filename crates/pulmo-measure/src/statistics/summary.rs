//! Mean, spread and quartiles of a list of numbers.

use serde::Serialize;

/// Mean, spread and quartiles of the defined values of a list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Values that were defined.
    pub n: usize,
    /// Values that were not defined (both masks empty, say) and are left out of everything below.
    pub left_out: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the sample (divided by n − 1); `None` for a single value.
    pub sd: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// First quartile.
    pub q1: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub q3: f64,
    /// Largest value.
    pub max: f64,
}

impl Summary {
    /// Describes `values`, of which the undefined ones are counted and left out.
    ///
    /// # Edge cases
    /// No defined value: `None`. A NaN counts as undefined.
    /// # Agreement
    /// Mean, SD (`ddof=1`) and quartiles equal numpy 1.26.4 (`percentile`, method `linear`) within 1e-12:
    /// `oracles/dice`.
    #[must_use]
    pub fn of(values: &[Option<f64>]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let n = sorted.len();
        let mean = sorted.iter().sum::<f64>() / n as f64;
        let squares = sorted.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        Some(Self {
            n,
            left_out: values.len() - n,
            mean,
            sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
            min,
            q1: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            q3: quantile(&sorted, 0.75),
            max,
        })
    }
}

/// The value below which `fraction` (0 to 1) of a sorted, not empty list lies, interpolated linearly.
pub(crate) fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let position = fraction * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let summary = Summary::of(&[Some(4.0), None, Some(1.0), Some(2.0), Some(3.0), Some(f64::NAN)]).unwrap();
        assert_eq!((summary.n, summary.left_out), (4, 2));
        assert_eq!((summary.mean, summary.min, summary.max), (2.5, 1.0, 4.0));
        assert_eq!((summary.q1, summary.median, summary.q3), (1.75, 2.5, 3.25));
        assert!((summary.sd.unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn one_value_has_no_spread_and_none_has_no_summary() {
        let one = Summary::of(&[Some(0.5)]).unwrap();
        assert_eq!((one.sd, one.q1, one.q3), (None, 0.5, 0.5));
        assert_eq!(Summary::of(&[None]), None);
        assert_eq!(Summary::of(&[]), None);
    }
}
