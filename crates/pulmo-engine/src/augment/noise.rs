//! Adds normal noise, voxel by voxel.

use serde::{Deserialize, Serialize};

use super::{outside, range};
use crate::random::{Purpose, Random};

/// Strength of the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The highest standard deviation, as a share of the item's range.
    pub strength: f64,
}

/// The noise that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseDrawn {
    /// Standard deviation as a share of the item's range.
    pub standard_deviation: f64,
    /// Opens the stream of the voxels' numbers.
    pub seed: u64,
}

impl Noise {
    pub(super) fn draw(&self, random: &mut Random) -> NoiseDrawn {
        NoiseDrawn { standard_deviation: random.between(0.0, self.strength), seed: random.bits() }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 1.0)
    }
}

impl NoiseDrawn {
    pub(super) fn apply(&self, values: &mut [f32]) {
        let (low, width) = range(values);
        let deviation = self.standard_deviation * f64::from(width);
        if deviation > 0.0 {
            let mut random = Random::new(Purpose::Augmentation, &[self.seed]);
            for value in values {
                *value = ((f64::from(*value) + deviation * random.normal()) as f32).clamp(low, low + width);
            }
        }
    }
}
