//! Reflects axes, and exchanges rows with columns.
//!
//! Every one of these is a mirror image: anatomy changes sides. Which axes may flip is the recipe's choice.

use serde::{Deserialize, Serialize};

use super::resample::Point;
use crate::random::Random;

/// Which axes may be reflected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Slices, rows, columns: each allowed axis flips in half of the applications.
    pub axes: [bool; 3],
    /// Also exchange rows and columns in half of the applications.
    #[serde(default)]
    pub transpose: bool,
}

/// The reflections that were drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlipDrawn {
    /// Slices, rows, columns.
    pub axes: [bool; 3],
    /// Rows and columns are exchanged.
    pub transpose: bool,
}

impl Flip {
    pub(super) fn draw(&self, random: &mut Random) -> FlipDrawn {
        let axes = self.axes.map(|allowed| random.happens(0.5) && allowed);
        FlipDrawn { axes, transpose: random.happens(0.5) && self.transpose }
    }

    pub(super) fn problem(&self) -> Option<String> {
        let nothing = !self.transpose && !self.axes.contains(&true);
        nothing.then(|| "transform.axes` allows no axis, expected at least one or transpose = true".to_owned())
    }
}

impl FlipDrawn {
    pub(super) fn source(&self, point: Point) -> Point {
        let mut source: Point = std::array::from_fn(|axis| if self.axes[axis] { -point[axis] } else { point[axis] });
        if self.transpose {
            source.swap(1, 2);
        }
        source
    }
}
