//! Wilcoxon's signed-rank test of paired differences, two-sided.
//!
//! Zero differences are left out and counted (Wilcoxon's own rule; `zero_method="wilcox"` in scipy). The rule for
//! which null distribution is used is scipy's `method="auto"`:
//!
//! | differences | p from |
//! |---|---|
//! | at most 50, no zeros, no ties | the exact distribution |
//! | at most 13, zeros or ties | the exact distribution of the tied ranks, as if all signs were tried |
//! | otherwise | the normal approximation with tie correction, without continuity correction |
//!
//! The differences must be independent: of a patient with several cases take the mean ([`Clusters::means`]).
//!
//! [`Clusters::means`]: super::cluster::Clusters::means

use serde::Serialize;

/// Up to so many differences without zeros and ties, the distribution is exact.
const EXACT: usize = 50;
/// Up to so many differences with zeros or ties, it is exact too.
const EXACT_WITH_TIES: usize = 13;

/// What the test gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Wilcoxon {
    /// Differences that were not zero.
    pub n: usize,
    /// Differences that were zero, left out.
    pub zeros: usize,
    /// Sum of the ranks of the positive differences.
    pub positive_rank_sum: f64,
    /// Sum of the ranks of the negative differences.
    pub negative_rank_sum: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Where p comes from.
    pub distribution: Distribution,
}

/// A null distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Every arrangement of the signs counted.
    Exact,
    /// The normal approximation.
    Normal,
}

/// Tests whether `differences` lie symmetrically about zero.
///
/// # Edge cases
/// `None` if no difference is left after the zeros, or if one is not finite.
/// # Agreement
/// `scipy.stats.wilcoxon` 1.17.1 with its defaults, within 1e-12: `oracles/statistics`.
#[must_use]
pub fn signed_rank(differences: &[f64]) -> Option<Wilcoxon> {
    if differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let mut sorted: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (n, zeros) = (sorted.len(), differences.len() - sorted.len());
    let ties: Vec<usize> = sorted.chunk_by(|a, b| a.abs() == b.abs()).map(<[f64]>::len).collect();
    let doubled = doubled_ranks(&ties);
    let sum = |positive: bool| {
        let of_sign = sorted.iter().zip(&doubled).filter(|(d, _)| (**d > 0.0) == positive);
        of_sign.map(|(_, &rank)| rank).sum::<usize>()
    };
    let (positive, negative) = (sum(true), sum(false));
    let plain = zeros == 0 && ties.len() == n;
    let limit = if plain { EXACT } else { EXACT_WITH_TIES };
    let (p, distribution) = if differences.len() <= limit {
        (exact_p(&doubled, positive), Distribution::Exact)
    } else {
        (normal_p(n, &ties, positive), Distribution::Normal)
    };
    let (positive_rank_sum, negative_rank_sum) = (positive as f64 / 2.0, negative as f64 / 2.0);
    (n > 0).then_some(Wilcoxon { n, zeros, positive_rank_sum, negative_rank_sum, p, distribution })
}

/// Twice the rank of every value, for groups of equal values of these sizes: mean ranks are then whole numbers.
fn doubled_ranks(ties: &[usize]) -> Vec<usize> {
    let mut ranks = Vec::new();
    for &size in ties {
        // A group behind `below` others has the ranks below + 1 … below + size.
        ranks.extend(std::iter::repeat_n(2 * ranks.len() + size + 1, size));
    }
    ranks
}

/// Counts for every sum how many of the 2^n signs give it (below 2^53, so exactly), and adds up the smaller tail twice.
fn exact_p(doubled: &[usize], positive: usize) -> f64 {
    let mut ways = vec![0.0; doubled.iter().sum::<usize>() + 1];
    ways[0] = 1.0;
    for &rank in doubled {
        for sum in (rank..ways.len()).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let tail = |sums: &[f64]| sums.iter().sum::<f64>() / 2.0_f64.powi(doubled.len() as i32);
    (2.0 * tail(&ways[..=positive]).min(tail(&ways[positive..]))).min(1.0)
}

fn normal_p(n: usize, ties: &[usize], positive: usize) -> f64 {
    let n = n as f64;
    let tied: f64 = ties.iter().map(|&t| (t as f64).powi(3) - t as f64).sum();
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - tied / 2.0) / 24.0;
    let z = (positive as f64 / 2.0 - n * (n + 1.0) / 4.0) / variance.sqrt();
    // Both tails of the normal distribution beyond z.
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Ranks 1, 2, 3 with signs +, +, +: one arrangement of eight is as far on each side, so p = 2/8.
        let test = signed_rank(&[0.1, 0.2, 0.3]).unwrap();
        assert_eq!((test.n, test.positive_rank_sum, test.negative_rank_sum), (3, 6.0, 0.0));
        assert_eq!((test.p, test.distribution), (0.25, Distribution::Exact));
        // The sum of negative ranks is 1: two of eight arrangements give at most 1.
        assert_eq!(signed_rank(&[-0.1, 0.2, 0.3]).unwrap().p, 0.5);
        // Two tied at rank 1.5 and a zero: signs ++ and -- of four.
        let tied = signed_rank(&[0.5, 0.0, 0.5]).unwrap();
        assert_eq!((tied.n, tied.zeros, tied.positive_rank_sum, tied.p), (2, 1, 3.0, 0.5));
    }

    #[test]
    fn turning_the_signs_changes_nothing() {
        for count in [5, 13, 14, 51] {
            let differences: Vec<f64> = (0..count).map(|i| f64::from(i * 7 % 11) - 4.0).collect();
            let turned: Vec<f64> = differences.iter().map(|d| -d).collect();
            let (one, other) = (signed_rank(&differences).unwrap(), signed_rank(&turned).unwrap());
            assert!((one.p - other.p).abs() < 1e-14, "{count}");
            assert_eq!(one.positive_rank_sum, other.negative_rank_sum);
        }
    }

    #[test]
    fn nothing_to_rank_has_no_p() {
        assert_eq!(signed_rank(&[0.0, 0.0]), None);
        assert_eq!(signed_rank(&[]), None);
        assert_eq!(signed_rank(&[1.0, f64::NAN]), None);
    }
}
