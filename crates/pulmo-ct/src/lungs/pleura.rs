//! Where dense lung ends at the chest wall, told by the attenuation of both sides.
//!
//! The wall that hull and ribs give is a block wide at best, and `rim` takes all that lies beyond for muscle. Here the tissue
//! beyond is looked at in each place. Dense lung with some air in it goes on to halfway between its HU and that tissue's, and
//! lung without air to halfway between its HU and that of fat. From muscle nothing tells lung without air, so that none is
//! added there. Greys are no attenuation; `border` asks them.

use rayon::prelude::*;

use super::body::{self, AIR_BELOW_HU};
use super::coarse::Coarse;
use super::disc::{self, Plane};
use super::squares::Squares;

/// Lung and what lies beyond are looked at in a square that reaches so far to each side: two blocks of coarse slices.
const SIDES_MM: f64 = 7.2;
/// So near to the wall a block may be added.
const WALL_MM: f64 = 7.2;
/// Lung is dense from here on; below it ends at the threshold.
const DENSE_HU: f64 = -600.0;
/// It holds no air that would tell it from muscle from here on.
const AIRLESS_HU: f64 = -150.0;
/// Muscle, which lies between lung and all that is denser.
const MUSCLE_HU: f64 = 40.0;
/// Both sides differ by more than this, or nothing is told.
const CONTRAST_HU: f64 = 40.0;
/// So many blocks are added at most, one after the other.
const LAYERS: usize = 2;

/// Adds to one lung the blocks at the chest wall that are nearer to its HU than to those of the tissue beyond; `chest` is what
/// lies inside that wall, `allowed` what may be lung.
pub(super) fn grow(coarse: &Coarse, labels: &mut [u8], lung: u8, (allowed, chest): (&[bool], &[bool])) {
    let plane = body::plane(coarse);
    let slices = labels.par_chunks_mut(plane.voxels()).enumerate();
    slices.filter(|(_, labels)| labels.contains(&lung)).for_each(|(slice, labels)| {
        let here = slice * plane.voxels()..(slice + 1) * plane.voxels();
        let outside: Vec<bool> = chest[here.clone()].iter().map(|&inside| !inside).collect();
        let at_wall = disc::dilated(plane, &outside, WALL_MM);
        let open: Vec<bool> = at_wall.iter().zip(&allowed[here.clone()]).map(|(&near, &may)| near && may).collect();
        (0..LAYERS).for_each(|_| add_layer(plane, &coarse.hu[here.clone()], (labels, lung), &open));
    });
}

/// Adds one layer of open blocks in one slice.
fn add_layer(plane: Plane, hu: &[f32], (labels, lung): (&mut [u8], u8), open: &[bool]) {
    let is_tissue = |at: usize| labels[at] == 0 && hu[at] >= AIR_BELOW_HU;
    // A block at a border holds some of both sides.
    let is_within = |at: usize| labels[at] == lung && plane.neighbours(at).all(|next| labels[next] == lung);
    let is_beyond = |at: usize| is_tissue(at) && plane.neighbours(at).all(is_tissue);
    let [within, beyond] = [Squares::of(plane, hu, is_within), Squares::of(plane, hu, is_beyond)];
    let is_lung = |at: usize| {
        let sides = within.mean(at, SIDES_MM).zip(beyond.mean(at, SIDES_MM));
        sides.is_some_and(|(inner, outer)| goes_on(f64::from(hu[at]), inner, outer))
    };
    let beside = |at: usize| plane.neighbours(at).any(|next| labels[next] == lung);
    let at_border = (0..labels.len()).filter(|&at| open[at] && is_tissue(at) && beside(at));
    let added: Vec<usize> = at_border.filter(|&at| is_lung(at)).collect();
    added.into_iter().for_each(|at| labels[at] = lung);
}

/// Whether HU at the border are those of the lung within rather than of the tissue beyond.
fn goes_on(hu: f64, inner: f64, outer: f64) -> bool {
    let outer = outer.min(MUSCLE_HU);
    let half = 0.5 * (outer - inner).abs();
    if inner < AIRLESS_HU {
        inner > DENSE_HU && outer > inner + CONTRAST_HU && hu < inner + half
    } else {
        // Muscle and bone are further from this lung's HU, to the other side.
        outer < inner - CONTRAST_HU && (hu - inner).abs() < half
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::RIGHT_LUNG;

    /// One slice of 30 x 30 blocks of 2.4 mm: `lung` HU in the columns up to 14, and in the mask up to 12; one block of both,
    /// then `beyond`. How far the mask reaches in the middle row, where the chest ends in column 15 + `aside`.
    fn reaches(lung: f32, beyond: f32, aside: usize) -> usize {
        let columns = || (0..900).map(|at| at % 30);
        let hu = columns().map(|column| match column {
            0..15 => lung,
            15 => 0.4 * lung + 0.6 * beyond,
            _ => beyond,
        });
        let coarse = Coarse::of_blocks([1, 30, 30], [2.4; 3], hu.collect());
        let mut labels: Vec<u8> = columns().map(|column| if column < 13 { RIGHT_LUNG } else { 0 }).collect();
        let chest: Vec<bool> = columns().map(|column| column < 15 + aside).collect();
        grow(&coarse, &mut labels, RIGHT_LUNG, (&[true; 900], &chest));
        labels[450..480].iter().filter(|&&label| label > 0).count()
    }

    #[test]
    fn dense_lung_goes_on_to_halfway_between_both_sides() {
        assert_eq!(reaches(-300.0, 50.0, 0), 15, "some air, beside muscle");
        assert_eq!(reaches(20.0, -110.0, 0), 15, "no air, beside fat");
    }

    #[test]
    fn what_nothing_tells_stays() {
        assert_eq!(reaches(20.0, 50.0, 0), 13, "no air, beside muscle");
        assert_eq!(reaches(-120.0, -110.0, 0), 13, "as dark as fat");
        assert_eq!(reaches(20.0, -110.0, 10), 13, "far from the wall");
    }

    #[test]
    fn halfway_is_told_by_what_lies_beyond() {
        let aerated = [-800.0, 40.0];
        assert!(!goes_on(-390.0, aerated[0], aerated[1]), "that border is the threshold");
        assert!(goes_on(-140.0, -300.0, 40.0) && !goes_on(-140.0, -300.0, 0.0));
        assert!(!goes_on(-120.0, -300.0, 300.0) && goes_on(-140.0, -300.0, 300.0), "muscle lies between lung and rib");
        assert!(goes_on(60.0, 20.0, -110.0) && !goes_on(250.0, 20.0, -110.0), "bone is no lung");
    }
}
