//! The grades of MosMedData, CT-0 to CT-4.

use super::{Class, Need, Rubric};

pub(super) const MOSMED: Rubric = Rubric {
    id: "mosmed",
    name: "grade of MosMedData by share of lung, CT-0 to CT-4; a research grade",
    prefix: "CT-",
    regions: &["both"],
    need: Need::Lungs,
    classes: &[
        Class { points: 1, printed: "<25 %", from_percent: 0.0, includes_from: false },
        Class { points: 2, printed: "25-50 %", from_percent: 25.0, includes_from: true },
        Class { points: 3, printed: "50-75 %", from_percent: 50.0, includes_from: true },
        Class { points: 4, printed: ">75 %", from_percent: 75.0, includes_from: false },
    ],
    gap_rule: Some(
        "50 %, which two printed classes share, counts as CT-3; the grade is by the share of both lungs alone, while \
         the data set's readers also looked at the kind of opacity",
    ),
    source: "Morozov SP, Andreychenko AE, Pavlov NA et al. MosMedData: chest CT scans with COVID-19 related findings \
             dataset. arXiv 2005.06465 (2020)",
};
