//! One resampling for all spatial transforms of an item.

use rayon::prelude::*;

use super::{Drawn, range};
use crate::batch::Item;

/// A position in an item: -1 is the centre of an axis's first voxel, 1 that of its last.
pub(super) type Point = [f64; 3];

/// The size of an item, for transforms that need millimetres.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Half of the distance between the first and last voxel centres, in mm.
    pub(super) half_mm: [f64; 3],
}

impl Drawn {
    /// Where the transformed item's `point` comes from; `None` for a transform that moves nothing.
    fn source(&self, point: Point, frame: &Frame) -> Option<Point> {
        match self {
            Self::Perspective(drawn) => Some(drawn.source(point)),
            Self::Warp(drawn) => Some(drawn.source(point)),
            Self::Shear(drawn) => Some(drawn.source(point)),
            Self::Trapezoid(drawn) => Some(drawn.source(point)),
            Self::Flip(drawn) => Some(drawn.source(point)),
            Self::Rotate(drawn) => Some(drawn.source(point, frame)),
            Self::Brightness(_) | Self::Contrast(_) | Self::Noise(_) | Self::Blur(_) => None,
        }
    }
}

/// Resamples an item once; outside it lies its lowest intensity (air) and background.
pub(super) fn apply(drawn: &[Drawn], item: Item) -> Item {
    let spatial: Vec<&Drawn> = drawn
        .iter()
        .filter(|d| !matches!(d, Drawn::Brightness(_) | Drawn::Contrast(_) | Drawn::Noise(_) | Drawn::Blur(_)))
        .collect();
    if spatial.is_empty() || item.values.is_empty() {
        return item;
    }
    let half: [f64; 3] = item.shape.map(|size| (size - 1) as f64 / 2.0);
    let frame = Frame { half_mm: std::array::from_fn(|axis| (half[axis] * item.spacing_mm[axis]).max(1e-9)) };
    let [_, rows, columns] = item.shape;
    let outside = range(&item.values).0;
    let mut values = vec![outside; item.values.len()];
    let mut target = vec![0; item.target.len()];
    let planes = values.par_chunks_mut(rows * columns).zip(target.par_chunks_mut(rows * columns));
    planes.enumerate().for_each(|(slice, (values, target))| {
        for row in 0..rows {
            for column in 0..columns {
                let index = [slice, row, column];
                let mut point: Point = std::array::from_fn(|axis| match half[axis] {
                    0.0 => 0.0,
                    half => index[axis] as f64 / half - 1.0,
                });
                // The last transform saw the result of those before it, so its source is taken first.
                for drawn in spatial.iter().rev() {
                    point = drawn.source(point, &frame).unwrap_or(point);
                }
                let position = std::array::from_fn(|axis| voxel_position(point[axis], half[axis]));
                if let Some((value, label)) = sample(&item, position) {
                    values[row * columns + column] = value;
                    target[row * columns + column] = label;
                }
            }
        }
    });
    Item { values, target, ..item }
}

/// From [-1, 1] to a voxel position, exact where rounding alone keeps it from a whole number.
fn voxel_position(coordinate: f64, half: f64) -> f64 {
    if half == 0.0 {
        // One voxel along this axis: inside is what has not moved by half an extent.
        return if coordinate.abs() <= 0.5 { 0.0 } else { -1.0 };
    }
    let position = (coordinate + 1.0) * half;
    if (position - position.round()).abs() < 1e-7 { position.round() } else { position }
}

/// Trilinear intensity and nearest label at a voxel position; `None` outside the voxel centres.
fn sample(item: &Item, position: [f64; 3]) -> Option<(f32, u8)> {
    let [slices, rows, columns] = item.shape;
    let inside = position.iter().zip(item.shape).all(|(&at, size)| at >= 0.0 && at <= (size - 1) as f64);
    if !inside {
        return None;
    }
    let low = position.map(|at| at as usize);
    let share: [f32; 3] = std::array::from_fn(|axis| (position[axis] - low[axis] as f64) as f32);
    let high = [(low[0] + 1).min(slices - 1), (low[1] + 1).min(rows - 1), (low[2] + 1).min(columns - 1)];
    let line = |slice: usize, row: usize| {
        let start = (slice * rows + row) * columns;
        mixed(item.values[start + low[2]], item.values[start + high[2]], share[2])
    };
    let plane = |slice: usize| mixed(line(slice, low[1]), line(slice, high[1]), share[1]);
    let value = mixed(plane(low[0]), plane(high[0]), share[0]);
    let nearest: [usize; 3] = std::array::from_fn(|axis| if share[axis] < 0.5 { low[axis] } else { high[axis] });
    Some((value, item.target[(nearest[0] * rows + nearest[1]) * columns + nearest[2]]))
}

fn mixed(low: f32, high: f32, share: f32) -> f32 {
    low + share * (high - low)
}
