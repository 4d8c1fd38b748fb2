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
    labels.iter().zip(&field).map(|(&label, &field)| field || (label > 0 && free(label as usize))).collect()
}

/// Padding that hangs together with the edge of the slice: the corners around a round field.
fn padding_of_the_edge(plane: Plane, padding: &[bool]) -> Vec<bool> {
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
