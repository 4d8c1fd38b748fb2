//! Smooth random fields and voxel noise that depend on place and seed only, never on threads.

use crate::random::{mix, unit};

/// A smooth random field: lattice values in [-1, 1], a given number of mm apart, blended between.
#[derive(Debug, Clone, Copy)]
pub(super) struct SmoothField {
    pub(super) seed: u64,
    pub(super) scale_mm: f64,
}

impl SmoothField {
    /// The field at a point (x, y, z) in mm; mostly within ±0.8.
    pub(super) fn at(self, point: [f64; 3]) -> f64 {
        let scaled = point.map(|p| p / self.scale_mm);
        let cell = scaled.map(f64::floor);
        let fraction: [f64; 3] = std::array::from_fn(|k| {
            let f = scaled[k] - cell[k];
            f * f * (3.0 - 2.0 * f)
        });
        let mut sum = 0.0;
        for corner in 0..8_u8 {
            let mut weight = 1.0;
            let mut key = self.seed;
            for axis in 0..3 {
                let upper = corner >> axis & 1 == 1;
                weight *= if upper { fraction[axis] } else { 1.0 - fraction[axis] };
                key = mix(key ^ (cell[axis] as i64 + i64::from(upper)) as u64);
            }
            sum += weight * (2.0 * unit(key) - 1.0);
        }
        sum
    }
}

/// Scanner noise for one slice: Gaussian, standard deviation 1, neighbours in the plane correlated.
///
/// White noise smoothed with a 3x3 binomial kernel and scaled back, so that its grain is about two voxels.
pub(super) fn slice_noise(seed: u64, slice: usize, [rows, columns]: [usize; 2]) -> Vec<f32> {
    const KERNEL: [f64; 3] = [0.25, 0.5, 0.25];
    let base = mix(seed ^ mix(slice as u64));
    let white: Vec<f64> = (0..(rows + 2) * (columns + 2)).map(|k| gaussian(mix(base.wrapping_add(k as u64)))).collect();
    let scale = 1.0 / KERNEL.iter().map(|w| w * w).sum::<f64>();
    let mut noise = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            let mut sum = 0.0;
            for (dy, wy) in KERNEL.iter().enumerate() {
                for (dx, wx) in KERNEL.iter().enumerate() {
                    sum += wy * wx * white[(row + dy) * (columns + 2) + column + dx];
                }
            }
            noise.push((sum * scale) as f32);
        }
    }
    noise
}

/// A standard normal number from one key: Box-Muller.
fn gaussian(key: u64) -> f64 {
    let radius = (-2.0 * (1.0 - unit(mix(key))).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(mix(key ^ 0x5851_F42D_4C95_7F2D))).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_stated_strength_and_grain() {
        let noise = slice_noise(3, 5, [128, 128]);
        let n = noise.len() as f64;
        let variance = noise.iter().map(|&x| f64::from(x * x)).sum::<f64>() / n;
        let neighbours = noise.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum::<f64>() / n;
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        assert!((neighbours - 2.0 / 3.0).abs() < 0.05, "{neighbours}");
    }

    #[test]
    fn fields_are_smooth_and_differ_by_seed() {
        let field = SmoothField { seed: 1, scale_mm: 10.0 };
        let there = field.at([3.0, -4.0, 5.0]);
        assert!((there - field.at([3.01, -4.0, 5.0])).abs() < 0.01);
        assert!((there - SmoothField { seed: 2, scale_mm: 10.0 }.at([3.0, -4.0, 5.0])).abs() > 1e-3);
    }
}
