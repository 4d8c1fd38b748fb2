//! Macro and micro values over the cases.

use serde::Serialize;

use super::{CaseResult, LabelResult, MeasuredOn, Protocol};
use crate::compare::{self, Better, Overlap};
use crate::statistics::bootstrap::clustered_mean_interval;
use crate::statistics::{Interval, Resampling, Summary};

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
    /// Bootstrap interval of the macro mean, drawing patients; `None` for fewer than two patients.
    #[serde(rename = "macro_interval")]
    pub interval: Option<Interval>,
    /// Micro: the voxels of all cases pooled, so large lesions weigh more. `None` where that makes no sense.
    #[serde(rename = "micro")]
    pub pooled: Option<f64>,
}

/// Macro and micro values over the measured cases, label by label, grid by grid, metric by metric.
#[must_use]
pub fn summarise(cases: &[CaseResult], protocol: &Protocol) -> Vec<SummaryRow> {
    let grids = [Some(MeasuredOn::Native), protocol.network_shape.map(|_| MeasuredOn::Network)];
    let grids: Vec<MeasuredOn> = grids.into_iter().flatten().collect();
    on_grids(&cases.iter().collect::<Vec<_>>(), protocol, &grids)
}

/// [`summarise`] for some of the cases and grids.
pub(super) fn on_grids(cases: &[&CaseResult], protocol: &Protocol, grids: &[MeasuredOn]) -> Vec<SummaryRow> {
    let mut rows = Vec::new();
    for label in &protocol.labels {
        for &grid in grids {
            rows.extend(summarise_label(cases, (&label.name, grid), &protocol.resampling));
        }
    }
    rows
}

fn summarise_label(cases: &[&CaseResult], (label, grid): (&str, MeasuredOn), how: &Resampling) -> Vec<SummaryRow> {
    let results: Vec<(&str, &LabelResult)> =
        cases.iter().filter_map(|case| Some((case.facts.patient.as_str(), case.result(label, grid)?))).collect();
    let mut total = Overlap::default();
    results.iter().for_each(|(_, result)| total += result.overlap);
    let metrics = compare::ALL.iter().filter(|metric| grid == MeasuredOn::Native || !metric.native_only());
    metrics
        .map(|metric| {
            let value = |result: &LabelResult| {
                result.metrics.iter().find(|v| v.metric == metric.name()).and_then(|v| v.value).filter(|v| !v.is_nan())
            };
            let values: Vec<Option<f64>> = results.iter().map(|(_, result)| value(result)).collect();
            let (patients, defined): (Vec<&str>, Vec<f64>) =
                results.iter().filter_map(|(patient, result)| Some((*patient, value(result)?))).unzip();
            SummaryRow {
                label: label.to_owned(),
                grid,
                metric: metric.name(),
                unit: metric.unit(),
                better: metric.better(),
                over_cases: Summary::of(&values),
                interval: clustered_mean_interval(&defined, &patients, how),
                pooled: metric.pooled(&total),
            }
        })
        .collect()
}
