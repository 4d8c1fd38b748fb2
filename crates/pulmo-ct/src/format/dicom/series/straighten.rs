//! A sheared grid made upright, on request: every slice is shifted in its plane.
//!
//! The new grid has right angles and holds every voxel of the old one; what was not measured becomes air.
//! Values are interpolated linearly along rows and columns; a voxel whose neighbours are partly outside is air.

use rayon::prelude::*;

use crate::error::Result;
use crate::geometry::{Affine, Grid, cross, dot};
use crate::volume::CtVolume;

/// The grid with right angles that holds a sheared one, and how to come from one to the other.
pub(super) struct Upright {
    pub(super) grid: Grid,
    /// How far one slice is shifted against the one before along (row, column), in voxels.
    shift: [f64; 2],
    /// How many voxels were added before the first (row, column).
    before: [f64; 2],
}

impl Upright {
    /// # Errors
    /// [`crate::Error::Value`] if it would be too large.
    pub(super) fn of(grid: &Grid) -> Result<Self> {
        let [slices, rows, columns] = grid.shape();
        let [step, down, right] = grid.affine().columns;
        let normal = cross(grid.affine().direction()[2], grid.affine().direction()[1]);
        let apart = dot(step, normal);
        let shift = [down, right].map(|axis| dot(step, axis) / dot(axis, axis));
        let furthest = shift.map(|voxels| voxels * (slices - 1) as f64);
        let before = furthest.map(|voxels| (-voxels.min(0.0) - 1e-6).ceil().max(0.0));
        let behind = furthest.map(|voxels| (voxels.max(0.0) - 1e-6).ceil().max(0.0));
        let shape = [slices, rows + (before[0] + behind[0]) as usize, columns + (before[1] + behind[1]) as usize];
        let origin_mm = grid.affine().voxel_to_world([0.0, -before[0], -before[1]]);
        let affine = Affine { columns: [normal.map(|x| x * apart), down, right], origin_mm };
        Ok(Self { grid: Grid::new(shape, affine)?, shift, before })
    }
}

/// Resamples a volume with tilted slices onto slices that lie behind each other.
///
/// # Errors
/// [`crate::Error::Value`] if the upright grid would be too large.
pub(super) fn straighten(volume: &CtVolume) -> Result<CtVolume> {
    let [_, rows, columns] = volume.grid().shape();
    let Upright { grid: upright, shift, before } = Upright::of(volume.grid())?;
    let shape = upright.shape();

    let mut hu = vec![CtVolume::AIR_HU; upright.voxels()];
    hu.par_chunks_mut(shape[1] * shape[2]).enumerate().for_each(|(slice, out)| {
        let plane = &volume.hu()[slice * rows * columns..][..rows * columns];
        // Where the first voxel of the new slice lies in the old one.
        let first = [0, 1].map(|axis| -before[axis] - shift[axis] * slice as f64);
        let column_taps: Vec<_> = (0..shape[2]).map(|k| tap(first[1] + k as f64, columns)).collect();
        for (k, out) in out.chunks_mut(shape[2]).enumerate() {
            let Some((row, below)) = tap(first[0] + k as f64, rows) else { continue };
            let [upper, lower] = [row, (row + 1).min(rows - 1)].map(|row| &plane[row * columns..][..columns]);
            for (out, tap) in out.iter_mut().zip(&column_taps) {
                let Some((column, beside)) = *tap else { continue };
                let next = (column + 1).min(columns - 1);
                let along = |line: &[f32]| line[column] + (line[next] - line[column]) * beside;
                *out = along(upper) + (along(lower) - along(upper)) * below;
            }
        }
    });
    CtVolume::new(upright, hu)
}

/// The voxel before a coordinate and the weight of the one behind it; `None` outside.
fn tap(coordinate: f64, voxels: usize) -> Option<(usize, f32)> {
    let last = (voxels - 1) as f64;
    // Coordinates that should be whole numbers may miss them in the last digits.
    if coordinate < -1e-6 || coordinate > last + 1e-6 {
        return None;
    }
    let inside = coordinate.clamp(0.0, last);
    let (whole, rest) = (inside.floor(), inside.fract());
    Some(if rest > 1.0 - 1e-6 { (whole as usize + 1, 0.0) } else { (whole as usize, rest as f32) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HU that are a linear function of the patient position.
    fn ramp(grid: Grid) -> CtVolume {
        let [slices, rows, columns] = grid.shape();
        let mut hu = Vec::with_capacity(grid.voxels());
        for slice in 0..slices {
            for row in 0..rows {
                for column in 0..columns {
                    let [x, y, z] = grid.affine().voxel_to_world([slice, row, column].map(|n| n as f64));
                    hu.push((3.0 * x - 2.0 * y + z) as f32);
                }
            }
        }
        CtVolume::new(grid, hu).unwrap()
    }

    #[test]
    fn linear_values_stay_at_their_place_in_the_patient() {
        for (tilt, sign) in [(0.37, 1.0), (-0.52, 1.0), (0.37, -1.0)] {
            // Both handednesses, tilted along rows and columns.
            let columns = [[0.2 * tilt, 3.0 * tilt, 3.0 * sign], [0.0, 0.9, 0.0], [0.7, 0.0, 0.0]];
            let tilted = Grid::new([6, 20, 18], Affine { columns, origin_mm: [5.0, -7.0, 11.0] }).unwrap();
            assert!(tilted.is_sheared());
            let upright = straighten(&ramp(tilted)).unwrap();
            assert!(!upright.grid().is_sheared());
            let expected = ramp(*upright.grid());
            let mut inside = 0;
            for (&found, &expected) in upright.hu().iter().zip(expected.hu()) {
                if found != CtVolume::AIR_HU {
                    assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
                    inside += 1;
                }
            }
            assert!(inside > 6 * 18 * 16, "{inside} of {} voxels", 6 * 20 * 18);
            for (old, new) in [(tilted.corners_mm()[0], upright.grid()), (tilted.corners_mm()[7], upright.grid())] {
                let within = new.corners_mm();
                for axis in 0..3 {
                    let (low, high) = within.iter().fold((f64::MAX, f64::MIN), |(low, high), corner| {
                        (low.min(corner[axis]), high.max(corner[axis]))
                    });
                    assert!((low - 1e-6..=high + 1e-6).contains(&old[axis]), "no voxel is lost");
                }
            }
        }
    }
}
