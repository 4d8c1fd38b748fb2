//! Windpipe and main bronchi: a round hole near the middle through many slices, and the air that hangs on it.

use super::body;
use super::coarse::Coarse;
use super::disc::{self, Plane};
use super::sides::neighbours;

/// Areas of a windpipe's cross-section in mm².
const AREA_MM2: std::ops::RangeInclusive<f64> = 50.0..=700.0;
/// How far from the body's middle a windpipe may lie.
const OFF_MIDDLE_MM: f64 = 40.0;
/// The air in it is below; the wall keeps it apart from lung.
const LUMEN_BELOW_HU: f32 = -750.0;
/// A windpipe shows over at least this length, or over a third of the slices.
const LEAST_LENGTH_MM: f64 = 20.0;
/// Thresholds tried for the bronchi, from strict to loose; the last before a leak is taken.
const BRONCHI_BELOW_HU: [f32; 5] = [-960.0, -940.0, -920.0, -900.0, -880.0];
/// Bronchi beyond the windpipe hold at most this.
const BRONCHI_ML: f64 = 40.0;

/// The blocks of air that belong to windpipe and main bronchi, walls not included.
pub(super) fn find(coarse: &Coarse, air: &[bool], middle: f64) -> Vec<bool> {
    let trunk = windpipe(coarse, air, middle);
    if !coarse.calibrated || !trunk.contains(&true) {
        return trunk;
    }
    let start = trunk.iter().filter(|&&inside| inside).count();
    let mut best = trunk;
    for below in BRONCHI_BELOW_HU {
        let most = start + (BRONCHI_ML / coarse.block_ml) as usize;
        match flood(coarse, air, &best, (below, most)) {
            Some(grown) => best = grown,
            None => break,
        }
    }
    best
}

/// A mask with the airways and one layer of blocks around them taken out: their walls are none of the lung's.
pub(super) fn without(coarse: &Coarse, mask: &[bool], airways: &[bool]) -> Vec<bool> {
    let mut rest: Vec<bool> = mask.iter().zip(airways).map(|(&inside, &airway)| inside && !airway).collect();
    for voxel in (0..airways.len()).filter(|&voxel| airways[voxel]) {
        neighbours(coarse.shape, voxel).for_each(|next| rest[next] = false);
    }
    rest
}

/// Grows through air below a threshold; `None` if it takes more than `most` blocks.
fn flood(coarse: &Coarse, air: &[bool], seeds: &[bool], (below, most): (f32, usize)) -> Option<Vec<bool>> {
    let mut taken = seeds.to_vec();
    let mut stack: Vec<usize> = (0..seeds.len()).filter(|&voxel| seeds[voxel]).collect();
    let mut count = stack.len();
    while let Some(voxel) = stack.pop() {
        for next in neighbours(coarse.shape, voxel) {
            if air[next] && !taken[next] && coarse.hu[next] < below {
                taken[next] = true;
                count += 1;
                if count > most {
                    return None;
                }
                stack.push(next);
            }
        }
    }
    Some(taken)
}

/// The longest chain of round holes that overlap from slice to slice.
fn windpipe(coarse: &Coarse, air: &[bool], middle: f64) -> Vec<bool> {
    let plane = body::plane(coarse);
    let mut chains: Vec<Vec<usize>> = Vec::new();
    // For each hole of the slice before: its voxels in the slice and its chain.
    let mut open: Vec<(Vec<usize>, usize)> = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    for slice in 0..coarse.shape[0] {
        let start = slice * plane.voxels();
        let at = start..start + plane.voxels();
        let lumen: Vec<bool> = at.clone().map(|voxel| air[voxel] && coarse.hu[voxel] < LUMEN_BELOW_HU).collect();
        let mut now = Vec::new();
        for hole in holes(plane, &lumen, middle) {
            let before = open.iter().find(|(other, _)| other.iter().any(|voxel| hole.contains(voxel)));
            let chain = before.map_or(chains.len(), |&(_, chain)| chain);
            if chain == chains.len() {
                chains.push(Vec::new());
                lengths.push(0);
            }
            chains[chain].extend(hole.iter().map(|voxel| voxel + start));
            lengths[chain] += 1;
            now.push((hole, chain));
        }
        open = now;
    }
    let mut trunk = vec![false; air.len()];
    let longest = (0..chains.len()).max_by_key(|&chain| lengths[chain]);
    if let Some(chain) = longest {
        let length_mm = lengths[chain] as f64 * coarse.spacing_mm[0];
        if length_mm >= LEAST_LENGTH_MM || 3 * lengths[chain] >= coarse.shape[0] {
            chains[chain].iter().for_each(|&voxel| trunk[voxel] = true);
        }
    }
    trunk
}

/// The round parts of a slice that could be a windpipe.
fn holes(plane: Plane, lumen: &[bool], middle: f64) -> Vec<Vec<usize>> {
    let (labels, count) = disc::parts(plane, lumen);
    let mut parts = vec![Vec::new(); count + 1];
    for (voxel, &part) in labels.iter().enumerate().filter(|&(_, &part)| part > 0) {
        parts[part as usize].push(voxel);
    }
    parts.retain(|part| is_round(plane, part, middle));
    parts
}

/// Whether a part has a windpipe's size, place and shape: no longer than twice its width, and full.
fn is_round(plane: Plane, part: &[usize], middle: f64) -> bool {
    let area = part.len() as f64 * plane.voxel_mm2();
    if !AREA_MM2.contains(&area) {
        return false;
    }
    let rows = part.iter().map(|voxel| voxel / plane.columns);
    let columns = part.iter().map(|voxel| voxel % plane.columns);
    let extent = |values: (Option<usize>, Option<usize>)| (values.1.unwrap_or(0) - values.0.unwrap_or(0) + 1) as f64;
    let height = extent((rows.clone().min(), rows.max())) * plane.spacing_mm[0];
    let width = extent((columns.clone().min(), columns.clone().max())) * plane.spacing_mm[1];
    let centre = columns.sum::<usize>() as f64 / part.len() as f64;
    (centre - middle).abs() * plane.spacing_mm[1] <= OFF_MIDDLE_MM
        && height.max(width) <= 2.0 * height.min(width)
        && area >= 0.55 * height * width
}
