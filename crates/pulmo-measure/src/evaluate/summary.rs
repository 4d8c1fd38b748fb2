//! Macro and micro values over the cases.

use serde::Serialize;

use super::{CaseResult, LabelResult, MeasuredOn, Outcome, Protocol};
use crate::compare::{self, Better, Overlap};
use crate::statistics::Summary;

/// One metric of one label on one grid over all measured cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRow {
    /// Name of the label.
    pub label: String,
    /// The grid.
    pub grid: MeasuredOn,
    /// Name of the metric.
    pub metric: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Which values are good ones.
    pub better: Better,
    /// Macro: each case counts once. `None` if no case has a defined value.
    #[serde(rename = "macro")]
    pub over_cases: Option<Summary>,
    /// Micro: the voxels of all cases pooled, so large lesions weigh more. `None` where that makes no sense.
    #[serde(rename = "micro")]
    pub pooled: Option<f64>,
}

/// Macro and micro values over the measured cases, label by label, grid by grid, metric by metric.
#[must_use]
pub fn summarise(cases: &[CaseResult], protocol: &Protocol) -> Vec<SummaryRow> {
    let mut grids = vec![MeasuredOn::Native];
    grids.extend(protocol.network_shape.map(|_| MeasuredOn::Network));
    let mut rows = Vec::new();
    for label in &protocol.labels {
        for &grid in &grids {
            rows.extend(summarise_label(cases, &label.name, grid));
        }
    }
    rows
}

fn summarise_label(cases: &[CaseResult], label: &str, grid: MeasuredOn) -> Vec<SummaryRow> {
    let results: Vec<&LabelResult> = cases
        .iter()
        .filter_map(|case| match &case.outcome {
            Outcome::Measured(measures) => measures.results.iter().find(|r| r.label == label && r.grid == grid),
            Outcome::Failed(_) => None,
        })
        .collect();
    let mut total = Overlap::default();
    results.iter().for_each(|r| total += r.overlap);
    let metrics = compare::ALL.iter().filter(|metric| grid == MeasuredOn::Native || !metric.native_only());
    metrics
        .map(|metric| {
            let values = results.iter().flat_map(|r| &r.metrics).filter(|v| v.metric == metric.name());
            SummaryRow {
                label: label.to_owned(),
                grid,
                metric: metric.name(),
                unit: metric.unit(),
                better: metric.better(),
                over_cases: Summary::of(&values.map(|v| v.value).collect::<Vec<_>>()),
                pooled: metric.pooled(&total),
            }
        })
        .collect()
}
