//! Masks that are flipped or turned against their image.
//!
//! # How
//! In the small picture, air that does not reach the edge of its slice is lung (with three fields, a twentieth of the
//! side, around it), and so is its mirror image, since a consolidated lung holds no air. A mask of lung findings, or of the lungs, lies there. How much of it does is computed for the mask as
//! it is and for every flip and quarter turn of it. The check speaks only if less than half of it lies in the lungs as
//! stored, and at least 0.8 of it does after one of them.
//!
//! # Measured
//! Of eleven 8-bit CTs with expert masks, five of them with front and back exchanged in CT and mask alike, every
//! mask has 0.96 or more in the lungs as stored.
//!
//! # Limits
//! A mask that is wrong but still half in the lungs passes; left and right exchanged is such a case. Density inside the
//! mask does not help: in those eleven it is no higher than in the lungs with their rim.
//!
//! Where the chest wall is thinner than a field, the lungs are open to the air outside and are not seen. Phantoms of
//! coarse grids have such slices: of the 32 masks of `pulmo demo` two are called misplaced wrongly.

use super::small::{SIDE, Small, TURNS, turned};
use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Fields that lungs are widened by.
const MARGIN: usize = 3;
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
        (*here < 0.5 && *best >= 0.8).then(|| (problem(), turn.as_str()))
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
    let mut outer: Vec<bool> = vec![false; air.len()];
    let mut open: Vec<usize> = (0..air.len()).filter(|k| air[*k] && is_edge(*k)).collect();
    while let Some(k) = open.pop() {
        if !std::mem::replace(&mut outer[k], true) {
            let (row, column) = (k / SIDE, k % SIDE);
            let around = [
                (row > 0, k.wrapping_sub(SIDE)),
                (row + 1 < SIDE, k + SIDE),
                (column > 0, k.wrapping_sub(1)),
                (column + 1 < SIDE, k + 1),
            ];
            open.extend(around.iter().filter(|(within, k)| *within && air[*k] && !outer[*k]).map(|(_, k)| *k));
        }
    }
    let inner: Vec<bool> = air.iter().zip(&outer).map(|(air, outer)| *air && !outer).collect();
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
