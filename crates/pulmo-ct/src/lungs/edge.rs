//! From the coarse mask to the CT's own voxels, with the edge where the HU cross the threshold between blocks.

use rayon::prelude::*;

use super::body::{self, AIR_BELOW_HU};
use super::coarse::Coarse;
use crate::volume::CtVolume;

/// HU from the threshold at which a block is wholly lung or wholly not.
const WHOLE_HU: f32 = 450.0;
/// What a block counts at least where the mask and not the HU says on which side it lies.
const LEAST: f32 = 0.15;

/// Draws the labels 1 and 2 of a coarse label map on the voxels of `volume`, C order.
///
/// Each block carries how far its HU are from the threshold, with the sign of the mask; linear interpolation
/// between blocks crosses zero where the edge lies. At two lungs' border the larger value wins.
pub(super) fn refine(coarse: &Coarse, lungs: &[u8], volume: &CtVolume) -> Vec<u8> {
    let [slices, rows, columns] = volume.grid().shape();
    let _ = slices;
    let taps: [Vec<(usize, usize, f32)>; 3] =
        std::array::from_fn(|axis| taps(volume.grid().shape()[axis], coarse.shape[axis], coarse.factor[axis]));
    let mut labels = vec![0_u8; volume.grid().voxels()];
    labels.par_chunks_mut(rows * columns).enumerate().for_each(|(slice, out)| {
        let (low, high, weight) = taps[0][slice];
        let plane = coarse.plane();
        let blocks = |at: usize| at * plane..(at + 1) * plane;
        if !lungs[blocks(low)].iter().chain(&lungs[blocks(high)]).any(|&label| label > 0) {
            return;
        }
        for label in [1, 2] {
            let value = |at: usize| depth(coarse, lungs, at, label);
            let field: Vec<f32> =
                blocks(low).zip(blocks(high)).map(|(a, b)| value(a) * (1.0 - weight) + value(b) * weight).collect();
            for (row, out) in out.chunks_mut(columns).enumerate() {
                let (top, bottom, down) = taps[1][row];
                let (top, bottom) = (&field[top * coarse.shape[2]..], &field[bottom * coarse.shape[2]..]);
                for (out, &(left, right, across)) in out.iter_mut().zip(&taps[2]) {
                    let along = |line: &[f32]| line[left] * (1.0 - across) + line[right] * across;
                    if *out == 0 && along(top) * (1.0 - down) + along(bottom) * down > 0.0 {
                        *out = label;
                    }
                }
            }
        }
    });
    labels
}

/// How deep a block lies inside one lung, from -1 to 1: the sign says whether, the HU how surely.
///
/// Lung that was added by shape is as dense as what lies around it, or not much less: there the edge lies halfway between
/// blocks, so that a block counts as much as those outside beside it.
fn depth(coarse: &Coarse, lungs: &[u8], at: usize, label: u8) -> f32 {
    let by_hu = |at: usize| ((AIR_BELOW_HU - coarse.hu[at]).abs() / WHOLE_HU).clamp(LEAST, 1.0);
    if lungs[at] != label {
        return -by_hu(at);
    }
    if coarse.hu[at] < AIR_BELOW_HU {
        return by_hu(at);
    }
    let plane = body::plane(coarse);
    let start = at - at % plane.voxels();
    let outside = plane.neighbours(at - start).map(|next| start + next).filter(|&next| lungs[next] != label);
    let (sum, count) = outside.fold((0.0, 0.0), |(sum, count), next| (sum + by_hu(next), count + 1.0));
    if count > 0.0 { sum / count } else { 1.0 }
}

/// For each voxel the two blocks between whose centres it lies, and the weight of the second.
fn taps(voxels: usize, blocks: usize, factor: usize) -> Vec<(usize, usize, f32)> {
    let half = (factor as f64 - 1.0) / 2.0;
    (0..voxels)
        .map(|voxel| {
            let at = ((voxel as f64 - half) / factor as f64).clamp(0.0, (blocks - 1) as f64);
            let low = at as usize;
            (low, (low + 1).min(blocks - 1), (at - low as f64) as f32)
        })
        .collect()
}
