//! Fluid and collapsed lung behind aerated lung, where no lung is so small that it is guessed.
//!
//! A patient lies on the back, so that fluid and lung without air gather there, often on both sides and in an even layer: then
//! neither the hull of aerated lung nor the other side shows them. Their HU do: fluid is darker than muscle, and brighter than fat.
//! Each block at the back, from aerated lung out to the ribs, is weighed by how much darker than muscle it is, and the border that
//! fits best and has the least surface (`surface`) is the lung's. Ribs are the limit, because the muscles behind them hold fat and
//! are as dark as fluid; where none is seen, the first fat is. Layers that are thin are taken for fat between lung and ribs.

use rayon::prelude::*;

use super::body::{self, AIR_BELOW_HU};
use super::cage::{self, Radii};
use super::coarse::Coarse;
use super::disc;
use super::part::Part;
use super::place::{BONE_HU, DIRECTIONS, Place};
use super::ribs;
use super::surface;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// A layer lies so far within and outside the outer end of lung, towards the ribs.
const LAYER_MM: [f64; 2] = [10.0, 40.0];
/// Where a direction shows no lung, its end is that of the nearest direction, this many away at most.
const END_GAP: usize = 3;
/// How far inside the outer end of lung a rib may lie: what lies deeper is no rib.
const RIB_INSIDE_MM: f64 = 5.0;
/// Soft tissue; half of it is darker than muscle is said to be.
const SOFT_HU: std::ops::Range<f32> = 0.0..120.0;
/// So much darker than muscle a block says nothing: fluid of 0 to 20 HU lies below, muscle of 40 to 60 above.
const DARKER_HU: f32 = 18.0;
/// HU for one unit of logarithms of odds, and the most that one block may say.
const UNIT_HU: f32 = 17.0;
const MOST: f32 = 1.5;
/// Tissue is alike over some mm, so that a block speaks for so much more than it holds.
const ALIKE_MM3: f32 = 70.0;
/// What a mm² of surface costs, for 100 mm³.
const SURFACE: f32 = 2.5;
/// Fat, unless it is so near to lung that it may be a block that holds both air and fluid.
const FAT_HU: std::ops::Range<f32> = -150.0..-40.0;
const MIXED_MM: f64 = 4.0;
/// A layer holds discs of this radius, or of one block.
const THIN_MM: f64 = 5.0;

/// Adds to both lungs what lies behind them; `allowed` is what may be lung at all. The values must be HU.
pub(super) fn grow(coarse: &Coarse, labels: &mut [u8], (allowed, place): (&[bool], &Place)) {
    let plane = body::plane(coarse);
    let open = open(coarse, labels, (allowed, place));
    // Next to open blocks lung plays a part.
    let Some(part) = Part::around(coarse, &open, [1; 3]) else { return };
    let small = part.coarse(coarse);
    let from_hu = muscle(coarse, labels, allowed) - DARKER_HU;
    let block_mm3 = coarse.spacing_mm.iter().product::<f64>() as f32;
    let for_100_mm3 = 100.0 / (block_mm3 + ALIKE_MM3);
    let said = |at: usize| ((from_hu - small.hu[at]) / UNIT_HU).clamp(-MOST, MOST) * for_100_mm3;
    let mut inside: Vec<bool> = labels.iter().map(|&label| label > 0).collect();
    let mut here = part.cut(&inside);
    surface::settle(&small, &mut here, &part.cut(&open), said, |_| SURFACE);
    part.paste(&here, &mut inside);
    let thin_mm = THIN_MM.max(plane.spacing_mm[0]).max(plane.spacing_mm[1]);
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        let start = slice * plane.voxels();
        let layer: Vec<bool> = (start..start + labels.len()).map(|at| open[at] && inside[at]).collect();
        if layer.contains(&true) {
            let thick = disc::opened(plane, &layer, thin_mm);
            for at in (0..labels.len()).filter(|&at| thick[at]) {
                labels[at] = if place.is_left(start + at) { LEFT_LUNG } else { RIGHT_LUNG };
            }
        }
    });
}

/// Where a layer may lie: at the back, near the outer end of lung, inside the ribs and no fat.
fn open(coarse: &Coarse, labels: &[u8], (allowed, place): (&[bool], &Place)) -> Vec<bool> {
    let plane = body::plane(coarse);
    let ends: Vec<Radii> = cage::outermost(coarse, place, |voxel| labels[voxel] > 0).iter().map(bridged).collect();
    let looked_at: Vec<Option<Radii>> = ends.iter().copied().map(Some).collect();
    let ribs = ribs::innermost(coarse, |voxel| place.polar(voxel), &looked_at, [RIB_INSIDE_MM, LAYER_MM[1]]);
    let mut open = vec![false; labels.len()];
    open.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, open)| {
        let (ends, ribs, start) = (&ends[slice], &ribs[slice], slice * plane.voxels());
        let lung: Vec<bool> = labels[start..start + open.len()].iter().map(|&label| label > 0).collect();
        if !lung.contains(&true) {
            return;
        }
        let near = disc::dilated(plane, &lung, MIXED_MM);
        for (at, open) in open.iter_mut().enumerate() {
            let (voxel, hu) = (start + at, coarse.hu[start + at]);
            let soft = (AIR_BELOW_HU..BONE_HU).contains(&hu) && (near[at] || !FAT_HU.contains(&hu));
            if lung[at] || !allowed[voxel] || !soft || place.depth(voxel) < 0.5 || place.is_mediastinal(voxel) {
                continue;
            }
            let (radius, direction) = place.polar(voxel);
            let layer = ends[direction] - LAYER_MM[0]..(ends[direction] + LAYER_MM[1]).min(ribs[direction]);
            *open = layer.contains(&radius);
        }
    });
    open
}

/// The ends of lung, where a direction shows none that of the nearest one.
fn bridged(ends: &Radii) -> Radii {
    let near = |k: usize, step: usize| [(k + step) % DIRECTIONS, (k + DIRECTIONS - step) % DIRECTIONS];
    std::array::from_fn(|k| {
        let nearest = (0..=END_GAP).flat_map(|step| near(k, step)).map(|k| ends[k]).find(|end| end.is_finite());
        nearest.unwrap_or(f64::NAN)
    })
}

/// HU of muscle: the middle one of all soft tissue outside the lungs.
fn muscle(coarse: &Coarse, labels: &[u8], allowed: &[bool]) -> f32 {
    let mut counts = vec![0_usize; SOFT_HU.end as usize];
    let outside = coarse.hu.iter().zip(labels).zip(allowed).filter(|((_, label), allowed)| **label == 0 && **allowed);
    outside.filter(|((hu, _), _)| SOFT_HU.contains(hu)).for_each(|((&hu, _), _)| counts[hu as usize] += 1);
    let half = counts.iter().sum::<usize>() / 2;
    let below = counts.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    below.take_while(|&below| below <= half).count() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 3 mm: both lungs on each side of the middle down to row 25, a layer of `layer_hu` behind them, 15 mm thick,
    /// muscle of 50 HU around and, where it is given, a rib so many blocks below the aerated lung. How many blocks of the
    /// layer are taken, of how many, and how many others.
    fn taken(layer_hu: f32, rib: Option<usize>) -> [usize; 3] {
        let (rows, columns) = (50, 61);
        let is_lung = |at: usize| {
            let (row, aside) = (at / columns % rows, (at % columns).abs_diff(30));
            (10..25).contains(&row) && (8..25).contains(&aside)
        };
        let is_layer = |at: usize| {
            (1..=5).any(|up| at % (rows * columns) >= up * columns && is_lung(at - up * columns)) && !is_lung(at)
        };
        let is_rib = |at: usize| rib.is_some_and(|below| at / columns % rows == 24 + below);
        let blocks = 6 * rows * columns;
        let hu = (0..blocks).map(|at| match (is_lung(at), is_layer(at), is_rib(at)) {
            (true, ..) => -800.0,
            (_, _, true) => 400.0,
            (_, true, _) => layer_hu,
            _ => 50.0,
        });
        let coarse = Coarse::of_blocks([6, rows, columns], [3.0; 3], hu.collect());
        let lungs: Vec<bool> = (0..blocks).map(is_lung).collect();
        let place = Place::of(&Coarse { hu: vec![50.0; blocks], ..coarse.clone() }, &lungs);
        let label = |at: usize| {
            if !is_lung(at) {
                0
            } else if at % columns > 30 {
                LEFT_LUNG
            } else {
                RIGHT_LUNG
            }
        };
        let mut labels: Vec<u8> = (0..blocks).map(label).collect();
        grow(&coarse, &mut labels, (&vec![true; blocks], &place));
        let sided = |at: usize| labels[at] == if at % columns > 30 { LEFT_LUNG } else { RIGHT_LUNG };
        let count = |mark: &dyn Fn(usize) -> bool| (0..blocks).filter(|&at| !is_lung(at) && mark(at)).count();
        [count(&|at| is_layer(at) && sided(at)), count(&is_layer), count(&|at| !is_layer(at) && labels[at] > 0)]
    }

    #[test]
    fn fluid_behind_both_lungs_is_told_from_muscle() {
        let [inside, all, others] = taken(10.0, None);
        assert!(10 * inside > 9 * all && 20 * others < all, "{inside} of {all}, {others} others");
    }

    #[test]
    fn what_is_as_bright_as_muscle_or_lies_behind_a_rib_stays() {
        assert_eq!(taken(50.0, None)[0], 0);
        let [behind, all, _] = taken(10.0, Some(2));
        assert!(20 * behind < all, "{behind} of {all}");
    }
}
