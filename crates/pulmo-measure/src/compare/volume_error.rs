//! The difference of volumes.

use super::{Better, MaskPair, Metric};

/// Volume of the prediction minus volume of the reference.
///
/// # Formula
/// `(|P| − |R|) · voxel volume`; positive where the prediction is too large.
/// # Units
/// mL.
/// # Edge cases
/// Always defined: an empty mask has 0 mL.
/// # Agreement
/// Voxel counts and voxel volume equal SimpleITK 2.5.7 `LabelShapeStatistics` within 1e-12 mL: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct VolumeError;

impl Metric for VolumeError {
    fn name(&self) -> &'static str {
        "volume_error_ml"
    }

    fn unit(&self) -> &'static str {
        "mL"
    }

    fn formula(&self) -> &'static str {
        "volume of P minus volume of R"
    }

    fn better(&self) -> Better {
        Better::NearZero
    }

    fn empty_rule(&self) -> &'static str {
        "always defined: an empty mask has 0 mL"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        Some(pair.prediction_ml() - pair.reference_ml())
    }
}
