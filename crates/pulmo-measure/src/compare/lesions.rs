//! Lesions as connected components, and which of them the other mask finds: counted once for the metrics of lesions.

use pulmo_ct::LabelMap;
use pulmo_ct::runs::{Run, Runs, runs};
use serde::Serialize;

use super::{MaskPair, Overlap};

/// Lesions of a reference and of a prediction.
///
/// # Formula
/// A lesion is a connected component of a mask; those below the smallest volume are taken out of both masks first. A lesion
/// counts as found if the other mask's remaining lesions cover at least one voxel and the stated share of it. The rule is
/// [`LesionRule`](super::LesionRule).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lesions {
    /// Lesions of the reference.
    pub reference: u64,
    /// Of these, those that the prediction found.
    pub reference_found: u64,
    /// Lesions of the prediction.
    pub prediction: u64,
    /// Of these, those that are in the reference.
    pub prediction_found: u64,
}

impl Lesions {
    /// Counts the lesions of a pair by its settings.
    pub(super) fn of(pair: &MaskPair) -> Self {
        let rule = pair.settings().lesions;
        let [reference, prediction] = [pair.reference(), pair.prediction()].map(|labels| components(labels, pair));
        let covered = covered(&reference, &prediction);
        let found = |side: &Side, covered: &[u64]| {
            let enough =
                |&(&size, &covered): &(&u64, &u64)| covered > 0 && covered as f64 >= rule.overlap * size as f64;
            let lesions = side.runs.sizes.iter().zip(covered).zip(&side.kept).filter(|(_, kept)| **kept);
            lesions.map(|(lesion, _)| lesion).filter(enough).count() as u64
        };
        Self {
            reference: reference.count(),
            reference_found: found(&reference, &covered[0]),
            prediction: prediction.count(),
            prediction_found: found(&prediction, &covered[1]),
        }
    }

    /// Part of the reference's lesions that were found.
    #[must_use]
    pub fn sensitivity(&self) -> Option<f64> {
        Overlap::ratio(self.reference_found, self.reference)
    }

    /// Part of the prediction's lesions that are in the reference.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        Overlap::ratio(self.prediction_found, self.prediction)
    }

    /// Harmonic mean of both: 0 if one mask has no lesion or none was found, `None` if neither has one.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        if self.reference + self.prediction == 0 {
            return None;
        }
        let (sensitivity, precision) = (self.sensitivity().unwrap_or(0.0), self.precision().unwrap_or(0.0));
        let sum = sensitivity + precision;
        Some(if sum > 0.0 { 2.0 * sensitivity * precision / sum } else { 0.0 })
    }
}

/// The components of one mask and which are large enough.
struct Side {
    runs: Runs,
    kept: Vec<bool>,
}

impl Side {
    fn count(&self) -> u64 {
        self.kept.iter().filter(|&&kept| kept).count() as u64
    }

    fn keeps(&self, run: &Run) -> bool {
        self.kept[run.component as usize]
    }
}

fn components(labels: &LabelMap, pair: &MaskPair) -> Side {
    let rule = pair.settings().lesions;
    let label = pair.label();
    let runs = runs(labels.grid().shape(), labels.labels(), |&found| found == label, rule.connectivity);
    // Volumes are sums of voxels of a size with rounding errors; a lesion of just the smallest volume is kept.
    let least_voxels = rule.least_ml / labels.grid().voxel_ml() * (1.0 - 1e-6);
    let kept = runs.sizes.iter().map(|&size| size as f64 >= least_voxels).collect();
    Side { runs, kept }
}

/// For each component of either side how many of its voxels lie in kept components of the other.
fn covered(reference: &Side, prediction: &Side) -> [Vec<u64>; 2] {
    let mut covered = [reference, prediction].map(|side| vec![0; side.runs.sizes.len()]);
    let (mut r, mut p) = (0, 0);
    while let (Some(a), Some(b)) = (reference.runs.runs.get(r), prediction.runs.runs.get(p)) {
        let shared = a.end.min(b.end).saturating_sub(a.start.max(b.start)) as u64;
        if reference.keeps(a) && prediction.keeps(b) {
            covered[0][a.component as usize] += shared;
            covered[1][b.component as usize] += shared;
        }
        if a.end <= b.end {
            r += 1;
        } else {
            p += 1;
        }
    }
    covered
}

#[cfg(test)]
mod tests;
