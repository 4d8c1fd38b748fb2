//! Which dense tissue inside the chest wall is an organ: it is thick, and hangs on the body's middle or on the belly.
//!
//! An organ is found by its core, the places that are far from all that is no tissue, and reaches as far around it as a disc of
//! that size does.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc;
use super::wall::Chest;
use crate::components::{Connectivity, components};
use crate::error::Result;

/// Organs hold a disc of this radius.
const ORGAN_MM: f64 = 15.0;
/// Most of them hold one of this radius somewhere.
const THICK_MM: f64 = 18.0;
/// How much further than its core an organ reaches, at corners that the disc leaves out.
const CORNER_MM: f64 = 1.0;
/// Organs are denser; below lies ground glass. An 8-bit export shows fat and ground glass alike, so that there all
/// that is not air may be organ.
const DENSE_HU: f32 = -250.0;
/// How far from the body's middle column an organ's core counts as mediastinum.
const MIDDLE_MM: f64 = 25.0;
/// So much of an organ's core in one slice shows that it hangs on the body's middle or on the belly.
const HANGS_MM2: f64 = 300.0;
/// The aorta is 20 mm wide or more, so that it holds a disc of this radius; so near to the middle it lies, though it may wind.
const AORTA_MM: f64 = 8.0;
const AORTA_ASIDE_MM: f64 = 60.0;
/// It is about as bright as all soft tissue, which `coarse` lays at 40. Fat and most ground glass are darker.
const AORTA_ABOVE_GREY: f32 = -60.0;

/// The organs of the chest and what of the belly lies inside its wall.
#[derive(Debug, Clone)]
pub(super) struct Organs {
    /// Thick places.
    pub(super) cores: Vec<bool>,
    /// As far as organs reach around them.
    pub(super) reach: Vec<bool>,
}

impl Organs {
    /// The organs in what is `solid` inside the chest wall, by the column of the body's middle.
    ///
    /// In greys, where the fat around the aorta passes for lung, the aorta and what else is as narrow are looked for too.
    ///
    /// # Errors
    /// None in practice.
    pub(super) fn find(coarse: &Coarse, solid: &[bool], chest: &Chest, middle: f64) -> Result<Self> {
        let mut cores = thick(coarse, solid, chest, middle)?;
        let mut reach = dilated(coarse, &cores, ORGAN_MM + CORNER_MM);
        if !coarse.calibrated {
            let narrow = narrow(coarse, solid, chest, middle)?;
            let around = dilated(coarse, &narrow, AORTA_MM + CORNER_MM);
            cores.iter_mut().zip(narrow).for_each(|(core, narrow)| *core |= narrow);
            reach.iter_mut().zip(around).for_each(|(reach, around)| *reach |= around);
        }
        Ok(Self { cores, reach })
    }
}

/// All slices of a mask, dilated.
fn dilated(coarse: &Coarse, mask: &[bool], radius_mm: f64) -> Vec<bool> {
    let plane = body::plane(coarse);
    let mut around = vec![false; mask.len()];
    around.par_chunks_mut(plane.voxels()).zip(mask.par_chunks(plane.voxels())).for_each(|(around, mask)| {
        around.copy_from_slice(&disc::dilated(plane, mask, radius_mm));
    });
    around
}

/// The cores of thick organs: places of `solid` that are further than [`ORGAN_MM`] from what is not.
///
/// Opacities that touch an organ hang on it by a neck, so the thickest places are looked at first.
fn thick(coarse: &Coarse, solid: &[bool], chest: &Chest, middle: f64) -> Result<Vec<bool>> {
    let plane = body::plane(coarse);
    let mut depth = vec![0.0_f32; solid.len()];
    let slices = depth.par_chunks_mut(plane.voxels()).zip(solid.par_chunks(plane.voxels()));
    slices.zip(coarse.hu.par_chunks(plane.voxels())).for_each(|((depth, solid), hu)| {
        let free = solid.iter().zip(hu).map(|(&solid, &hu)| !solid || (coarse.calibrated && hu < DENSE_HU));
        depth.copy_from_slice(&disc::squared_distance(plane, &free.collect::<Vec<_>>()));
    });
    let deeper = |mm: f64| depth.iter().map(|&squared| f64::from(squared) > mm * mm).collect::<Vec<bool>>();
    let thick = hanging(coarse, &deeper(THICK_MM), chest, middle)?;
    let around = dilated(coarse, &thick, THICK_MM - ORGAN_MM + CORNER_MM);
    let cores = deeper(ORGAN_MM);
    let rest: Vec<bool> = cores.iter().zip(&around).map(|(&core, &around)| core && !around).collect();
    let thin = hanging(coarse, &rest, chest, middle)?;
    Ok(cores.iter().zip(around.iter().zip(thin)).map(|(&core, (&around, thin))| core && (around || thin)).collect())
}

/// The cores of bright organs near the middle that need not be wider than the aorta.
fn narrow(coarse: &Coarse, solid: &[bool], chest: &Chest, middle: f64) -> Result<Vec<bool>> {
    let plane = body::plane(coarse);
    let mut cores = vec![false; solid.len()];
    let slices = cores.par_chunks_mut(plane.voxels()).zip(solid.par_chunks(plane.voxels()));
    slices.zip(coarse.hu.par_chunks(plane.voxels())).for_each(|((cores, solid), hu)| {
        let bright: Vec<bool> = solid.iter().zip(hu).map(|(&solid, &hu)| solid && hu > AORTA_ABOVE_GREY).collect();
        let eroded = disc::eroded(plane, &bright, AORTA_MM).into_iter().enumerate();
        let near = eroded.map(|(at, core)| core && plane.is_central(at, middle, AORTA_ASIDE_MM));
        cores.iter_mut().zip(near).for_each(|(core, near)| *core = near);
    });
    hanging(coarse, &cores, chest, middle)
}

/// Those of the cores that are organs': they reach the body's middle, or go on below the chest.
fn hanging(coarse: &Coarse, cores: &[bool], chest: &Chest, middle: f64) -> Result<Vec<bool>> {
    let found = components(coarse.shape, cores, Connectivity::Faces)?;
    let plane = body::plane(coarse);
    let last = coarse.shape[0] - 1;
    let mut organs = vec![false; found.count() + 1];
    for slice in 0..=last {
        let mut areas = vec![[0.0; 2]; found.count() + 1];
        for voxel in slice * plane.voxels()..(slice + 1) * plane.voxels() {
            let part = found.labels()[voxel] as usize;
            if part > 0 {
                let at_end = slice == 0 || slice == last || !chest.tissue[voxel - plane.voxels()];
                let here = [plane.is_central(voxel, middle, MIDDLE_MM), at_end];
                areas[part].iter_mut().zip(here).for_each(|(area, is)| *area += f64::from(is) * plane.voxel_mm2());
            }
        }
        for (organ, areas) in organs.iter_mut().zip(areas) {
            *organ |= areas.into_iter().any(|area| area >= HANGS_MM2);
        }
    }
    Ok(found.labels().iter().map(|&part| organs[part as usize]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 101;

    /// Six slices of 2 mm blocks: soft tissue with a spine of 60 mm in the middle, and a disc beside it that touches it in the
    /// first slice; all else is lung.
    fn organs(calibrated: bool, disc_hu: f32, disc_mm: f64, aside_mm: f64) -> (Organs, usize) {
        let voxels = 6 * SIZE * SIZE;
        let (mut hu, mut solid) = (vec![-800.0; voxels], vec![false; voxels]);
        for voxel in 0..voxels {
            let row = (voxel / SIZE % SIZE) as f64 * 2.0 - 100.0;
            let column = (voxel % SIZE) as f64 * 2.0 - 100.0;
            let spine = row.hypot(column) < 30.0;
            let joined = voxel < SIZE * SIZE && row.abs() < 12.0 && (0.0..aside_mm).contains(&column);
            let disc = row.hypot(column - aside_mm) < disc_mm || joined;
            if spine || disc {
                (hu[voxel], solid[voxel]) = (if spine { 40.0 } else { disc_hu }, true);
            }
        }
        let coarse = Coarse { calibrated, ..Coarse::of_blocks([6, SIZE, SIZE], [2.0; 3], hu) };
        let chest = Chest { tissue: vec![true; voxels], air: vec![true; voxels] };
        let centre = (3 * SIZE + SIZE / 2) * SIZE + SIZE / 2 + (aside_mm / 2.0) as usize;
        (Organs::find(&coarse, &solid, &chest, (SIZE / 2) as f64).unwrap(), centre)
    }

    #[test]
    fn an_aorta_in_greys_is_an_organ() {
        let (found, centre) = organs(false, 40.0, 12.0, 46.0);
        assert!(found.cores[centre] && found.reach[centre + 4] && !found.reach[centre + 10]);
        assert!(!organs(true, 40.0, 12.0, 46.0).0.reach[centre], "HU tell the fat around it from lung");
    }

    #[test]
    fn ground_glass_and_what_lies_far_aside_is_none() {
        for (hu, aside) in [(-200.0, 46.0), (40.0, 80.0)] {
            let (found, centre) = organs(false, hu, 12.0, aside);
            assert!(!found.reach[centre], "{hu} at {aside} mm");
        }
    }

    #[test]
    fn what_is_thick_and_in_the_middle_is_an_organ() {
        let (found, centre) = organs(true, 40.0, 12.0, 0.0);
        assert!(found.cores[centre] && found.reach[centre + 14]);
    }
}
