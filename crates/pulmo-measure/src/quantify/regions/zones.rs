//! Zones between landmarks; without landmarks there are none.

use super::Parts;
use crate::quantify::result::Region;

pub(super) fn regions(parts: &Parts<'_>) -> Vec<Region> {
    if !parts.has_landmarks {
        return Vec::new();
    }
    let rule = "both lungs cut at the heights of the carina and of the inferior pulmonary veins";
    parts.three_by_side("_zone", "zones", rule, |cell| cell.zone)
}
