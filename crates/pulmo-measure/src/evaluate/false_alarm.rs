//! What a prediction marks where the reference shows nothing.

use serde::Serialize;

use super::{CaseResult, Outcome, Protocol};
use crate::statistics::Summary;

/// A false alarm below this many mL is counted as small.
pub const UNDER_ML: f64 = 1.0;
/// A false alarm below this share of the lungs, in per cent, is counted as small.
pub const UNDER_PERCENT: f64 = 1.0;

/// False alarms of one label over the cases whose reference has no voxel of it, on the native grid.
///
/// # Formula
/// Each such case counts with the whole volume of its prediction's mask, which may be 0. Shares are of these cases;
/// "under" is strict.
/// # Edge cases
/// No such case: [`false_alarms`] gives no entry. Cases without a lung mask are left out of the share of lung and counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalseAlarms {
    /// Name of the label.
    pub label: String,
    /// Cases without the label in their reference.
    pub lesion_free: usize,
    /// Of these, those in which the prediction is empty too.
    pub silent: usize,
    /// Volume of false positives per case in mL.
    pub false_positive_ml: Summary,
    /// Share of the cases with less than [`UNDER_ML`] mL, 0 to 1.
    pub share_under_1_ml: f64,
    /// Cases whose lung volume is known (and not 0).
    pub with_lungs: usize,
    /// Share of those with less than [`UNDER_PERCENT`] per cent of the lung volume, 0 to 1; `None` if there are none.
    pub share_under_1_percent_of_lung: Option<f64>,
}

/// False alarms of every lesion label that some reference lacks.
#[must_use]
pub fn false_alarms(cases: &[CaseResult], protocol: &Protocol) -> Vec<FalseAlarms> {
    let labels = protocol.labels.iter().filter(|label| label.is_lesion());
    labels.filter_map(|label| of_label(cases, &label.name)).collect()
}

fn of_label(cases: &[CaseResult], label: &str) -> Option<FalseAlarms> {
    let alarms: Vec<(f64, Option<f64>)> = cases
        .iter()
        .filter_map(|case| {
            let Outcome::Measured(measures) = &case.outcome else { return None };
            let result = case.native(label).filter(|result| result.overlap.reference == 0)?;
            Some((result.prediction_ml?, measures.lung_ml.filter(|ml| *ml > 0.0)))
        })
        .collect();
    let volumes: Vec<Option<f64>> = alarms.iter().map(|(ml, _)| Some(*ml)).collect();
    let share = |few: usize, all: usize| few as f64 / all as f64;
    let of_lung: Vec<f64> = alarms.iter().filter_map(|(ml, lung_ml)| Some(100.0 * ml / (*lung_ml)?)).collect();
    let small_of_lung = of_lung.iter().filter(|percent| **percent < UNDER_PERCENT).count();
    Some(FalseAlarms {
        label: label.to_owned(),
        lesion_free: alarms.len(),
        silent: alarms.iter().filter(|(ml, _)| *ml == 0.0).count(),
        false_positive_ml: Summary::of(&volumes)?,
        share_under_1_ml: share(alarms.iter().filter(|(ml, _)| *ml < UNDER_ML).count(), alarms.len()),
        with_lungs: of_lung.len(),
        share_under_1_percent_of_lung: (!of_lung.is_empty()).then(|| share(small_of_lung, of_lung.len())),
    })
}
