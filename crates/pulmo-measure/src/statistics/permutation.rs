//! Paired permutation test: were the methods alike, the sign of each patient's differences would be a coin toss.
//!
//! The statistic is the mean difference over the cases. All differences of a patient are flipped together. Two-sided:
//! p is the share of the arrangements whose mean difference is at least as far from zero as the one found.

use pulmo_ct::random::Random;
use rayon::prelude::*;
use serde::Serialize;

use super::Resampling;
use super::cluster::Clusters;

/// Keeps these draws apart from those of the bootstrap.
const PURPOSE: u64 = 2;
/// Up to so many patients all 2^n arrangements are counted.
const EXACT: usize = 16;
/// Arrangements that differ from the one found only in rounding count as equal to it: relative to the sum of all sizes.
const ROUNDING: f64 = 1e-12;

/// What the test gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Permutation {
    /// Patients whose signs were flipped.
    pub clusters: usize,
    /// Two-sided p-value.
    pub p: f64,
    /// Whether all arrangements were counted; otherwise they were drawn and p = (b + 1)/(m + 1).
    pub exact: bool,
    /// Number of arrangements that were looked at.
    pub arrangements: usize,
}

/// Tests whether the mean of paired differences is zero.
///
/// # Edge cases
/// `None` without differences, or if one is not finite. All differences zero: p is 1. The smallest p that n patients
/// can give is 2 / 2^n.
/// # Agreement
/// Exact: `scipy.stats.permutation_test` 1.17.1 (`permutation_type="samples"`, all arrangements) within 1e-12. Drawn: the
/// same draws made with numpy give the same p: `oracles/statistics`. DIFFERENCE: scipy doubles the smaller one-sided p of
/// the drawn arrangements; here both sides are counted, which is the same for all arrangements and less noisy for drawn ones.
#[must_use]
pub fn sign_flips(differences: &Clusters, how: &Resampling) -> Option<Permutation> {
    let sums: Vec<f64> = differences.sums().into_iter().map(|(sum, _)| sum).collect();
    if sums.is_empty() || sums.iter().any(|sum| !sum.is_finite()) || (sums.len() > EXACT && how.resamples == 0) {
        return None;
    }
    let sizes: f64 = sums.iter().map(|sum| sum.abs()).sum();
    let found = sums.iter().sum::<f64>().abs() - ROUNDING * sizes;
    let is_as_far = |signs: &dyn Fn(usize) -> bool| {
        let total: f64 = sums.iter().enumerate().map(|(i, &sum)| if signs(i) { -sum } else { sum }).sum();
        total.abs() >= found
    };
    let exact = sums.len() <= EXACT;
    let (p, arrangements) = if exact {
        let all = 1_usize << sums.len();
        let far = (0..all).filter(|&arrangement| is_as_far(&|i| arrangement >> i & 1 == 1)).count();
        (far as f64 / all as f64, all)
    } else {
        let far = (0..how.resamples).into_par_iter().filter(|&draw| {
            let signs = drawn_signs(sums.len(), how.seed, draw as u64);
            is_as_far(&|i| signs[i / 64] >> (i % 64) & 1 == 1)
        });
        ((far.count() + 1) as f64 / (how.resamples + 1) as f64, how.resamples)
    };
    Some(Permutation { clusters: sums.len(), p, exact, arrangements })
}

/// One bit for each of `count` patients.
fn drawn_signs(count: usize, seed: u64, draw: u64) -> Vec<u64> {
    let mut random = Random::of(&[seed, PURPOSE, draw]);
    (0..count.div_ceil(64)).map(|_| random.bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(differences: &[f64], keys: &[usize]) -> Permutation {
        sign_flips(&Clusters::of(differences, keys), &Resampling::default()).unwrap()
    }

    #[test]
    fn by_hand() {
        // 1 + 2 + 3 = 6 is reached by +++ and --- only.
        let test = p(&[1.0, 2.0, 3.0], &[0, 1, 2]);
        assert_eq!((test.p, test.exact, test.arrangements), (0.25, true, 8));
        // 3 - 1 - 2 = 0: every arrangement is as far.
        assert_eq!(p(&[-1.0, -2.0, 3.0], &[0, 1, 2]).p, 1.0);
        // One patient with three cases is one coin.
        assert_eq!(p(&[1.0, 2.0, 3.0], &[0, 0, 0]).p, 1.0);
        assert_eq!(p(&[0.0; 4], &[0, 1, 2, 3]).p, 1.0);
        // 0.1 + 0.2 and 0.3 differ in the last bit and are the same sum.
        assert_eq!(p(&[0.1, 0.2, -0.3], &[0, 1, 2]).p, 1.0);
    }

    #[test]
    fn drawn_arrangements_come_near_to_all_of_them() {
        let values: Vec<f64> = (0..17).map(|i| f64::from(i * 5 % 17) - 5.0).collect();
        let keys: Vec<usize> = (0..17).collect();
        let drawn = p(&values, &keys);
        assert_eq!((drawn.exact, drawn.arrangements), (false, 10_000));
        let far = (0..1_u32 << 17).filter(|&signs| {
            let total: f64 = values.iter().enumerate().map(|(i, v)| if signs >> i & 1 == 1 { -v } else { *v }).sum();
            total.abs() >= values.iter().sum::<f64>().abs()
        });
        let all = far.count() as f64 / f64::from(1_u32 << 17);
        let error = (all * (1.0 - all) / 10_000.0).sqrt();
        assert!((drawn.p - all).abs() < 4.0 * error, "{} {all}", drawn.p);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| p(&values, &keys));
        assert_eq!(one, drawn, "threads change nothing");
    }

    #[test]
    fn a_drawn_p_is_never_zero() {
        let test = p(&[1.0; 40], &(0..40).collect::<Vec<_>>());
        assert_eq!(test.p, 1.0 / 10_001.0);
        assert_eq!(sign_flips(&Clusters::of::<u8>(&[], &[]), &Resampling::default()), None);
        assert_eq!(sign_flips(&Clusters::of(&[f64::NAN], &[0]), &Resampling::default()), None);
    }
}
