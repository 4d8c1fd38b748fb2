//! Where the lungs' border lies in greys, voxel by voxel.
//!
//! Shapes are found on blocks whose greys are smoothed, so that a border drawn between them is off by a voxel in many places. Beside
//! it the voxels themselves are asked: whether their grey is the lung's within the border or that of what lies beyond, how many of
//! the voxels around and of the slices around are lung, and how near the middle they lie, where fat passes for lung. HU have a
//! threshold, so that nothing is asked there.

use rayon::prelude::*;

use super::coarse::{self, Coarse};
use super::disc::{self, Plane};
use super::place::Place;
use super::squares::Squares;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};
use crate::volume::CtVolume;
use crate::voxel_box::VoxelBox;

/// Voxels so far from the border are asked; it lies half a voxel from the outermost voxel's centre.
const ASKED_MM: f32 = 4.2;
/// What lies further from it shows the greys of both sides, in a square that reaches so far to each side.
const DEEP_MM: f32 = 2.8;
const SIDES_MM: f64 = 5.6;
/// Half the widths of the squares over which grain is smoothed and lung is counted.
const GRAIN_MM: f64 = 1.4;
const COUNTED_MM: f64 = 2.8;
/// So many slices above and below are counted. The distance of exported slices is often not the true one.
const SLICES: usize = 2;
/// From here on the middle is far.
const MIDDLE_MM: f64 = 60.0;
/// The border moves so often.
const ROUNDS: usize = 8;
/// What each of the [`Signs`] weighs for lung, and what is said without any: a logistic regression over the voxels beside the border
/// of 6 drawn cases, before it moves and after each of three rounds, lesions counted four times. `docs/results/lungs.md` says which
/// cases.
const WEIGHTS: Signs = [-0.436, -0.005_28, 0.002_25, 0.002_13, 1.66, 4.40, -1.52, -0.53];
const BIAS: f64 = -3.16;

/// What is asked of a voxel: how deep in the lung it lies in mm; its grey without grain, that of the lung within the border and that
/// of what lies beyond; the share of lung among the slices and among the voxels around; how near the middle it lies on the
/// patient's left and on the right, from 0 to 1.
type Signs = [f64; 8];

/// Moves the border of the labels of an 8-bit export; nothing outside `allowed` (blocks within the skin, less airways) is added.
pub(super) fn refine(coarse: &Coarse, labels: &mut [u8], volume: &CtVolume, (allowed, place): (&[bool], &Place)) {
    let shape = volume.grid().shape();
    let [_, row_mm, column_mm] = volume.grid().spacing().mm();
    let Some(window) = window(shape, [row_mm, column_mm], labels) else { return };
    let [slices, rows, columns] = window.shape();
    let plane = Plane { rows, columns, spacing_mm: [row_mm, column_mm] };
    let whole = shape[1] * shape[2];
    let grey_slices = |slice: &[f32]| {
        let mut greys = slice.to_vec();
        coarse::lay_classes(&mut greys);
        cut(window, shape, &greys)
    };
    let greys: Vec<Vec<f32>> = volume.hu().par_chunks(whole).map(grey_slices).collect();
    let mut lungs: Vec<Vec<u8>> = labels.par_chunks(whole).map(|labels| cut(window, shape, labels)).collect();
    for _ in 0..ROUNDS {
        let moved = |slice: usize| {
            let near = (0..=2 * SLICES).map(|at| &lungs[(slice + at).saturating_sub(SLICES).min(slices - 1)][..]);
            let near: Vec<&[u8]> = near.collect();
            moved(plane, &greys[slice], &near, |voxel| {
                let [_, top, left] = window.start;
                let block = coarse.block([slice, top + voxel / columns, left + voxel % columns]);
                let middle = (1.0 - place.aside_mm(block) / MIDDLE_MM).max(0.0);
                (allowed[block], if place.is_left(block) { [middle, 0.0] } else { [0.0, middle] })
            })
        };
        lungs = (0..slices).into_par_iter().map(moved).collect();
    }
    labels.par_chunks_mut(whole).zip(lungs).for_each(|(labels, lungs)| {
        let rows = lungs.chunks(columns).enumerate();
        rows.for_each(|(row, lungs)| labels[window.row_in(shape, 0, row)].copy_from_slice(lungs));
    });
}

/// The rows and columns around all lungs, wide enough for all that is asked, of all slices; `None` without lungs.
fn window(shape: [usize; 3], plane_mm: [f64; 2], labels: &[u8]) -> Option<VoxelBox> {
    // What is asked on both sides of the border, twice as wide as that: the border moves by a few voxels.
    let [rows, columns] = plane_mm.map(|mm| ((2.0 * f64::from(ASKED_MM) + 2.0 * SIDES_MM) / mm).ceil() as usize);
    Some(VoxelBox::around(shape, labels, |&label| label > 0)?.grown([shape[0], rows, columns], shape))
}

/// What of one slice's values lies in the window.
fn cut<T: Copy>(window: VoxelBox, shape: [usize; 3], slice: &[T]) -> Vec<T> {
    // The window begins at the first slice.
    (0..window.shape()[1]).flat_map(|row| slice[window.row_in(shape, 0, row)].iter().copied()).collect()
}

/// One slice's labels with the border moved; `near` are those of the slices around, itself in their middle, `at` says whether a voxel
/// may be lung and how near the middle it lies.
fn moved(plane: Plane, greys: &[f32], near: &[&[u8]], at: impl Fn(usize) -> (bool, [f64; 2])) -> Vec<u8> {
    let labels = near[SLICES];
    let mut result = labels.to_vec();
    if !labels.iter().any(|&label| label > 0) {
        return result;
    }
    let beside = Beside::of(plane, labels);
    let squares = |marked: &dyn Fn(usize) -> bool| Squares::of(plane, greys, marked);
    let all = squares(&|_| true);
    let lung = squares(&|voxel| labels[voxel] > 0);
    let within = squares(&|voxel| labels[voxel] > 0 && beside.depth[voxel] > DEEP_MM);
    let beyond = squares(&|voxel| labels[voxel] == 0 && beside.depth[voxel] < -DEEP_MM);
    for voxel in (0..labels.len()).filter(|&voxel| beside.depth[voxel].abs() < ASKED_MM) {
        let (allowed, [left, right]) = at(voxel);
        if labels[voxel] == 0 && !allowed {
            continue;
        }
        let [sum, count] = all.within(voxel, SIDES_MM);
        let [lung_sum, lungs] = lung.within(voxel, SIDES_MM);
        let inner = within.mean(voxel, SIDES_MM).unwrap_or(lung_sum / lungs);
        let outer = beyond.mean(voxel, SIDES_MM).unwrap_or((sum - lung_sum) / (count - lungs));
        let Some(grey) = all.mean(voxel, GRAIN_MM) else { continue };
        let share = lung.within(voxel, COUNTED_MM)[1] / all.within(voxel, COUNTED_MM)[1];
        let slices = near.iter().filter(|labels| labels[voxel] > 0).count() as f64 / near.len() as f64;
        let signs = [f64::from(beside.depth[voxel]), grey, inner, outer, slices, share, left, right];
        let says: f64 = signs.iter().zip(WEIGHTS).map(|(sign, weight)| sign * weight).sum();
        result[voxel] = if says + BIAS > 0.0 { beside.lung[voxel] } else { 0 };
    }
    result
}

/// The voxels beside the border.
struct Beside {
    /// How deep in a lung each lies in mm, negative outside; infinite where there is no border.
    depth: Vec<f32>,
    /// The lung it lies in or nearest to.
    lung: Vec<u8>,
}

impl Beside {
    fn of(plane: Plane, labels: &[u8]) -> Self {
        let half = (0.25 * (plane.spacing_mm[0] + plane.spacing_mm[1])) as f32;
        let [outside, left, right] = [0, LEFT_LUNG, RIGHT_LUNG].map(|of| {
            let marked: Vec<bool> = labels.iter().map(|&label| label == of).collect();
            disc::squared_distance(plane, &marked)
        });
        let beside = |voxel: usize| match labels[voxel] {
            0 if left[voxel] <= right[voxel] => (half - left[voxel].sqrt(), LEFT_LUNG),
            0 => (half - right[voxel].sqrt(), RIGHT_LUNG),
            lung => (outside[voxel].sqrt() - half, lung),
        };
        let (depth, lung) = (0..labels.len()).map(beside).unzip();
        Self { depth, lung }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: Plane = Plane { rows: 40, columns: 60, spacing_mm: [1.4, 1.4] };

    /// Five like slices with lung up to one column and its grey up to another; how far lung reaches in the middle row after
    /// all rounds.
    fn reaches(mask: usize, grey: usize, (lung, tissue): (f32, f32), allowed: bool, middle: f64) -> usize {
        let columns = || (0..PLANE.voxels()).map(|voxel| voxel % PLANE.columns);
        let labels: Vec<u8> = columns().map(|column| if column < mask { RIGHT_LUNG } else { 0 }).collect();
        let greys: Vec<f32> = columns().map(|column| if column < grey { lung } else { tissue }).collect();
        let mut labels = labels;
        for _ in 0..ROUNDS {
            labels = moved(PLANE, &greys, &[&labels[..]; 2 * SLICES + 1], |_| (allowed, [middle, 0.0]));
        }
        let row = &labels[20 * PLANE.columns..21 * PLANE.columns];
        assert!(row.iter().all(|&label| label != LEFT_LUNG));
        row.iter().filter(|&&label| label > 0).count()
    }

    #[test]
    fn the_border_goes_to_where_the_grey_changes() {
        let aerated = (-850.0, 40.0);
        for (mask, greys) in [28, 30, 32].into_iter().flat_map(|mask| [(mask, aerated), (mask, (-450.0, 40.0))]) {
            let reached = reaches(mask, 30, greys, true, 0.0);
            assert!((29..=31).contains(&reached), "{greys:?}: from {mask} to {reached}");
        }
        assert_eq!(reaches(28, 30, aerated, false, 0.0), 28, "outside the skin and in airways nothing is added");
    }

    #[test]
    fn depths_are_those_to_the_nearest_voxel_beyond() {
        let plane = Plane { rows: 1, columns: 12, spacing_mm: [1.0, 2.0] };
        let labels = [LEFT_LUNG, 0, 0, 0, 0, 0, 0, 0, 0, RIGHT_LUNG, RIGHT_LUNG, RIGHT_LUNG];
        let found = Beside::of(plane, &labels);
        assert_eq!(found.depth[..6], [1.25, -1.25, -3.25, -5.25, -7.25, -7.25]);
        assert_eq!(found.depth[6..], [-5.25, -3.25, -1.25, 1.25, 3.25, 5.25]);
        assert_eq!(found.lung[..5], [LEFT_LUNG; 5], "the nearer one");
        assert_eq!(found.lung[5..], [RIGHT_LUNG; 7]);
    }

    #[test]
    fn slices_without_lung_stay_empty() {
        let labels = vec![0; PLANE.voxels()];
        assert_eq!(moved(PLANE, &vec![-850.0; PLANE.voxels()], &[&labels[..]; 5], |_| (true, [0.0; 2])), labels);
    }
}
