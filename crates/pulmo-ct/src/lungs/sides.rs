//! Which air is lung, and which lung is the patient's left: components, cut apart where the two touch.

use super::coarse::Coarse;
use crate::components::{Components, Connectivity, components};
use crate::error::Result;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// A component with less than this share of the largest one is no lung.
const LEAST_SHARE: f64 = 0.06;
/// If half of a component lies below, it is gas in the bowel or air under the patient; aerated lung is denser.
const GAS_BELOW_HU: f32 = -950.0;
/// Both lungs are in one component if each side of the body holds at least this share of it.
const JOINED_SHARE: f64 = 0.2;
/// How often a joined pair is eroded before it is cut by a plane.
const MOST_EROSIONS: usize = 5;

/// Labels the lungs in a mask of air inside the body: 1 the patient's left, 2 the right.
///
/// `middle` is the column where the body's middle lies; columns run to the patient's left.
///
/// # Errors
/// None in practice.
pub(super) fn label(coarse: &Coarse, air: &[bool], middle: f64) -> Result<Vec<u8>> {
    let found = components(coarse.shape, air, Connectivity::Faces)?;
    let columns = coarse.shape[2];
    let mut left = vec![0_usize; found.count() + 1];
    let mut gas = vec![0_usize; found.count() + 1];
    for (voxel, &part) in found.labels().iter().enumerate().filter(|&(_, &part)| part > 0) {
        left[part as usize] += usize::from((voxel % columns) as f64 > middle);
        gas[part as usize] += usize::from(coarse.calibrated && coarse.hu[voxel] < GAS_BELOW_HU);
    }
    let is_gas = |part: usize| 2 * gas[part] > found.sizes()[part - 1];
    let lungs = (1..=found.count()).filter(|&part| !is_gas(part));
    let largest = lungs.map(|part| found.sizes()[part - 1]).max().unwrap_or(0) as f64;
    let mut names = vec![0_u8; found.count() + 1];
    let mut labels = vec![0_u8; air.len()];
    for part in 1..=found.count() {
        let size = found.sizes()[part - 1] as f64;
        if size < LEAST_SHARE * largest || is_gas(part) {
            continue;
        }
        let share = left[part] as f64 / size;
        if (JOINED_SHARE..=1.0 - JOINED_SHARE).contains(&share) {
            cut(coarse, &found, part as u32, middle, &mut labels)?;
        } else {
            names[part] = if share > 0.5 { LEFT_LUNG } else { RIGHT_LUNG };
        }
    }
    for (label, &part) in labels.iter_mut().zip(found.labels()) {
        if names[part as usize] > 0 {
            *label = names[part as usize];
        }
    }
    Ok(labels)
}

/// Cuts a component that holds both lungs: eroded until it falls apart, then grown back from both halves.
fn cut(coarse: &Coarse, found: &Components, part: u32, middle: f64, labels: &mut [u8]) -> Result<()> {
    let columns = coarse.shape[2];
    let whole: Vec<bool> = found.labels().iter().map(|&label| label == part).collect();
    let size = found.sizes()[part as usize - 1];
    let mut core = whole.clone();
    for _ in 0..MOST_EROSIONS {
        core = eroded(coarse.shape, &core);
        let halves = components(coarse.shape, &core, Connectivity::Faces)?;
        let mut left = vec![0_usize; halves.count() + 1];
        for (voxel, &half) in halves.labels().iter().enumerate().filter(|&(_, &half)| half > 0) {
            left[half as usize] += usize::from((voxel % columns) as f64 > middle);
        }
        let clear = |half: usize, of_side: usize| {
            let size_of_half = halves.sizes()[half - 1];
            size_of_half * 8 > size && of_side as f64 > (1.0 - JOINED_SHARE / 2.0) * size_of_half as f64
        };
        let is_left = |half: usize| clear(half, left[half]);
        let is_right = |half: usize| clear(half, halves.sizes()[half - 1] - left[half]);
        if (1..=halves.count()).any(is_left) && (1..=halves.count()).any(is_right) {
            let seeds: Vec<u8> = halves
                .labels()
                .iter()
                .map(|&half| match half as usize {
                    0 => 0,
                    half if is_left(half) => LEFT_LUNG,
                    half if is_right(half) => RIGHT_LUNG,
                    _ => 0,
                })
                .collect();
            grow(coarse.shape, &whole, &seeds, labels);
            return Ok(());
        }
    }
    for (voxel, _) in whole.iter().enumerate().filter(|&(_, &inside)| inside) {
        labels[voxel] = if (voxel % columns) as f64 > middle { LEFT_LUNG } else { RIGHT_LUNG };
    }
    Ok(())
}

/// Gives every voxel of `whole` the label of the seed that reaches it first through faces.
pub(super) fn grow(shape: [usize; 3], whole: &[bool], seeds: &[u8], labels: &mut [u8]) {
    let mut front: Vec<usize> = (0..whole.len()).filter(|&voxel| whole[voxel] && seeds[voxel] > 0).collect();
    front.iter().for_each(|&voxel| labels[voxel] = seeds[voxel]);
    while !front.is_empty() {
        let mut next = Vec::new();
        for &voxel in &front {
            for other in neighbours(shape, voxel) {
                if whole[other] && labels[other] == 0 {
                    labels[other] = labels[voxel];
                    next.push(other);
                }
            }
        }
        front = next;
    }
}

/// The 6 neighbours of a voxel.
pub(super) fn neighbours([slices, rows, columns]: [usize; 3], voxel: usize) -> impl Iterator<Item = usize> {
    let plane = rows * columns;
    let (slice, row, column) = (voxel / plane, voxel / columns % rows, voxel % columns);
    [
        (slice > 0).then(|| voxel - plane),
        (slice + 1 < slices).then(|| voxel + plane),
        (row > 0).then(|| voxel - columns),
        (row + 1 < rows).then(|| voxel + columns),
        (column > 0).then(|| voxel - 1),
        (column + 1 < columns).then(|| voxel + 1),
    ]
    .into_iter()
    .flatten()
}

/// One erosion over faces; the edges of the volume do not erode.
fn eroded(shape: [usize; 3], mask: &[bool]) -> Vec<bool> {
    (0..mask.len()).map(|voxel| mask[voxel] && neighbours(shape, voxel).all(|other| mask[other])).collect()
}
