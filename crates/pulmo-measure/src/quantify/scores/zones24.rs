//! Six zones between landmarks, 0 to 4 each.

use super::{Class, Need, Rubric};

/// The classes of zones, and of thirds in their place.
pub(super) const CLASSES: &[Class] = &[
    Class { points: 1, printed: "<25 %", from_percent: 0.0, includes_from: false },
    Class { points: 2, printed: "25-<50 %", from_percent: 25.0, includes_from: true },
    Class { points: 3, printed: "50-<75 %", from_percent: 50.0, includes_from: true },
    Class { points: 4, printed: ">=75 %", from_percent: 75.0, includes_from: true },
];

pub(super) const ZONES24: Rubric = Rubric {
    id: "zones24",
    name: "six-zone score, 0 to 24: above the carina, to the inferior pulmonary veins, below",
    prefix: "",
    regions: &[
        "left_upper_zone",
        "left_middle_zone",
        "left_lower_zone",
        "right_upper_zone",
        "right_middle_zone",
        "right_lower_zone",
    ],
    need: Need::Landmarks,
    classes: CLASSES,
    gap_rule: None,
    source: "Yuan M, Yin W, Tao Z, Tan W, Hu Y. Association of radiologic findings with mortality of patients infected \
             with 2019 novel coronavirus in Wuhan, China. PLoS One 2020;15:e0230548",
};
