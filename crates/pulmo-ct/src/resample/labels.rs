//! Resampling of label maps onto any grid.
//!
//! # Interpolation
//! [`LabelInterpolation::Nearest`] takes the nearest voxel's label; [`LabelInterpolation::LinearVote`] interpolates
//! every label by itself, linearly, and takes the largest: smoother borders, and no label that is not there.
//!
//! # Border and ties
//! As in [`affine`](super::affine); outside the source lies label 0. Of labels whose shares differ by less than 1e-9 the
//! lowest wins, so background (0) wins against any.
//!
//! # Agreement
//! `SimpleITK.Resample` 2.5.7 with `sitkNearestNeighbor` and `sitkLabelLinear`, equal: `oracles/resample_affine`. Two
//! shares of one half that come to 0.5 up to rounding are a tie here; there the last bit decides.

use super::field::{Block, Field};
use super::lattice::Lattice;
use super::slab::{self, Part, Slab, Source};
use super::{oblique, separable, vote};
use crate::error::Result;
use crate::geometry::Grid;
use crate::volume::LabelMap;

/// How a label between voxels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelInterpolation {
    /// The nearest voxel's; halves up in the source's index space.
    #[default]
    Nearest,
    /// The one with the largest linear weight of the eight voxels around; of equal ones the lowest.
    LinearVote,
}

/// Resamples a label map onto a grid.
///
/// # Errors
/// None in practice.
pub fn resample(map: &LabelMap, to: &Grid, how: LabelInterpolation) -> Result<LabelMap> {
    let lattice = Lattice::between(map.grid(), to);
    let source = Source::from(map);
    LabelMap::new(*to, slab::whole(&lattice, &mut |part, out| run(source, how, part, out)))
}

/// [`resample`] slab by slab: `sink` gets whole slices of the target from first to last.
///
/// # Errors
/// The first error of `sink`, which ends the work.
pub fn resample_slabs(
    source: Source<'_, u8>,
    to: &Grid,
    how: LabelInterpolation,
    sink: &mut dyn FnMut(Slab<'_, u8>) -> Result<()>,
) -> Result<()> {
    let lattice = Lattice::between(source.grid, to);
    slab::stream(&lattice, &mut |part, out| run(source, how, part, out), sink)
}

fn run(source: Source<'_, u8>, how: LabelInterpolation, part: Part<'_>, out: &mut [u8]) {
    let field = Field::whole(source.values, source.grid.shape());
    let (lattice, block) = (part.lattice, Block::whole(part.all));
    let exact = (|label: u8| label, 0);
    match (how, part.parallel) {
        (LabelInterpolation::Nearest, true) => separable::picked(field, lattice, exact, &block, out),
        (LabelInterpolation::Nearest, false) => oblique::picked(field, lattice, exact, &block, out),
        (LabelInterpolation::LinearVote, parallel) => vote::voted(field, lattice, parallel, &block, out),
    }
}
