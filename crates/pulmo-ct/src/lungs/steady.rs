//! What the slices above and below say about a slice.
//!
//! Slices are filled one by one, and each errs in its own way: one takes a lesion beside the spine for spine, the next one
//! takes fat for lung. The lungs themselves go on from slice to slice.

use rayon::prelude::*;

use super::coarse::Coarse;
use super::place::{BONE_GREY, BONE_HU};
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// Slices within this distance are asked, as many above as below: two on each side where they are 8 mm apart.
const ASKED_MM: f64 = 16.0;
/// What so many of all slices asked hold is lung here too. Half of them would do; but the border is less sure than that.
const ADD_SHARE: f64 = 0.6;
/// What fewer than this above and fewer than this below hold is none. Lung that goes on to one side only, as above the
/// diaphragm, stays.
const KEEP_SHARE: f64 = 0.5;

/// Adds to the lungs what most slices around hold, and takes back what few do; aerated lung stays.
///
/// Nothing outside `allowed` and no bone is added.
pub(super) fn vote(coarse: &Coarse, labels: &mut [u8], (allowed, aerated): (&[bool], &[u8])) {
    let reach = (ASKED_MM / coarse.spacing_mm[0]) as usize;
    let bone = if coarse.calibrated { BONE_HU } else { BONE_GREY };
    let [slices, rows, columns] = coarse.shape;
    let whole = &*labels;
    let row_changes = |row: usize| {
        let start = |slice: usize| (slice * rows + row) * columns;
        let counts = Counts::of(slices, columns, |slice| &whole[start(slice)..start(slice) + columns]);
        let mut changes = Vec::new();
        // The first and the last slice have none on one side.
        for slice in 1..slices.saturating_sub(1) {
            let around = reach.min(slice).min(slices - 1 - slice);
            for column in (0..columns).filter(|_| around > 0) {
                let voxel = start(slice) + column;
                let may_go = whole[voxel] > 0 && aerated[voxel] == 0;
                let may_come = whole[voxel] == 0 && allowed[voxel] && coarse.hu[voxel] < bone;
                if may_go && counts.few_hold(slice, around, column) {
                    changes.push((voxel, 0));
                } else if may_come && let Some(lung) = counts.most_hold(slice, around, column) {
                    changes.push((voxel, lung));
                }
            }
        }
        changes
    };
    let changes: Vec<Vec<(usize, u8)>> = (0..rows).into_par_iter().map(row_changes).collect();
    changes.into_iter().flatten().for_each(|(voxel, label)| labels[voxel] = label);
}

/// How many slices below each slice hold the left and the right lung at each place of a row.
struct Counts {
    columns: usize,
    below: Vec<[u32; 2]>,
}

impl Counts {
    fn of<'a>(slices: usize, columns: usize, row: impl Fn(usize) -> &'a [u8]) -> Self {
        let mut below = vec![[0; 2]; columns];
        below.reserve_exact(slices * columns);
        for slice in 0..slices {
            for (column, &label) in row(slice).iter().enumerate() {
                let [left, right] = below[slice * columns + column];
                below.push([left + u32::from(label == LEFT_LUNG), right + u32::from(label == RIGHT_LUNG)]);
            }
        }
        Self { columns, below }
    }

    /// How many of these slices hold the left and the right lung.
    fn between(&self, slices: std::ops::Range<usize>, column: usize) -> [u32; 2] {
        let [low, high] = [slices.start, slices.end].map(|slice| self.below[slice * self.columns + column]);
        [high[0] - low[0], high[1] - low[1]]
    }

    /// Whether few of the slices above, and few of those below, hold a lung.
    fn few_hold(&self, slice: usize, around: usize, column: usize) -> bool {
        let sides = [slice - around..slice, slice + 1..slice + 1 + around];
        sides.into_iter().all(|side| {
            let [left, right] = self.between(side, column);
            f64::from(left + right) < KEEP_SHARE * around as f64
        })
    }

    /// The lung that more of the slices hold, if enough hold one.
    fn most_hold(&self, slice: usize, around: usize, column: usize) -> Option<u8> {
        let [left, right] = self.between(slice - around..slice + 1 + around, column);
        let enough = f64::from(left + right) >= ADD_SHARE * (2 * around + 1) as f64;
        enough.then_some(if left > right { LEFT_LUNG } else { RIGHT_LUNG })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of five slices, 8 mm apart: the middle slice asks two above and two below, its neighbours one.
    fn voted(columns: &[[u8; 5]], hu: f32, aerated: bool, allowed: bool) -> Vec<[u8; 5]> {
        let count = columns.len();
        let at = |slice: usize, column: usize| slice * count + column;
        let mut labels = vec![0; 5 * count];
        for (column, values) in columns.iter().enumerate() {
            (0..5).for_each(|slice| labels[at(slice, column)] = values[slice]);
        }
        let coarse = Coarse::of_blocks([5, 1, count], [8.0, 2.0, 2.0], vec![hu; labels.len()]);
        let air = if aerated { labels.clone() } else { vec![0; labels.len()] };
        vote(&coarse, &mut labels, (&vec![allowed; air.len()], &air));
        (0..count).map(|column| std::array::from_fn(|slice| labels[at(slice, column)])).collect()
    }

    const L: u8 = LEFT_LUNG;
    const R: u8 = RIGHT_LUNG;
    const DENT: [u8; 5] = [R, R, 0, R, R];
    const SPUR: [u8; 5] = [0, 0, L, 0, 0];

    #[test]
    fn a_dent_is_filled_and_a_spur_goes() {
        assert_eq!(voted(&[DENT, SPUR], 30.0, false, true), [[R; 5], [0; 5]]);
        assert_eq!(voted(&[[R, L, 0, L, L]], 30.0, false, true), [[R, L, L, L, L]], "the lung that more slices hold");
    }

    #[test]
    fn what_goes_on_to_one_side_stays_as_it_is() {
        for column in [[0, 0, L, L, L], [L, L, L, 0, 0], [0, 0, 0, L, L], [L, L, 0, 0, 0]] {
            assert_eq!(voted(&[column], 30.0, false, true), [column]);
        }
    }

    #[test]
    fn aerated_lung_stays_and_bone_and_what_is_not_allowed_do_not_come() {
        assert_eq!(voted(&[SPUR], -800.0, true, true), [SPUR]);
        assert_eq!(voted(&[DENT], 300.0, false, true), [DENT]);
        assert_eq!(voted(&[DENT], 30.0, false, false), [DENT]);
    }

    #[test]
    fn few_slices_are_no_matter() {
        for slices in [1, 2] {
            let coarse = Coarse::of_blocks([slices, 1, 1], [1.0; 3], vec![0.0; slices]);
            let mut labels = vec![L; slices];
            vote(&coarse, &mut labels, (&vec![true; slices], &vec![0; slices]));
            assert_eq!(labels, vec![L; slices]);
        }
    }
}
