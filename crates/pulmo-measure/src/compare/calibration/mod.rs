//! Calibration: whether probabilities are what they say.
//!
//! Not one of [`ALL`](super::ALL), because it needs probabilities where those need masks.

use pulmo_ct::{Error, LabelMap, Result};
use rayon::prelude::*;
use serde::Serialize;

/// Voxels whose sums are taken together; fixed, so that the sums do not depend on the number of threads.
const CHUNK: usize = 1 << 16;

/// The probability of a label for each voxel, in C order.
#[derive(Debug, Clone, Copy)]
pub enum Probabilities<'a> {
    /// From 0 to 1.
    Float(&'a [f32]),
    /// In 255ths: 255 is 1.
    Of255(&'a [u8]),
}

impl Probabilities<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Of255(values) => values.len(),
        }
    }

    fn at(&self, voxel: usize) -> f64 {
        match self {
            Self::Float(values) => f64::from(values[voxel]),
            Self::Of255(values) => f64::from(values[voxel]) / 255.0,
        }
    }
}

/// What the probabilities are held against.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The reference.
    pub reference: &'a LabelMap,
    /// The label that the probabilities speak of.
    pub label: u8,
    /// Which voxels count, such as those of the lungs; all if `None`. Air around the patient makes any error small.
    pub region: Option<&'a [bool]>,
}

/// The voxels whose probabilities lie in one range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Voxels.
    pub voxels: u64,
    /// Of these, voxels of the label in the reference.
    pub reference: u64,
    /// Sum of their probabilities.
    pub probabilities: f64,
}

impl Bin {
    /// Mean probability: where the bin lies on the reliability curve's horizontal axis. `None` without voxels.
    #[must_use]
    pub fn mean_probability(&self) -> Option<f64> {
        (self.voxels > 0).then(|| self.probabilities / self.voxels as f64)
    }

    /// Share of voxels that carry the label: the curve's vertical axis. `None` without voxels.
    #[must_use]
    pub fn reference_share(&self) -> Option<f64> {
        (self.voxels > 0).then(|| self.reference as f64 / self.voxels as f64)
    }

    fn error(&self) -> Option<f64> {
        Some((self.reference_share()? - self.mean_probability()?).abs())
    }

    fn add(&mut self, other: &Self) {
        self.voxels += other.voxels;
        self.reference += other.reference;
        self.probabilities += other.probabilities;
    }
}

/// The reliability curve of one case, or of several [pooled](Calibration::pool).
///
/// # Formula
/// Bins of equal width from 0 to 1; a probability on a bound belongs to the bin below. Expected calibration error:
/// `Σ voxels of a bin / all voxels · |share of the label − mean probability|`. Brier score: mean of `(p − y)²`.
/// # Units
/// Ratios, 0 to 1.
/// # Edge cases
/// No voxel in the region: every figure is `None`. An empty reference is calibrated if its probabilities are near 0.
/// # Agreement
/// scikit-learn 1.9.1 `calibration_curve` (uniform) and `brier_score_loss` within 1e-12, MONAI 1.6.1
/// `CalibrationErrorMetric` (float32) within 1e-6: `oracles/calibration`. DIFFERENCE: many papers bin the confidence of the
/// winning class; here, as in both tools, it is the probability of the label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The bins from 0 to 1.
    pub bins: Vec<Bin>,
    squares: f64,
}

impl Calibration {
    /// Sorts the voxels of a case into `bins` bins (10 or 15 are usual).
    ///
    /// # Errors
    /// [`Error::Value`] if there are no bins, not as many values as voxels, or a probability outside 0 to 1.
    pub fn measure(probabilities: Probabilities, observed: &Observed, bins: usize) -> Result<Self> {
        let labels = observed.reference.labels();
        let region = observed.region.map_or(labels.len(), <[bool]>::len);
        if bins == 0 || probabilities.len() != labels.len() || region != labels.len() {
            let problem = format!(
                "calibration in {bins} bins of {} probabilities, {region} voxels of a region and {} labels: expected at \
                 least one bin and equal numbers",
                probabilities.len(),
                labels.len()
            );
            return Err(Error::Value { problem });
        }
        let bounds: Vec<f64> = (1..bins).map(|k| k as f64 / bins as f64).collect();
        let starts: Vec<usize> = (0..labels.len()).step_by(CHUNK).collect();
        let of_chunk = |&start: &usize| {
            let mut sums = Self { bins: vec![Bin::default(); bins], squares: 0.0 };
            for voxel in start..labels.len().min(start + CHUNK) {
                if observed.region.is_some_and(|region| !region[voxel]) {
                    continue;
                }
                let p = probabilities.at(voxel);
                if !(0.0..=1.0).contains(&p) {
                    return Err(Error::Value { problem: format!("probability {p} of voxel {voxel}: expected 0 to 1") });
                }
                let is = labels[voxel] == observed.label;
                let bin = &mut sums.bins[bounds.partition_point(|&bound| bound < p)];
                bin.add(&Bin { voxels: 1, reference: u64::from(is), probabilities: p });
                sums.squares += (p - f64::from(u8::from(is))).powi(2);
            }
            Ok(sums)
        };
        let chunks: Vec<Self> = starts.par_iter().map(of_chunk).collect::<Result<_>>()?;
        let mut all = Self { bins: vec![Bin::default(); bins], squares: 0.0 };
        chunks.iter().try_for_each(|chunk| all.pool(chunk))?;
        Ok(all)
    }

    /// Adds the voxels of another case.
    ///
    /// # Errors
    /// [`Error::Value`] if it has another number of bins.
    pub fn pool(&mut self, other: &Self) -> Result<()> {
        if self.bins.len() != other.bins.len() {
            let problem = format!("{} bins do not pool with {}", other.bins.len(), self.bins.len());
            return Err(Error::Value { problem });
        }
        self.bins.iter_mut().zip(&other.bins).for_each(|(bin, other)| bin.add(other));
        self.squares += other.squares;
        Ok(())
    }

    /// Voxels of all bins.
    #[must_use]
    pub fn voxels(&self) -> u64 {
        self.bins.iter().map(|bin| bin.voxels).sum()
    }

    /// Expected calibration error.
    #[must_use]
    pub fn expected_error(&self) -> Option<f64> {
        let all = self.voxels();
        let errors = self.bins.iter().filter_map(|bin| Some(bin.error()? * bin.voxels as f64));
        (all > 0).then(|| errors.sum::<f64>() / all as f64)
    }

    /// The error of the worst bin.
    #[must_use]
    pub fn largest_error(&self) -> Option<f64> {
        self.bins.iter().filter_map(Bin::error).reduce(f64::max)
    }

    /// Brier score.
    #[must_use]
    pub fn brier(&self) -> Option<f64> {
        let all = self.voxels();
        (all > 0).then(|| self.squares / all as f64)
    }
}

#[cfg(test)]
mod tests;
