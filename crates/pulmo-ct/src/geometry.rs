//! Where voxels lie: spacing, affine and grid.
//!
//! Order is (slice, row, column) everywhere; patient space is LPS+ (x to the patient's left, y to the
//! back, z to the head) in mm. RAS appears only in the NIfTI file format.

use crate::error::{Error, Result};

/// Two grids are the same if no corner lies further apart than this fraction of the smallest spacing.
///
/// The one tolerance for "on the same grid": NIfTI stores its matrix in float32, so a grid of 512 voxels
/// written and read back moves its far corner by up to about 1e-4 of a voxel.
pub const SAME_GRID_FRACTION: f64 = 1e-2;

/// How far two axes of a grid may be from a right angle, in degrees, before the grid counts as sheared.
///
/// Headers carry directions with six digits or so, and float32 matrices with seven; a tilted gantry starts at
/// half a degree.
pub const SHEARED_FROM_DEGREES: f64 = 0.1;

/// Distance between voxel centres along (slice, row, column) in mm: positive and finite.
///
/// In a sheared grid (tilted gantry) the first is longer than the distance between the planes of two slices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing([f64; 3]);

impl Spacing {
    /// Makes a spacing from mm along (slice, row, column).
    ///
    /// # Errors
    /// [`Error::Value`] if a component is not positive and finite.
    pub fn new(mm: [f64; 3]) -> Result<Self> {
        if mm.iter().all(|&x| x.is_finite() && x > 0.0) {
            Ok(Self(mm))
        } else {
            Err(Error::Value { problem: format!("spacing {mm:?} mm: each must be positive and finite") })
        }
    }

    /// The distances in mm along (slice, row, column).
    #[must_use]
    pub fn mm(self) -> [f64; 3] {
        self.0
    }
}

/// The volume that three unit vectors must span: below it (tilted by 84 degrees and more) a grid is flat.
const FLATTEST: f64 = 0.1;

/// Voxel index (slice, row, column) to patient position (LPS+, mm): `p = origin + Σ column_k · index_k`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// For each of the axes slice, row, column: the LPS vector in mm from one voxel to the next.
    pub columns: [[f64; 3]; 3],
    /// LPS position in mm of the centre of voxel (0, 0, 0).
    pub origin_mm: [f64; 3],
}

impl Affine {
    /// An axial grid as most scanners store it: columns to the left, rows to the back, slices to the head.
    #[must_use]
    pub fn axial(spacing: Spacing, origin_mm: [f64; 3]) -> Self {
        let [slice, row, column] = spacing.mm();
        Self { columns: [[0.0, 0.0, slice], [0.0, row, 0.0], [column, 0.0, 0.0]], origin_mm }
    }

    /// Patient position in mm of a voxel index, which may be fractional.
    #[must_use]
    pub fn voxel_to_world(&self, index: [f64; 3]) -> [f64; 3] {
        let mut point = self.origin_mm;
        for (column, i) in self.columns.iter().zip(index) {
            for (p, c) in point.iter_mut().zip(column) {
                *p += c * i;
            }
        }
        point
    }

    /// Distances between voxel centres along (slice, row, column) in mm: the lengths of the columns.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        self.columns.map(|[x, y, z]| (x * x + y * y + z * z).sqrt())
    }

    /// Unit vectors of the axes in LPS; meaningless if a column has no length.
    #[must_use]
    pub fn direction(&self) -> [[f64; 3]; 3] {
        let spacing = self.spacing_mm();
        let mut direction = self.columns;
        for (column, length) in direction.iter_mut().zip(spacing) {
            column.iter_mut().for_each(|x| *x /= length);
        }
        direction
    }
}

/// Shape and affine without values: what a label map shares with its CT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    shape: [usize; 3],
    affine: Affine,
    spacing: Spacing,
}

impl Grid {
    /// Makes a grid of `shape` voxels (slices, rows, columns).
    ///
    /// # Errors
    /// [`Error::Value`] if the shape is empty or so large that its voxels cannot be counted, or if the
    /// affine has a column without length or a value that is not finite.
    pub fn new(shape: [usize; 3], affine: Affine) -> Result<Self> {
        let voxels = shape.iter().try_fold(1_usize, |n, &s| n.checked_mul(s));
        if !matches!(voxels, Some(n) if n > 0 && n <= isize::MAX as usize / 8) {
            return Err(Error::Value { problem: format!("shape {shape:?}: no volume has it") });
        }
        if !affine.origin_mm.iter().all(|x| x.is_finite()) {
            return Err(Error::Value { problem: format!("origin {:?} mm is not finite", affine.origin_mm) });
        }
        let spacing = Spacing::new(affine.spacing_mm())?;
        let [slice, row, column] = affine.direction();
        let sine = dot(slice, cross(row, column)).abs();
        if sine.is_nan() || sine < FLATTEST {
            return Err(Error::Value { problem: format!("axes {:?} lie in one plane", affine.columns) });
        }
        Ok(Self { shape, affine, spacing })
    }

    /// Voxels along (slice, row, column).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of voxels.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Voxel to patient space.
    #[must_use]
    pub fn affine(&self) -> &Affine {
        &self.affine
    }

    /// Distances between voxel centres.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// The volume of one voxel in mL: the determinant of the affine, right in sheared grids too.
    #[must_use]
    pub fn voxel_ml(&self) -> f64 {
        let [slice, row, column] = self.affine.columns;
        dot(slice, cross(row, column)).abs() / 1000.0
    }

    /// The largest deviation of two axes from a right angle in degrees: the tilt of the gantry, mostly.
    #[must_use]
    pub fn shear_degrees(&self) -> f64 {
        let [slice, row, column] = self.affine.direction();
        let off = [dot(slice, row), dot(slice, column), dot(row, column)].map(f64::abs);
        off.into_iter().fold(0.0, f64::max).min(1.0).asin().to_degrees()
    }

    /// Whether its axes are not at right angles: [`Grid::shear_degrees`] is [`SHEARED_FROM_DEGREES`] or more.
    #[must_use]
    pub fn is_sheared(&self) -> bool {
        self.shear_degrees() >= SHEARED_FROM_DEGREES
    }

    /// The eight corner voxels' patient positions in mm.
    #[must_use]
    pub fn corners_mm(&self) -> [[f64; 3]; 8] {
        std::array::from_fn(|corner| {
            let index =
                std::array::from_fn(|axis| if corner >> axis & 1 == 1 { (self.shape[axis] - 1) as f64 } else { 0.0 });
            self.affine.voxel_to_world(index)
        })
    }

    /// Checks that `other` is this grid: equal shape, and corners within [`SAME_GRID_FRACTION`] of a voxel.
    ///
    /// # Errors
    /// [`Error::GridMismatch`] saying what differs and by how much.
    pub fn must_equal(&self, other: &Self) -> Result<()> {
        let hint = "a mask must lie on its CT's grid: same shape, spacing, origin and directions".to_owned();
        if self.shape != other.shape {
            let problem = format!("{:?} voxels (slices, rows, columns), expected {:?}", other.shape, self.shape);
            return Err(Error::GridMismatch { problem, hint });
        }
        let smallest = self.spacing.mm().into_iter().fold(f64::INFINITY, f64::min);
        let theirs = other.corners_mm();
        let apart = self.corners_mm().into_iter().zip(theirs).map(|(a, b)| distance_mm(a, b));
        let furthest = apart.fold(0.0, f64::max);
        if furthest > SAME_GRID_FRACTION * smallest {
            let problem = format!(
                "corners lie up to {furthest:.3} mm apart (allowed: {:.3} mm, {SAME_GRID_FRACTION} of a voxel)",
                SAME_GRID_FRACTION * smallest
            );
            return Err(Error::GridMismatch { problem, hint });
        }
        Ok(())
    }
}

/// The scalar product.
#[must_use]
pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The vector product.
#[must_use]
pub fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn distance_mm(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_refuses_what_no_scanner_has() {
        for bad in [[0.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, f64::NAN], [f64::INFINITY, 1.0, 1.0]] {
            assert!(Spacing::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_sheared_grid_knows_its_tilt_and_its_volume() {
        let mut affine = Affine::axial(Spacing::new([5.0, 2.0, 0.5]).unwrap(), [0.0; 3]);
        let upright = Grid::new([4, 5, 6], affine).unwrap();
        assert!((upright.voxel_ml() - 0.005).abs() < 1e-15);
        assert!(!upright.is_sheared());
        affine.columns[0] = [0.0, 5.0 * 15_f64.to_radians().tan(), 5.0];
        let tilted = Grid::new([4, 5, 6], affine).unwrap();
        assert!((tilted.shear_degrees() - 15.0).abs() < 1e-9);
        assert!(tilted.is_sheared());
        assert!((tilted.voxel_ml() - 0.005).abs() < 1e-15, "a shear moves slices and keeps volumes");
        affine.columns[0] = [0.0, 5.0, 0.0];
        assert!(Grid::new([4, 5, 6], affine).is_err(), "slices on top of each other");
    }

    #[test]
    fn voxels_lie_where_the_affine_says() {
        let affine = Affine::axial(Spacing::new([5.0, 2.0, 0.5]).unwrap(), [-10.0, -20.0, 100.0]);
        assert_eq!(affine.voxel_to_world([1.0, 2.0, 4.0]), [-8.0, -16.0, 105.0]);
        assert_eq!(affine.spacing_mm(), [5.0, 2.0, 0.5]);
    }

    #[test]
    fn grids_differ_by_shape_or_by_corners() {
        let spacing = Spacing::new([1.0, 1.0, 1.0]).unwrap();
        let grid = Grid::new([4, 5, 6], Affine::axial(spacing, [0.0; 3])).unwrap();
        let moved = Grid::new([4, 5, 6], Affine::axial(spacing, [0.5, 0.0, 0.0])).unwrap();
        let nudged = Grid::new([4, 5, 6], Affine::axial(spacing, [0.001, 0.0, 0.0])).unwrap();
        let other = Grid::new([4, 5, 7], Affine::axial(spacing, [0.0; 3])).unwrap();
        assert!(grid.must_equal(&nudged).is_ok());
        assert!(grid.must_equal(&moved).unwrap_err().to_string().contains("0.500 mm apart"));
        assert!(grid.must_equal(&other).is_err());
        assert!(Grid::new([0, 5, 7], Affine::axial(spacing, [0.0; 3])).is_err());
        assert!(Grid::new([usize::MAX, 5, 7], Affine::axial(spacing, [0.0; 3])).is_err());
    }
}
