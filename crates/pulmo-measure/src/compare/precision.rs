//! Precision (positive predictive value).

use super::{Better, MaskPair, Metric, Overlap};

/// The part of the prediction's voxels that are in the reference.
///
/// # Formula
/// `|P ∩ R| / |P|`.
/// # Units
/// A ratio, 0 to 1.
/// # Edge cases
/// Prediction empty: `None`, whatever the reference. Only the reference empty: 0.
/// # Agreement
/// Equal to SimpleITK 2.5.7 `LabelOverlapMeasures` within 1e-12 where the masks are not empty: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct Precision;

impl Metric for Precision {
    fn name(&self) -> &'static str {
        "precision"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "|P ∩ R| / |P|"
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "prediction empty: not defined, left out of means and counted; only the reference empty: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        self.pooled(pair.overlap())
    }

    fn pooled(&self, total: &Overlap) -> Option<f64> {
        Overlap::ratio(total.both, total.prediction)
    }
}
