//! Cranio-caudal thirds, cut by height or by volume.

use super::Parts;
use crate::quantify::input::HeightSplit;
use crate::quantify::result::Region;

pub(super) fn regions(parts: &Parts<'_>) -> Vec<Region> {
    let (group, rule) = match parts.split {
        HeightSplit::Height => {
            ("height_thirds", "each lung cut at one and two thirds of its height along the patient's axis")
        }
        HeightSplit::Volume => (
            "volume_thirds",
            "each lung cut across the patient's axis so that each third holds a third of its volume, to a whole slice",
        ),
    };
    parts.three_by_side("", group, rule, |cell| cell.third)
}
