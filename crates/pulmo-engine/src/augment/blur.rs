//! Blurs within slices with a Gaussian.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::outside;
use crate::batch::Item;
use crate::random::Random;

/// Strength of the blur.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blur {
    /// The largest standard deviation, in voxels of the network's grid.
    pub strength_voxels: f64,
}

/// The blur that was drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlurDrawn {
    /// Standard deviation in voxels.
    pub standard_deviation_voxels: f64,
}

impl Blur {
    pub(super) fn draw(&self, random: &mut Random) -> BlurDrawn {
        BlurDrawn { standard_deviation_voxels: random.between(0.0, self.strength_voxels) }
    }

    pub(super) fn problem(&self) -> Option<String> {
        outside("strength_voxels", self.strength_voxels, 0.0, 10.0)
    }
}

impl BlurDrawn {
    pub(super) fn apply(&self, item: &mut Item) {
        let radius = (3.0 * self.standard_deviation_voxels).ceil() as usize;
        // Below a tenth of a voxel a neighbour's weight vanishes in float32.
        if self.standard_deviation_voxels < 0.1 {
            return;
        }
        let weight = |distance: usize| (-0.5 * (distance as f64 / self.standard_deviation_voxels).powi(2)).exp();
        let total = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
        let weights: Vec<f32> = (0..=radius).map(|distance| (weight(distance) / total) as f32).collect();
        let [_, rows, columns] = item.shape;
        item.values.par_chunks_mut(rows * columns).for_each(|plane| {
            for row in plane.chunks_mut(columns) {
                let line = blurred(row, &weights);
                row.copy_from_slice(&line);
            }
            for column in 0..columns {
                let line: Vec<f32> = plane.iter().skip(column).step_by(columns).copied().collect();
                for (row, value) in blurred(&line, &weights).into_iter().enumerate() {
                    plane[row * columns + column] = value;
                }
            }
        });
    }
}

/// One line, with its end values continued beyond the ends.
fn blurred(line: &[f32], weights: &[f32]) -> Vec<f32> {
    let last = line.len() - 1;
    (0..line.len())
        .map(|at| {
            let pairs = weights.iter().enumerate().skip(1);
            pairs.fold(weights[0] * line[at], |sum, (distance, weight)| {
                sum + weight * (line[at.saturating_sub(distance)] + line[(at + distance).min(last)])
            })
        })
        .collect()
}
