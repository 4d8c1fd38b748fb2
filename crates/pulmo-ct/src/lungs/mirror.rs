//! What a whole lobe without air, or a large effusion, takes from one lung: guessed from the other lung's mirror image.
//!
//! Lung is missing where the rib cage lies much further out than aerated lung. There the other lung's mirror image says what
//! is lung, laid so that its outer end lies on this side's pleura (`cage`) and its base on this side's diaphragm (`dome`).
//! Heart and aorta take their usual place from the left lung and none from the right one; fat is no lung.

use std::ops::Range;

use rayon::prelude::*;

use super::body;
use super::cage::{self, Cage, Radii};
use super::coarse::Coarse;
use super::disc::{self, Plane};
use super::dome;
use super::place::{BONE_HU, DIRECTIONS, Place};
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// Aerated lung ends less than this inside the pleura.
const ENDS_WITHIN_MM: f64 = 20.0;
/// A slice lacks lung in front or at the back if it does in so much of the directions that show the other lung.
const LACKS_SHARE: f64 = 0.4;
/// Where the front or the back lacks lung, the other is looked at too within these shares of the lungs' depth.
const NEXT_TO: Range<f64> = 0.25..0.75;
/// So much of a lung must be missing, as a share of the other one and in height. Hearts and domes make no more than half of
/// the first.
const ENOUGH: (f64, f64) = (0.09, 60.0);
/// The heart's left border at its widest, as a share of half the lungs' width: half the chest's width is heart, two
/// thirds of it on the left.
const HEART_REACHES: f64 = 0.62;
/// Where the heart is widest and how far it goes from there: as shares of the lungs' height from base to apex, and of
/// their depth from front to back.
const HEART_HEIGHT: [f64; 2] = [0.27, 0.28];
const HEART_DEPTH: [f64; 2] = [0.28, 0.3];
/// Behind the heart and below its arch the aorta keeps the left lung so far from the middle, as a share of half the lungs'
/// width.
const AORTA_REACHES: f64 = 0.2;
pub(super) const ARCH_HEIGHT: f64 = 0.7;
/// The left lung's dents for heart and aorta, which the right one does not have, lie no further out than this, or than this
/// beyond the usual heart.
const DENT_MM: f64 = 55.0;
const BEYOND_HEART_MM: f64 = 25.0;
/// How near to the middle the right lung comes there, in front and at the back.
const RIGHT_FROM_MM: [f64; 2] = [36.0, 22.0];
/// Fat. What is thinner than twice the second is the border between air and tissue.
const FAT_HU: Range<f32> = -150.0..-40.0;
const FAT_MM: f64 = 4.0;

/// Adds to each lung what the other one's mirror image has and it lacks, if that is much; blocks added to left and right.
///
/// `allowed` is what may be lung at all, `aerated` the lungs before anything was added by shape, `complete` what is known of a
/// lung to be mirrored, fluid behind it too.
pub(super) fn fill(
    coarse: &Coarse,
    labels: &mut [u8],
    (allowed, aerated, complete): (&[bool], &[u8], &[u8]),
    place: &Place,
) -> [usize; 2] {
    let whole = labels.to_vec();
    let air = cage::outermost(coarse, place, |voxel| aerated[voxel] > 0);
    let fat = fat(coarse);
    let is_free = |voxel: usize| {
        let dense = (body::AIR_BELOW_HU..BONE_HU).contains(&coarse.hu[voxel]);
        whole[voxel] == 0 && allowed[voxel] && dense && !fat[voxel]
    };
    let free: Vec<bool> = (0..whole.len()).map(is_free).collect();
    [(LEFT_LUNG, RIGHT_LUNG), (RIGHT_LUNG, LEFT_LUNG)].map(|(lung, other)| {
        let mut whole = whole.clone();
        add(&mut whole, complete, other);
        let laid = dome::laid(coarse, place, (&whole, other), (aerated, lung));
        let mirror = Mirror::of(coarse, &whole, other, place, laid);
        let cages = Cage::of_slices(coarse, place, &whole, lung);
        let slices = cages.par_iter().zip(&air).enumerate();
        let missing: Vec<Missing> =
            slices.map(|(slice, (cage, air))| mirror.missing(slice, (cage, air), &free)).collect();
        let there = whole.iter().filter(|&&label| label == other).count();
        let share = missing.iter().map(|slice| slice.surely).sum::<usize>() as f64 / there.max(1) as f64;
        let height_mm = missing.iter().filter(|slice| slice.surely > 0).count() as f64 * coarse.spacing_mm[0];
        if share < ENOUGH.0 || height_mm < ENOUGH.1 {
            return 0;
        }
        let blocks: Vec<usize> = missing.into_iter().flat_map(|slice| slice.blocks).collect();
        blocks.iter().for_each(|&voxel| labels[voxel] = lung);
        blocks.len()
    })
}

/// Adds to one lung what another label map has of it and no lung holds.
pub(super) fn add(labels: &mut [u8], more: &[u8], lung: u8) {
    labels
        .iter_mut()
        .zip(more)
        .filter(|(label, more)| **label == 0 && **more == lung)
        .for_each(|(label, _)| *label = lung);
}

/// Thick layers of fat; greys do not tell it from ground glass.
fn fat(coarse: &Coarse) -> Vec<bool> {
    let plane = body::plane(coarse);
    let mut fat: Vec<bool> = coarse.hu.iter().map(|hu| coarse.calibrated && FAT_HU.contains(hu)).collect();
    if coarse.calibrated {
        fat.par_chunks_mut(plane.voxels()).for_each(|fat| {
            let thick = disc::opened(plane, fat, FAT_MM);
            fat.copy_from_slice(&thick);
        });
    }
    fat
}

/// What a lung lacks in a slice.
#[derive(Debug, Clone, Default)]
struct Missing {
    /// Blocks to be added.
    blocks: Vec<usize>,
    /// How many of them lie in directions that lack lung.
    surely: usize,
}

/// One lung, to be seen from the other side.
struct Mirror<'a> {
    labels: &'a [u8],
    other: u8,
    place: &'a Place,
    plane: Plane,
    /// The slice whose mirror image lies in each slice.
    laid: Vec<usize>,
    /// First and last slice of the lung.
    slices: [usize; 2],
    /// Its greatest distance from the middle.
    width_mm: f64,
}

impl<'a> Mirror<'a> {
    fn of(coarse: &Coarse, labels: &'a [u8], other: u8, place: &'a Place, laid: Vec<usize>) -> Self {
        let plane = body::plane(coarse);
        let (mut slices, mut width_mm) = ([usize::MAX, 0], 0.0_f64);
        for voxel in (0..labels.len()).filter(|&voxel| labels[voxel] == other) {
            let slice = voxel / plane.voxels();
            slices = [slices[0].min(slice), slices[1].max(slice)];
            width_mm = width_mm.max(place.aside_mm(voxel));
        }
        Self { labels, other, place, plane, laid, slices, width_mm }
    }

    /// The blocks of a slice that should be the lung on the near side and hold none.
    fn missing(&self, slice: usize, (cage, air): (&Cage, &Radii), free: &[bool]) -> Missing {
        let lacking: [bool; DIRECTIONS] = std::array::from_fn(|k| cage.sure[k] - air[k].max(0.0) > ENDS_WITHIN_MM);
        let lacks = self.lacks(cage, &lacking);
        let mut missing = Missing::default();
        if lacks == [false; 2] {
            return missing;
        }
        let inner = self.inner(self.laid[slice]);
        for voxel in (slice * self.plane.voxels()..(slice + 1) * self.plane.voxels()).filter(|&voxel| free[voxel]) {
            let (radius, direction) = self.place.polar(voxel);
            let depth = self.place.depth(voxel);
            let near = self.place.is_left(voxel) != (self.other == LEFT_LUNG);
            let looked_at = lacks[usize::from(depth >= 0.5)] || (lacks.contains(&true) && NEXT_TO.contains(&depth));
            if !near || !looked_at || radius > cage.wall[direction] {
                continue;
            }
            let aside = self.place.aside_mm(voxel);
            let is_lung = if self.other == LEFT_LUNG {
                let inner = inner[voxel / self.plane.columns % self.plane.rows];
                inner.is_some_and(|inner| self.is_dent(slice, depth, [aside, inner]))
                    || self.mirrored(voxel, cage, direction)
            } else {
                aside >= self.left_from_mm(slice, depth) && self.mirrored(voxel, cage, direction)
            };
            if is_lung {
                missing.blocks.push(voxel);
                missing.surely += usize::from(lacking[direction]);
            }
        }
        missing
    }

    /// Whether lung is missing in front and at the back, by the directions that lack it.
    fn lacks(&self, cage: &Cage, lacking: &[bool; DIRECTIONS]) -> [bool; 2] {
        let mut counts = [[0_usize; 2]; 2];
        for k in 0..DIRECTIONS {
            let own = Place::is_left_direction(k) != (self.other == LEFT_LUNG);
            if own && cage.other[k].is_finite() {
                let [there, missing] = &mut counts[usize::from(k < DIRECTIONS / 2)];
                *there += 1;
                *missing += usize::from(lacking[k]);
            }
        }
        counts.map(|[there, missing]| missing as f64 > LACKS_SHARE * there as f64)
    }

    /// Whether the lung holds the block that lies opposite, where both chest walls are laid on each other.
    fn mirrored(&self, voxel: usize, cage: &Cage, direction: usize) -> bool {
        let stretch = cage.other[direction] / cage.wall[direction];
        let at = self.laid[voxel / self.plane.voxels()] * self.plane.voxels() + voxel % self.plane.voxels();
        self.place.mirrored(at, stretch).is_some_and(|opposite| self.labels[opposite] == self.other)
    }

    /// How near to the middle the lung comes in each row of a slice, in mm.
    fn inner(&self, slice: usize) -> Vec<Option<f64>> {
        let row = |row: usize| {
            let start = slice * self.plane.voxels() + row * self.plane.columns;
            let lung = (start..start + self.plane.columns).filter(|&voxel| self.labels[voxel] == self.other);
            lung.map(|voxel| self.place.aside_mm(voxel)).min_by(f64::total_cmp)
        };
        (0..self.plane.rows).map(row).collect()
    }

    /// Whether a place lies where the left lung, which comes no nearer to the middle than `inner` there, makes room for heart
    /// or aorta, and the right one does not.
    fn is_dent(&self, slice: usize, depth: f64, [aside, inner]: [f64; 2]) -> bool {
        let made_for_heart = inner < DENT_MM.max(self.heart_mm(slice, depth) + BEYOND_HEART_MM);
        made_for_heart && (RIGHT_FROM_MM[usize::from(depth >= 0.5)]..inner).contains(&aside)
    }

    /// How near to the middle the left lung comes beside heart and aorta, in mm.
    fn left_from_mm(&self, slice: usize, depth: f64) -> f64 {
        let aorta = depth >= 0.5 && self.height(slice) < ARCH_HEIGHT;
        self.heart_mm(slice, depth).max(if aorta { AORTA_REACHES * self.width_mm } else { 0.0 })
    }

    /// How far from the middle the heart takes the left lung's place, in mm.
    fn heart_mm(&self, slice: usize, depth: f64) -> f64 {
        let up = (self.height(slice) - HEART_HEIGHT[0]) / HEART_HEIGHT[1];
        let back = ((depth - HEART_DEPTH[0]) / HEART_DEPTH[1]).max(0.0);
        self.width_mm * HEART_REACHES * (1.0 - up * up - back * back).max(0.0).sqrt()
    }

    /// How high a slice lies: 0 at the lung's base, 1 at its apex.
    fn height(&self, slice: usize) -> f64 {
        let [first, last] = self.slices;
        slice.saturating_sub(first) as f64 / last.saturating_sub(first).max(1) as f64
    }
}
