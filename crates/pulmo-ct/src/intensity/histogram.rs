//! Piecewise linear histogram matching (Nyúl and Udupa 1999) in the form of the paper's library.
//!
//! # Formula
//! Over the voxels above the volume's mean, landmarks are the values of rank `round(q/100 · (n − 1))` for the
//! percentiles [`PERCENTILES`]. Landmark `k` goes to the standard value `k`, straight lines between, the
//! outer lines prolonged; then negative values become 0, the root is taken, and the volume is scaled to
//! [0, 1] by its extremes.
//!
//! The library's own way to find the standard values has its map the wrong way round; [`learn`] does it as
//! published: each volume's landmarks are moved linearly so that the outer ones come to 0 and 100, then
//! averaged.
//!
//! # Agreement
//! `numpy` 1.26.4 script in `oracles/intensity`, within 1e-5.

use rayon::prelude::*;

use super::min_max;
use crate::error::{Error, Result};

/// Percentiles of the landmarks.
pub const PERCENTILES: [f64; 11] = [1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0];

pub(super) fn check(landmarks: &[f32]) -> Result<()> {
    let rising = landmarks.windows(2).all(|pair| pair[0] < pair[1]) && landmarks.iter().all(|x| x.is_finite());
    if landmarks.len() == PERCENTILES.len() && rising {
        return Ok(());
    }
    let expected = PERCENTILES.len();
    Err(Error::Value { problem: format!("intensity landmarks {landmarks:?}: expected {expected} rising numbers") })
}

/// Standard values from training volumes: the mean of their landmarks, each moved to 0..100.
///
/// # Errors
/// [`Error::Value`] without volumes, or if a volume is constant above its mean.
pub fn learn<'a>(volumes: impl IntoIterator<Item = &'a [f32]>) -> Result<Vec<f32>> {
    let mut sums = [0.0_f64; PERCENTILES.len()];
    let mut count = 0;
    for volume in volumes {
        let found = landmarks_of(volume);
        let (first, last) = (found[0], found[PERCENTILES.len() - 1]);
        if last <= first {
            return Err(Error::Value { problem: format!("volume {count} has no contrast above its mean") });
        }
        for (sum, value) in sums.iter_mut().zip(found) {
            *sum += 100.0 * f64::from(value - first) / f64::from(last - first);
        }
        count += 1;
    }
    if count == 0 {
        return Err(Error::Value { problem: "no volumes to learn intensity landmarks from".to_owned() });
    }
    Ok(sums.iter().map(|sum| (sum / f64::from(count)) as f32).collect())
}

fn landmarks_of(values: &[f32]) -> [f32; PERCENTILES.len()] {
    let mean = (values.iter().map(|&x| f64::from(x)).sum::<f64>() / values.len().max(1) as f64) as f32;
    let mut above: Vec<f32> = values.iter().copied().filter(|&x| x > mean).collect();
    if above.is_empty() {
        return [mean; PERCENTILES.len()];
    }
    above.sort_unstable_by(f32::total_cmp);
    PERCENTILES.map(|q| above[(0.01 * q * (above.len() - 1) as f64).round_ties_even() as usize])
}

pub(super) fn apply(standard: &[f32], values: &[f32]) -> Vec<f32> {
    let found = landmarks_of(values);
    let line = |x: f32| {
        // The last landmark at or below x starts the line; the outer lines go on beyond the landmarks.
        let k = found.partition_point(|&landmark| landmark <= x).clamp(1, found.len() - 1) - 1;
        let (width, rise) = (found[k + 1] - found[k], standard[k + 1] - standard[k]);
        if width > 0.0 { standard[k] + (x - found[k]) * rise / width } else { standard[k] }
    };
    let matched: Vec<f32> = values.par_iter().map(|&x| line(x).max(0.0).sqrt()).collect();
    min_max(&matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learnt_landmarks_run_from_0_to_100_and_undo_gain_and_offset() {
        let volume: Vec<f32> = (0..1000).map(|k| (k as f32 * 0.37).sin() * 300.0 + k as f32 * 0.2).collect();
        let scaled: Vec<f32> = volume.iter().map(|x| 2.0 * x - 70.0).collect();
        let landmarks = learn([volume.as_slice(), scaled.as_slice()]).unwrap();
        assert_eq!((landmarks[0], landmarks[10]), (0.0, 100.0));
        check(&landmarks).unwrap();
        let (one, other) = (apply(&landmarks, &volume), apply(&landmarks, &scaled));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4), "gain and offset of a scanner vanish");
        assert!(learn(std::iter::empty()).is_err());
        assert!(learn([[1.0_f32; 5].as_slice()]).is_err());
        assert!(apply(&landmarks, &[1.0; 5]).iter().all(|&x| x == 0.0));
    }
}
