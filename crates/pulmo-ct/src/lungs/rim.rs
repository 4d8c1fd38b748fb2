//! The rim of dense lung: blocks that hold part lung and part wall, where the lung itself is not far from the wall's HU.
//!
//! Between aerated lung and muscle the border lies at -400 HU. Between ground glass and muscle it lies higher.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc::Plane;
use super::place::Place;

/// Muscle, in HU.
const MUSCLE_HU: f32 = 40.0;
/// No border lies higher: above is fat, which an 8-bit export shows darker, and in front and at the middle like ground
/// glass.
const RIM_BELOW_HU: f32 = -150.0;
const RIM_BELOW_GREY: f32 = -250.0;
/// The rim is at most so many blocks thick.
const LAYERS: usize = 2;
/// The lung beside a block is looked at within so many blocks.
const AROUND: usize = 2;

/// Adds to each lung the blocks beside it that hold more of the lung there than of muscle.
pub(super) fn grow(coarse: &Coarse, labels: &mut [u8], (allowed, place): (&[bool], &Place)) {
    (0..LAYERS).for_each(|_| add_layer(coarse, labels, (allowed, place)));
}

/// Adds one layer of blocks.
fn add_layer(coarse: &Coarse, labels: &mut [u8], (allowed, place): (&[bool], &Place)) {
    let plane = body::plane(coarse);
    let whole = labels.to_vec();
    let below = if coarse.calibrated { RIM_BELOW_HU } else { RIM_BELOW_GREY };
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        let voxels = slice * plane.voxels()..(slice + 1) * plane.voxels();
        let (hu, whole) = (&coarse.hu[voxels.clone()], &whole[voxels.clone()]);
        let told_from_fat =
            |voxel: usize| coarse.calibrated || (place.depth(voxel) >= 0.5 && !place.is_mediastinal(voxel));
        let may_be = |&at: &usize| {
            let voxel = voxels.start + at;
            whole[at] == 0 && hu[at] < below && allowed[voxel] && told_from_fat(voxel)
        };
        for at in (0..plane.voxels()).filter(may_be) {
            let beside = plane.neighbours(at).map(|next| whole[next]).max().unwrap_or(0);
            if beside > 0 && hu[at] < 0.5 * (mean_around(plane, at, (hu, whole), beside) + MUSCLE_HU) {
                labels[at] = beside;
            }
        }
    });
}

/// Mean HU of one lung within [`AROUND`] blocks of a block in its slice; the lung must be there.
pub(super) fn mean_around(plane: Plane, at: usize, (hu, labels): (&[f32], &[u8]), lung: u8) -> f32 {
    let (row, column) = (at / plane.columns, at % plane.columns);
    let (mut sum, mut count) = (0.0, 0.0);
    for line in row.saturating_sub(AROUND)..(row + AROUND + 1).min(plane.rows) {
        for column in column.saturating_sub(AROUND)..(column + AROUND + 1).min(plane.columns) {
            let voxel = line * plane.columns + column;
            if labels[voxel] == lung {
                sum += hu[voxel];
                count += 1.0;
            }
        }
    }
    sum / count
}
