//! The data of a report: what was measured, by what, from what. Every rendering is made from it alone.

use pulmo_engine::result::{CaseResult, ModelNote};
use pulmo_measure::quantify::{FollowUp, Quantities};
use serde::{Deserialize, Serialize};

/// One report. Names nobody unless [`Report::identity`] is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`Report::SCHEMA`].
    pub schema: String,
    /// The case key.
    pub case: String,
    /// Who it is, only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<Identity>,
    /// What was measured.
    pub quantities: Quantities,
    /// The change since an earlier CT, if one was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub follow_up: Option<FollowUp>,
    /// What the CT was read from.
    pub input: Input,
    /// Where the mask of the opacity comes from.
    pub mask: Mask,
    /// Where the lung mask comes from; `None` without one.
    pub lungs: Option<Lungs>,
    /// What a reader must know of reading and segmenting, one sentence each.
    pub warnings: Vec<String>,
    /// The program's version.
    pub pulmo_version: String,
    /// [`crate::RESEARCH_USE`].
    pub notice: String,
}

impl Report {
    /// The form of these data, as `docs/schemas/report.schema.json` describes it; another number means other fields.
    pub const SCHEMA: &'static str = "pulmo.report.1";

    /// The report as JSON with two spaces per level and a line break at its end.
    ///
    /// # Errors
    /// If a number is not finite, which no measurement gives.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// Who was scanned and when, as the CT's file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The patient's name, its parts separated by spaces.
    pub name: String,
    /// The patient's ID.
    pub id: String,
    /// The study's date as YYYY-MM-DD; empty if there is none.
    pub study_date: String,
}

/// What the CT was read from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// By what the input is known again: a keyed hash of its series UID or of the file's content.
    pub source: String,
    /// The format by name.
    pub format: String,
    /// How voxels are stored there.
    pub encoding: String,
    /// Files read.
    pub files: usize,
}

/// Where the mask of the opacity comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mask {
    /// SHA-256 of the mask's file in hexadecimal; `None` if it was not read from one.
    pub sha256: Option<String>,
    /// The model that made it; `None` if that is not known.
    pub model: Option<ModelNote>,
}

impl Mask {
    /// The mask that a result speaks of.
    #[must_use]
    pub fn of(result: &CaseResult) -> Self {
        Self { sha256: None, model: Some(result.model.clone()) }
    }
}

/// Where a lung mask comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lungs {
    /// What made it.
    pub maker: LungMaker,
    /// SHA-256 of the mask's file in hexadecimal, if it was read from one.
    pub sha256: Option<String>,
    /// Why it failed or is doubtful, one sentence each.
    pub problems: Vec<String>,
}

/// What makes lung masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LungMaker {
    /// Thresholds, components and shape ([`pulmo_ct::lungs`]).
    #[default]
    Threshold,
    /// A file that the user gave.
    File,
    /// The model that marked the opacity.
    Model,
}
