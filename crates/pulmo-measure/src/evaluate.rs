//! Many cases: every metric for every label on every grid, then macro and micro values over the cases.
//!
//! A case that could not be measured stays in the list with its reason; it is never dropped in silence.

use std::collections::BTreeSet;

use pulmo_ct::{LabelMap, Result};
use serde::Serialize;

use crate::compare::{self, Better, MaskPair, Overlap};
use crate::network_grid::resize_nearest;
use crate::statistics::Summary;

/// A label to measure: its name in tables and its value in label maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Name in tables.
    pub name: String,
    /// Value in label maps, not 0.
    pub value: u8,
}

/// The grid that a number was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredOn {
    /// The grid of the files.
    Native,
    /// Both masks resized by nearest neighbour to the network's shape (see [`resize_nearest`]).
    Network,
}

impl MeasuredOn {
    /// The word in tables: `native` or `network`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Network => "network",
        }
    }
}

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Protocol {
    /// The labels, each on its own.
    pub labels: Vec<Label>,
    /// Shape (slices, rows, columns) of the network's grid, if Dice there is wanted too.
    pub network_shape: Option<[usize; 3]>,
}

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricValue {
    /// [`compare::Metric::name`].
    pub metric: &'static str,
    /// The value, `None` where it is not defined.
    pub value: Option<f64>,
    /// [`compare::Metric::unit`].
    pub unit: &'static str,
}

/// Everything about one label of one case on one grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelResult {
    /// Name of the label.
    pub label: String,
    /// The grid.
    pub grid: MeasuredOn,
    /// Voxel counts on that grid.
    pub overlap: Overlap,
    /// Volume of the reference in mL; on the native grid only.
    pub reference_ml: Option<f64>,
    /// Volume of the prediction in mL; on the native grid only.
    pub prediction_ml: Option<f64>,
    /// Every metric in the order of [`compare::ALL`]; on the network's grid only those without a unit.
    pub metrics: Vec<MetricValue>,
}

/// What was found in one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseMeasures {
    /// Voxels (slices, rows, columns) of the native grid.
    pub shape: [usize; 3],
    /// Distances of voxel centres in mm along the same axes.
    pub spacing_mm: [f64; 3],
    /// Label by label, first the native grid, then the network's.
    pub results: Vec<LabelResult>,
    /// Values in the reference that are neither 0 nor asked for.
    pub unlisted_in_reference: Vec<u8>,
    /// Values in the prediction that are neither 0 nor asked for.
    pub unlisted_in_prediction: Vec<u8>,
}

/// Why a case has no numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What went wrong, one line.
    pub reason: String,
    /// What can be done, if that is known.
    pub hint: Option<String>,
}

/// A case with its numbers or with the reason why there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseResult {
    /// The case's name.
    pub case: String,
    /// Its numbers or its reason.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The two things that can become of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The case was measured.
    Measured(CaseMeasures),
    /// The case could not be measured.
    Failed(Failure),
}

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

/// Measures one case.
///
/// # Errors
/// [`pulmo_ct::Error::GridMismatch`] if the prediction is not on the reference's grid; nothing is resampled to
/// make it fit. [`pulmo_ct::Error::Value`] if the network's shape has a zero.
pub fn measure_case(reference: &LabelMap, prediction: &LabelMap, protocol: &Protocol) -> Result<CaseMeasures> {
    reference.grid().must_equal(prediction.grid())?;
    let mut results = Vec::new();
    for label in &protocol.labels {
        results.push(measure_label(&MaskPair::new(reference, prediction, label.value)?, label, MeasuredOn::Native));
    }
    if let Some(shape) = protocol.network_shape {
        let small = [resize_nearest(reference, shape)?, resize_nearest(prediction, shape)?];
        for label in &protocol.labels {
            results.push(measure_label(&MaskPair::new(&small[0], &small[1], label.value)?, label, MeasuredOn::Network));
        }
    }
    Ok(CaseMeasures {
        shape: reference.grid().shape(),
        spacing_mm: reference.grid().spacing().mm(),
        results,
        unlisted_in_reference: unlisted(reference, &protocol.labels),
        unlisted_in_prediction: unlisted(prediction, &protocol.labels),
    })
}

fn measure_label(pair: &MaskPair, label: &Label, grid: MeasuredOn) -> LabelResult {
    let native = grid == MeasuredOn::Native;
    // Nearest resizing samples voxels, so volumes on the network's grid are only approximate and are not given.
    let metrics = compare::ALL.iter().filter(|metric| native || metric.unit() == "1");
    LabelResult {
        label: label.name.clone(),
        grid,
        overlap: *pair.overlap(),
        reference_ml: native.then(|| pair.reference_ml()),
        prediction_ml: native.then(|| pair.prediction_ml()),
        metrics: metrics
            .map(|metric| MetricValue { metric: metric.name(), value: metric.compute(pair), unit: metric.unit() })
            .collect(),
    }
}

fn unlisted(labels: &LabelMap, listed: &[Label]) -> Vec<u8> {
    let mut present = [false; 256];
    labels.labels().iter().for_each(|&l| present[usize::from(l)] = true);
    let known: BTreeSet<u8> = listed.iter().map(|l| l.value).chain([0]).collect();
    (0..=255).filter(|l| present[usize::from(*l)] && !known.contains(l)).collect()
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
    let metrics = compare::ALL.iter().filter(|metric| grid == MeasuredOn::Native || metric.unit() == "1");
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

#[cfg(test)]
mod tests {
    use super::*;
    use pulmo_ct::{Affine, Grid, Spacing};

    fn row(labels: &[u8]) -> LabelMap {
        let affine = Affine::axial(Spacing::new([10.0, 10.0, 10.0]).unwrap(), [0.0; 3]);
        LabelMap::new(Grid::new([1, 1, labels.len()], affine).unwrap(), labels.to_vec()).unwrap()
    }

    fn protocol(network_shape: Option<[usize; 3]>) -> Protocol {
        Protocol { labels: vec![Label { name: "infiltrate".into(), value: 1 }], network_shape }
    }

    fn case(name: &str, reference: &[u8], prediction: &[u8], protocol: &Protocol) -> CaseResult {
        let measures = measure_case(&row(reference), &row(prediction), protocol).unwrap();
        CaseResult { case: name.into(), outcome: Outcome::Measured(measures) }
    }

    #[test]
    fn macro_counts_cases_and_micro_counts_voxels() {
        let protocol = protocol(None);
        let failure = Failure { reason: "prediction missing".into(), hint: None };
        let cases = [
            case("a", &[1, 1, 0, 0], &[1, 1, 0, 0], &protocol),
            case("b", &[1, 1, 1, 1], &[0, 0, 0, 0], &protocol),
            case("c", &[0, 0, 0, 0], &[0, 0, 0, 0], &protocol),
            CaseResult { case: "d".into(), outcome: Outcome::Failed(failure) },
        ];
        let rows = summarise(&cases, &protocol);
        let dice = rows.iter().find(|r| r.metric == "dice").unwrap();
        let over_cases = dice.over_cases.unwrap();
        assert_eq!((over_cases.n, over_cases.left_out, over_cases.mean), (2, 1, 0.5));
        assert_eq!(dice.pooled, Some(2.0 * 2.0 / 8.0));
        let volume = rows.iter().find(|r| r.metric == "volume_error_ml").unwrap();
        assert_eq!((volume.over_cases.unwrap().mean, volume.pooled), (-4.0 / 3.0, None));
    }

    #[test]
    fn the_network_grid_sees_other_voxels_and_gives_no_volumes() {
        let protocol = protocol(Some([1, 1, 2]));
        let Outcome::Measured(measures) = case("a", &[1, 1, 0, 0], &[1, 0, 0, 0], &protocol).outcome else {
            panic!("not measured")
        };
        let [native, network] = &measures.results[..] else { panic!("two grids") };
        assert_eq!((native.grid, native.metrics[0].value), (MeasuredOn::Native, Some(2.0 / 3.0)));
        assert_eq!((native.reference_ml, native.prediction_ml), (Some(2.0), Some(1.0)));
        assert_eq!((network.grid, network.metrics[0].value), (MeasuredOn::Network, Some(1.0)));
        assert_eq!(network.reference_ml, None);
        assert!(network.metrics.iter().all(|m| m.unit == "1"));
    }

    #[test]
    fn unlisted_labels_and_other_grids_are_not_passed_over() {
        let protocol = protocol(None);
        let measures = measure_case(&row(&[1, 2, 0]), &row(&[1, 0, 7]), &protocol).unwrap();
        assert_eq!((measures.unlisted_in_reference, measures.unlisted_in_prediction), (vec![2], vec![7]));
        assert!(measure_case(&row(&[1, 2, 0]), &row(&[1, 0]), &protocol).is_err());
    }
}
