//! Stretches one part of the axial plane and squeezes the other, along rows and columns.

use serde::{Deserialize, Serialize};

use super::outside;
use super::resample::Point;
use crate::random::Random;

/// Strength of a warp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warp {
    /// The most the middle moves, as a share of the side; below 0.5.
    pub strength: f64,
}

/// Where the middle goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarpDrawn {
    /// Along rows and columns, as a share of the side; either sign.
    pub shift: [f64; 2],
}

impl Warp {
    pub(super) fn draw(&self, random: &mut Random) -> WarpDrawn {
        WarpDrawn { shift: [random.around_zero(self.strength), random.around_zero(self.strength)] }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 0.45)
    }
}

impl WarpDrawn {
    pub(super) fn source(&self, [depth, row, column]: Point) -> Point {
        [depth, stretched(row, 2.0 * self.shift[0]), stretched(column, 2.0 * self.shift[1])]
    }
}

/// Takes [-1, middle] to [-1, 0] and [middle, 1] to [0, 1].
fn stretched(at: f64, middle: f64) -> f64 {
    if at < middle { (at - middle) / (1.0 + middle) } else { (at - middle) / (1.0 - middle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stay_and_the_middle_moves() {
        for (at, expected) in [(-1.0, -1.0), (0.4, 0.0), (1.0, 1.0), (0.7, 0.5)] {
            assert!((stretched(at, 0.4) - expected).abs() < 1e-12, "{at}");
        }
    }
}
