//! What counts as equal to a golden number.
//!
//! # float64
//! Everything within 1e-8: the Euclidean length relative to itself, mean and samples relative to the tensor's root mean
//! square (a sample near zero says nothing relative to itself), logits relative to the largest logit.
//!
//! # float32
//! Within six times what PyTorch's own float32 deviates: its sums are direct, ours are filtered along and across lines, which
//! leaves them about four times as far from the exact sum (`conv3d/winograd` of `pulmo-kernel`). Stored of that is the relative L2 distance `f32_rel` over the
//! whole tensor, and the largest difference among the samples. A tensor whose distance from the truth is at most
//! `6 f32_rel` of its length has necessarily
//!
//! ```text
//! |length - golden length| <= 6 f32_rel length         (triangle inequality)
//! |mean - golden mean|     <= 6 f32_rel rms            (Cauchy-Schwarz)
//! ```
//!
//! and its samples are checked as a set, by the root of their mean squared difference, against
//! `6 max(f32_rel rms, f32_max_sample)`.
//!
//! Updates are another matter: Adam's first steps are nearly `lr sign(gradient)`, so where a gradient is within rounding
//! of zero its update may turn round, by twice its size. A relative distance `r` amounts to a share `r^2 / 4` of turned
//! values, so six times PyTorch's distance explains `e = 9 r^2` of a tensor's values, with `r` the tensor's or the
//! median tensor's `f32_rel`, whichever is larger (in a small tensor PyTorch may have met no such value at all). With
//! `t = e n + 3 sqrt(e n)`, rounded up, turned values allowed, the mean may be off by `2 t / n`, the length by `t / n`,
//! the distance by `2 sqrt(t / n)`. Samples beyond the bound above are counted over all tensors of a step; `e + 3 sqrt(e)`
//! are allowed, summed over the samples.
//!
//! With a float64 dump at hand (`against`) none of this is needed: the relative L2 distance itself is compared.
//!
//! The two parts of a loss share the larger one of their stored deviations: they come from the same logits, and rounding
//! that happens to cancel in one of them says nothing. It may cancel in both: one number is a lottery. So a loss may
//! also be off by what PyTorch's own logits are off (relative to the largest logit; a loss is a mean with slopes below
//! one). The loss before the second step depends on the first update, turned values and all: it may be off by six
//! times the median tensor's `f32_rel` of that update, as a share of what the update changed in the loss.
//!
//! No float32 bound is below a few units in the last place. A tensor that is zero (frozen) must be exactly zero.

use std::collections::BTreeMap;

use super::golden::Summary;

/// Bound of every float64 comparison.
const F64_BOUND: f64 = 1e-8;

/// How often PyTorch's own float32 deviation is allowed.
const F32_TIMES: f64 = 6.0;

/// A few units in the last place of float32.
const F32_FLOOR: f64 = 4.0 * f32::EPSILON as f64;

/// Float width in which the network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// float32 with the kernels chosen for this processor.
    F32,
    /// float64 with the reference kernels.
    F64,
}

/// One comparison: how far off, and how far it may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) deviation: f64,
    pub(super) bound: f64,
}

impl Check {
    pub(super) fn new(what: impl Into<String>, deviation: f64, bound: f64) -> Self {
        Self { what: what.into(), deviation, bound }
    }

    pub(super) fn passes(&self) -> bool {
        // Written so that NaN fails.
        self.deviation <= self.bound
    }

    /// Deviation in units of the bound.
    pub(super) fn severity(&self) -> f64 {
        match (self.passes(), self.bound == 0.0) {
            (true, true) => 0.0,
            (false, true) => f64::INFINITY,
            _ if self.deviation.is_nan() => f64::INFINITY,
            _ => self.deviation / self.bound,
        }
    }
}

/// Compares a tensor with its summary; `values` in the golden order (C order, channels before voxels).
///
/// `turning` is the median tensor's `f32_rel` for sign-like updates, absent for everything else.
pub(super) fn tensor(
    key: &str,
    values: &[f64],
    golden: &Summary,
    precision: Arithmetic,
    turning: Option<f64>,
) -> Vec<Check> {
    if values.len() != golden.n {
        let off = values.len().abs_diff(golden.n);
        return vec![Check::new(format!("{key} number of values"), to_f64(off), 0.0)];
    }
    if golden.l2 == 0.0 {
        let largest = values.iter().fold(0.0, |largest, value| worse(largest, value.abs()));
        return vec![Check::new(format!("{key} must be zero"), largest, 0.0)];
    }
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let mean = values.iter().sum::<f64>() / to_f64(values.len());
    let whole = match precision {
        Arithmetic::F64 => F64_BOUND,
        Arithmetic::F32 => (F32_TIMES * golden.f32_rel).max(F32_FLOOR),
    };
    let turned = if precision == Arithmetic::F32 { turned_share(golden, turning) } else { 0.0 };
    let mut checks = vec![
        Check::new(format!("{key} length"), (length - golden.l2).abs() / golden.l2, whole + turned),
        Check::new(format!("{key} mean"), (mean - golden.mean).abs() / golden.rms, whole + 2.0 * turned),
    ];
    let differences = golden.samples.iter().map(|(&index, &sample)| (index, sample, (values[index] - sample).abs()));
    match precision {
        Arithmetic::F64 => checks.extend(differences.map(|(index, sample, difference)| {
            Check::new(format!("{key} sample {index}"), difference / golden.rms.max(sample.abs()), F64_BOUND)
        })),
        Arithmetic::F32 if turning.is_none() && !golden.samples.is_empty() => {
            let squares: f64 = differences.map(|(_, _, difference)| difference * difference).sum();
            let off = (squares / to_f64(golden.samples.len())).sqrt();
            checks.push(Check::new(format!("{key} samples"), off / golden.rms, sample_bound(golden) / golden.rms));
        }
        Arithmetic::F32 => {}
    }
    checks
}

/// Compares a tensor with the float64 truth, value by value, in relative L2.
pub(super) fn tensor_against(
    key: &str,
    values: &[f64],
    truth: &[f64],
    golden: &Summary,
    turning: Option<f64>,
) -> Check {
    if values.len() != truth.len() {
        return Check::new(format!("{key} number of values"), to_f64(values.len().abs_diff(truth.len())), 0.0);
    }
    let squares = |difference: &mut dyn Iterator<Item = f64>| difference.map(|value| value * value).sum::<f64>().sqrt();
    let off = squares(&mut values.iter().zip(truth).map(|(value, truth)| value - truth));
    let length = squares(&mut truth.iter().copied());
    if length == 0.0 {
        return Check::new(format!("{key} must be zero"), off, 0.0);
    }
    let bound = (F32_TIMES * golden.f32_rel).max(F32_FLOOR).max(2.0 * turned_share(golden, turning).sqrt());
    Check::new(format!("{key} relative L2"), off / length, bound)
}

/// The median `f32_rel` of the tensors that are updated at all.
pub(super) fn median_deviation<'a>(golden: impl Iterator<Item = &'a Summary>) -> f64 {
    let mut deviations: Vec<f64> = golden.filter(|summary| summary.l2 > 0.0).map(|summary| summary.f32_rel).collect();
    deviations.sort_by(f64::total_cmp);
    deviations.get(deviations.len() / 2).copied().unwrap_or(0.0)
}

/// The share of a tensor's updates that may have turned round.
fn turned_share(golden: &Summary, turning: Option<f64>) -> f64 {
    let count = to_f64(golden.n);
    let Some(median) = turning else { return 0.0 };
    let expected = explained_share(golden, median) * count;
    ((expected + 3.0 * expected.sqrt()).ceil() / count).min(1.0)
}

fn explained_share(golden: &Summary, median: f64) -> f64 {
    ((F32_TIMES * golden.f32_rel.max(median)).powi(2) / 4.0).min(1.0)
}

/// Counts samples of sign-like float32 updates that lie outside, over all tensors of a step.
pub(super) fn outlying_samples<'a>(
    observed: impl Fn(&str, usize) -> Option<f64>,
    golden: impl Iterator<Item = (&'a String, &'a Summary)>,
) -> Check {
    let golden: Vec<_> = golden.filter(|(_, summary)| summary.l2 > 0.0).collect();
    let median = median_deviation(golden.iter().map(|(_, summary)| *summary));
    let (mut outlying, mut explained, mut all) = (0_usize, 0.0, 0);
    for (key, summary) in golden {
        for (&index, &sample) in &summary.samples {
            let difference = observed(key, index).map_or(f64::NAN, |value| (value - sample).abs());
            outlying += usize::from(difference.is_nan() || difference > sample_bound(summary));
            explained += explained_share(summary, median);
            all += 1;
        }
    }
    let bound = (explained + 3.0 * explained.sqrt()).floor();
    Check::new(format!("samples outside, of {all}"), to_f64(outlying), bound)
}

/// Compares values one by one, relative to the largest golden one.
pub(super) fn largest_difference(what: &str, values: &[f64], golden: &[f64], bound: f64) -> Check {
    if values.len() != golden.len() {
        return Check::new(format!("{what} number of values"), to_f64(values.len().abs_diff(golden.len())), 0.0);
    }
    let largest = golden.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let off = values.iter().zip(golden).fold(0.0, |off, (value, golden)| worse(off, (value - golden).abs()));
    Check::new(what, off / largest, bound)
}

/// Bound of a relative difference, given PyTorch's own in float32.
pub(super) fn bound(precision: Arithmetic, f32_deviation: f64) -> f64 {
    match precision {
        Arithmetic::F64 => F64_BOUND,
        Arithmetic::F32 => (F32_TIMES * f32_deviation).max(F32_FLOOR),
    }
}

/// Compares shapes by name; the deviation is the number of names that differ.
pub(super) fn shapes(found: &BTreeMap<String, Vec<usize>>, golden: &BTreeMap<String, Vec<usize>>) -> Check {
    let wrong: Vec<_> = golden
        .iter()
        .filter(|(key, shape)| found.get(*key) != Some(shape))
        .map(|(key, _)| key)
        .chain(found.keys().filter(|key| !golden.contains_key(*key)))
        .collect();
    let what = wrong.first().map_or_else(|| format!("{} keys and shapes", golden.len()), |key| format!("key {key}"));
    Check::new(what, to_f64(wrong.len()), 0.0)
}

fn sample_bound(golden: &Summary) -> f64 {
    let relative = (F32_TIMES * golden.f32_rel).max(F32_FLOOR);
    (relative * golden.rms).max(F32_TIMES * golden.f32_max_sample)
}

/// The larger one, NaN if either is.
fn worse(left: f64, right: f64) -> f64 {
    if left.is_nan() || left > right { left } else { right }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Arithmetic, Check, Summary, largest_difference, outlying_samples, shapes, tensor, tensor_against};

    fn summary(values: &[f64], f32_rel: f64, f32_max_sample: f64) -> Summary {
        let l2 = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let n = values.len();
        let samples = (0..n).step_by(3).map(|index| (index, values[index])).collect();
        let (mean, rms) = (values.iter().sum::<f64>() / n as f64, l2 / (n as f64).sqrt());
        Summary { n, l2, mean, rms, samples, f32_rel, f32_max_sample }
    }

    fn values() -> Vec<f64> {
        (0..60).map(|index| f64::from(index * 37 % 61) / 30.0 - 1.0).collect()
    }

    fn fails(checks: &[Check]) -> Vec<&str> {
        checks.iter().filter(|check| !check.passes()).map(|check| check.what.as_str()).collect()
    }

    #[test]
    fn float64_passes_at_1e9_and_fails_at_1e7() {
        let golden = summary(&values(), 1e-6, 1e-6);
        let moved = |by: f64| {
            let mut moved = values();
            moved[3] += by * golden.rms;
            tensor("a", &moved, &golden, Arithmetic::F64, None)
        };
        assert!(fails(&moved(1e-9)).is_empty());
        assert!(fails(&moved(1e-7)).contains(&"a sample 3"));
        assert!(!fails(&moved(f64::NAN)).is_empty());
    }

    #[test]
    fn float32_is_held_to_six_times_its_stored_deviation() {
        let golden = summary(&values(), 1e-4, 1e-5);
        let scaled = |by: f64| values().iter().map(|value| value * (1.0 + by)).collect::<Vec<_>>();
        assert!(fails(&tensor("a", &scaled(5.8e-4), &golden, Arithmetic::F32, None)).is_empty());
        let failing = tensor("a", &scaled(6.6e-4), &golden, Arithmetic::F32, None);
        assert!(fails(&failing).contains(&"a length"), "{failing:?}");
        let truth = values();
        assert!(tensor_against("a", &scaled(5.8e-4), &truth, &golden, None).passes());
        assert!(!tensor_against("a", &scaled(6.2e-4), &truth, &golden, None).passes());
    }

    #[test]
    fn a_stored_deviation_of_zero_asks_for_a_few_last_places_only() {
        let golden = summary(&values(), 0.0, 0.0);
        let rounded: Vec<f64> = values().iter().map(|&value| f64::from(value as f32)).collect();
        assert!(fails(&tensor("a", &rounded, &golden, Arithmetic::F32, None)).is_empty());
    }

    #[test]
    fn a_frozen_tensor_must_be_exactly_zero() {
        let golden = summary(&[0.0; 9], 0.0, 0.0);
        assert!(fails(&tensor("a", &[0.0; 9], &golden, Arithmetic::F32, Some(0.0))).is_empty());
        let mut moved = [0.0; 9];
        moved[4] = 1e-30;
        assert_eq!(fails(&tensor("a", &moved, &golden, Arithmetic::F32, Some(0.0))), ["a must be zero"]);
        assert!(!fails(&tensor("a", &[0.0; 8], &golden, Arithmetic::F64, Some(0.0))).is_empty());
    }

    #[test]
    fn a_few_turned_updates_are_explained_and_many_are_not() {
        let golden = BTreeMap::from([("a".to_owned(), summary(&values(), 0.1, 1e-6))]);
        let check = |turned: usize| {
            let observed = |_: &str, index: usize| {
                let value = values()[index];
                Some(if index / 3 < turned { value + 2.0 } else { value })
            };
            outlying_samples(observed, golden.iter())
        };
        // 20 samples, a share of 9 %: 1.8 expected, 5 allowed.
        assert!(check(5).passes(), "{:?}", check(5));
        assert!(!check(6).passes(), "{:?}", check(6));
        assert!(!outlying_samples(|_, _| None, golden.iter()).passes());
    }

    #[test]
    fn one_turned_update_in_a_small_tensor_is_allowed_and_a_wrong_rate_is_not() {
        let step: Vec<f64> = (0..64).map(|index| if index % 3 == 0 { 0.01 } else { -0.01 }).collect();
        let golden = summary(&step, 1e-4, 1e-9);
        let mut turned = step.clone();
        turned[5] = 0.01;
        assert!(fails(&tensor("a", &turned, &golden, Arithmetic::F32, Some(1e-3))).is_empty());
        assert!(tensor_against("a", &turned, &step, &golden, Some(1e-3)).passes());
        assert!(!fails(&tensor("a", &turned, &golden, Arithmetic::F64, Some(1e-3))).is_empty());
        assert!(!tensor_against("a", &turned, &step, &golden, None).passes());
        let wrong: Vec<f64> = step.iter().map(|value| value * 1.1).collect();
        assert!(!fails(&tensor("a", &wrong, &golden, Arithmetic::F32, Some(1e-3))).is_empty());
    }

    #[test]
    fn logits_and_shapes() {
        assert!(largest_difference("logits", &[1.0, -4.0], &[1.0, -4.0 + 4e-8], 1e-8).deviation < 1.1e-8);
        assert!(!largest_difference("logits", &[1.0, f64::NAN], &[1.0, -4.0], 1e-8).passes());
        assert!(!largest_difference("logits", &[1.0], &[1.0, -4.0], 1e-8).passes());
        let golden = BTreeMap::from([("a".to_owned(), vec![2, 3])]);
        assert!(shapes(&golden, &golden).passes());
        assert!(!shapes(&BTreeMap::from([("a".to_owned(), vec![3, 2])]), &golden).passes());
        assert!(!shapes(&BTreeMap::new(), &golden).passes());
        let more = BTreeMap::from([("a".to_owned(), vec![2, 3]), ("b".to_owned(), vec![])]);
        assert!(!shapes(&more, &golden).passes());
    }
}
