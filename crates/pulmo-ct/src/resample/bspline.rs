//! Cubic B-spline interpolation: coefficients of a box of a source, and the four weights around a point.
//!
//! # Formula
//! The spline of order 3 that passes through every voxel (Unser, 1999): samples become coefficients by the recursive
//! filter with the pole `√3 − 2`, forwards and backwards along each axis, the volume continued by mirroring at its
//! outermost voxel centres (their values are not repeated).
//!
//! # Boxes
//! Coefficients are needed where the target reads only. A coefficient depends on voxels `n` away with `0.268ⁿ`, so the
//! filter starts [`HORIZON`] voxels outside: what is left out weighs less than 1e-10.
//!
//! # Agreement
//! `BSplineDecompositionImageFilter` and `BSplineInterpolateImageFunction` of ITK, see `affine`.

use rayon::prelude::*;

use super::field::{Field, Sample};
use super::lattice::{Box3, voxels};

/// √3 − 2.
const POLE: f64 = -0.267_949_192_431_122_7;
/// Voxels that the filter runs through before its values count: 0.268¹⁸ is 5e-11.
const HORIZON: usize = 18;
/// Terms of the sum that starts the filter: 0.268²⁸ is below the precision of f64.
const TERMS: usize = 28;
/// Values that go through the filter of the slice axis together: a few hundred slices of them stay in the cache.
const BAND: usize = 256;
/// Lines that go through the filter of the column axis together.
const LANES: usize = 8;

/// The box with the horizon around it, as far as the source reaches.
pub(super) fn with_horizon(reach: &Box3, shape: [usize; 3]) -> Box3 {
    std::array::from_fn(|k| reach[k].start.saturating_sub(HORIZON)..(reach[k].end + HORIZON).min(shape[k]))
}

/// Computes the coefficients of a box of the source, which includes the horizon, into `memory`.
pub(super) fn coefficients<'a, V: Sample>(source: Field<'_, V>, of: &Box3, memory: &'a mut Vec<f64>) -> Field<'a, f64> {
    let shape: [usize; 3] = std::array::from_fn(|k| of[k].len());
    let (plane, width) = (shape[1] * shape[2], shape[2]);
    memory.clear();
    memory.resize(voxels(of), 0.0);
    let gain = shape.iter().filter(|&&n| n > 1).map(|_| (1.0 - POLE) * (1.0 - 1.0 / POLE)).product::<f64>();
    memory.par_chunks_mut(plane).zip(of[0].clone()).for_each(|(plane, slice)| {
        for (line, row) in plane.chunks_mut(width).zip(of[1].clone()) {
            let values = &source.line(slice, row)[of[2].start - source.first[2]..];
            line.iter_mut().zip(values).for_each(|(x, value)| *x = value.value() * gain);
        }
        along_columns(plane, width);
        along_lines(&mut plane.chunks_mut(width).collect::<Vec<_>>());
    });
    let mut bands: Vec<Vec<&mut [f64]>> = Vec::new();
    for plane in memory.chunks_mut(plane) {
        for (k, part) in plane.chunks_mut(BAND).enumerate() {
            if bands.len() == k {
                bands.push(Vec::with_capacity(shape[0]));
            }
            bands[k].push(part);
        }
    }
    bands.into_par_iter().for_each(|mut band| along_lines(&mut band));
    Field { values: memory, first: std::array::from_fn(|k| of[k].start), shape }
}

/// Filters each line of a plane along itself.
fn along_columns(plane: &mut [f64], width: usize) {
    let mut turned = vec![[0.0; LANES]; width];
    for lines in plane.chunks_mut(width * LANES) {
        for (lane, line) in lines.chunks(width).enumerate() {
            turned.iter_mut().zip(line).for_each(|(lanes, x)| lanes[lane] = *x);
        }
        along_lines(&mut turned.iter_mut().map(|lanes| &mut lanes[..]).collect::<Vec<_>>());
        for (lane, line) in lines.chunks_mut(width).enumerate() {
            line.iter_mut().zip(&turned).for_each(|(x, lanes)| *x = lanes[lane]);
        }
    }
}

/// Filters across lines: element by element, from line to line.
fn along_lines(lines: &mut [&mut [f64]]) {
    let count = lines.len();
    if count < 2 {
        return;
    }
    let (first, others) = lines.split_at_mut(1);
    let weights = start_weights(count);
    first[0].iter_mut().for_each(|x| *x *= weights[0]);
    for (line, weight) in others.iter().zip(&weights[1..]) {
        add(first[0], line, *weight);
    }
    for k in 1..count {
        let (before, here) = lines.split_at_mut(k);
        add(here[0], before[k - 1], POLE);
    }
    let (before, last) = lines.split_at_mut(count - 1);
    let scale = POLE / (POLE * POLE - 1.0);
    last[0].iter_mut().zip(&*before[count - 2]).for_each(|(x, y)| *x = scale * (POLE * y + *x));
    for k in (0..count - 1).rev() {
        let (here, after) = lines.split_at_mut(k + 1);
        here[k].iter_mut().zip(&*after[0]).for_each(|(x, y)| *x = POLE * (y - *x));
    }
}

fn add(to: &mut [f64], line: &[f64], weight: f64) {
    to.iter_mut().zip(line).for_each(|(x, y)| *x += weight * y);
}

/// The weights with which the voxels of a mirrored line make its first causal coefficient.
fn start_weights(count: usize) -> Vec<f64> {
    let power = |n: usize| POLE.powi(n as i32);
    if count > TERMS {
        return (0..TERMS).map(power).collect();
    }
    let period = 2 * (count - 1);
    let whole = 1.0 - power(period);
    let weight = |k: usize| if k == 0 || k == count - 1 { power(k) } else { power(k) + power(period - k) };
    (0..count).map(|k| weight(k) / whole).collect()
}

/// The four voxels around a coordinate, mirrored at the ends, and their weights.
pub(super) fn taps(coordinate: f64, voxels: usize) -> ([usize; 4], [f64; 4]) {
    let below = coordinate.floor();
    let x = coordinate - below;
    let cube = x * x * x / 6.0;
    let first = 1.0 / 6.0 + 0.5 * x * (x - 1.0) - cube;
    let third = x + first - 2.0 * cube;
    let weights = [first, 1.0 - first - third - cube, third, cube];
    (std::array::from_fn(|k| mirrored(below as isize + k as isize - 1, voxels)), weights)
}

fn mirrored(index: isize, voxels: usize) -> usize {
    let last = voxels as isize - 1;
    if last == 0 {
        return 0;
    }
    let within = index.rem_euclid(2 * last);
    within.min(2 * last - within) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize) -> Vec<f32> {
        (0..count).map(|k| ((k * 7919) % 2003) as f32 - 1000.0).collect()
    }

    #[test]
    fn the_spline_passes_through_every_voxel() {
        for count in [1, 2, 3, 5, 28, 29, 200] {
            let values = line(count);
            let mut memory = Vec::new();
            let source = Field::whole(&values, [1, 1, count]);
            let found = coefficients(source, &[0..1, 0..1, 0..count], &mut memory);
            for (k, &value) in values.iter().enumerate() {
                let (indices, weights) = taps(k as f64, count);
                let x: f64 = indices.iter().zip(weights).map(|(&i, w)| w * found.values[i]).sum();
                assert!((x - f64::from(value)).abs() < 1e-6, "{count} voxels, voxel {k}: {x} for {value}");
            }
        }
    }

    #[test]
    fn a_box_has_the_coefficients_of_the_whole() {
        let values = line(40 * 50 * 60);
        let source = Field::whole(&values, [40, 50, 60]);
        let (mut all, mut part) = (Vec::new(), Vec::new());
        let whole = coefficients(source, &[0..40, 0..50, 0..60], &mut all);
        let reach = [18..22, 0..4, 56..60];
        let some = coefficients(source, &with_horizon(&reach, [40, 50, 60]), &mut part);
        let mut furthest = 0.0_f64;
        for slice in reach[0].clone() {
            for row in reach[1].clone() {
                let (a, b) = (whole.line(slice, row), &some.line(slice, row));
                for column in reach[2].clone() {
                    furthest = furthest.max((a[column] - b[column - some.first[2]]).abs());
                }
            }
        }
        assert!(furthest < 1e-5, "{furthest}");
    }

    #[test]
    fn the_weights_are_one_together() {
        for x in [0.0, 0.3, 0.999, -0.5, 6.4] {
            assert!((taps(x, 7).1.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        }
        assert_eq!(taps(-0.5, 7).0, [2, 1, 0, 1]);
        assert_eq!(taps(6.2, 7).0, [5, 6, 5, 4]);
        assert_eq!(taps(1.2, 2).0, [0, 1, 0, 1]);
    }
}
