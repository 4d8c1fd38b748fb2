//! Rotates about the middle of the item, in millimetres.

use serde::{Deserialize, Serialize};

use super::outside;
use super::resample::{Frame, Point};
use crate::random::Random;

/// The largest angles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// About the slice axis (within the axial plane), the row axis and the column axis, in degrees.
    pub degrees: [f64; 3],
}

/// The angles that were drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateDrawn {
    /// About the slice, row and column axis, in degrees, applied in this order.
    pub degrees: [f64; 3],
}

impl Rotate {
    pub(super) fn draw(&self, random: &mut Random) -> RotateDrawn {
        RotateDrawn { degrees: self.degrees.map(|largest| random.around_zero(largest)) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.degrees.iter().find_map(|&degrees| outside("degrees", degrees, 0.0, 180.0))
    }
}

impl RotateDrawn {
    pub(super) fn source(&self, point: Point, frame: &Frame) -> Point {
        let mut at: Point = std::array::from_fn(|axis| point[axis] * frame.half_mm[axis]);
        for (axis, degrees) in self.degrees.into_iter().enumerate().rev() {
            if degrees != 0.0 {
                let (sine, cosine) = degrees.to_radians().sin_cos();
                let (first, second) = ((axis + 1) % 3, (axis + 2) % 3);
                (at[first], at[second]) =
                    (cosine * at[first] + sine * at[second], cosine * at[second] - sine * at[first]);
            }
        }
        std::array::from_fn(|axis| at[axis] / frame.half_mm[axis])
    }
}
