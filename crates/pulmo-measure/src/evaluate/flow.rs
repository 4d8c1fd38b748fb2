//! The case flow: how many cases were found, which were left out and why, and in how many a number is not defined.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CaseResult, Cause, Outcome, Protocol};

/// One line of the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What happened.
    pub what: String,
    /// To how many cases.
    pub cases: usize,
}

/// A case that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// The case's name.
    pub case: String,
    /// The kind of reason.
    pub cause: Cause,
    /// The reason in one line.
    pub reason: String,
}

/// Measured cases in which a mask of a label is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undefined {
    /// Name of the label.
    pub label: String,
    /// Both masks are empty: right, and without a Dice.
    pub both_empty: usize,
    /// Only the reference is empty: a false alarm, Dice 0.
    pub reference_empty: usize,
    /// Only the prediction is empty: a miss, Dice 0.
    pub prediction_empty: usize,
}

/// From what was found to what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseFlow {
    /// Found, paired, left out (by cause), measured: found is the sum of left out and measured.
    pub steps: Vec<Step>,
    /// What was left out, each with its reason.
    pub excluded: Vec<Excluded>,
    /// Empty masks among the measured cases, label by label, on the native grid.
    pub empty_masks: Vec<Undefined>,
}

impl CaseFlow {
    /// The flow of `cases`; `not_listed` are predictions that no data list in question names.
    #[must_use]
    pub fn of(cases: &[CaseResult], not_listed: &[String], protocol: &Protocol) -> Self {
        let mut excluded: Vec<Excluded> = not_listed
            .iter()
            .map(|case| Excluded {
                case: case.clone(),
                cause: Cause::NotListed,
                reason: "no data list in question names it".to_owned(),
            })
            .collect();
        excluded.extend(cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Measured(_) => None,
            Outcome::Failed(failure) => {
                Some(Excluded { case: case.case.clone(), cause: failure.cause, reason: failure.reason.clone() })
            }
        }));
        excluded.sort_by(|a, b| (a.cause, &a.case).cmp(&(b.cause, &b.case)));
        let mut by_cause: BTreeMap<Cause, usize> = BTreeMap::new();
        excluded.iter().for_each(|one| *by_cause.entry(one.cause).or_default() += 1);
        let unpaired = |one: &&Excluded| {
            matches!(one.cause, Cause::PredictionMissing | Cause::ReferenceMissing | Cause::NotListed)
        };
        let found = cases.len() + not_listed.len();
        let step = |what: &str, cases: usize| Step { what: what.to_owned(), cases };
        let mut steps = vec![step("found (a prediction, a reference or both)", found)];
        steps.push(step("paired", found - excluded.iter().filter(unpaired).count()));
        steps.extend(by_cause.into_iter().map(|(cause, n)| step(&format!("left out: {}", cause.words()), n)));
        steps.push(step("measured", found - excluded.len()));
        let empty_masks = protocol.labels.iter().map(|label| empty_masks(cases, &label.name)).collect();
        Self { steps, excluded, empty_masks }
    }
}

fn empty_masks(cases: &[CaseResult], label: &str) -> Undefined {
    let mut counts = Undefined { label: label.to_owned(), both_empty: 0, reference_empty: 0, prediction_empty: 0 };
    for result in cases.iter().filter_map(|case| case.native(label)) {
        match (result.overlap.reference, result.overlap.prediction) {
            (0, 0) => counts.both_empty += 1,
            (0, _) => counts.reference_empty += 1,
            (_, 0) => counts.prediction_empty += 1,
            _ => (),
        }
    }
    counts
}
