//! Precision by lesion.

use super::{Better, MaskPair, Metric};

/// The part of the prediction's lesions that are in the reference.
///
/// A lesion is a connected component of at least the smallest volume; it counts as found if the other mask's lesions cover
/// at least one voxel and the stated share of it: [`LesionRule`](super::LesionRule), by default 26 neighbours, 0.1 mL, one
/// voxel.
///
/// # Formula
/// `lesions of P that are found in R / lesions of P`.
/// # Units
/// A ratio, 0 to 1. Needs mL: native grid only.
/// # Edge cases
/// Prediction without a lesion of that size: `None`, whatever the reference. Only the reference without: 0.
/// # Agreement
/// Equal to counts with SimpleITK 2.5.7 `ConnectedComponent` and numpy within 1e-12: `oracles/lesions`.
#[derive(Debug, Clone, Copy)]
pub struct LesionPrecision;

impl Metric for LesionPrecision {
    fn name(&self) -> &'static str {
        "lesion_precision"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "lesions of P that R finds / lesions of P"
    }

    fn native_only(&self) -> bool {
        true
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "prediction without a lesion of the smallest size: not defined, left out of means and counted; only the reference without: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        pair.lesions().precision()
    }
}
