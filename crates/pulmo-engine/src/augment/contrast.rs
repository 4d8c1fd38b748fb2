//! Multiplies the distance to the lowest value, within the item's range.

use serde::{Deserialize, Serialize};

use super::{outside, range};
use crate::random::Random;

/// Strength of a contrast change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// The lowest factor.
    pub low: f64,
    /// The highest factor.
    pub high: f64,
}

/// The contrast that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastDrawn {
    /// The factor; 1 changes nothing.
    pub factor: f64,
}

impl Contrast {
    pub(super) fn draw(&self, random: &mut Random) -> ContrastDrawn {
        ContrastDrawn { factor: random.between(self.low, self.high) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("low", self.low, 0.05, 20.0).or_else(|| outside("high", self.high, self.low, 20.0))
    }
}

impl ContrastDrawn {
    pub(super) fn apply(&self, values: &mut [f32]) {
        let (low, width) = range(values);
        let factor = self.factor as f32;
        if factor != 1.0 {
            values.iter_mut().for_each(|value| *value = (low + (*value - low) * factor).clamp(low, low + width));
        }
    }
}
