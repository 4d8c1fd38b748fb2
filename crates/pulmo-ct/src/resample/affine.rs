//! Resampling of a CT onto any grid: turned, flipped, oblique, sheared, finer or coarser.
//!
//! # Interpolation
//! Each target voxel's patient position is looked up in the source's index space. [`Interpolation::Nearest`] takes the
//! nearest voxel, halves up; [`Interpolation::Linear`] weighs eight; [`Interpolation::BSpline`] is the cubic spline
//! through all voxels. Nothing is smoothed before a coarser grid is filled, as in ITK.
//!
//! # Border
//! A position up to half a voxel beyond the outermost voxel centres, the far half excluded, belongs to the source:
//! linear repeats the outermost voxel there, the spline continues as if the volume were mirrored. Further out lies
//! [`CtVolume::AIR_HU`].
//!
//! # Ties
//! Halves go up in the source's index space. Where the axes of both grids run along patient axes, whether a coordinate is
//! a half is found by the same operations as in ITK, so that its last bit decides the same way; elsewhere what misses a
//! half by less than 1e-9 is one.
//!
//! # Memory
//! Beside source and target: one slab of 64 MiB if the target's axes are permuted or the target is streamed, and for
//! the spline coefficients of at most [`COEFFICIENTS`] voxels (192 MiB) at a time. Sums are in `f64`, results are the
//! same at any number of threads.
//!
//! # Agreement
//! `SimpleITK.Resample` 2.5.7 with `sitkNearestNeighbor` (equal), `sitkLinear` and `sitkBSpline` (within 1e-4 HU, border
//! included), default value −1024: `oracles/resample_affine`.

use super::field::{Block, Field};
use super::lattice::{Box3, Lattice, voxels};
use super::slab::{self, Part};
use super::spacing::grid_with_spacing;
use super::{bspline, oblique, separable};
use crate::error::Result;
use crate::geometry::{Grid, Spacing};
use crate::volume::CtVolume;

pub use super::field::Sample;
pub use super::right_angled::right_angled;
pub use super::slab::{Slab, Source};

/// What lies beyond the source.
pub(super) const OUTSIDE_HU: f32 = CtVolume::AIR_HU;

/// The most coefficients that are held at a time.
pub const COEFFICIENTS: usize = 24 << 20;

/// How a value between voxels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// The nearest voxel; halves up in the source's index space.
    Nearest,
    /// Trilinear: never leaves the range of the voxels around.
    #[default]
    Linear,
    /// Cubic B-spline through every voxel: sharper, but it overshoots at edges, by up to some hundred HU.
    BSpline,
}

/// Resamples a CT onto a grid.
///
/// # Errors
/// None in practice: the values of a CT stay finite.
pub fn resample(volume: &CtVolume, to: &Grid, how: Interpolation) -> Result<CtVolume> {
    let lattice = Lattice::between(volume.grid(), to);
    let source = Source::from(volume);
    let mut memory = Vec::new();
    let hu = slab::whole(&lattice, &mut |part, out| run(source, how, part, &mut memory, out));
    CtVolume::new(*to, hu)
}

/// Resamples a CT to a spacing, onto [`grid_with_spacing`].
///
/// # Errors
/// [`crate::Error::Value`] if the result has more voxels than can be counted.
pub fn to_spacing(volume: &CtVolume, spacing: Spacing, how: Interpolation) -> Result<CtVolume> {
    resample(volume, &grid_with_spacing(volume.grid(), spacing)?, how)
}

/// [`resample`] slab by slab: `sink` gets whole slices of the target from first to last, the same bits as at once.
///
/// # Errors
/// The first error of `sink`, which ends the work.
pub fn resample_slabs<V: Sample>(
    source: Source<'_, V>,
    to: &Grid,
    how: Interpolation,
    sink: &mut dyn FnMut(Slab<'_, f32>) -> Result<()>,
) -> Result<()> {
    let lattice = Lattice::between(source.grid, to);
    let mut memory = Vec::new();
    slab::stream(&lattice, &mut |part, out| run(source, how, part, &mut memory, out), sink)
}

fn run<V: Sample>(source: Source<'_, V>, how: Interpolation, part: Part<'_>, memory: &mut Vec<f64>, out: &mut [f32]) {
    let field = Field::whole(source.values, source.grid.shape());
    let Part { lattice, parallel, all } = part;
    let block = Block::whole(all);
    let exact = (|x: V| x.value() as f32, OUTSIDE_HU);
    match (how, parallel) {
        (Interpolation::Nearest, true) => separable::picked(field, lattice, exact, &block, out),
        (Interpolation::Nearest, false) => oblique::picked(field, lattice, exact, &block, out),
        (Interpolation::Linear, true) => separable::weighted(field, lattice, separable::linear_taps, &block, out),
        (Interpolation::Linear, false) => oblique::linear(field, lattice, &block, out),
        (Interpolation::BSpline, _) => {
            out.fill(OUTSIDE_HU);
            for (now, reach) in tiles(lattice, &block.all) {
                let coefficients = bspline::coefficients(field, &reach, memory);
                let block = Block { all: block.all.clone(), now };
                if parallel {
                    separable::weighted(coefficients, lattice, separable::cubic_taps, &block, out);
                } else {
                    oblique::cubic(coefficients, lattice, &block, out);
                }
            }
        }
    }
}

/// Cuts a box of the target into pieces whose part of the source, horizon included, has [`COEFFICIENTS`] voxels at
/// most; pieces outside the source are left out.
fn tiles(lattice: &Lattice, all: &Box3) -> Vec<(Box3, Box3)> {
    let mut found = Vec::new();
    let mut open = vec![all.clone()];
    while let Some(tile) = open.pop() {
        let Some(reach) = lattice.reach(&tile) else { continue };
        let reach = bspline::with_horizon(&reach, lattice.from);
        if voxels(&reach) <= COEFFICIENTS || voxels(&tile) == 1 {
            found.push((tile, reach));
            continue;
        }
        // Cut the axis that is longest in the source: near-cubes waste the least on their horizon.
        let length =
            |axis: usize| if tile[axis].len() > 1 { tile[axis].len() as f64 * lattice.pace(axis) } else { -1.0 };
        let axis = (1..3).fold(0, |best, axis| if length(axis) > length(best) { axis } else { best });
        let middle = tile[axis].start + tile[axis].len() / 2;
        let (mut low, mut high) = (tile.clone(), tile);
        low[axis].end = middle;
        high[axis].start = middle;
        open.extend([high, low]);
    }
    found
}
