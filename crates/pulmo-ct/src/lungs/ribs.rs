//! Where ribs lie: the innermost bone near a border that is expected in a direction.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::place::{BONE_GREY, BONE_HU};

/// Ribs slope: the ring around the lungs closes within this distance up and down.
const SLAB_MM: f64 = 12.0;

/// The innermost rib in each direction of each slice in mm, from the nearest slice that shows one; infinite without.
///
/// `polar` gives distance from the chest's middle and direction of a block of the volume, `expected` the border in each
/// direction of a slice; a rib lies at most `inside_mm` within and `beyond_mm` outside it.
pub(super) fn innermost<const DIRECTIONS: usize>(
    coarse: &Coarse,
    polar: impl Fn(usize) -> (f64, usize) + Sync,
    expected: &[Option<[f64; DIRECTIONS]>],
    [inside_mm, beyond_mm]: [f64; 2],
) -> Vec<[f64; DIRECTIONS]> {
    let plane = body::plane(coarse);
    let above = if coarse.calibrated { BONE_HU } else { BONE_GREY };
    let bones: Vec<Vec<(f64, usize)>> = (0..expected.len())
        .into_par_iter()
        .map(|slice| {
            let voxels = slice * plane.voxels()..(slice + 1) * plane.voxels();
            voxels.filter(|&voxel| coarse.hu[voxel] >= above).map(&polar).collect()
        })
        .collect();
    let [least, most] = [plane.spacing_mm[0].min(plane.spacing_mm[1]), plane.spacing_mm[0].max(plane.spacing_mm[1])];
    let slab = (SLAB_MM / coarse.spacing_mm[0]).round() as usize;
    let ribs = |slice: usize, expected: &[f64; DIRECTIONS]| {
        let mut ribs = [f64::INFINITY; DIRECTIONS];
        for away in 0..=slab {
            let mut found = [f64::INFINITY; DIRECTIONS];
            let there = [slice.checked_sub(away), Some(slice + away).filter(|_| away > 0)];
            for &(radius, direction) in there.into_iter().flatten().filter_map(|slice| bones.get(slice)).flatten() {
                // A block spans more than one direction near the middle.
                let spread =
                    (0.5 * most / radius.max(most) / std::f64::consts::TAU * DIRECTIONS as f64).ceil() as usize;
                let radius = radius - 0.5 * least;
                for k in direction + DIRECTIONS - spread..=direction + DIRECTIONS + spread {
                    let k = k % DIRECTIONS;
                    if (-inside_mm..=beyond_mm).contains(&(radius - expected[k])) {
                        found[k] = radius.min(found[k]);
                    }
                }
            }
            ribs.iter_mut().zip(found).filter(|(rib, _)| rib.is_infinite()).for_each(|(rib, found)| *rib = found);
        }
        ribs
    };
    let none = [f64::INFINITY; DIRECTIONS];
    expected
        .par_iter()
        .enumerate()
        .map(|(slice, expected)| expected.as_ref().map_or(none, |e| ribs(slice, e)))
        .collect()
}
