//! Where the voxels of a target grid lie in a source's index space.
//!
//! # Border
//! A point belongs to the source if its coordinate is at least −½ and below voxels − ½ along every axis, as in ITK:
//! the source ends half a voxel beyond its outermost voxel centres.
//!
//! # Ties
//! Halves go up, in the source's index space. What is a half is decided
//!
//! * by ITK's own arithmetic, operation by operation, if the axes of both grids run along patient axes, in any order and
//!   direction: there a new spacing makes ties by the thousand (0.7 to 1.5 mm about one centre: every seventh voxel),
//!   and the last bit of the coordinate decides;
//! * by [`TIE`] otherwise, since ITK inverts an oblique matrix by singular values: what misses a half by less is a half.

use std::ops::Range;

use crate::geometry::{Grid, cross, dot};

/// How far in voxels a coordinate may be from a half or a whole number and still count as that number.
///
/// Computing a coordinate costs up to about 1e-12 of a voxel.
pub(super) const TIE: f64 = 1e-9;

/// A box of voxels: a range along each of three axes.
pub(super) type Box3 = [Range<usize>; 3];

/// Voxels in a box.
pub(super) fn voxels(of: &Box3) -> usize {
    of.iter().map(ExactSizeIterator::len).product()
}

/// One patient axis, along which an axis of the source and one of the target run.
#[derive(Debug, Clone, Copy)]
struct Upright {
    from_mm: f64,
    per_mm: f64,
    to_mm: f64,
    step_mm: f64,
    /// The voxels of the target's column axis: ITK computes both ends of a line and divides it.
    line: Option<f64>,
}

impl Upright {
    fn at(&self, i: f64) -> f64 {
        let exact = |i: f64| self.per_mm * (self.to_mm + self.step_mm * i - self.from_mm);
        match self.line {
            Some(voxels) => exact(0.0) + i / voxels * (exact(voxels) - exact(0.0)),
            None => exact(i),
        }
    }
}

/// Target index to source coordinate: `base + Σ step_k · index_k`, in voxels (slice, row, column).
#[derive(Debug, Clone)]
pub(super) struct Lattice {
    base: [f64; 3],
    /// For each target axis the way in the source from one voxel to the next.
    step: [[f64; 3]; 3],
    /// For each source axis, if all axes run along patient axes.
    upright: Option<[Upright; 3]>,
    /// The source's shape.
    pub(super) from: [usize; 3],
    /// The target's shape.
    pub(super) to: [usize; 3],
}

impl Lattice {
    /// The lattice of `to` in the index space of `from`.
    pub(super) fn between(from: &Grid, to: &Grid) -> Self {
        let [slice, row, column] = from.affine().columns;
        let volume = dot(slice, cross(row, column));
        // The rows of the inverse matrix.
        let inverse = [cross(row, column), cross(column, slice), cross(slice, row)].map(|x| x.map(|x| x / volume));
        let coordinate = |mm: [f64; 3]| inverse.map(|line| dot(line, mm));
        let start = std::array::from_fn(|k| to.affine().origin_mm[k] - from.affine().origin_mm[k]);
        let mut step = to.affine().columns.map(coordinate);
        for (axis, step) in step.iter_mut().enumerate() {
            // What never adds up to a tie is rounding, and parallel axes stay parallel.
            step.iter_mut().filter(|x| x.abs() * (to.shape()[axis] as f64) < TIE).for_each(|x| *x = 0.0);
        }
        Self { base: coordinate(start), step, upright: upright(from, to), from: from.shape(), to: to.shape() }
    }

    /// For each source axis the target axis that runs along it, if the axes are parallel.
    pub(super) fn order(&self) -> Option<[usize; 3]> {
        // An axis of one voxel may have lost its step above; it takes the place that is left.
        let mut order = [usize::MAX; 3];
        let mut still = Vec::new();
        for (axis, step) in self.step.iter().enumerate() {
            let mut along = (0..3).filter(|&k| step[k] != 0.0);
            match (along.next(), along.next()) {
                (Some(k), None) if order[k] == usize::MAX => order[k] = axis,
                (None, _) => still.push(axis),
                _ => return None,
            }
        }
        order.iter_mut().filter(|k| **k == usize::MAX).zip(still).for_each(|(k, axis)| *k = axis);
        (!order.contains(&usize::MAX)).then_some(order)
    }

    /// The same lattice with target axis `order[k]` as its axis `k`.
    pub(super) fn permuted(&self, order: [usize; 3]) -> Self {
        Self { step: order.map(|k| self.step[k]), to: order.map(|k| self.to[k]), ..self.clone() }
    }

    /// The source coordinate of the first voxel of a line of columns, and the way to the next one.
    pub(super) fn line(&self, slice: usize, row: usize) -> ([f64; 3], [f64; 3]) {
        let (slice, row) = (slice as f64, row as f64);
        let start = std::array::from_fn(|k| self.base[k] + self.step[0][k] * slice + self.step[1][k] * row);
        (start, self.step[2])
    }

    /// The source coordinate along `axis` of index `i` of the target axis that is parallel to it.
    pub(super) fn along(&self, axis: usize, i: usize) -> f64 {
        match &self.upright {
            Some(upright) => upright[axis].at(i as f64),
            None => settled(self.base[axis] + self.step[axis][axis] * i as f64),
        }
    }

    /// The source voxels around the target voxels of a box that four taps per axis may read; `None` if the box lies
    /// outside.
    pub(super) fn reach(&self, target: &Box3) -> Option<Box3> {
        let mut reach = [0..0, 0..0, 0..0];
        for (k, reach) in reach.iter_mut().enumerate() {
            let (mut low, mut high) = (self.base[k], self.base[k]);
            for (range, step) in target.iter().zip(&self.step) {
                let ends = [range.start as f64 * step[k], (range.end - 1) as f64 * step[k]];
                low += ends[0].min(ends[1]);
                high += ends[0].max(ends[1]);
            }
            let voxels = self.from[k];
            if high + TIE < -0.5 || low + TIE >= voxels as f64 - 0.5 {
                return None;
            }
            let first = (low.floor() - 2.0).clamp(0.0, (voxels - 1) as f64) as usize;
            let last = (high.floor() + 3.0).clamp(0.0, (voxels - 1) as f64) as usize;
            *reach = first..last + 1;
        }
        Some(reach)
    }

    /// The source voxels that one step along target axis `axis` crosses.
    pub(super) fn pace(&self, axis: usize) -> f64 {
        self.step[axis].iter().map(|x| x.abs()).fold(0.0, f64::max)
    }
}

/// For each source axis the patient axis along which it and a target axis run, if that is so for all.
fn upright(from: &Grid, to: &Grid) -> Option<[Upright; 3]> {
    let patient_axis = |column: [f64; 3]| {
        let mut along = (0..3).filter(|&k| column[k] != 0.0);
        along.next().filter(|_| along.next().is_none())
    };
    let mut found = [None; 3];
    for (axis, found) in found.iter_mut().enumerate() {
        let column = from.affine().columns[axis];
        let k = patient_axis(column)?;
        let other = (0..3).find(|&other| patient_axis(to.affine().columns[other]) == Some(k))?;
        *found = Some(Upright {
            from_mm: from.affine().origin_mm[k],
            per_mm: 1.0 / column[k],
            to_mm: to.affine().origin_mm[k],
            step_mm: to.affine().columns[other][k],
            line: (other == 2).then_some(to.shape()[2] as f64),
        });
    }
    Some([found[0]?, found[1]?, found[2]?])
}

/// A coordinate that may be off by rounding: halves and whole numbers within [`TIE`] are meant.
pub(super) fn settled(coordinate: f64) -> f64 {
    let meant = (2.0 * coordinate).round() / 2.0;
    if (coordinate - meant).abs() < TIE { meant } else { coordinate }
}

/// Whether a coordinate belongs to an axis of that many voxels.
pub(super) fn inside(coordinate: f64, voxels: usize) -> bool {
    coordinate >= -0.5 && coordinate < voxels as f64 - 0.5
}

/// The voxel nearest to a coordinate inside; halves go up.
pub(super) fn nearest(coordinate: f64, voxels: usize) -> usize {
    ((coordinate + 0.5) as usize).min(voxels - 1)
}

/// The voxel below and above a coordinate inside, and the weight of the second; the outermost voxel repeats.
pub(super) fn pair(coordinate: f64, voxels: usize) -> (usize, usize, f64) {
    let held = coordinate.clamp(0.0, (voxels - 1) as f64);
    let low = held as usize;
    (low, (low + 1).min(voxels - 1), held - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Spacing};

    fn grid(shape: [usize; 3], columns: [[f64; 3]; 3]) -> Grid {
        Grid::new(shape, Affine { columns, origin_mm: [0.0; 3] }).unwrap()
    }

    #[test]
    fn parallel_axes_are_recognised_in_any_order() {
        let source = grid([4, 5, 6], Affine::axial(Spacing::new([5.0, 0.7, 0.7]).unwrap(), [0.0; 3]).columns);
        let [slice, row, column] = source.affine().columns;
        let turned = grid([6, 4, 5], [column.map(|x| -2.0 * x), slice, row.map(|x| 0.5 * x)]);
        assert_eq!(Lattice::between(&source, &turned).order(), Some([1, 2, 0]));
        let tilted = grid([4, 5, 6], [[0.0, 0.1, 5.0], row, column]);
        assert_eq!(Lattice::between(&source, &tilted).order(), None);
        let single = grid([1, 5, 6], [[0.0, 0.0, 5.0], row, column]);
        assert_eq!(Lattice::between(&source, &single).order(), Some([0, 1, 2]));
    }

    #[test]
    fn halves_go_up_and_the_border_is_half_open() {
        assert_eq!([-0.5, 0.49, 0.5, 1.5 - 1e-12].map(|c| nearest(settled(c), 9)), [0, 0, 1, 2]);
        assert_eq!(
            [-0.5 - 1e-12, -0.51, 8.49, 8.5, 8.5 - 1e-12].map(|c| inside(settled(c), 9)),
            [true, false, true, false, false]
        );
    }
}
