//! Five lobes, 0 to 4 each.

use super::super::lobes::LOBES;
use super::{Class, Need, Rubric};

pub(super) const TSS20: Rubric = Rubric {
    id: "tss20",
    name: "lobe score of Chung et al., 0 to 20",
    prefix: "",
    regions: &LOBES,
    need: Need::Lobes,
    classes: &[
        Class { points: 1, printed: "1-25 %", from_percent: 0.0, includes_from: false },
        Class { points: 2, printed: "26-50 %", from_percent: 26.0, includes_from: true },
        Class { points: 3, printed: "51-75 %", from_percent: 51.0, includes_from: true },
        Class { points: 4, printed: "76-100 %", from_percent: 76.0, includes_from: true },
    ],
    gap_rule: Some(
        "a value between two printed classes, such as 25.5 %, belongs to the lower one: it has not reached the next; \
         between 0 and 1 % the floor decides",
    ),
    source: "Chung M, Bernheim A, Mei X et al. CT imaging features of 2019 novel coronavirus (2019-nCoV). \
             Radiology 2020;295:202-207",
};
