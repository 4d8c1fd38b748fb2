//! What a case brings along, and what the user may choose.

use pulmo_ct::format::ScanFacts;
use pulmo_ct::{CtVolume, LabelMap};
use serde::{Deserialize, Serialize};

use super::result::Interval;

/// Whose result it is, by keys: nothing here names a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The case key: a keyed hash of the study, or the user's own name of a file.
    pub case: String,
    /// What all studies of the patient share, as the caller keys it; `None` if it is not known.
    pub patient: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// SHA-256 of the model file, in hexadecimal; `None` if the mask came from elsewhere.
    pub model_sha256: Option<String>,
}

/// One lobe of a lobe map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LobeLabel {
    /// Its label in the map.
    pub label: u8,
    /// `left_upper_lobe`, `left_lower_lobe`, `right_upper_lobe`, `right_middle_lobe` or `right_lower_lobe`.
    pub id: &'static str,
}

/// Heights along the patient's axis (LPS z, in mm) at which zones are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landmarks {
    /// The carina: the fork of the windpipe.
    pub carina_z_mm: f64,
    /// Where the inferior pulmonary veins reach the heart.
    pub inferior_pulmonary_vein_z_mm: f64,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The CT.
    pub ct: &'a CtVolume,
    /// Whether the caller knows that the values are not HU (8-bit data); values that show it need not be declared.
    pub known_not_hu: bool,
    /// The opacity, on the CT's grid.
    pub opacity: &'a LabelMap,
    /// The labels that are opacity; more than one are taken together.
    pub opacity_labels: &'a [u8],
    /// The lungs, on the CT's grid, with [`pulmo_ct::phantom::LEFT_LUNG`] and [`pulmo_ct::phantom::RIGHT_LUNG`];
    /// consolidation and fluid lie inside. `None` if there is no mask.
    pub lungs: Option<&'a LabelMap>,
    /// Why the lung mask must not be used, one sentence each; any reason suppresses all that depends on it.
    pub lung_problems: &'a [String],
    /// A lobe map on the CT's grid and what its labels mean.
    pub lobes: Option<(&'a LabelMap, &'a [LobeLabel])>,
    /// Heights that cut zones, where somebody or something has found them.
    pub landmarks: Option<Landmarks>,
    /// How the CT was made.
    pub scan: &'a ScanFacts,
    /// Whose it is.
    pub subject: Subject,
    /// An interval for the opacity's volume from the model, with how it did on phantoms.
    pub interval: Option<Interval>,
}

impl Input<'_> {
    /// For each label whether it is opacity.
    pub(super) fn is_opacity(&self) -> [bool; 256] {
        let mut table = [false; 256];
        self.opacity_labels.iter().for_each(|&label| table[label as usize] = true);
        table
    }
}

/// How a lung is cut into an upper, a middle and a lower third.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeightSplit {
    /// At one and two thirds of its height along the patient's axis.
    #[default]
    Height,
    /// So that each third holds a third of its volume.
    Volume,
}

/// What the user may choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether per cent of lung is also given by the two other rules.
    pub all_rules: bool,
    /// How thirds are cut.
    pub thirds: HeightSplit,
    /// The smallest focus that is counted, in mL.
    pub smallest_focus_ml: f64,
    /// A region scores 0 below this many mL of opacity …
    pub score_floor_ml: f64,
    /// … or below this many per cent.
    pub score_floor_percent: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            all_rules: false,
            thirds: HeightSplit::Height,
            smallest_focus_ml: 0.1,
            score_floor_ml: 0.1,
            score_floor_percent: 0.1,
        }
    }
}
