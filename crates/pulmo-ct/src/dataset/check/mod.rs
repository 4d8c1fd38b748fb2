//! What ruins trainings, looked for before them: volumes that are not HU, masks that lie elsewhere, one patient on both
//! sides of a split.
//!
//! [`run`] opens each case once, one volume in memory at a time, and keeps some [`facts::Facts`] of it (about 60 kB);
//! the checks of [`ALL`] judge those. To add one: a file beside this one with a type that implements [`Check`], its
//! `mod` line and its entry in [`ALL`].

mod duplicates;
pub mod facts;
mod front_back;
mod grid;
mod labels;
mod mask_size;
mod not_hu;
pub mod placement;
mod same_patient;
pub mod signature;
pub mod small;
mod spacing;
mod unreadable;
pub mod values;

use serde::Serialize;

use super::DataList;
use facts::Facts;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Should be mended before training.
    Problem,
    /// Should be known.
    Note,
}

/// Something found in one case or between some.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// The cases by name.
    pub cases: Vec<String>,
    /// What was found, with numbers.
    pub problem: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    fn problem(check: &dyn Check, cases: &[&Facts], problem: String, advice: impl Into<String>) -> Self {
        let cases = cases.iter().map(|facts| facts.name.clone()).collect();
        Self { check: check.name(), weight: Weight::Problem, cases, problem, advice: advice.into() }
    }

    fn note(check: &dyn Check, cases: &[&Facts], problem: String, advice: impl Into<String>) -> Self {
        Self { weight: Weight::Note, ..Self::problem(check, cases, problem, advice) }
    }
}

/// One kind of finding.
pub trait Check: Sync {
    /// The name in results, snake_case.
    fn name(&self) -> &'static str;

    /// One line: what it looks for and from where on it speaks.
    fn about(&self) -> &'static str;

    /// Everything it finds, in the order of the cases.
    fn find(&self, list: &DataList, facts: &[Facts]) -> Vec<Finding>;
}

/// Every check, in the order of the report.
pub const ALL: &[&dyn Check] = &[
    &unreadable::Unreadable,
    &not_hu::NotHu,
    &grid::OffGrid,
    &labels::UnknownLabels,
    &mask_size::SmallMask,
    &placement::Misplaced,
    &front_back::FrontBack,
    &spacing::OutlierSpacing,
    &duplicates::Duplicates,
    &same_patient::SamePatient,
];

/// Opens every case of a list and runs every check; `progress(done)` after each case.
#[must_use]
pub fn run(list: &DataList, progress: &dyn Fn(usize)) -> Vec<Finding> {
    let mut facts = Vec::with_capacity(list.cases.len());
    for (done, case) in list.cases.iter().enumerate() {
        facts.push(Facts::of(case, list));
        progress(done + 1);
    }
    ALL.iter().flat_map(|check| check.find(list, &facts)).collect()
}
