//! Resampling onto axes parallel to the source's: taps per axis, computed once.

use super::bspline;
use super::field::{Block, Field, Sample};
use super::lattice::{Lattice, inside, nearest, pair, settled};

/// The voxels that make one target index along an axis, and their weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taps<const N: usize> {
    voxels: [usize; N],
    weights: [f64; N],
}

/// Taps at a coordinate inside an axis of that many voxels.
pub(super) type Kernel<const N: usize> = fn(f64, usize) -> Taps<N>;

/// Linear; within half a voxel of the border the outermost voxel repeats.
pub(super) fn linear_taps(coordinate: f64, voxels: usize) -> Taps<2> {
    // On a voxel, up to rounding, is on the voxel: a grid's own voxels come back to the bit.
    let (low, high, share) = pair(settled(coordinate), voxels);
    Taps { voxels: [low, high], weights: [1.0 - share, share] }
}

/// Cubic B-spline, for coefficients.
pub(super) fn cubic_taps(coordinate: f64, voxels: usize) -> Taps<4> {
    let (voxels, weights) = bspline::taps(coordinate, voxels);
    Taps { voxels, weights }
}

/// Weighted sums: `N` voxels along each axis; `outside` where the source has no voxel.
pub(super) fn weighted<const N: usize, V: Sample>(
    field: Field<'_, V>,
    lattice: &Lattice,
    kernel: Kernel<N>,
    block: &Block,
    out: &mut [f32],
) {
    let [slices, rows, columns] = block.axes(lattice, |c, n| inside(c, n).then(|| kernel(c, n)));
    // Only the columns that somebody reads are summed.
    let used = columns.iter().flatten().flat_map(|taps| taps.voxels);
    let Some((low, high)) = used.fold(None, |ends: Option<(usize, usize)>, k| {
        Some(ends.map_or((k, k), |(low, high)| (low.min(k), high.max(k))))
    }) else {
        block.lines(out, |_, _, line| line.fill(super::affine::OUTSIDE_HU));
        return;
    };
    block.lines(out, |slice, row, line| {
        let (slice, row) = (slices[slice - block.now[0].start], rows[row - block.now[1].start]);
        let (Some(slice), Some(row)) = (slice, row) else {
            line.fill(super::affine::OUTSIDE_HU);
            return;
        };
        let mut sums = vec![0.0_f64; high - low + 1];
        for (&s, &slice_weight) in slice.voxels.iter().zip(&slice.weights) {
            for (&r, &row_weight) in row.voxels.iter().zip(&row.weights) {
                let weight = slice_weight * row_weight;
                if weight != 0.0 {
                    let values = &field.line(s, r)[low - field.first[2]..=high - field.first[2]];
                    sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += weight * x.value());
                }
            }
        }
        for (out, taps) in line.iter_mut().zip(&columns) {
            *out = taps.map_or(super::affine::OUTSIDE_HU, |taps| {
                taps.voxels.iter().zip(&taps.weights).map(|(&k, &weight)| weight * sums[k - low]).sum::<f64>() as f32
            });
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
    let [slices, rows, columns] = block.axes(lattice, |c, n| inside(c, n).then(|| nearest(c, n)));
    // The columns inside are one run, since coordinates only rise or only fall.
    let start = columns.iter().position(Option::is_some).unwrap_or(columns.len());
    let run: Vec<usize> = columns.iter().flatten().copied().collect();
    block.lines(out, |slice, row, line| {
        let (slice, row) = (slices[slice - block.now[0].start], rows[row - block.now[1].start]);
        line.fill(outside);
        if let (Some(slice), Some(row)) = (slice, row) {
            let values = field.line(slice, row);
            line[start..].iter_mut().zip(&run).for_each(|(out, &k)| *out = convert(values[k]));
        }
    });
}
