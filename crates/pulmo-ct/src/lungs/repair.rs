//! What the threshold leaves out of a lung though it is lung: vessels, opacities, whatever lies at the ribs.
//!
//! Inside the chest wall everything that holds no air is either an organ or opaque lung. Heart, liver and spine are
//! thick and hang on the body's middle or on the belly; vessels and most opacities are thin, or islands in lung.

use rayon::prelude::*;

use super::beside;
use super::body;
use super::coarse::Coarse;
use super::disc::{self, Plane};
use super::mirror::ARCH_HEIGHT;
use super::organs::Organs;
use super::place::Place;
use super::wall::Chest;
use crate::components::{Connectivity, components};
use crate::error::Result;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// What touches an organ along more than this share of its border with lung is a corner of it, not lung.
const ORGAN_BORDER: f64 = 0.4;
/// Thicker slices may hold an opacity that lies in one alone. The distance of exported slices is often not the true one.
const THIN_MM: f64 = 3.0;
/// Closes vessels, fissures and nodules anywhere.
const SMALL_DISC_MM: f64 = 8.0;

/// Fills both lungs of a label map; nothing outside `allowed` (the skin, less airways) is taken.
///
/// # Errors
/// None in practice.
pub(super) fn fill(
    coarse: &Coarse,
    labels: &mut [u8],
    chest: &Chest,
    (allowed, place): (&[bool], &Place),
) -> Result<()> {
    let plane = body::plane(coarse);
    let solid: Vec<bool> = labels.iter().zip(&chest.tissue).map(|(&label, &chest)| label == 0 && chest).collect();
    let organs = Organs::find(coarse, &solid, chest, place.middle)?;
    if !coarse.calibrated {
        beside::grow(coarse, labels, (allowed, place), &organs);
    }
    let before = labels.to_vec();
    let held =
        |slice: &usize| before[slice * plane.voxels()..(slice + 1) * plane.voxels()].iter().any(|&label| label > 0);
    let slices = 0..coarse.shape[0];
    let [base, apex] = [slices.clone().find(held), slices.clone().rfind(held)].map(|slice| slice.unwrap_or(0) as f64);
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        if labels.iter().any(|&label| label > 0) {
            let here = slice * plane.voxels()..(slice + 1) * plane.voxels();
            let free = solid[here.clone()].iter().zip(&allowed[here.clone()]);
            let free: Vec<bool> = free.map(|(&solid, &allowed)| solid && allowed).collect();
            // Greys show fat beside the spine as lung, so that lung ends nowhere.
            let above_arch = coarse.calibrated && slice as f64 >= base + ARCH_HEIGHT * (apex - base);
            fill_slice((plane, place), labels, &free, &organs.reach[here], above_arch);
        }
    });
    if !coarse.calibrated || coarse.spacing_mm[0] < THIN_MM {
        without_plates(plane, &before, labels);
    }
    without_islands(coarse, &before, labels)
}

/// Takes back what was added in one slice alone, with no lung above or below nor near in the slice: slices are filled one
/// by one, and at the lungs' ends one may take fat or bowel for lung.
fn without_plates(plane: Plane, before: &[u8], labels: &mut [u8]) {
    let filled = labels.to_vec();
    let is_lung = |voxel: Option<usize>| voxel.and_then(|voxel| filled.get(voxel)).is_some_and(|&label| label > 0);
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        let start = slice * plane.voxels();
        let known: Vec<bool> = before[start..start + plane.voxels()].iter().map(|&label| label > 0).collect();
        let is_plate = |&at: &usize| {
            let voxel = start + at;
            !known[at]
                && filled[voxel] > 0
                && !is_lung(voxel.checked_sub(plane.voxels()))
                && !is_lung(Some(voxel + plane.voxels()))
        };
        let plates: Vec<usize> = (0..labels.len()).filter(is_plate).collect();
        if plates.is_empty() {
            return;
        }
        let away = disc::squared_distance(plane, &known);
        plates.into_iter().filter(|&at| f64::from(away[at]) > SMALL_DISC_MM.powi(2)).for_each(|at| labels[at] = 0);
    });
}

/// Takes back what was added and hangs together with no lung that was there before.
fn without_islands(coarse: &Coarse, before: &[u8], labels: &mut [u8]) -> Result<()> {
    let lung: Vec<bool> = labels.iter().map(|&label| label > 0).collect();
    let found = components(coarse.shape, &lung, Connectivity::Faces)?;
    let mut is_known = vec![false; found.count() + 1];
    before.iter().zip(found.labels()).for_each(|(&label, &part)| is_known[part as usize] |= label > 0);
    labels
        .iter_mut()
        .zip(found.labels())
        .filter(|(_, part)| !is_known[**part as usize])
        .for_each(|(label, _)| *label = 0);
    Ok(())
}

/// Fills the lungs of one slice; `free` is what may be filled.
///
/// Above the aortic arch the lungs draw away from the spine, and what lies between them is no thicker than opaque lung may be: there
/// nothing is lung that is nearer to the middle than all lung of its side.
fn fill_slice((plane, place): (Plane, &Place), labels: &mut [u8], free: &[bool], organs: &[bool], above_arch: bool) {
    let lung = opaque_lung(plane, labels, free, organs);
    let masks = [LEFT_LUNG, RIGHT_LUNG].map(|lung| labels.iter().map(|&label| label == lung).collect::<Vec<bool>>());
    let away = masks.each_ref().map(|mask| disc::squared_distance(plane, mask));
    let closed = masks.each_ref().map(|mask| disc::closed(plane, mask, SMALL_DISC_MM));
    let inner = masks.each_ref().map(|mask| {
        let lung = (0..mask.len()).filter(|&voxel| above_arch && mask[voxel]);
        lung.map(|voxel| place.aside_mm(voxel)).fold(f64::INFINITY, f64::min)
    });
    let is_between = |voxel: usize, side: usize| above_arch && place.aside_mm(voxel) < inner[side];
    for voxel in (0..labels.len()).filter(|&voxel| free[voxel]) {
        let side = usize::from(away[1][voxel] < away[0][voxel]);
        if closed[side][voxel] || (lung[voxel] && !place.is_mediastinal(voxel) && !is_between(voxel, side)) {
            labels[voxel] = [LEFT_LUNG, RIGHT_LUNG][side];
        }
    }
}

/// What is free and no organ, less the corners of organs.
fn opaque_lung(plane: Plane, labels: &[u8], free: &[bool], organs: &[bool]) -> Vec<bool> {
    let rest: Vec<bool> = free.iter().zip(organs).map(|(&free, &organ)| free && !organ).collect();
    let (parts, count) = disc::parts(plane, &rest);
    let mut borders = vec![[0_usize; 2]; count + 1];
    for (voxel, &part) in parts.iter().enumerate().filter(|&(_, &part)| part > 0) {
        for next in plane.neighbours(voxel) {
            let [lung, organ] = &mut borders[part as usize];
            *lung += usize::from(labels[next] > 0);
            *organ += usize::from(free[next] && organs[next]);
        }
    }
    let is_lung = |part: u32| {
        let [lung, organ] = borders[part as usize];
        part > 0 && organ as f64 <= ORGAN_BORDER * lung as f64
    };
    parts.into_iter().map(is_lung).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_in_one_slice_alone_goes_unless_lung_is_near() {
        let plane = Plane { rows: 1, columns: 12, spacing_mm: [2.0, 2.0] };
        // Three slices; aerated lung in the first two columns of the middle one, the rest of its row was added.
        let mut before = vec![0; 36];
        before[12..14].fill(LEFT_LUNG);
        let mut labels = vec![0; 36];
        labels[12..24].fill(LEFT_LUNG);
        // One added block goes on in the slice above.
        labels[24 + 11] = LEFT_LUNG;
        without_plates(plane, &before, &mut labels);
        let kept: Vec<usize> = (0..12).filter(|&at| labels[12 + at] > 0).collect();
        assert_eq!(kept, [0, 1, 2, 3, 4, 5, 11], "8 mm beside the lung, and what lies below the other");
    }

    #[test]
    fn what_was_added_without_a_hold_on_lung_goes() {
        let coarse = Coarse::of_blocks([1, 1, 5], [2.0; 3], vec![0.0; 5]);
        let mut labels = [RIGHT_LUNG, RIGHT_LUNG, 0, RIGHT_LUNG, RIGHT_LUNG];
        without_islands(&coarse, &[RIGHT_LUNG, 0, 0, 0, 0], &mut labels).unwrap();
        assert_eq!(labels, [RIGHT_LUNG, RIGHT_LUNG, 0, 0, 0]);
    }
}
