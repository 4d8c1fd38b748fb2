//! Both lungs, and each.

use super::Parts;
use crate::quantify::result::Region;

pub(super) fn regions(parts: &Parts<'_>) -> Vec<Region> {
    let side = |id, rule, wanted: Option<usize>| {
        let count = parts.counted.sum(|cell| wanted.is_none_or(|side| cell.side == side));
        parts.region(id, "lungs", rule, count)
    };
    vec![
        side("both", "both lungs", None),
        side("left", "the patient's left lung", Some(0)),
        side("right", "the patient's right lung", Some(1)),
    ]
}
