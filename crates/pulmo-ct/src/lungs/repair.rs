//! What the threshold leaves out of a lung though it is lung: vessels, opacities, whatever lies at the ribs.
//!
//! In every axial slice a lung is closed by a small disc, and by a large one near the ribs only: the costal
//! side of a lung is convex, so that what a large disc cannot reach there is opaque lung, while heart and
//! diaphragm dent the lung deeply and must stay out.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc::{self, Plane};
use crate::components::{Connectivity, components};
use crate::error::Result;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// Closes vessels, fissures and nodules anywhere.
const SMALL_DISC_MM: f64 = 8.0;
/// Closes opacities at the ribs.
const LARGE_DISC_MM: f64 = 30.0;
/// How far from the ribs the large disc may fill.
const COSTAL_MM: f64 = 25.0;
/// Holes in one slice up to this area are filled; larger ones may be the top of the diaphragm.
const HOLE_MM2: f64 = 300.0;

/// An opacity inside a lung hangs on the body by vessels thinner than twice this.
const VESSEL_MM: f64 = 6.0;

/// Fills what lies inside a lung and hangs on the body by vessels only: nodules, consolidation with lung around.
///
/// Nothing that the first or the last slice shows at more than the area of a hole is taken: there the diaphragm
/// may be an island too.
///
/// # Errors
/// None in practice.
pub(super) fn fill_islands(coarse: &Coarse, labels: &mut [u8], inside: &[bool]) -> Result<()> {
    let plane = body::plane(coarse);
    let solid: Vec<bool> = labels.iter().map(|&label| label == 0).collect();
    let mut cores = vec![false; solid.len()];
    cores.par_chunks_mut(plane.voxels()).zip(solid.par_chunks(plane.voxels())).for_each(|(cores, solid)| {
        cores.copy_from_slice(&disc::eroded(plane, solid, VESSEL_MM));
    });
    let found = components(coarse.shape, &cores, Connectivity::Faces)?;
    let main = (1..=found.count()).max_by_key(|&part| found.sizes()[part - 1]).unwrap_or(0);
    let mut at_end = vec![0_usize; found.count() + 1];
    let ends = found.labels()[..plane.voxels()].iter().chain(&found.labels()[solid.len() - plane.voxels()..]);
    ends.for_each(|&part| at_end[part as usize] += 1);
    let island = |part: u32| {
        let part = part as usize;
        part > 0 && part != main && at_end[part] as f64 * plane.voxel_mm2() <= HOLE_MM2
    };
    let slices = labels.par_chunks_mut(plane.voxels()).zip(inside.par_chunks(plane.voxels()));
    slices.zip(found.labels().par_chunks(plane.voxels())).for_each(|((labels, inside), parts)| {
        let islands: Vec<bool> = parts.iter().map(|&part| island(part)).collect();
        if !islands.contains(&true) {
            return;
        }
        let around = disc::dilated(plane, &islands, VESSEL_MM * 1.2);
        for lung in [LEFT_LUNG, RIGHT_LUNG] {
            let mask: Vec<bool> = labels.iter().map(|&label| label == lung).collect();
            let hull = disc::hull(plane, &mask);
            for voxel in 0..mask.len() {
                if around[voxel] && hull[voxel] && inside[voxel] && labels[voxel] == 0 {
                    labels[voxel] = lung;
                }
            }
        }
    });
    Ok(())
}

/// Fills both lungs of a label map, slice by slice; nothing outside `inside` (the skin) is taken.
pub(super) fn close(coarse: &Coarse, labels: &mut [u8], inside: &[bool]) {
    let plane = body::plane(coarse);
    labels.par_chunks_mut(plane.voxels()).zip(inside.par_chunks(plane.voxels())).for_each(|(labels, inside)| {
        if labels.iter().any(|&label| label > 0) {
            close_slice(plane, labels, inside);
        }
    });
}

fn close_slice(plane: Plane, labels: &mut [u8], inside: &[bool]) {
    let both: Vec<bool> = labels.iter().map(|&label| label > 0).collect();
    // Outside the hull of both lungs lie ribs, breastbone and spine.
    let chest_wall: Vec<bool> = disc::hull(plane, &both).iter().map(|&hull| !hull).collect();
    let to_wall = disc::squared_distance(plane, &chest_wall);
    for lung in [LEFT_LUNG, RIGHT_LUNG] {
        let mut mask: Vec<bool> = labels.iter().map(|&label| label == lung).collect();
        if !mask.contains(&true) {
            continue;
        }
        let small = disc::closed(plane, &mask, SMALL_DISC_MM);
        let large = disc::closed(plane, &mask, LARGE_DISC_MM);
        for voxel in 0..mask.len() {
            let costal = f64::from(to_wall[voxel]) <= COSTAL_MM * COSTAL_MM;
            mask[voxel] |= small[voxel] || (costal && large[voxel]);
        }
        disc::fill_holes(plane, &mut mask, HOLE_MM2);
        for (voxel, label) in labels.iter_mut().enumerate() {
            if mask[voxel] && *label == 0 && inside[voxel] {
                *label = lung;
            }
        }
    }
}
