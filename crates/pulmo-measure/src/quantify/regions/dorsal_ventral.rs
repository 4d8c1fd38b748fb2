//! The half towards the patient's back and the half towards the front.
//!
//! Patient axes say where the back is, so a prone scan needs no other rule.

use super::{Parts, SIDES};
use crate::quantify::result::Region;

pub(super) fn regions(parts: &Parts<'_>) -> Vec<Region> {
    let rule = "each lung cut at the middle of its extent from front to back, by the patient's axes in whatever \
                position the patient lies";
    let mut regions = Vec::new();
    for (prefix, side) in SIDES {
        for (half, name) in [(1, "dorsal"), (0, "ventral")] {
            let count = parts.counted.sum(|cell| side.is_none_or(|side| cell.side == side) && cell.half == half);
            regions.push(parts.region(format!("{prefix}{name}"), "dorsal_ventral", rule, count));
        }
    }
    regions
}
