//! Shears the axial plane: columns move with the row, or rows with the column.

use serde::{Deserialize, Serialize};

use super::outside;
use super::resample::Point;
use crate::random::Random;

/// Strength of a shear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shear {
    /// The most an edge moves, as a share of half the side.
    pub strength: f64,
}

/// The shear that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShearDrawn {
    /// How far the last row (or column) moves, as a share of half the side; the first moves the other way.
    pub shift: f64,
    /// Rows move with the column, rather than columns with the row.
    pub rows: bool,
}

impl Shear {
    pub(super) fn draw(&self, random: &mut Random) -> ShearDrawn {
        ShearDrawn { shift: random.around_zero(self.strength), rows: random.happens(0.5) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 1.0)
    }
}

impl ShearDrawn {
    pub(super) fn source(&self, [depth, row, column]: Point) -> Point {
        if self.rows { [depth, row + self.shift * column, column] } else { [depth, row, column + self.shift * row] }
    }
}
