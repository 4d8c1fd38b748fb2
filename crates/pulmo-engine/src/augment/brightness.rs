//! Adds a constant, within the item's range.

use serde::{Deserialize, Serialize};

use super::{outside, range};
use crate::random::Random;

/// Strength of a brightness change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brightness {
    /// The most that is added or taken away, as a share of the item's range.
    pub strength: f64,
}

/// The brightness that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrightnessDrawn {
    /// What is added, as a share of the item's range.
    pub shift: f64,
}

impl Brightness {
    pub(super) fn draw(&self, random: &mut Random) -> BrightnessDrawn {
        BrightnessDrawn { shift: random.around_zero(self.strength) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 1.0)
    }
}

impl BrightnessDrawn {
    pub(super) fn apply(&self, values: &mut [f32]) {
        let (low, width) = range(values);
        let shift = self.shift as f32 * width;
        values.iter_mut().for_each(|value| *value = (*value + shift).clamp(low, low + width));
    }
}
