//! Which air in the body is lung: what is surely lung first, then all that lies inside the chest wall around it.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc;
use super::repair::MIDDLE_MM;
use super::sides;
use super::wall::Chest;
use crate::error::Result;

/// In an 8-bit export fat comes close to lung; below lies lung only.
const SURELY_BELOW: f32 = -480.0;
/// Grains of noise and strips of fat are thinner than twice this.
const GRAIN_MM: f64 = 3.0;

/// Labels the aerated lungs in a mask of air inside the body, which holds no airways: 1 the patient's left, 2 the right.
///
/// # Errors
/// None in practice.
pub(super) fn find(coarse: &Coarse, air: &[bool], middle: f64) -> Result<Vec<u8>> {
    let plane = body::plane(coarse);
    let mut surely = air.to_vec();
    if !coarse.calibrated {
        let slices = surely.par_chunks_mut(plane.voxels()).zip(coarse.hu.par_chunks(plane.voxels()));
        slices.for_each(|(air, values)| {
            air.iter_mut().zip(values).for_each(|(air, &value)| *air &= value < SURELY_BELOW);
            let opened = disc::opened(plane, air, GRAIN_MM);
            air.copy_from_slice(&opened);
        });
    }
    let surely: Vec<bool> = sides::label(coarse, &surely, middle)?.into_iter().map(|label| label > 0).collect();
    let chest = Chest::find(coarse, &surely);
    let lung =
        |voxel: usize| air[voxel] && chest.air[voxel] && (surely[voxel] || !plane.is_central(voxel, middle, MIDDLE_MM));
    let lung: Vec<bool> = (0..air.len()).map(lung).collect();
    sides::label(coarse, &lung, middle)
}
