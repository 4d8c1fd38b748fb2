//! Branching vessels in the lungs: straight tubes that thin out from the hilum.

use super::anatomy::{Side, soft};
use crate::random::Random;

/// A tube between two points (x, y, z) in phantom mm.
#[derive(Debug, Clone, Copy)]
struct Tube {
    from: [f64; 3],
    to: [f64; 3],
    radius_mm: f64,
}

/// Both lungs' vessel trees.
#[derive(Debug, Clone)]
pub(super) struct Vessels {
    tubes: Vec<Tube>,
}

impl Vessels {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut tubes = Vec::new();
        for side in Side::BOTH {
            for _ in 0..11 {
                let hilum =
                    [side.sign() * random.between(24.0, 34.0), random.between(2.0, 22.0), random.between(-30.0, 22.0)];
                let direction = unit_vector([
                    side.sign() * random.between(0.35, 1.0),
                    random.between(-0.9, 0.9),
                    random.between(-1.0, 0.9),
                ]);
                let radius_mm = random.between(4.2, 6.0);
                grow(random, &mut tubes, hilum, direction, radius_mm);
            }
        }
        Self { tubes }
    }

    /// Share of vessel in each voxel of one slice at height `z`, C order (row, column).
    ///
    /// `voxel` is the voxel's size (x, y, z) in mm and `first` the centre (x, y) of voxel (0, 0).
    pub(super) fn slice(&self, z: f64, shape: [usize; 2], voxel: [f64; 3], first: [f64; 2]) -> Vec<f32> {
        let mut share = vec![0.0_f32; shape[0] * shape[1]];
        for tube in &self.tubes {
            let reach = tube.radius_mm + 0.5 * voxel[2];
            if z + reach < tube.from[2].min(tube.to[2]) || z - reach > tube.from[2].max(tube.to[2]) {
                continue;
            }
            let range = |axis: usize, count: usize| {
                let low = (tube.from[axis].min(tube.to[axis]) - reach - first[axis]) / voxel[axis];
                let high = (tube.from[axis].max(tube.to[axis]) + reach - first[axis]) / voxel[axis];
                (low.max(0.0) as usize).min(count)..((high + 1.0).max(0.0) as usize).min(count)
            };
            let in_plane = 0.5 * (voxel[0] + voxel[1]);
            // A tube thinner than the voxel fills only a part of it, more so across thick slices.
            let filled = (1.6 * tube.radius_mm / in_plane).min(1.0);
            for row in range(1, shape[0]) {
                for column in range(0, shape[1]) {
                    let point = [first[0] + column as f64 * voxel[0], first[1] + row as f64 * voxel[1], z];
                    let part = filled * soft((tube.radius_mm - tube.distance_mm(point)) / in_plane);
                    let here = &mut share[row * shape[1] + column];
                    *here = here.max(part as f32);
                }
            }
        }
        share
    }
}

impl Tube {
    fn distance_mm(&self, point: [f64; 3]) -> f64 {
        let along: [f64; 3] = std::array::from_fn(|k| self.to[k] - self.from[k]);
        let offset: [f64; 3] = std::array::from_fn(|k| point[k] - self.from[k]);
        let length2: f64 = along.iter().map(|a| a * a).sum();
        let t = (along.iter().zip(offset).map(|(a, o)| a * o).sum::<f64>() / length2.max(1e-9)).clamp(0.0, 1.0);
        offset.iter().zip(along).map(|(o, a)| (o - t * a).powi(2)).sum::<f64>().sqrt()
    }
}

/// Adds a tube and, as long as it is thick enough to be seen, two thinner ones at its end.
fn grow(random: &mut Random, tubes: &mut Vec<Tube>, from: [f64; 3], direction: [f64; 3], radius_mm: f64) {
    if radius_mm < 1.3 {
        return;
    }
    let length = random.between(18.0, 30.0);
    let to: [f64; 3] = std::array::from_fn(|k| from[k] + direction[k] * length);
    tubes.push(Tube { from, to, radius_mm });
    for shrink in [random.between(0.74, 0.86), random.between(0.55, 0.75)] {
        let bend: [f64; 3] = std::array::from_fn(|k| direction[k] + random.between(-0.55, 0.55));
        grow(random, tubes, to, unit_vector(bend), radius_mm * shrink);
    }
}

fn unit_vector(v: [f64; 3]) -> [f64; 3] {
    let length = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-9);
    v.map(|x| x / length)
}
