//! Masks as the network sees them: resized to a fixed number of voxels by nearest neighbour.

use pulmo_ct::{Affine, Grid, LabelMap, Result};

/// Resizes a label map to `shape` (slices, rows, columns) by nearest neighbour.
///
/// # Formula
/// Along each axis, output `i` of `s` takes input `floor(i·S / s)` of `S`, in exact integer arithmetic.
/// # Grid
/// Each axis' step is multiplied by `S / s` and the first voxel keeps its centre. Sampled positions are rounded
/// down to input voxels, so volumes on this grid are approximate: measure volumes on the native grid.
/// # Errors
/// [`pulmo_ct::Error::Value`] if `shape` has a zero.
/// # Agreement
/// Equal to PyTorch 2.0.1 `interpolate(mode="nearest")` for the shapes in `oracles/dice`. DIFFERENCE: PyTorch
/// multiplies by a float32 scale, which could land one voxel off where `i·S / s` is a whole number.
pub fn resize_nearest(labels: &LabelMap, shape: [usize; 3]) -> Result<LabelMap> {
    let from = labels.grid().shape();
    let mut columns = labels.grid().affine().columns;
    for axis in 0..3 {
        let step = from[axis] as f64 / shape[axis].max(1) as f64;
        columns[axis].iter_mut().for_each(|x| *x *= step);
    }
    let grid = Grid::new(shape, Affine { columns, origin_mm: labels.grid().affine().origin_mm })?;
    let source = |axis: usize| -> Vec<usize> { (0..shape[axis]).map(|i| i * from[axis] / shape[axis]).collect() };
    let (slices, rows, columns) = (source(0), source(1), source(2));
    let mut resized = Vec::with_capacity(grid.voxels());
    for slice in slices {
        for &row in &rows {
            let start = (slice * from[1] + row) * from[2];
            resized.extend(columns.iter().map(|&column| labels.labels()[start + column]));
        }
    }
    LabelMap::new(grid, resized)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulmo_ct::Spacing;

    fn ramp(shape: [usize; 3]) -> LabelMap {
        let affine = Affine::axial(Spacing::new([5.0, 1.0, 1.0]).unwrap(), [0.0; 3]);
        let voxels = shape.iter().product::<usize>();
        LabelMap::new(Grid::new(shape, affine).unwrap(), (0..voxels).map(|i| i as u8).collect()).unwrap()
    }

    #[test]
    fn takes_the_voxel_at_floor() {
        let small = resize_nearest(&ramp([1, 1, 5]), [1, 1, 3]).unwrap();
        assert_eq!(small.labels(), [0, 1, 3]);
        let large = resize_nearest(&ramp([2, 1, 2]), [3, 1, 4]).unwrap();
        assert_eq!(large.labels(), [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3]);
        let spacing_mm = large.grid().affine().spacing_mm();
        assert!((spacing_mm[0] - 10.0 / 3.0).abs() < 1e-12);
        assert_eq!(spacing_mm[1..], [1.0, 0.5]);
    }

    #[test]
    fn the_same_shape_changes_nothing() {
        let labels = ramp([3, 4, 5]);
        assert_eq!(resize_nearest(&labels, [3, 4, 5]).unwrap(), labels);
        assert!(resize_nearest(&labels, [0, 4, 5]).is_err());
    }
}
