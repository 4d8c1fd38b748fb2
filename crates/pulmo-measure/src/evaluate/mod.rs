//! Many cases: every metric for every label on every grid, then macro and micro values over the cases.
//!
//! A case that could not be measured stays in the list with its reason; it is never dropped in silence.

mod calibration;
mod case;
mod false_alarm;
mod flow;
pub mod paper;
pub mod published;
mod recognise;
mod subgroup;
mod summary;

use pulmo_ct::dataset::import::is_lung;
use serde::Serialize;

use crate::compare::Settings;
use crate::statistics::Resampling;

pub use calibration::{BINS, CalibrationReport, CaseCalibration, CurvePoint, Region, calibration_report};
pub use case::{CaseFacts, CaseMeasures, CaseResult, Cause, Failure, LabelResult, MetricValue, Outcome, measure_case};
pub use false_alarm::{FalseAlarms, UNDER_ML, UNDER_PERCENT, false_alarms};
pub use flow::{CaseFlow, Excluded, Step, Undefined};
pub use subgroup::{Division, Group, divide};
pub use summary::{SummaryRow, summarise};

/// A label to measure: its name in tables and its value in label maps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Name in tables.
    pub name: String,
    /// Value in label maps, not 0.
    pub value: u8,
}

impl Label {
    /// Whether it is a finding; `lung`, `left lung` and `right lung` are none.
    #[must_use]
    pub fn is_lesion(&self) -> bool {
        !is_lung(&self.name)
    }
}

/// The grid that a number was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredOn {
    /// The grid of the files.
    Native,
    /// Both masks resized by nearest neighbour to the network's shape (see [`resize_nearest`](crate::network_grid::resize_nearest)).
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protocol {
    /// The labels, each on its own.
    pub labels: Vec<Label>,
    /// Shape (slices, rows, columns) of the network's grid, if Dice there is wanted too.
    pub network_shape: Option<[usize; 3]>,
    /// What the metrics of lesions are set to.
    pub lesion_settings: Settings,
    /// What the metrics of lungs are set to.
    pub lung_settings: Settings,
    /// How patients are drawn for the intervals of means.
    pub resampling: Resampling,
}

impl Protocol {
    /// Measures `labels` on their own grid, with the settings of Ma et al. and 10,000 draws.
    #[must_use]
    pub fn of(labels: Vec<Label>) -> Self {
        Self {
            labels,
            network_shape: None,
            lesion_settings: Settings::LESION,
            lung_settings: Settings::LUNG,
            resampling: Resampling::default(),
        }
    }

    /// What the metrics of a label are set to.
    #[must_use]
    pub fn settings(&self, label: &Label) -> Settings {
        if label.is_lesion() { self.lesion_settings } else { self.lung_settings }
    }
}

#[cfg(test)]
mod tests;
