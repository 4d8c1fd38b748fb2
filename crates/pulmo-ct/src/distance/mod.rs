//! Exact Euclidean distances in mm to the nearest voxel of a mask, and balls in mm made from them.
//!
//! Distances are between voxel centres. Along each axis at most [`LONGEST`] voxels. Only grids with right angles
//! have these distances; sheared ones (tilted gantry) are refused.
//!
//! For whole volumes the method is separable: the nearest site in the row, then in the slice, then in the volume,
//! each from the lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012; the test that needs no division is
//! Maurer's, 2003).
//! For some points among many voxels the sites stand in a tree of boxes instead. Both keep whole numbers of voxels,
//! so nothing is rounded but the last sum, taken in f64.

mod ball;
mod envelope;
mod nearest;
mod passes;

use crate::error::{Error, Result};
use crate::geometry::{Grid, Spacing};
use crate::voxel_box::VoxelBox;

pub use ball::{closed_mm, dilated_mm, eroded_mm, opened_mm};
pub(crate) use passes::squared_in_slice;

/// The most voxels that an axis may have.
pub const LONGEST: usize = 65_535;

/// What two lengths in mm may differ by and still count as equal: affines come from float32 headers.
pub const SAME_LENGTH_MM: f64 = 1e-6;

/// Shape and spacing of voxels at right angles: all that a distance needs to know of a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lattice {
    shape: [usize; 3],
    spacing_mm: [f64; 3],
}

impl Lattice {
    /// A lattice of `shape` voxels (slices, rows, columns).
    ///
    /// # Errors
    /// [`Error::Value`] if an axis has no voxel or more than [`LONGEST`], or there are more voxels than `u32` counts.
    pub fn new(shape: [usize; 3], spacing: Spacing) -> Result<Self> {
        let voxels = shape.iter().try_fold(1_usize, |n, &s| n.checked_mul(s));
        let countable = voxels.is_some_and(|n| u32::try_from(n).is_ok());
        if countable && shape.iter().all(|&s| (1..=LONGEST).contains(&s)) {
            return Ok(Self { shape, spacing_mm: spacing.mm() });
        }
        Err(Error::Value {
            problem: format!(
                "shape {shape:?}: distances are measured on 1 to {LONGEST} voxels along an axis and up to {} in all",
                u32::MAX
            ),
        })
    }

    /// The lattice of a grid.
    ///
    /// # Errors
    /// [`Error::Value`] if the grid is sheared, or as for [`Lattice::new`].
    pub fn of(grid: &Grid) -> Result<Self> {
        if grid.is_sheared() {
            let problem = format!(
                "the axes of the grid are {:.1} degrees off a right angle (tilted gantry): distances in mm are \
                 measured on grids with right angles; resample the volume to one first",
                grid.shear_degrees()
            );
            return Err(Error::Value { problem });
        }
        Self::new(grid.shape(), grid.spacing())
    }

    /// Voxels along (slice, row, column).
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Distances of voxel centres in mm.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        self.spacing_mm
    }

    /// Number of voxels.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many voxels a length in mm reaches along each axis, rounded up.
    pub(crate) fn reach(&self, mm: f64) -> [usize; 3] {
        self.spacing_mm.map(|spacing| (mm / spacing).ceil() as usize)
    }

    /// The length in mm of a step of whole voxels.
    pub(crate) fn length_mm(&self, steps: [u32; 3]) -> f64 {
        self.squared_mm2(steps).sqrt()
    }

    /// The square of that length.
    fn squared_mm2(&self, steps: [u32; 3]) -> f64 {
        let [slice, row, column] = [0, 1, 2].map(|axis| f64::from(steps[axis]) * self.spacing_mm[axis]);
        slice * slice + row * row + column * column
    }
}

/// For each voxel of the grid the distance in mm to the nearest voxel of the mask: 0 inside it.
///
/// # Edge cases
/// An empty mask: infinity everywhere.
/// # Errors
/// [`Error::Value`] if the grid is sheared or too long, or the mask has not as many values as the grid has voxels.
/// # Agreement
/// `scipy.ndimage.distance_transform_edt(~mask, sampling=spacing)` 1.17.1, rounded to f32: `oracles/distance`.
pub fn distances_mm(grid: &Grid, mask: &[bool]) -> Result<Vec<f32>> {
    distances_in_box_mm(grid, mask, VoxelBox::whole(grid.shape()))
}

/// [`distances_mm`] inside a box, from and to voxels of the box alone: the values of its voxels in C order.
///
/// Takes 4 bytes for each voxel of the box, plus the mask.
///
/// # Errors
/// As [`distances_mm`]; [`Error::Value`] also if the box does not lie in the grid.
pub fn distances_in_box_mm(grid: &Grid, mask: &[bool], inside: VoxelBox) -> Result<Vec<f32>> {
    must_have(grid.voxels(), mask.len())?;
    let shape = grid.shape();
    if !inside.fits(shape) {
        return Err(Error::Value { problem: format!("box {inside:?} does not lie in a volume of {shape:?} voxels") });
    }
    Lattice::of(grid)?;
    let lattice = Lattice::new(inside.shape(), grid.spacing())?;
    let rows = lattice.shape[1];
    let columns = lattice.shape[2];
    let steps = passes::in_slices(&lattice, |slice, sites| {
        for (row, sites) in sites.chunks_exact_mut(columns).enumerate().take(rows) {
            sites.copy_from_slice(&mask[inside.row_in(shape, slice, row)]);
        }
    });
    Ok(passes::everywhere(&lattice, &steps, |mm| mm as f32))
}

/// The distance in mm from each of `points` to the nearest of `sites`, exactly.
///
/// Sites and points are voxel numbers in C order; any order will do, but points are answered fastest where neighbours
/// follow each other. Time and memory (about 10 bytes a site) follow sites and points, not the voxels of the lattice:
/// it is made for surfaces, few points in a large box.
///
/// # Edge cases
/// No sites: infinity for every point.
/// # Panics
/// If a number is not a voxel of the lattice.
/// # Agreement
/// `scipy.ndimage.distance_transform_edt` 1.17.1 at those voxels, to the last bit but for equal neighbours whose lengths
/// are rounded apart, of which the shorter is given: `oracles/distance`.
#[must_use]
pub fn distances_at_mm(lattice: &Lattice, sites: &[u32], points: &[u32]) -> Vec<f64> {
    if sites.is_empty() || points.is_empty() {
        return vec![f64::INFINITY; points.len()];
    }
    nearest::Tree::of(lattice, sites).distances_mm(points)
}

fn must_have(voxels: usize, values: usize) -> Result<()> {
    if voxels == values {
        return Ok(());
    }
    Err(Error::Value { problem: format!("mask of {values} values for a grid of {voxels} voxels") })
}
