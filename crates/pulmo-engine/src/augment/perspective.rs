//! Perspective in the axial plane: each corner moves inwards by a random amount.

use serde::{Deserialize, Serialize};

use super::outside;
use super::resample::Point;
use crate::random::Random;

/// Strength of a perspective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perspective {
    /// The most a corner moves, as a share of half the side; torchvision's `distortion_scale`.
    pub strength: f64,
}

/// The homography that was drawn, from the result to the original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerspectiveDrawn {
    /// Row by row; acts on (column, row, 1) in [-1, 1].
    pub matrix: [[f64; 3]; 3],
}

impl Perspective {
    pub(super) fn draw(&self, random: &mut Random) -> PerspectiveDrawn {
        let mut inwards = || 1.0 - random.between(0.0, self.strength);
        // Upper left, upper right, lower right, lower left, as (column, row).
        let corners =
            [[-inwards(), -inwards()], [inwards(), -inwards()], [inwards(), inwards()], [-inwards(), inwards()]];
        PerspectiveDrawn { matrix: inverse(square_to(corners)) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength", self.strength, 0.0, 0.9)
    }
}

impl PerspectiveDrawn {
    pub(super) fn source(&self, [depth, row, column]: Point) -> Point {
        let [x, y, w] = self.matrix.map(|[a, b, c]| a * column + b * row + c);
        [depth, y / w, x / w]
    }
}

/// The homography from [-1, 1]² to a quadrilateral (Heckbert 1989, with the square moved to [0, 1]²).
fn square_to(corners: [[f64; 2]; 4]) -> [[f64; 3]; 3] {
    let [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
    let (dx1, dx2, dx3) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
    let (dy1, dy2, dy3) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
    let area = dx1 * dy2 - dx2 * dy1;
    let g = (dx3 * dy2 - dx2 * dy3) / area;
    let h = (dx1 * dy3 - dx3 * dy1) / area;
    let unit = [[x1 - x0 + g * x1, x3 - x0 + h * x3, x0], [y1 - y0 + g * y1, y3 - y0 + h * y3, y0], [g, h, 1.0]];
    // (x, y) in [-1, 1] is ((x + 1) / 2, (y + 1) / 2) in [0, 1].
    unit.map(|[a, b, c]| [a / 2.0, b / 2.0, c + a / 2.0 + b / 2.0])
}

fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |r0: usize, r1: usize, c0: usize, c1: usize| m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0];
    let determinant = m[0][0] * minor(1, 2, 1, 2) - m[0][1] * minor(1, 2, 0, 2) + m[0][2] * minor(1, 2, 0, 1);
    let adjugate = [
        [minor(1, 2, 1, 2), -minor(0, 2, 1, 2), minor(0, 1, 1, 2)],
        [-minor(1, 2, 0, 2), minor(0, 2, 0, 2), -minor(0, 1, 0, 2)],
        [minor(1, 2, 0, 1), -minor(0, 2, 0, 1), minor(0, 1, 0, 1)],
    ];
    adjugate.map(|row| row.map(|x| x / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_come_from_corners() {
        let corners = [[-0.9, -0.8], [1.0, -0.95], [0.85, 0.9], [-0.8, 1.0]];
        let drawn = PerspectiveDrawn { matrix: inverse(square_to(corners)) };
        for ([x, y], expected) in corners.into_iter().zip([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) {
            let [_, row, column] = drawn.source([0.0, y, x]);
            assert!((column - expected[0]).abs() < 1e-12 && (row - expected[1]).abs() < 1e-12, "{column} {row}");
        }
    }
}
