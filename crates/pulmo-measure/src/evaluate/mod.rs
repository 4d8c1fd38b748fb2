//! Many cases: every metric for every label on every grid, then macro and micro values over the cases.
//!
//! A case that could not be measured stays in the list with its reason; it is never dropped in silence.

mod case;
mod summary;

use pulmo_ct::dataset::import::is_lung;
use serde::Serialize;

use crate::compare::Settings;

pub use case::{CaseFacts, CaseMeasures, CaseResult, Failure, LabelResult, MetricValue, Outcome, measure_case};
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

    /// What its metrics are set to: [`Settings::LESION`] or [`Settings::LUNG`].
    #[must_use]
    pub fn settings(&self) -> Settings {
        if self.is_lesion() { Settings::LESION } else { Settings::LUNG }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Protocol {
    /// The labels, each on its own.
    pub labels: Vec<Label>,
    /// Shape (slices, rows, columns) of the network's grid, if Dice there is wanted too.
    pub network_shape: Option<[usize; 3]>,
}

#[cfg(test)]
mod tests;
