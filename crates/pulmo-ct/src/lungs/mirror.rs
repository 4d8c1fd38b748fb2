//! What a whole lobe without air, or a large effusion, takes from one lung: guessed from the other lung's mirror image.
//!
//! Only the dorsal half of the chest is looked at, where heart and breastbone do not make the sides differ.

use super::body;
use super::coarse::Coarse;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// A slice lacks lung if so much of the other lung's dorsal half finds none.
const SLICE_SHARE: f64 = 0.4;
/// The domes of the diaphragm differ by less than this in height.
const LEAST_HEIGHT_MM: f64 = 60.0;
/// So much of a lung must be missing, as a share of the other one.
const LEAST_SHARE: f64 = 0.1;
/// Bone is above, in HU.
const BONE_HU: f32 = 200.0;

/// Adds to each lung what the other one's mirror image has and it lacks, if that is much; blocks added to left and right.
///
/// `allowed` is what may be lung at all; the mirror stands at column `middle`.
pub(super) fn fill(coarse: &Coarse, labels: &mut [u8], allowed: &[bool], middle: f64) -> [usize; 2] {
    let whole = labels.to_vec();
    [(LEFT_LUNG, RIGHT_LUNG), (RIGHT_LUNG, LEFT_LUNG)].map(|(lung, other)| {
        let missing = missing(coarse, &whole, (other, middle), allowed);
        let there = whole.iter().filter(|&&label| label == other).count();
        let blocks: usize = missing.iter().map(Vec::len).sum();
        let height_mm = missing.iter().filter(|slice| !slice.is_empty()).count() as f64 * coarse.spacing_mm[0];
        if height_mm < LEAST_HEIGHT_MM || (blocks as f64) < LEAST_SHARE * there as f64 {
            return 0;
        }
        missing.into_iter().flatten().for_each(|voxel| labels[voxel] = lung);
        blocks
    })
}

/// Per slice that lacks lung, the blocks that mirror the other lung and hold neither lung nor air nor bone.
fn missing(coarse: &Coarse, labels: &[u8], (other, middle): (u8, f64), allowed: &[bool]) -> Vec<Vec<usize>> {
    let plane = body::plane(coarse);
    let lung = (0..labels.len()).filter(|&voxel| labels[voxel] > 0);
    let rows = lung.fold([usize::MAX, 0], |[low, high], voxel| {
        let row = voxel / plane.columns % plane.rows;
        [low.min(row), high.max(row)]
    });
    let dorsal = rows[0] / 2 + rows[1] / 2;
    let slice = |slice: usize| {
        let (mut blocks, mut there) = (Vec::new(), 0_usize);
        for voxel in slice * plane.voxels()..(slice + 1) * plane.voxels() {
            if labels[voxel] != other || voxel / plane.columns % plane.rows < dorsal {
                continue;
            }
            there += 1;
            let column = (voxel % plane.columns) as f64;
            let mirrored = (2.0 * middle - column).round();
            if mirrored < 0.0 || mirrored >= plane.columns as f64 {
                continue;
            }
            let at = voxel - voxel % plane.columns + mirrored as usize;
            if labels[at] == 0 && allowed[at] && (body::AIR_BELOW_HU..BONE_HU).contains(&coarse.hu[at]) {
                blocks.push(at);
            }
        }
        if blocks.len() as f64 > SLICE_SHARE * there as f64 { blocks } else { Vec::new() }
    };
    (0..coarse.shape[0]).map(slice).collect()
}
