//! Resampling onto any grid: every target voxel finds its own place in the source.

use super::affine::OUTSIDE_HU;
use super::bspline;
use super::field::{Block, Field, Sample};
use super::lattice::{Lattice, TIE, inside, nearest};

/// Calls `at(coordinate)` for every voxel of the block, or gives `outside` where the source has none.
fn each<O: Copy + Send + Sync>(
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
            let within = (0..3).all(|k| inside(place[k], lattice.from[k]));
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
        let [slice, row, column] = std::array::from_fn(|k| nearest(place[k], shape[k]));
        convert(field.line(slice, row)[column])
    });
}

/// The voxel below and above a coordinate, and the weight of the second.
fn pair(coordinate: f64, voxels: usize) -> (usize, usize, f64) {
    let held = coordinate.clamp(0.0, (voxels - 1) as f64);
    let low = held as usize;
    (low, (low + 1).min(voxels - 1), held - low as f64)
}

/// Linear; within half a voxel of the border the outermost voxel repeats.
pub(super) fn linear<V: Sample>(field: Field<'_, V>, lattice: &Lattice, block: &Block, out: &mut [f32]) {
    let shape = lattice.from;
    each(lattice, block, OUTSIDE_HU, out, |place| {
        let [slice, row, column] = std::array::from_fn(|k| pair(place[k], shape[k]));
        let between = |a: f64, b: f64, share: f64| a + (b - a) * share;
        let along = |s: usize, r: usize| {
            let line = field.line(s, r);
            between(line[column.0].value(), line[column.1].value(), column.2)
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

/// The label with the largest share of the eight voxels around, weighted linearly; of equal ones the lowest.
pub(super) fn voted(field: Field<'_, u8>, lattice: &Lattice, block: &Block, out: &mut [u8]) {
    let shape = lattice.from;
    each(lattice, block, 0, out, |place| {
        let [slice, row, column] = std::array::from_fn(|k| pair(place[k], shape[k]));
        let mut corners = [0_u8; 8];
        for (k, line) in [(slice.0, row.0), (slice.0, row.1), (slice.1, row.0), (slice.1, row.1)].iter().enumerate() {
            let line = field.line(line.0, line.1);
            (corners[2 * k], corners[2 * k + 1]) = (line[column.0], line[column.1]);
        }
        if corners == [corners[0]; 8] {
            return corners[0];
        }
        let shares = [slice.2, row.2, column.2];
        let mut votes = [(0_u8, 0.0_f64); 8];
        let mut labels = 0;
        for (corner, &label) in corners.iter().enumerate() {
            let of = |axis: usize| if corner >> (2 - axis) & 1 == 1 { shares[axis] } else { 1.0 - shares[axis] };
            let weight = of(0) * of(1) * of(2);
            match votes[..labels].iter_mut().find(|vote| vote.0 == label) {
                Some(vote) => vote.1 += weight,
                None => {
                    votes[labels] = (label, weight);
                    labels += 1;
                }
            }
        }
        let most = votes[..labels].iter().map(|vote| vote.1).fold(0.0, f64::max);
        let tied = votes[..labels].iter().filter(|vote| vote.1 + TIE >= most);
        tied.map(|vote| vote.0).min().unwrap_or(0)
    });
}
