//! Files that cannot be opened.

use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Images and masks that no reader takes.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Check for Unreadable {
    fn name(&self) -> &'static str {
        "unreadable"
    }

    fn about(&self) -> &'static str {
        "images and masks that cannot be opened"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let of = |case: &Facts| -> Vec<Finding> {
            let parts = case.unread.iter();
            parts
                .map(|(part, why, advice)| Finding::problem(self, &[case], format!("`{part}`: {why}"), advice.as_str()))
                .collect()
        };
        facts.iter().flat_map(of).collect()
    }
}
