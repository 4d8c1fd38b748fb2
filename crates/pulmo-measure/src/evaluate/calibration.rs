//! Whether probabilities are what they say, case by case and over all cases.

use serde::Serialize;

use super::CaseResult;
use crate::compare::calibration::Calibration;
use crate::statistics::Summary;

/// Bins of the reliability curve.
pub const BINS: usize = 10;

/// Where calibration is measured. Air around the patient is easy and makes every error small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Inside the lung masks.
    Lungs,
    /// In the whole volume.
    Volume,
}

impl Region {
    /// In words, for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Lungs => "inside the lung masks",
            Self::Volume => "in the whole volume, air included",
        }
    }
}

/// Calibration of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseCalibration {
    /// Voxels that count.
    pub voxels: u64,
    /// Expected calibration error.
    pub expected_error: Option<f64>,
    /// Brier score.
    pub brier: Option<f64>,
    /// The bins, from which cases are pooled.
    #[serde(skip)]
    pub curve: Calibration,
}

impl From<Calibration> for CaseCalibration {
    fn from(curve: Calibration) -> Self {
        Self { voxels: curve.voxels(), expected_error: curve.expected_error(), brier: curve.brier(), curve }
    }
}

/// A point of the reliability curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Lower end of the bin; a probability on it belongs to the bin below.
    pub over: f64,
    /// Upper end of the bin.
    pub up_to: f64,
    /// Voxels of all cases in it.
    pub voxels: u64,
    /// Their mean probability.
    pub mean_probability: Option<f64>,
    /// The share of them that carries the label in the reference.
    pub reference_share: Option<f64>,
}

/// Calibration over all cases that have probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationReport {
    /// Name of the label that the probabilities speak of.
    pub label: String,
    /// Which voxels count.
    pub region: Region,
    /// Expected calibration error, each case once.
    pub expected_error: Summary,
    /// Expected calibration error over the voxels of all cases.
    pub pooled_expected_error: Option<f64>,
    /// Brier score over the voxels of all cases.
    pub pooled_brier: Option<f64>,
    /// The reliability curve over the voxels of all cases.
    pub curve: Vec<CurvePoint>,
}

/// Puts the cases together; `None` if no case has probabilities.
#[must_use]
pub fn calibration_report(cases: &[CaseResult], label: &str, region: Region) -> Option<CalibrationReport> {
    let measured: Vec<&CaseCalibration> =
        cases.iter().filter_map(|case| case.measures()?.calibration.as_ref()).collect();
    let mut pooled = measured.first()?.curve.clone();
    // All were measured with the same number of bins.
    measured[1..].iter().try_for_each(|one| pooled.pool(&one.curve)).ok()?;
    let bins = pooled.bins.len() as f64;
    let points = pooled.bins.iter().enumerate().map(|(at, bin)| CurvePoint {
        over: at as f64 / bins,
        up_to: (at + 1) as f64 / bins,
        voxels: bin.voxels,
        mean_probability: bin.mean_probability(),
        reference_share: bin.reference_share(),
    });
    Some(CalibrationReport {
        label: label.to_owned(),
        region,
        expected_error: Summary::of(&measured.iter().map(|one| one.expected_error).collect::<Vec<_>>())?,
        pooled_expected_error: pooled.expected_error(),
        pooled_brier: pooled.brier(),
        curve: points.collect(),
    })
}
