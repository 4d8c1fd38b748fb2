//! The Jaccard index (intersection over union).

use super::{Better, MaskPair, Metric, Overlap};

/// Jaccard index of one label in one case.
///
/// # Formula
/// `|P ∩ R| / |P ∪ R|`.
/// # Units
/// A ratio, 0 to 1.
/// # Edge cases
/// Both masks empty: `None`. One empty: 0.
/// # Agreement
/// Equal to SimpleITK 2.5.7 `LabelOverlapMeasures` within 1e-12 where the masks are not empty: `oracles/dice`.
#[derive(Debug, Clone, Copy)]
pub struct Jaccard;

impl Metric for Jaccard {
    fn name(&self) -> &'static str {
        "jaccard"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "|P ∩ R| / |P ∪ R|"
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
        Overlap::ratio(total.both, total.either())
    }
}
