//! Labels that the list does not name.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;
use crate::dataset::list::LabelValue;
use crate::sentence::counted;

/// Labels in references that `[labels]` does not name.
#[derive(Debug)]
pub(super) struct UnknownLabels;

impl Check for UnknownLabels {
    fn name(&self) -> &'static str {
        "unknown_label"
    }

    fn about(&self) -> &'static str {
        "labels in references that the list's `[labels]` does not name"
    }

    fn find(&self, list: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let mut found = Vec::new();
        for case in facts {
            let Some(mask) = &case.labels else { continue };
            let unknown = (1..=255_u8).filter(|&x| !list.labels.contains_key(&LabelValue(x)));
            let unknown: Vec<String> = unknown
                .filter(|&x| mask.counts[usize::from(x)] > 0)
                .map(|x| format!("{x} ({})", counted(mask.counts[usize::from(x)], "voxel", "voxels")))
                .collect();
            if !unknown.is_empty() {
                let problem = format!("`labels` holds {}, which the list does not name", unknown.join(", "));
                found.push(Finding::problem(
                    self,
                    &[case],
                    problem,
                    "name them in `[labels]`, or take them out of the mask",
                ));
            }
        }
        found
    }
}
