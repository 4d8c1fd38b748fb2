//! Makes a trapezoid of the axial plane: one end of it wider than the other.

use serde::{Deserialize, Serialize};

use super::outside;
use super::resample::Point;
use crate::random::Random;

/// Strength of a trapezoid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trapezoid {
    /// The most by which the first row's scale differs from the last one's, as a share; below 1.
    pub strength: f64,
}

/// The trapezoid that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrapezoidDrawn {
    /// Magnification of the columns in the first row; 1 in the last.
    pub first_row_scale: f64,
}

impl Trapezoid {
    pub(super) fn draw(&self, random: &mut Random) -> TrapezoidDrawn {
        let narrowed = 1.0 - random.between(0.0, self.strength);
        TrapezoidDrawn { first_row_scale: if random.happens(0.5) { narrowed } else { 1.0 / narrowed } }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 0.9)
    }
}

impl TrapezoidDrawn {
    pub(super) fn source(&self, [depth, row, column]: Point) -> Point {
        let down = (row + 1.0) / 2.0;
        [depth, row, column / (self.first_row_scale + (1.0 - self.first_row_scale) * down)]
    }
}
