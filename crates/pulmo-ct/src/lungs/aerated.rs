//! Which air in the body is lung: what is surely lung first, then all that lies inside the chest wall around it.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc;
use super::place::Place;
use super::sides;
use super::spine;
use super::wall::Chest;
use crate::error::Result;

/// In an 8-bit export fat comes close to lung; below lies lung only.
const SURELY_BELOW: f32 = -480.0;
/// Grains of noise and strips of fat are thinner than twice this.
const GRAIN_MM: f64 = 3.0;

/// Labels the aerated lungs in what lies inside the body and is no airway: 1 the patient's left, 2 the right.
///
/// # Errors
/// None in practice.
pub(super) fn find(coarse: &Coarse, inside: &[bool], middle: f64) -> Result<Vec<u8>> {
    let plane = body::plane(coarse);
    let air = |voxel: usize| inside[voxel] && coarse.hu[voxel] < body::AIR_BELOW_HU;
    let mut surely: Vec<bool> = (0..inside.len()).map(air).collect();
    if !coarse.calibrated {
        let slices = surely.par_chunks_mut(plane.voxels()).zip(coarse.hu.par_chunks(plane.voxels()));
        slices.for_each(|(air, values)| {
            air.iter_mut().zip(values).for_each(|(air, &value)| *air &= value < SURELY_BELOW);
            let opened = disc::opened(plane, air, GRAIN_MM);
            air.copy_from_slice(&opened);
        });
    }
    let mut surely: Vec<bool> = sides::label(coarse, &surely, middle)?.into_iter().map(|label| label > 0).collect();
    let behind = spine::behind(coarse, &surely);
    surely.iter_mut().zip(&behind).for_each(|(lung, &behind)| *lung &= !behind);
    let chest = Chest::find(coarse, &surely, &surely);
    let place = Place::of(coarse, &surely);
    let is_air = |voxel: usize| {
        let below = if coarse.calibrated { body::AIR_BELOW_HU } else { place.lung_below_grey(voxel) };
        let central = !coarse.calibrated && place.is_mediastinal(voxel);
        air(voxel) && !behind[voxel] && chest.air[voxel] && coarse.hu[voxel] < below && (surely[voxel] || !central)
    };
    let lung: Vec<bool> = (0..inside.len()).map(is_air).collect();
    sides::label(coarse, &lung, middle)
}
