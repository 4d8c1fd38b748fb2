//! Masks grown and shrunk by a ball whose radius is in mm.
//!
//! A volume lies in endless background: nothing outside grows into it, and closing does not shrink what touches the
//! border. A voxel belongs to the ball if its centre is not further away than the radius
//! ([`SAME_LENGTH_MM`](super::SAME_LENGTH_MM) is forgiven).

use super::{Lattice, SAME_LENGTH_MM, must_have, passes};
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::voxel_box::VoxelBox;

/// The mask grown by a ball.
///
/// # Errors
/// [`Error::Value`] if the grid is sheared, the radius is negative or not finite, or mask and grid differ in size.
/// # Agreement
/// `scipy.ndimage.binary_dilation` 1.17.1 with the ball as structure: `oracles/distance`.
pub fn dilated_mm(grid: &Grid, mask: &[bool], radius_mm: f64) -> Result<Vec<bool>> {
    worked_on(grid, mask, radius_mm, |room| room.grow(radius_mm))
}

/// The mask shrunk by a ball: what keeps its distance from the background, and from the border.
///
/// # Errors
/// As [`dilated_mm`].
/// # Agreement
/// `scipy.ndimage.binary_erosion` 1.17.1 with the ball as structure: `oracles/distance`.
pub fn eroded_mm(grid: &Grid, mask: &[bool], radius_mm: f64) -> Result<Vec<bool>> {
    worked_on(grid, mask, radius_mm, |room| room.shrink(radius_mm))
}

/// Closing: grown, then shrunk. Fills gaps that no ball of this radius fits into.
///
/// # Errors
/// As [`dilated_mm`].
/// # Agreement
/// `scipy.ndimage.binary_closing` 1.17.1 with the ball as structure on a padded mask: `oracles/distance`.
pub fn closed_mm(grid: &Grid, mask: &[bool], radius_mm: f64) -> Result<Vec<bool>> {
    worked_on(grid, mask, radius_mm, |room| {
        room.grow(radius_mm);
        room.shrink(radius_mm);
    })
}

/// Opening: shrunk, then grown. Removes what no ball of this radius fits into.
///
/// # Errors
/// As [`dilated_mm`].
/// # Agreement
/// `scipy.ndimage.binary_opening` 1.17.1 with the ball as structure: `oracles/distance`.
pub fn opened_mm(grid: &Grid, mask: &[bool], radius_mm: f64) -> Result<Vec<bool>> {
    worked_on(grid, mask, radius_mm, |room| {
        room.shrink(radius_mm);
        room.grow(radius_mm);
    })
}

/// A mask with room around it for the ball, which may reach beyond the volume.
struct Room {
    lattice: Lattice,
    mask: Vec<bool>,
}

impl Room {
    fn grow(&mut self, radius_mm: f64) {
        self.mask = within(&self.lattice, &self.mask, radius_mm);
    }

    fn shrink(&mut self, radius_mm: f64) {
        self.invert();
        self.mask = within(&self.lattice, &self.mask, radius_mm);
        self.invert();
    }

    fn invert(&mut self) {
        self.mask.iter_mut().for_each(|value| *value = !*value);
    }
}

fn within(lattice: &Lattice, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    let plane = lattice.shape[1] * lattice.shape[2];
    let steps = passes::in_slices(lattice, |slice, sites| {
        sites.copy_from_slice(&mask[slice * plane..(slice + 1) * plane]);
    });
    passes::everywhere(lattice, &steps, |mm| mm <= radius_mm + SAME_LENGTH_MM)
}

/// Cuts out the mask with room around it, works on it and puts it back.
fn worked_on(grid: &Grid, mask: &[bool], radius_mm: f64, work: impl FnOnce(&mut Room)) -> Result<Vec<bool>> {
    must_have(grid.voxels(), mask.len())?;
    let whole = Lattice::of(grid)?;
    if !(radius_mm.is_finite() && radius_mm >= 0.0) {
        return Err(Error::Value { problem: format!("radius {radius_mm} mm: must be finite and not negative") });
    }
    let shape = grid.shape();
    let mut result = vec![false; mask.len()];
    let Some(around) = VoxelBox::around(shape, mask, |&inside| inside) else { return Ok(result) };
    // One voxel more than the ball reaches: shrinking must find background on every side.
    let margin = whole.reach(radius_mm).map(|steps| steps.saturating_add(1));
    let lattice = Lattice::new(
        std::array::from_fn(|axis| around.shape()[axis].saturating_add(margin[axis].saturating_mul(2))),
        grid.spacing(),
    )?;
    let mut room = Room { lattice, mask: vec![false; lattice.voxels()] };
    let inside = around.shape();
    let place = |slice: usize, row: usize| {
        ((slice + margin[0]) * lattice.shape[1] + row + margin[1]) * lattice.shape[2] + margin[2]
    };
    for (slice, row) in rows_of(inside) {
        let to = place(slice, row);
        room.mask[to..to + inside[2]].copy_from_slice(&mask[around.row_in(shape, slice, row)]);
    }
    work(&mut room);
    let kept = around.grown(margin, shape);
    for (slice, row) in rows_of(kept.shape()) {
        // From the kept box to the box around the mask to the room; the margin keeps the sum from going below 0.
        let from = |axis: usize, k: usize| k + kept.start[axis] + margin[axis] - around.start[axis];
        let start = (from(0, slice) * lattice.shape[1] + from(1, row)) * lattice.shape[2] + from(2, 0);
        let to = kept.row_in(shape, slice, row);
        let length = to.len();
        result[to].copy_from_slice(&room.mask[start..start + length]);
    }
    Ok(result)
}

fn rows_of(shape: [usize; 3]) -> impl Iterator<Item = (usize, usize)> {
    (0..shape[0]).flat_map(move |slice| (0..shape[1]).map(move |row| (slice, row)))
}
