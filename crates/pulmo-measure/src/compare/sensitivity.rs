//! Sensitivity (recall).

use super::{Better, MaskPair, Metric, Overlap};

/// The part of the reference's voxels that the prediction found.
///
/// # Formula
/// `|P ∩ R| / |R|`.
/// # Units
/// A ratio, 0 to 1.
/// # Edge cases
/// Reference empty: `None`, whatever the prediction. Only the prediction empty: 0.
/// # Agreement
/// Equal to SimpleITK 2.5.7 `LabelOverlapMeasures` within 1e-12 where the masks are not empty: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct Sensitivity;

impl Metric for Sensitivity {
    fn name(&self) -> &'static str {
        "sensitivity"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "|P ∩ R| / |R|"
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "reference empty: not defined, left out of means and counted; only the prediction empty: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        self.pooled(pair.overlap())
    }

    fn pooled(&self, total: &Overlap) -> Option<f64> {
        Overlap::ratio(total.both, total.reference)
    }
}
