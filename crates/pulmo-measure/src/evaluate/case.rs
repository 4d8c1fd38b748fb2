//! One case: its numbers or its reason, and what is known of it.

use std::collections::BTreeSet;

use pulmo_ct::dataset::digest;
use pulmo_ct::{LabelMap, Result};
use serde::Serialize;

use super::{CaseCalibration, Label, MeasuredOn, Protocol};
use crate::compare::{self, MaskPair, Overlap};
use crate::network_grid::resize_nearest;

/// What is known of a case beside its masks: by these a table is divided and patients are resampled.
///
/// Codes only, as the user's own list has them; nothing is read from a file that could name a patient.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CaseFacts {
    /// The patient's code; the case's name where no list gives one, so that each case is its own patient.
    pub patient: String,
    /// Name of the data set, if it is known.
    pub data_set: Option<String>,
    /// Code of the site, if it is known.
    pub site: Option<String>,
    /// Distance of slice centres in mm; `None` for a case that could not be read.
    pub slice_spacing_mm: Option<f64>,
    /// Whether the reference holds no voxel of any measured label that is a lesion; `None` as above.
    pub lesion_free: Option<bool>,
}

impl CaseFacts {
    /// The facts of a case of which no list says more than its name.
    #[must_use]
    pub fn of_case(case: &str) -> Self {
        Self { patient: case.to_owned(), ..Self::default() }
    }

    /// Adds what the masks show.
    #[must_use]
    pub fn with_measures(mut self, measures: &CaseMeasures, protocol: &Protocol) -> Self {
        self.slice_spacing_mm = Some(measures.spacing_mm[0]);
        let lesions: Vec<&str> = protocol.labels.iter().filter(|l| l.is_lesion()).map(|l| l.name.as_str()).collect();
        let native = measures.results.iter().filter(|result| result.grid == MeasuredOn::Native);
        let voxels = native.filter(|result| lesions.contains(&result.label.as_str())).map(|r| r.overlap.reference);
        self.lesion_free = (!lesions.is_empty()).then(|| voxels.sum::<u64>() == 0);
        self
    }
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
    /// Every metric in the order of [`compare::ALL`]; on the network's grid without those that need mm or mL.
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
    /// Volume of the lungs in mL, if a lung mask was given.
    pub lung_ml: Option<f64>,
    /// Calibration, if probabilities were given.
    pub calibration: Option<CaseCalibration>,
    /// SHA-256 of the reference's labels, one byte a voxel in C order: by it a published mask is known again.
    pub reference_sha256: String,
    /// Whether the prediction's axes were turned or flipped onto the reference's, which is exact.
    pub prediction_turned: bool,
}

/// What kind of thing kept a case from being measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There is no prediction of its name.
    PredictionMissing,
    /// There is no reference of its name.
    ReferenceMissing,
    /// A file cannot be read as a mask.
    Unreadable,
    /// The prediction's voxels are not those of the reference.
    OtherGrid,
    /// No data list in question names it.
    NotListed,
}

impl Cause {
    /// In words, for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PredictionMissing => "no prediction",
            Self::ReferenceMissing => "no reference",
            Self::Unreadable => "a mask cannot be read",
            Self::OtherGrid => "the prediction is on another grid",
            Self::NotListed => "a prediction of no case in question",
        }
    }
}

/// Why a case has no numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of thing went wrong.
    pub cause: Cause,
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
    /// What is known of it.
    pub facts: CaseFacts,
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

impl CaseResult {
    /// What was measured, if anything.
    #[must_use]
    pub fn measures(&self) -> Option<&CaseMeasures> {
        match &self.outcome {
            Outcome::Measured(measures) => Some(measures),
            Outcome::Failed(_) => None,
        }
    }

    /// Volume in mL of all lesion labels of the reference, if the case was measured.
    #[must_use]
    pub fn opacity_ml(&self, protocol: &Protocol) -> Option<f64> {
        self.measures()?;
        let lesions = protocol.labels.iter().filter(|label| label.is_lesion());
        Some(lesions.filter_map(|label| self.native(&label.name)?.reference_ml).sum())
    }

    /// The numbers of a label on a grid, if the case was measured there.
    #[must_use]
    pub fn result(&self, label: &str, grid: MeasuredOn) -> Option<&LabelResult> {
        self.measures()?.results.iter().find(|result| result.label == label && result.grid == grid)
    }

    /// The numbers of a label on the native grid.
    #[must_use]
    pub fn native(&self, label: &str) -> Option<&LabelResult> {
        self.result(label, MeasuredOn::Native)
    }
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
        results.push(measure_label(
            &MaskPair::new(reference, prediction, label.value)?.with(protocol.settings(label)),
            label,
            MeasuredOn::Native,
        ));
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
        lung_ml: None,
        calibration: None,
        reference_sha256: digest::of_bytes(reference.labels()),
        prediction_turned: false,
    })
}

fn measure_label(pair: &MaskPair, label: &Label, grid: MeasuredOn) -> LabelResult {
    let native = grid == MeasuredOn::Native;
    // Nearest resizing samples voxels, so volumes on the network's grid are only approximate and are not given.
    let metrics = compare::ALL.iter().filter(|metric| native || !metric.native_only());
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
