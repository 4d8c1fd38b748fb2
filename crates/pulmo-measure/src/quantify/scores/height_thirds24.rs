//! Six thirds by height, scored as the zones are; not the published score, so not called so.

use super::zones24::CLASSES;
use super::{Need, Rubric};

pub(super) const HEIGHT_THIRDS24: Rubric = Rubric {
    id: "height_thirds24",
    name: "score of six height thirds, 0 to 24: not the published zones, whose landmarks are not known",
    prefix: "",
    regions: &["left_upper", "left_middle", "left_lower", "right_upper", "right_middle", "right_lower"],
    need: Need::HeightThirds,
    classes: CLASSES,
    gap_rule: None,
    source: "classes of the six-zone score (Yuan M et al. PLoS One 2020;15:e0230548) on thirds by height; not published",
};
