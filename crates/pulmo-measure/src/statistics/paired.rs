//! Two methods on the same cases, one number per case: the difference, how well it is known, and whether chance makes it.

use serde::Serialize;

use super::bootstrap::mean_interval;
use super::cluster::Clusters;
use super::permutation::{Permutation, sign_flips};
use super::wilcoxon::{Wilcoxon, signed_rank};
use super::{Interval, Resampling};

/// One case as two methods see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair<K> {
    /// Value by the first method.
    pub first: f64,
    /// Value by the second.
    pub second: f64,
    /// Whose case it is.
    pub patient: K,
}

/// What the pairs say; differences are second minus first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedComparison {
    /// Cases.
    pub cases: usize,
    /// Patients.
    pub patients: usize,
    /// Mean over the cases by the first method.
    pub mean_first: f64,
    /// Mean over the cases by the second.
    pub mean_second: f64,
    /// Mean difference over the cases.
    pub difference: f64,
    /// Its bootstrap interval, patients drawn; `None` for a single patient.
    pub interval: Option<Interval>,
    /// Sign flips, all differences of a patient together.
    pub permutation: Option<Permutation>,
    /// Signed ranks of the patients' mean differences, because ranks need independent values; `None` if all are zero.
    pub wilcoxon: Option<Wilcoxon>,
}

/// Compares the pairs.
///
/// # Edge cases
/// `None` without pairs or with a value that is not finite.
#[must_use]
pub fn compare<K: Ord>(pairs: &[Pair<K>], how: &Resampling) -> Option<PairedComparison> {
    if pairs.is_empty() || pairs.iter().any(|pair| !pair.first.is_finite() || !pair.second.is_finite()) {
        return None;
    }
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.second - pair.first).collect();
    let patients: Vec<&K> = pairs.iter().map(|pair| &pair.patient).collect();
    let clusters = Clusters::of(&differences, &patients);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / pairs.len() as f64;
    Some(PairedComparison {
        cases: pairs.len(),
        patients: clusters.count(),
        mean_first: mean(&mut pairs.iter().map(|pair| pair.first)),
        mean_second: mean(&mut pairs.iter().map(|pair| pair.second)),
        difference: mean(&mut differences.iter().copied()),
        interval: mean_interval(&clusters, how),
        permutation: sign_flips(&clusters, how),
        wilcoxon: signed_rank(&clusters.means()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(first: f64, second: f64, patient: &str) -> Pair<&str> {
        Pair { first, second, patient }
    }

    #[test]
    fn by_hand() {
        let pairs = [pair(0.5, 0.75, "a"), pair(0.5, 0.75, "a"), pair(0.25, 0.5, "b"), pair(0.5, 0.0, "c")];
        let found = compare(&pairs, &Resampling::default()).unwrap();
        assert_eq!((found.cases, found.patients), (4, 3));
        assert_eq!((found.mean_first, found.mean_second, found.difference), (0.4375, 0.5, 0.0625));
        // Patients' sums 0.5, 0.25 and -0.5: |±0.5 ±0.25 ±0.5| is always at least 0.25.
        assert_eq!(found.permutation.unwrap().p, 1.0);
        // Patients' means 0.25, 0.25 and -0.5: ranks 1.5, 1.5 and 3, so both rank sums are 3.
        let wilcoxon = found.wilcoxon.unwrap();
        assert_eq!((wilcoxon.n, wilcoxon.positive_rank_sum, wilcoxon.p), (3, 3.0, 1.0));
    }

    #[test]
    fn equal_methods_differ_by_nothing_and_bad_pairs_are_refused() {
        let equal = compare(&[pair(0.5, 0.5, "a"), pair(0.25, 0.25, "b")], &Resampling::default()).unwrap();
        assert_eq!((equal.difference, equal.permutation.unwrap().p, equal.wilcoxon), (0.0, 1.0, None));
        assert_eq!(equal.interval.map(|i| (i.low, i.high)), Some((0.0, 0.0)));
        assert_eq!(compare::<u8>(&[], &Resampling::default()), None);
        assert_eq!(compare(&[pair(f64::NAN, 0.5, "a")], &Resampling::default()), None);
    }
}
