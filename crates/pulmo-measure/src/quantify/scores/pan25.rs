//! Five lobes, 0 to 5 each.

use super::super::lobes::LOBES;
use super::{Class, Need, Rubric};

pub(super) const PAN25: Rubric = Rubric {
    id: "pan25",
    name: "lobe score of Pan et al., 0 to 25",
    prefix: "",
    regions: &LOBES,
    need: Need::Lobes,
    classes: &[
        Class { points: 1, printed: "<5 %", from_percent: 0.0, includes_from: false },
        Class { points: 2, printed: "5-25 %", from_percent: 5.0, includes_from: true },
        Class { points: 3, printed: "26-49 %", from_percent: 26.0, includes_from: true },
        Class { points: 4, printed: "50-75 %", from_percent: 50.0, includes_from: true },
        Class { points: 5, printed: ">75 %", from_percent: 75.0, includes_from: false },
    ],
    gap_rule: Some(
        "a value between two printed classes, such as 25.5 % or 49.5 %, belongs to the lower one: it has not reached \
         the next",
    ),
    source: "Pan F, Ye T, Sun P et al. Time course of lung changes at chest CT during recovery from COVID-19. \
             Radiology 2020;295:715-721",
};
