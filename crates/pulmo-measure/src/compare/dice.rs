//! The Dice similarity coefficient.

use super::{Better, MaskPair, Metric, Overlap};

/// Dice similarity coefficient of one label in one case.
///
/// # Formula
/// `2·|P ∩ R| / (|P| + |R|)`, voxels counted once, no smoothing term.
/// # Units
/// A ratio, 0 to 1.
/// # Edge cases
/// Both masks empty: `None` (left out of means, counted in the table). One empty: 0.
/// # Agreement
/// Equal to surface-distance 0.1 `compute_dice_coefficient` and to SimpleITK 2.5.7 within 1e-12 where a mask is
/// not empty: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct Dice;

impl Metric for Dice {
    fn name(&self) -> &'static str {
        "dice"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "2 |P ∩ R| / (|P| + |R|)"
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "both masks empty: not defined, left out of means and counted; one mask empty: 0"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        self.pooled(pair.overlap())
    }

    fn pooled(&self, total: &Overlap) -> Option<f64> {
        Overlap::ratio(2 * total.both, total.prediction + total.reference)
    }
}
