//! Grids for sheared volumes: how to straighten a tilted gantry.

use crate::error::Result;
use crate::geometry::{Affine, Grid, cross, dot};

/// Voxels by which a grid may miss the one it covers: rounding of stored positions.
const SLACK: f64 = 1e-6;

/// The grid without shear that covers a grid: what a gantry-tilted series is resampled onto.
///
/// The planes of the slices, the direction and spacing of columns and the first voxel's place in its row stay; rows get
/// perpendicular to columns, slices to both. So each slice lies in its old plane and a tilted series is only moved
/// within its planes, never interpolated across them. The slice spacing is the distance of the planes. Rows and columns
/// are added until every voxel centre of the old grid lies inside. A grid without shear comes back as it is, up to
/// rounding.
///
/// # Errors
/// [`crate::Error::Value`] if the result has more voxels than can be counted.
pub fn right_angled(grid: &Grid) -> Result<Grid> {
    let [slice, row, column] = grid.affine().columns;
    let unit = |x: [f64; 3]| x.map(|value| value / dot(x, x).sqrt());
    let along = unit(column);
    let row: [f64; 3] = std::array::from_fn(|k| row[k] - dot(row, along) * along[k]);
    let normal = unit(cross(row, column));
    let distance = dot(slice, normal);
    let columns = [normal.map(|x| x * distance), row, column];
    let mut shape = grid.shape();
    let mut first = [0.0; 3];
    let corners = grid.corners_mm();
    for axis in [1, 2] {
        let length = dot(columns[axis], columns[axis]);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for corner in corners {
            let from: [f64; 3] = std::array::from_fn(|k| corner[k] - grid.affine().origin_mm[k]);
            let place = dot(from, columns[axis]) / length;
            (low, high) = (low.min(place), high.max(place));
        }
        first[axis] = (low + SLACK).floor();
        shape[axis] = ((high - SLACK).ceil() - first[axis]) as usize + 1;
    }
    let affine = Affine { columns, origin_mm: grid.affine().origin_mm };
    Grid::new(shape, Affine { origin_mm: affine.voxel_to_world(first), ..affine })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Spacing;

    #[test]
    fn a_tilted_gantry_is_straightened_in_its_planes() {
        let mut affine = Affine::axial(Spacing::new([5.0, 0.8, 0.7]).unwrap(), [-100.0, -90.0, 30.0]);
        let upright = Grid::new([10, 20, 30], affine).unwrap();
        assert!(upright.must_equal(&right_angled(&upright).unwrap()).is_ok());
        for tilt in [15_f64, -20.0] {
            affine.columns[0] = [0.0, 5.0 * tilt.to_radians().tan(), 5.0];
            let tilted = Grid::new([10, 20, 30], affine).unwrap();
            let straight = right_angled(&tilted).unwrap();
            assert!(straight.shear_degrees() < 1e-9);
            assert_eq!(straight.spacing().mm().map(|x| (x * 1e9).round() / 1e9), [5.0, 0.8, 0.7]);
            let added = (45.0 * tilt.to_radians().tan().abs() / 0.8).ceil() as usize;
            assert_eq!(straight.shape(), [10, 20 + added, 30]);
            let [first, last] = [0, 9].map(|k| straight.affine().voxel_to_world([f64::from(k), 0.0, 0.0])[2]);
            assert!((first - 30.0).abs() < 1e-9 && (last - 75.0).abs() < 1e-9, "planes stay");
        }
        affine.columns = [[0.3, 0.2, -4.0], [0.1, 0.8, 0.05], [0.7, -0.1, 0.0]];
        let odd = Grid::new([4, 5, 6], affine).unwrap();
        let straight = right_angled(&odd).unwrap();
        let inverse = super::super::lattice::Lattice::between(&straight, &odd);
        let reach = inverse.reach(&[0..4, 0..5, 0..6]).unwrap();
        assert_eq!(reach.map(|range| range.len()), straight.shape());
        assert!(straight.shear_degrees() < 1e-9);
    }
}
