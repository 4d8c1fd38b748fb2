//! What a prediction marks where the reference shows nothing.

use super::{Better, MaskPair, Metric};

/// Volume of the prediction in a case whose reference is empty.
///
/// # Formula
/// `|P| · voxel volume` if `|R| = 0`.
/// # Units
/// mL.
/// # Edge cases
/// Reference not empty: `None`; such a case is not lesion-free and does not count. Both empty: 0.
/// # Agreement
/// Equal to SimpleITK 2.5.7 `LabelShapeStatistics` of the prediction within 1e-12 mL: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct FalsePositive;

impl Metric for FalsePositive {
    fn name(&self) -> &'static str {
        "false_positive_ml"
    }

    fn unit(&self) -> &'static str {
        "mL"
    }

    fn formula(&self) -> &'static str {
        "volume of P where R is empty"
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn empty_rule(&self) -> &'static str {
        "defined only where the reference is empty; other cases are left out of means and counted; both empty: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        (pair.overlap().reference == 0).then(|| pair.prediction_ml())
    }
}
