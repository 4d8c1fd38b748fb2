//! How well a mean over cases is known: the percentile bootstrap, drawing patients.
//!
//! As many patients as there are, are drawn with replacement, each with all cases; the mean over the drawn cases is
//! taken; this is done many times, and the interval reaches from the (1 − level)/2 to the (1 + level)/2 quantile of
//! those means (linear between them, as `numpy.percentile`). It needs no assumption on how the values are
//! distributed, but with fewer than some 20 patients it is too narrow (Efron and Tibshirani 1993, chapters 13 and 14).

use pulmo_ct::random::Random;
use rayon::prelude::*;

use super::cluster::Clusters;
use super::summary::quantile;
use super::{Interval, Resampling};

/// Keeps these draws apart from those of the permutation test.
const PURPOSE: u64 = 1;

/// The bootstrap interval of the mean of `values`, where values with equal `clusters` (patients) are drawn together.
///
/// # Edge cases
/// `None` for fewer than two clusters, for a value that is not finite, for no resamples, and for a level that is not
/// between 0 and 1.
/// # Panics
/// If the two lists differ in length.
/// # Agreement
/// The same draws made with numpy give the same ends within 1e-12; `scipy.stats.bootstrap` (method `percentile`) over
/// patients, with draws of its own, agrees within what 10,000 draws leave open: `oracles/statistics`.
#[must_use]
pub fn clustered_mean_interval<K: Ord>(values: &[f64], clusters: &[K], how: &Resampling) -> Option<Interval> {
    mean_interval(&Clusters::of(values, clusters), how)
}

/// The same as [`clustered_mean_interval`], of clusters that are already sorted.
#[must_use]
pub fn mean_interval(clusters: &Clusters, how: &Resampling) -> Option<Interval> {
    let sums = clusters.sums();
    let usable = sums.iter().all(|(sum, _)| sum.is_finite()) && how.resamples > 0;
    if sums.len() < 2 || !usable || !(how.level > 0.0 && how.level < 1.0) {
        return None;
    }
    let mut means: Vec<f64> =
        (0..how.resamples).into_par_iter().map(|i| drawn_mean(&sums, how.seed, i as u64)).collect();
    means.par_sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - how.level) / 2.0;
    Some(Interval { low: quantile(&means, tail), high: quantile(&means, 1.0 - tail), level: how.level })
}

/// The mean over the cases of patients drawn with replacement.
fn drawn_mean(sums: &[(f64, usize)], seed: u64, resample: u64) -> f64 {
    let mut random = Random::of(&[seed, PURPOSE, resample]);
    let (mut total, mut cases) = (0.0, 0);
    for _ in 0..sums.len() {
        let (sum, count) = sums[random.below(sums.len())];
        total += sum;
        cases += count;
    }
    total / cases as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patients_by_hand() {
        // Of the four ways to draw two of {0, 1} the means are 0, 0.5, 0.5 and 1, so 95 % reach from end to end and the
        // middle 40 % are 0.5.
        let interval = |level| {
            clustered_mean_interval(&[0.0, 1.0], &["a", "b"], &Resampling { level, ..Resampling::default() }).unwrap()
        };
        assert_eq!((interval(0.95).low, interval(0.95).high), (0.0, 1.0));
        assert_eq!((interval(0.4).low, interval(0.4).high), (0.5, 0.5));
    }

    #[test]
    fn a_patient_comes_with_all_cases() {
        // Patient a has three cases of 1, patient b one of 0: drawn are aa, ab, ba, bb with means 1, 3/4, 3/4, 0.
        let how = Resampling { level: 0.4, ..Resampling::default() };
        let interval = clustered_mean_interval(&[1.0, 1.0, 0.0, 1.0], &["a", "a", "b", "a"], &how).unwrap();
        assert_eq!((interval.low, interval.high), (0.75, 0.75));
        // Ten cases of one patient say no more than one, so the interval is wider than if they were ten patients.
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 10)).collect();
        let (patients, cases): (Vec<i32>, Vec<i32>) = ((0..40).map(|i| i / 10).collect(), (0..40).collect());
        let how = Resampling::default();
        let width = |keys: &[i32]| clustered_mean_interval(&values, keys, &how).map(|i| i.high - i.low).unwrap();
        assert!(width(&patients) > 2.0 * width(&cases));
    }

    #[test]
    fn neither_threads_nor_the_order_of_cases_change_it() {
        let values: Vec<f64> = (0..30).map(|i| f64::from(i * i % 17) / 17.0).collect();
        let keys: Vec<u32> = (0..30).map(|i| i / 2).collect();
        let how = Resampling::default();
        let run = || clustered_mean_interval(&values, &keys, &how);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(run);
        let five = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap().install(run);
        assert_eq!(one, five);
        let turned: (Vec<f64>, Vec<u32>) = (28..30).chain(0..28).map(|i| (values[i], keys[i])).unzip();
        assert_eq!(clustered_mean_interval(&turned.0, &turned.1, &how), one);
        let other = clustered_mean_interval(&values, &keys, &Resampling { seed: 2, ..how });
        assert_ne!(other, one);
    }

    #[test]
    fn what_cannot_be_drawn_has_no_interval() {
        let how = Resampling::default();
        assert_eq!(clustered_mean_interval(&[1.0, 2.0], &["a", "a"], &how), None);
        assert_eq!(clustered_mean_interval::<u8>(&[], &[], &how), None);
        assert_eq!(clustered_mean_interval(&[1.0, f64::NAN], &["a", "b"], &how), None);
        for wrong in [Resampling { resamples: 0, ..how }, Resampling { level: 1.0, ..how }] {
            assert_eq!(clustered_mean_interval(&[1.0, 2.0], &["a", "b"], &wrong), None);
        }
    }
}
