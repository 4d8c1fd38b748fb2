//! F1 by lesion.

use super::{Better, MaskPair, Metric};

/// The harmonic mean of sensitivity and precision by lesion.
///
/// A lesion is a connected component of at least the smallest volume; it counts as found if the other mask's lesions cover
/// at least one voxel and the stated share of it: [`LesionRule`](super::LesionRule), by default 26 neighbours, 0.1 mL, one
/// voxel.
///
/// # Formula
/// `2·s·p / (s + p)` with `s` and `p` as [`lesion_sensitivity`](super::lesion_sensitivity) and
/// [`lesion_precision`](super::lesion_precision). One lesion may be found by several and find several, so the two have
/// numerators of their own and this is not `2·TP / (2·TP + FP + FN)`.
/// # Units
/// A ratio, 0 to 1. Needs mL: native grid only.
/// # Edge cases
/// Both masks without a lesion of that size: `None`. One without, or none found: 0.
/// # Agreement
/// Equal to counts with SimpleITK 2.5.7 `ConnectedComponent` and numpy within 1e-12: `oracles/lesions`.
#[derive(Debug, Clone, Copy)]
pub struct LesionF1;

impl Metric for LesionF1 {
    fn name(&self) -> &'static str {
        "lesion_f1"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "harmonic mean of lesion sensitivity and lesion precision"
    }

    fn native_only(&self) -> bool {
        true
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "both masks without a lesion of the smallest size: not defined, left out of means and counted; one without: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        pair.lesions().f1()
    }
}
