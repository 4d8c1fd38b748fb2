//! The body and what is air inside it: without the table, the air around and the padding.

use rayon::prelude::*;

use super::coarse::Coarse;
use super::disc::{self, Plane};
use crate::components::{Connectivity, components};
use crate::error::Result;

/// Below lies air or lung, above soft tissue: halfway between aerated lung and muscle.
pub(super) const AIR_BELOW_HU: f32 = -400.0;
/// What reaches the edge of the scanned field is free air, not lung that the edge cuts, if half of it is below.
const FREE_AIR_BELOW_HU: f32 = -940.0;
/// It is also free air if more than this share of its border lies at that edge: a lung has a chest wall around.
const RIM_SHARE: f64 = 0.25;
/// How far free air and skin mix.
const SKIN_MM: f64 = 4.0;
/// What lies behind a gap of the chest wall is lung from this area on.
const LEAST_LUNG_MM2: f64 = 500.0;
/// Sheets of the table and blankets are thinner than twice this; the chest walls of coarse slices are not.
const SHEET_MM: f64 = 2.4;

/// What the slices hold.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Inside the skin: tissue and everything that it encloses.
    pub(super) inside: Vec<bool>,
    /// Air inside the skin: lungs, airways, bowel.
    pub(super) air: Vec<bool>,
}

/// The plane of a coarse slice.
pub(super) fn plane(coarse: &Coarse) -> Plane {
    Plane { rows: coarse.shape[1], columns: coarse.shape[2], spacing_mm: coarse.plane_mm() }
}

impl Body {
    /// Finds the body in every slice.
    ///
    /// # Errors
    /// None in practice.
    pub(super) fn find(coarse: &Coarse) -> Result<Self> {
        let plane = plane(coarse);
        let tissue: Vec<bool> = coarse.hu.iter().map(|&hu| hu >= AIR_BELOW_HU).collect();
        let mut thick = vec![false; tissue.len()];
        thick
            .par_chunks_mut(plane.voxels())
            .zip(tissue.par_chunks(plane.voxels()))
            .for_each(|(thick, tissue)| thick.copy_from_slice(&disc::opened(plane, tissue, SHEET_MM)));
        let largest = components(coarse.shape, &thick, Connectivity::Faces)?.largest(1);
        let mut inside = vec![false; tissue.len()];
        inside.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, inside)| {
            let at = slice * plane.voxels()..(slice + 1) * plane.voxels();
            let around = disc::dilated(plane, &largest[at.clone()], 2.0 * SHEET_MM);
            let wall: Vec<bool> = around.iter().zip(&tissue[at.clone()]).map(|(&a, &t)| a && t).collect();
            let outside = outside(plane, &wall, &coarse.hu[at.clone()], &coarse.padding[at], coarse.calibrated);
            inside.iter_mut().zip(outside).for_each(|(inside, outside)| *inside = !outside);
        });
        let air = inside.iter().zip(&coarse.hu).map(|(&inside, &hu)| inside && hu < AIR_BELOW_HU).collect();
        Ok(Self { inside, air })
    }
}

/// What lies outside the skin in one slice: padding, and what hangs together with the edge of the field.
///
/// Lung that the edge of the field cuts reaches it too, but is no free air.
fn outside(plane: Plane, wall: &[bool], hu: &[f32], padding: &[bool], calibrated: bool) -> Vec<bool> {
    if !wall.contains(&true) {
        return vec![true; wall.len()];
    }
    let field = padding_of_the_edge(plane, padding);
    let empty: Vec<bool> = wall.iter().zip(&field).map(|(&wall, &field)| !wall && !field).collect();
    let (labels, count) = disc::parts(plane, &empty);
    let mut reaches = vec![false; count + 1];
    let mut sums = vec![[0_usize; 4]; count + 1];
    for (voxel, &label) in labels.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let label = label as usize;
        let at_rim = plane.is_edge(voxel) || plane.neighbours(voxel).any(|next| field[next]);
        let at_border = at_rim || plane.neighbours(voxel).any(|next| !empty[next]);
        reaches[label] |= at_rim;
        let counted = [hu[voxel] < FREE_AIR_BELOW_HU, true, at_rim, at_border];
        sums[label].iter_mut().zip(counted).for_each(|(sum, is)| *sum += usize::from(is));
    }
    let free = |label: usize| {
        let [thin, voxels, rim, border] = sums[label];
        let open = rim as f64 > RIM_SHARE * border as f64;
        reaches[label] && (!calibrated || open || 2 * thin >= voxels)
    };
    let mut outside: Vec<bool> =
        labels.iter().zip(&field).map(|(&label, &field)| field || (label > 0 && free(label as usize))).collect();
    if calibrated {
        keep_lung_behind_gaps(plane, &mut outside, (wall, &field, hu));
    }
    outside
}

/// Takes lung back from the outside where the chest wall has a gap: what free air does not reach, walled on most sides.
fn keep_lung_behind_gaps(plane: Plane, outside: &mut [bool], (wall, field, hu): (&[bool], &[bool], &[f32])) {
    let empty: Vec<bool> = outside.iter().zip(field).map(|(&outside, &field)| outside && !field).collect();
    let at_rim = |voxel: usize| plane.is_edge(voxel) || plane.neighbours(voxel).any(|next| field[next]);
    let mut reached: Vec<bool> =
        (0..empty.len()).map(|voxel| empty[voxel] && hu[voxel] < FREE_AIR_BELOW_HU && at_rim(voxel)).collect();
    let mut stack: Vec<usize> = (0..empty.len()).filter(|&voxel| reached[voxel]).collect();
    while let Some(voxel) = stack.pop() {
        for next in plane.neighbours(voxel) {
            if empty[next] && !reached[next] && hu[next] < FREE_AIR_BELOW_HU {
                reached[next] = true;
                stack.push(next);
            }
        }
    }
    // Between air and skin the blocks hold a little of both.
    let near = disc::dilated(plane, &reached, SKIN_MM);
    let rest: Vec<bool> = empty.iter().zip(&near).map(|(&empty, &near)| empty && !near).collect();
    let (labels, count) = disc::parts(plane, &rest);
    let mut sums = vec![[0_usize; 3]; count + 1];
    for (voxel, &label) in labels.iter().enumerate().filter(|&(_, &label)| label > 0) {
        let walled = plane.neighbours(voxel).any(|next| wall[next]);
        let border = walled || at_rim(voxel) || plane.neighbours(voxel).any(|next| !rest[next]);
        let counted = [true, walled, border];
        sums[label as usize].iter_mut().zip(counted).for_each(|(sum, is)| *sum += usize::from(is));
    }
    let kept: Vec<bool> = labels
        .iter()
        .map(|&label| {
            let [voxels, walled, border] = sums[label as usize];
            label > 0 && voxels as f64 * plane.voxel_mm2() >= LEAST_LUNG_MM2 && 2 * walled >= border
        })
        .collect();
    // The rim that the free air's margin took goes back to the lung.
    let back = disc::dilated(plane, &kept, SKIN_MM);
    for voxel in 0..outside.len() {
        outside[voxel] &= !(kept[voxel] || (back[voxel] && empty[voxel] && !reached[voxel]));
    }
}

/// Padding that hangs together with the edge of the slice: the corners around a round field.
pub(super) fn padding_of_the_edge(plane: Plane, padding: &[bool]) -> Vec<bool> {
    let (labels, count) = disc::parts(plane, padding);
    let mut voxels = vec![0_usize; count + 1];
    let mut edge = vec![false; count + 1];
    for (voxel, &label) in labels.iter().enumerate() {
        voxels[label as usize] += 1;
        edge[label as usize] |= plane.is_edge(voxel);
    }
    // Single noisy voxels of air may hold the value of padding too.
    let is_field = |label: usize| label > 0 && edge[label] && voxels[label] as f64 * plane.voxel_mm2() > 100.0;
    labels.iter().map(|&label| is_field(label as usize)).collect()
}
