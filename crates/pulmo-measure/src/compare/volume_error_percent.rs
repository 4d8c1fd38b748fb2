//! The difference of volumes relative to the reference.

use super::{Better, MaskPair, Metric};

/// Volume of the prediction minus volume of the reference, in per cent of the reference.
///
/// # Formula
/// `100 · (|P| − |R|) / |R|`; positive where the prediction is too large.
/// # Units
/// Per cent, −100 and above.
/// # Edge cases
/// Reference empty: `None`, whatever the prediction. Only the prediction empty: −100.
/// # Agreement
/// Equal to 100 · (ratio of SimpleITK 2.5.7 `LabelShapeStatistics` sizes − 1) within 1e-9: `oracles/surface_distance`.
/// DIFFERENCE: SimpleITK's `GetVolumeSimilarity` divides by the mean of both volumes.
#[derive(Debug, Clone, Copy)]
pub struct VolumeErrorPercent;

impl Metric for VolumeErrorPercent {
    fn name(&self) -> &'static str {
        "volume_error_percent"
    }

    fn unit(&self) -> &'static str {
        "%"
    }

    fn formula(&self) -> &'static str {
        "100 (|P| - |R|) / |R|"
    }

    fn better(&self) -> Better {
        Better::NearZero
    }

    fn empty_rule(&self) -> &'static str {
        "reference empty: not defined, left out of means and counted; only the prediction empty: -100"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        let counts = pair.overlap();
        let difference = counts.prediction as f64 - counts.reference as f64;
        (counts.reference > 0).then(|| 100.0 * difference / counts.reference as f64)
    }
}
