//! Masks off their image's grid.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Masks that do not lie on their image's grid.
#[derive(Debug)]
pub(super) struct OffGrid;

impl Check for OffGrid {
    fn name(&self) -> &'static str {
        "off_grid"
    }

    fn about(&self) -> &'static str {
        "masks whose shape differs or whose corners lie more than 0.01 voxels from the image's"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let mut found = Vec::new();
        for case in facts {
            for (part, mask) in [("labels", &case.labels), ("lungs", &case.lungs)] {
                if let Some((problem, advice)) = mask.as_ref().and_then(|mask| mask.off_grid.clone()) {
                    found.push(Finding::problem(self, &[case], format!("`{part}`: {problem}"), advice));
                }
            }
        }
        found
    }
}
