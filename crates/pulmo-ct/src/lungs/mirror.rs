//! What a whole lobe without air, or a large effusion, takes from one lung: guessed from the other lung's mirror image.
//!
//! Lung is missing where much more lies between skin and aerated lung than on the other side. There the mirror image says
//! how far the lung goes towards the middle and down to the diaphragm, and the other side's chest wall, laid under the
//! skin, how far it goes outwards. In front the heart takes its usual place from the left lung.

use std::ops::Range;

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc::Plane;
use super::place::{BONE_HU, DIRECTIONS, Place};
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// Chest walls of both sides differ by less than this.
const WALLS_DIFFER_MM: f64 = 20.0;
/// A slice lacks lung in front or at the back if it does in so much of the directions that show the other lung.
const LACKS_SHARE: f64 = 0.4;
/// Where the front or the back lacks lung, the other is looked at too within these shares of the lungs' depth.
const NEXT_TO: Range<f64> = 0.25..0.75;
/// A direction without lung on the other side has the wall of one this near.
const NEAR: usize = 8;
/// So much of a lung must be missing, as a share of the other one and in height. The domes of the diaphragm differ by less
/// than the first height, hearts are lower than the second.
const ENOUGH: [(f64, f64); 2] = [(0.1, 60.0), (0.05, 120.0)];
/// The heart's left border at its widest, as a share of half the lungs' width: half the chest's width is heart, two
/// thirds of it on the left.
const HEART_REACHES: f64 = 0.62;
/// Where the heart is widest and how far it goes from there, as shares of the lungs' height from base to apex.
const HEART_HEIGHT: [f64; 2] = [0.27, 0.28];
/// How far back it goes, as a share of the lungs' depth.
const HEART_DEPTH: f64 = 0.56;

/// Adds to each lung what the other one's mirror image has and it lacks, if that is much; blocks added to left and right.
///
/// `allowed` is what may be lung at all, `aerated` the lungs before anything was added by shape.
pub(super) fn fill(
    coarse: &Coarse,
    labels: &mut [u8],
    (allowed, aerated): (&[bool], &[u8]),
    place: &Place,
) -> [usize; 2] {
    let whole = labels.to_vec();
    let shells = Shell::of_slices(coarse, place, allowed, (aerated, &whole));
    let free: Vec<bool> = (0..labels.len())
        .map(|voxel| labels[voxel] == 0 && allowed[voxel] && (body::AIR_BELOW_HU..BONE_HU).contains(&coarse.hu[voxel]))
        .collect();
    [(LEFT_LUNG, RIGHT_LUNG), (RIGHT_LUNG, LEFT_LUNG)].map(|(lung, other)| {
        let mirror = Mirror::of(coarse, &whole, other, place);
        let missing: Vec<Missing> =
            shells.par_iter().enumerate().map(|(slice, shell)| mirror.missing(slice, shell, &free)).collect();
        let there = whole.iter().filter(|&&label| label == other).count();
        let share = missing.iter().map(|slice| slice.surely).sum::<usize>() as f64 / there.max(1) as f64;
        let height_mm = missing.iter().filter(|slice| slice.surely > 0).count() as f64 * coarse.spacing_mm[0];
        if !ENOUGH.iter().any(|&(least, least_mm)| share >= least && height_mm >= least_mm) {
            return 0;
        }
        let blocks: Vec<usize> = missing.into_iter().flat_map(|slice| slice.blocks).collect();
        blocks.iter().for_each(|&voxel| labels[voxel] = lung);
        blocks.len()
    })
}

/// How far skin and lung of a slice lie from the chest's middle in each direction, in mm.
#[derive(Debug, Clone)]
struct Shell {
    /// Unknown where the field cuts the body.
    skin: [Option<f64>; DIRECTIONS],
    /// Aerated lung, by which a direction lacks lung.
    lung: [Option<f64>; DIRECTIONS],
    /// Lung with what was added by shape, by which the other side's chest wall is as thick as it is.
    whole: [Option<f64>; DIRECTIONS],
}

impl Shell {
    fn of_slices(coarse: &Coarse, place: &Place, inside: &[bool], (aerated, whole): (&[u8], &[u8])) -> Vec<Self> {
        let plane = body::plane(coarse);
        let farther = |far: &mut Option<f64>, radius: f64| *far = Some(far.map_or(radius, |far| far.max(radius)));
        let shell = |slice: usize| {
            let none = [None; DIRECTIONS];
            let mut shell = Self { skin: none, lung: none, whole: none };
            let mut cut = [false; DIRECTIONS];
            for at in 0..plane.voxels() {
                let voxel = slice * plane.voxels() + at;
                let (radius, direction) = place.polar(voxel);
                if inside[voxel] {
                    farther(&mut shell.skin[direction], radius);
                    cut[direction] |= plane.is_edge(at);
                }
                if aerated[voxel] > 0 {
                    farther(&mut shell.lung[direction], radius);
                }
                if whole[voxel] > 0 {
                    farther(&mut shell.whole[direction], radius);
                }
            }
            shell.skin.iter_mut().zip(cut).filter(|(_, cut)| *cut).for_each(|(skin, _)| *skin = None);
            shell
        };
        (0..coarse.shape[0]).into_par_iter().map(shell).collect()
    }

    /// Where the pleura should lie in each direction.
    fn pleura(&self) -> [Option<Pleura>; DIRECTIONS] {
        let wall = |k: usize| Some(self.skin[k]? - self.whole[k]?);
        std::array::from_fn(|k| {
            let opposite = Place::opposite(k);
            let skin = self.skin[k]?;
            if let Some(wall) = wall(opposite) {
                let lacks = skin - wall - self.lung[k].unwrap_or(0.0) > WALLS_DIFFER_MM;
                return Some(Pleura { radius: skin - wall, lacks });
            }
            // Beside the spine no direction ends in lung; the wall is as thick as in the next direction that does.
            let near = |away: usize| {
                wall((opposite + away) % DIRECTIONS).or(wall((opposite + DIRECTIONS - away) % DIRECTIONS))
            };
            (1..=NEAR).find_map(near).map(|wall| Pleura { radius: skin - wall, lacks: false })
        })
    }
}

/// The pleura in one direction, by the other side's chest wall.
#[derive(Debug, Clone, Copy)]
struct Pleura {
    /// Distance from the chest's middle in mm.
    radius: f64,
    /// Whether aerated lung ends far inside.
    lacks: bool,
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
    /// First and last slice of the lung.
    slices: [usize; 2],
    /// Its greatest distance from the middle.
    width_mm: f64,
}

/// How far from the middle the lung reaches in a row, in mm: inner and outer border.
type Reach = Option<[f64; 2]>;

impl<'a> Mirror<'a> {
    fn of(coarse: &Coarse, labels: &'a [u8], other: u8, place: &'a Place) -> Self {
        let plane = body::plane(coarse);
        let (mut slices, mut width_mm) = ([usize::MAX, 0], 0.0_f64);
        for voxel in (0..labels.len()).filter(|&voxel| labels[voxel] == other) {
            let slice = voxel / plane.voxels();
            slices = [slices[0].min(slice), slices[1].max(slice)];
            width_mm = width_mm.max(place.aside_mm(voxel));
        }
        Self { labels, other, place, plane, slices, width_mm }
    }

    /// The blocks of a slice that should be the lung on the near side and hold none.
    fn missing(&self, slice: usize, shell: &Shell, free: &[bool]) -> Missing {
        let reaches = self.reaches(slice);
        let Some(first) = reaches.iter().position(Option::is_some) else { return Missing::default() };
        let last = reaches.iter().rposition(Option::is_some).unwrap_or(first);
        let pleura = shell.pleura();
        let lacks = self.lacks(shell, &pleura);
        let heart_mm = self.heart_mm(slice);
        let mut missing = Missing::default();
        for voxel in (slice * self.plane.voxels()..(slice + 1) * self.plane.voxels()).filter(|&voxel| free[voxel]) {
            let (radius, direction) = self.place.polar(voxel);
            let (depth, aside) = (self.place.depth(voxel), self.place.aside_mm(voxel));
            let row = voxel / self.plane.columns % self.plane.rows;
            let Some(pleura) = pleura[direction].filter(|pleura| radius <= pleura.radius) else { continue };
            let Some([inner, outer]) = reaches[row.clamp(first, last)] else { continue };
            let near = self.place.is_left(voxel) != (self.other == LEFT_LUNG);
            let looked_at = lacks[usize::from(depth >= 0.5)] || (lacks.contains(&true) && NEXT_TO.contains(&depth));
            let heart = depth < HEART_DEPTH && aside < heart_mm;
            let beyond = aside > outer || row < first || row > last;
            if near && looked_at && aside >= inner && !heart && (beyond || self.mirrored(voxel)) {
                missing.blocks.push(voxel);
                missing.surely += usize::from(pleura.lacks);
            }
        }
        missing
    }

    /// Whether lung is missing in front and at the back, by the directions that lack it.
    fn lacks(&self, shell: &Shell, pleura: &[Option<Pleura>; DIRECTIONS]) -> [bool; 2] {
        let mut counts = [[0_usize; 2]; 2];
        for k in 0..DIRECTIONS {
            let opposite = Place::opposite(k);
            let own = Place::is_left_direction(k) != (self.other == LEFT_LUNG);
            if own && shell.lung[opposite].is_some() {
                let [there, missing] = &mut counts[usize::from(k < DIRECTIONS / 2)];
                *there += 1;
                *missing += usize::from(pleura[k].is_some_and(|pleura| pleura.lacks));
            }
        }
        counts.map(|[there, missing]| missing as f64 > LACKS_SHARE * there as f64)
    }

    /// Whether the lung holds the block that lies opposite.
    fn mirrored(&self, voxel: usize) -> bool {
        let column = voxel % self.plane.columns;
        let opposite = (2.0 * self.place.middle - column as f64).round();
        (0.0..self.plane.columns as f64).contains(&opposite)
            && self.labels[voxel - column + opposite as usize] == self.other
    }

    /// Where the lung reaches in each row of a slice.
    fn reaches(&self, slice: usize) -> Vec<Reach> {
        let row = |row: usize| {
            let start = slice * self.plane.voxels() + row * self.plane.columns;
            let lung = (start..start + self.plane.columns).filter(|&voxel| self.labels[voxel] == self.other);
            lung.map(|voxel| self.place.aside_mm(voxel))
                .fold(None, |reach: Reach, mm| Some(reach.map_or([mm, mm], |[low, high]| [low.min(mm), high.max(mm)])))
        };
        (0..self.plane.rows).map(row).collect()
    }

    /// How far from the middle the heart takes the left lung's place in a slice; 0 for the right lung.
    fn heart_mm(&self, slice: usize) -> f64 {
        if self.other == LEFT_LUNG {
            return 0.0;
        }
        let [first, last] = self.slices;
        let height = slice.saturating_sub(first) as f64 / last.saturating_sub(first).max(1) as f64;
        let off = (height - HEART_HEIGHT[0]) / HEART_HEIGHT[1];
        self.width_mm * HEART_REACHES * (1.0 - off * off).max(0.0).sqrt()
    }
}
