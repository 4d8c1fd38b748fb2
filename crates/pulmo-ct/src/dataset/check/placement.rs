//! Masks that are flipped or turned against their image.
//!
//! # How
//! In the small picture, lung is air that the outside does not reach in its slice through gaps of three fields or more
//! (with two fields, a thirtieth of the side, around it), and so is its mirror image, since a consolidated lung holds no
//! air. Narrower gaps are those of a chest wall thinner than a field; air behind them counts where it is at least three
//! fields wide and high, which what lies between body and table mostly is not. A mask of lung findings, or of the lungs,
//! lies there. How much of it does is computed for the mask as it is and for every flip and quarter turn of it. The check
//! speaks only if less than 0.6 of it lies in the lungs as stored, and at least 0.75 of it does after one of them.
//!
//! # Measured
//! Of eleven 8-bit CTs with expert masks, five of them with front and back exchanged in CT and mask alike, every mask of
//! infection has 0.99 or more in the lungs as stored, every mask of the lungs 0.97; of 180 phantoms of five grids, those
//! of `pulmo demo` among them, no mask has less than 0.66, and none is called misplaced. Masks were also flipped, turned
//! and put in reverse on purpose. Of those of which less than half lies in the true lungs then, 1428 of 1512 are found in
//! phantoms and 20 of 70 in the eleven CTs; of masks of the lungs 448 of 480 and 12 of 104.
//!
//! # Limits
//! A mask that is wrong but still mostly in the lungs passes; left and right exchanged is such a case. Density inside the
//! mask does not help: in the eleven CTs it is no higher than in the lungs with their rim.

use super::front_back::pieces;
use super::small::{SIDE, Small, TURNS, turned};
use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Fields that lungs are widened by.
const MARGIN: usize = 2;
/// Fields of the narrowest gap through which the outside reaches.
const GATE: usize = 3;
/// Fields of enclosed air below which a slice's air is not lung.
const LEAST_AIR: usize = 8;

/// How well a mask fits as it is, and how well in the orientation that fits best.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Share of the mask in the lungs, as stored.
    pub here: f64,
    /// The largest share in any orientation.
    pub best: f64,
    /// That orientation in words.
    pub turn: String,
}

impl Placement {
    /// Tries a mask, as shares of the fields of `small`, in every orientation. `None` where no lungs are seen or
    /// nothing is drawn.
    #[must_use]
    pub fn of(small: &Small, mask: &[f32]) -> Option<Self> {
        let lung = seen_lungs(small);
        let seen = lung.iter().filter(|&&lung| lung).count();
        if mask.iter().sum::<f32>() < 1.0 || seen * 50 < lung.len() {
            return None;
        }
        let plane = SIDE * SIDE;
        let slices = mask.len() / plane;
        let mut found: Option<Self> = None;
        for upside_down in [false, true] {
            for (turn, (name, exchanged, ..)) in TURNS.iter().enumerate() {
                if *exchanged && !small.square {
                    continue;
                }
                let slice = |k: usize| if upside_down { slices - 1 - k } else { k };
                let tried: Vec<f32> =
                    (0..slices).flat_map(|k| turned(&mask[slice(k) * plane..][..plane], SIDE, turn)).collect();
                let share = inside(&lung, &tried);
                let best = found.get_or_insert(Self { here: share, best: share, turn: String::new() });
                // Of orientations that fit alike the simplest.
                if share > best.best + 0.02 {
                    best.best = share;
                    best.turn = if upside_down { format!("{name}, slices in reverse") } else { (*name).to_owned() };
                }
            }
        }
        found
    }

    /// What is wrong, and the orientation in which it would be right.
    #[must_use]
    pub fn fault(&self) -> Option<(String, &str)> {
        let Self { here, best, turn } = self;
        let problem = || {
            let (here, best) = (100.0 * here, 100.0 * best);
            format!(
                "{here:.0} % of the mask lie in the lungs that the image shows, but {best:.0} % if the mask is {turn}"
            )
        };
        (*here < 0.6 && *best >= 0.75).then(|| (problem(), turn.as_str()))
    }
}

fn inside(lung: &[bool], mask: &[f32]) -> f64 {
    let drawn: f64 = mask.iter().map(|&m| f64::from(m)).sum();
    lung.iter().zip(mask).filter(|(lung, _)| **lung).map(|(_, &m)| f64::from(m)).sum::<f64>() / drawn
}

/// Air that is enclosed in its slice, widened, and its mirror image.
fn seen_lungs(small: &Small) -> Vec<bool> {
    let threshold = small.threshold();
    small.each().flat_map(|slice| enclosed(&slice.iter().map(|&x| x < threshold).collect::<Vec<_>>())).collect()
}

fn enclosed(air: &[bool]) -> Vec<bool> {
    let outer = outside(air);
    let mut inner = vec![false; air.len()];
    let left: Vec<bool> = air.iter().zip(&outer).map(|(air, outer)| *air && !outer).collect();
    for piece in pieces(&left) {
        let is_open = piece.iter().any(|&k| is_edge(k) || beside(k).into_iter().any(|k| outer[k]));
        if !is_open || piece.iter().any(|&k| holds_square(&left, k)) {
            piece.into_iter().for_each(|k| inner[k] = true);
        }
    }
    if inner.iter().filter(|&&x| x).count() < LEAST_AIR {
        return vec![false; air.len()];
    }
    let near = |k: usize| {
        let (row, column) = (k / SIDE, k % SIDE);
        let rows = row.saturating_sub(MARGIN)..(row + MARGIN + 1).min(SIDE);
        let columns = column.saturating_sub(MARGIN)..(column + MARGIN + 1).min(SIDE);
        rows.into_iter().any(|row| inner[row * SIDE..][columns.clone()].contains(&true))
    };
    let near: Vec<bool> = (0..air.len()).map(near).collect();
    // A lung without air is not seen: the other one's mirror image stands for it.
    (0..air.len()).map(|k| near[k] || near[k / SIDE * SIDE + SIDE - 1 - k % SIDE]).collect()
}

/// Air that a square of [`GATE`] fields reaches from beyond the edge, where all is air.
fn outside(air: &[bool]) -> Vec<bool> {
    const WIDE: usize = SIDE + 2 * GATE;
    let is_air = |k: usize| {
        let (row, column) = ((k / WIDE).wrapping_sub(GATE), (k % WIDE).wrapping_sub(GATE));
        row >= SIDE || column >= SIDE || air[row * SIDE + column]
    };
    let mut tried = vec![false; WIDE * WIDE];
    let mut reached = vec![false; WIDE * WIDE];
    let mut open = vec![0];
    while let Some(k) = open.pop() {
        if std::mem::replace(&mut tried[k], true) || !square(k, WIDE).all(is_air) {
            continue;
        }
        square(k, WIDE).for_each(|k| reached[k] = true);
        let (row, column) = (k / WIDE, k % WIDE);
        let steps = [
            (row > 0, k.wrapping_sub(WIDE)),
            (row + GATE < WIDE, k + WIDE),
            (column > 0, k.wrapping_sub(1)),
            (column + GATE < WIDE, k + 1),
        ];
        open.extend(steps.into_iter().filter(|(within, _)| *within).map(|(_, k)| k));
    }
    (0..air.len()).map(|k| reached[(k / SIDE + GATE) * WIDE + k % SIDE + GATE]).collect()
}

/// The fields of a square of [`GATE`] whose first one is `k`, in rows of `wide`.
fn square(k: usize, wide: usize) -> impl Iterator<Item = usize> {
    (0..GATE * GATE).map(move |at| k + at / GATE * wide + at % GATE)
}

fn holds_square(set: &[bool], k: usize) -> bool {
    k / SIDE + GATE <= SIDE && k % SIDE + GATE <= SIDE && square(k, SIDE).all(|k| set[k])
}

/// The fields at the four sides of one that is not at the edge.
fn beside(k: usize) -> [usize; 4] {
    [k - SIDE, k + SIDE, k - 1, k + 1]
}

fn is_edge(k: usize) -> bool {
    let (row, column) = (k / SIDE, k % SIDE);
    row == 0 || column == 0 || row + 1 == SIDE || column + 1 == SIDE
}

/// Masks that fit their image only after a flip or turn.
#[derive(Debug)]
pub(super) struct Misplaced;

impl Check for Misplaced {
    fn name(&self) -> &'static str {
        "misplaced_mask"
    }

    fn about(&self) -> &'static str {
        "masks that lie in the image's lungs only after a flip or a turn"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let parts = |facts: &Facts| [("labels", facts.labels.clone()), ("lungs", facts.lungs.clone())];
        let mut found = Vec::new();
        for case in facts {
            for (part, mask) in parts(case) {
                let placement = mask.and_then(|mask| mask.placement);
                if let Some((problem, turn)) = placement.as_ref().and_then(Placement::fault) {
                    let advice = format!("open image and mask together; if they disagree, store the mask {turn}");
                    found.push(Finding::problem(self, &[case], format!("`{part}`: {problem}"), advice));
                }
            }
        }
        found
    }
}
