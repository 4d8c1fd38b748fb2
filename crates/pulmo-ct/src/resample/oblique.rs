//! Resampling onto any grid: every target voxel finds its own place in the source.

use super::affine::OUTSIDE_HU;
use super::bspline;
use super::field::{Block, Field, Sample};
use super::lattice::{Lattice, TIE, inside, nearest, pair};

/// Calls `at(coordinate)` for every voxel of the block, or gives `outside` where the source has none.
pub(super) fn each<O: Copy + Send + Sync>(
    lattice: &Lattice,
    block: &Block,
    outside: O,
    out: &mut [O],
    at: impl Fn([f64; 3]) -> O + Sync,
) {
    block.lines(out, |slice, row, line| {
        let (start, step) = lattice.line(slice, row);
        for (out, column) in line.iter_mut().zip(block.now[2].clone()) {
            let place: [f64; 3] = std::array::from_fn(|k| start[k] + step[k] * column as f64);
            // What is a half up to rounding goes up.
            let within = (0..3).all(|k| inside(place[k] + TIE, lattice.from[k]));
            *out = if within { at(place) } else { outside };
        }
    });
}

/// The nearest voxel, as it is or converted.
pub(super) fn picked<V: Copy + Sync, O: Copy + Send + Sync>(
    field: Field<'_, V>,
    lattice: &Lattice,
    (convert, outside): (impl Fn(V) -> O + Sync, O),
    block: &Block,
    out: &mut [O],
) {
    let shape = lattice.from;
    each(lattice, block, outside, out, |place| {
        let [slice, row, column] = std::array::from_fn(|k| nearest(place[k] + TIE, shape[k]));
        convert(field.line(slice, row)[column])
    });
}

/// Linear; within half a voxel of the border the outermost voxel repeats.
pub(super) fn linear<V: Sample>(field: Field<'_, V>, lattice: &Lattice, block: &Block, out: &mut [f32]) {
    let (values, shape) = (field.values, lattice.from);
    each(lattice, block, OUTSIDE_HU, out, |place| {
        let [slice, row, column] = std::array::from_fn(|k| pair(place[k], shape[k]));
        let between = |a: f64, b: f64, share: f64| a + (b - a) * share;
        let along = |s: usize, r: usize| {
            let line = (s * shape[1] + r) * shape[2];
            between(values[line + column.0].value(), values[line + column.1].value(), column.2)
        };
        let front = between(along(slice.0, row.0), along(slice.0, row.1), row.2);
        let back = between(along(slice.1, row.0), along(slice.1, row.1), row.2);
        between(front, back, slice.2) as f32
    });
}

/// Cubic B-spline, from coefficients.
pub(super) fn cubic(field: Field<'_, f64>, lattice: &Lattice, block: &Block, out: &mut [f32]) {
    let shape = lattice.from;
    each(lattice, block, OUTSIDE_HU, out, |place| {
        let [slice, row, column] = std::array::from_fn(|k| bspline::taps(place[k], shape[k]));
        let columns = column.0.map(|k| k - field.first[2]);
        let mut sum = 0.0;
        for (&s, &slice_weight) in slice.0.iter().zip(&slice.1) {
            let mut plane = 0.0;
            for (&r, &row_weight) in row.0.iter().zip(&row.1) {
                let line = field.line(s, r);
                let along: f64 = columns.iter().zip(&column.1).map(|(&k, &weight)| weight * line[k]).sum();
                plane += row_weight * along;
            }
            sum += slice_weight * plane;
        }
        sum as f32
    });
}
