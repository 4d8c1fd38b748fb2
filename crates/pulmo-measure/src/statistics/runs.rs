//! Several runs of one method on the same cases: how much does the seed of a training matter?

use serde::Serialize;

use super::Summary;

/// What several runs have in common and how far they lie apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSpread {
    /// Cases that have a value in every run; only these count.
    pub cases: usize,
    /// Cases that lack a value in some run.
    pub left_out: usize,
    /// Mean over the cases, run by run.
    pub run_means: Vec<f64>,
    /// Mean, SD, smallest and largest of the run means: the spread over seeds.
    pub over_runs: Summary,
    /// Typical SD of one case over the runs: the root of the mean variance.
    pub case_sd: Option<f64>,
}

/// Describes `runs`, each with one value for every case in the same order.
///
/// # Edge cases
/// `None` without runs, without a case that has a value in every run, or if the runs differ in length. One run has no SD.
/// # Agreement
/// numpy (`mean`, `std(ddof=1)`, `var(ddof=1)`) within 1e-12: `oracles/statistics`.
#[must_use]
pub fn spread(runs: &[Vec<Option<f64>>]) -> Option<RunSpread> {
    let all = runs.first()?.len();
    if runs.iter().any(|run| run.len() != all) {
        return None;
    }
    let complete: Vec<Vec<f64>> =
        (0..all).filter_map(|case| runs.iter().map(|run| run[case].filter(|x| !x.is_nan())).collect()).collect();
    let cases = complete.len();
    let mean = |run: usize| complete.iter().map(|values| values[run]).sum::<f64>() / cases as f64;
    let run_means: Vec<f64> = (0..runs.len()).map(mean).collect();
    let variance = |values: &Vec<f64>| {
        let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        Summary::of(&values)?.sd.map(|sd| sd * sd)
    };
    let variances: Option<Vec<f64>> = complete.iter().map(variance).collect();
    let over_runs = (cases > 0).then(|| Summary::of(&run_means.iter().copied().map(Some).collect::<Vec<_>>()))??;
    let case_sd = variances.map(|v| (v.iter().sum::<f64>() / cases as f64).sqrt());
    Some(RunSpread { cases, left_out: all - cases, run_means, over_runs, case_sd })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let runs = [vec![Some(0.5), Some(0.7), None], vec![Some(0.7), Some(0.9), Some(0.1)]];
        let found = spread(&runs).unwrap();
        assert_eq!((found.cases, found.left_out, found.over_runs.n), (2, 1, 2));
        for (found, expected) in found.run_means.iter().zip([0.6, 0.8]) {
            assert!((found - expected).abs() < 1e-15);
        }
        // Each case differs by 0.2 between the runs: SD 0.2/√2, and so do the means.
        let expected = 0.2 / 2.0_f64.sqrt();
        assert!((found.over_runs.sd.unwrap() - expected).abs() < 1e-15);
        assert!((found.case_sd.unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn one_run_has_no_spread_and_no_case_has_no_mean() {
        let one = spread(&[vec![Some(0.5), Some(0.7)]]).unwrap();
        assert_eq!((one.over_runs.sd, one.case_sd), (None, None));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[vec![None], vec![Some(1.0)]]), None);
        assert_eq!(spread(&[vec![Some(1.0)], vec![]]), None);
    }
}
