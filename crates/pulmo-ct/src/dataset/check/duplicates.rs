//! Images that occur twice.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Images with the same voxels.
#[derive(Debug)]
pub(super) struct Duplicates;

impl Check for Duplicates {
    fn name(&self) -> &'static str {
        "duplicate_image"
    }

    fn about(&self) -> &'static str {
        "images with the same voxels, whatever their headers say"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let mut found = Vec::new();
        for (k, case) in facts.iter().enumerate() {
            let same =
                |other: &&Facts| matches!((&case.image, &other.image), (Some(a), Some(b)) if a.content == b.content);
            if let Some(first) = facts[..k].iter().find(same) {
                let advice = "keep one of them; if their masks differ, find out which is right";
                found.push(Finding::problem(
                    self,
                    &[first, case],
                    "the images are the same voxel for voxel".to_owned(),
                    advice,
                ));
            }
        }
        found
    }
}
