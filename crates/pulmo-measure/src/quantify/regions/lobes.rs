//! The lobes of a given map; without one there are none.

use super::Parts;
use crate::quantify::result::Region;

pub(super) fn regions(parts: &Parts<'_>) -> Vec<Region> {
    let rule = "the lobe as the given map draws it, whatever the lung mask";
    parts.lobes.iter().map(|(lobe, count)| parts.region(lobe.id, "lobes", rule, *count)).collect()
}
