//! Reads the results of `pulmo evaluate`, of this version and of others: what is unknown is ignored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::ct;
use pulmo::measure::compare::Better;
use serde::{Deserialize, Serialize};

/// What the `schema` of an evaluation begins with.
const SCHEMA: &str = "pulmo-evaluation/";
const HINT: &str = "give a folder made by `pulmo evaluate … -o FOLDER`, or the evaluation.json in it";

/// An evaluation as far as a comparison needs it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Evaluation {
    pub(super) pulmo_version: String,
    #[serde(default)]
    pub(super) notes: Vec<String>,
    pub(super) protocol: Protocol,
    pub(super) metrics: Vec<Rule>,
    pub(super) cases: Vec<Case>,
}

/// What was measured.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Protocol {
    pub(super) labels: Vec<Label>,
    pub(super) network_shape: Option<[usize; 3]>,
    /// What the metrics were set to; earlier versions do not say.
    #[serde(default)]
    pub(super) lesion_settings: Option<Settings>,
    #[serde(default)]
    pub(super) lung_settings: Option<Settings>,
}

/// What the metrics of a label were set to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Settings {
    pub(super) tolerance_mm: f64,
    pub(super) lesions: LesionRule,
}

/// What a lesion was, and when it counted as found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct LesionRule {
    pub(super) connectivity: String,
    pub(super) least_ml: f64,
    pub(super) overlap: f64,
}

/// A label and its value in the masks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
    pub(super) value: u8,
}

/// What a metric's numbers mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) better: Direction,
    #[serde(default)]
    pub(super) empty_masks: String,
}

/// Which values are good ones; [`Better`] as it is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Better")]
enum BetterForm {
    Higher,
    Lower,
    NearZero,
}

/// A direction from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Direction(#[serde(with = "BetterForm")] pub(super) Better);

/// A case with its numbers or with the reason why there are none.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case {
    #[serde(rename = "case")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) facts: Facts,
    pub(super) measured: Option<Measured>,
    pub(super) failed: Option<Failed>,
}

/// What is known of a case; earlier versions wrote nothing of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) patient: Option<String>,
    pub(super) data_set: Option<String>,
    pub(super) site: Option<String>,
}

/// The numbers of a case.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Measured {
    pub(super) shape: [usize; 3],
    pub(super) spacing_mm: [f64; 3],
    pub(super) reference_sha256: Option<String>,
    pub(super) results: Vec<LabelResult>,
}

/// The numbers of one label on one grid.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LabelResult {
    pub(super) label: String,
    pub(super) grid: String,
    pub(super) overlap: Overlap,
    pub(super) reference_ml: Option<f64>,
    pub(super) prediction_ml: Option<f64>,
    pub(super) metrics: Vec<Value>,
}

/// Voxel counts; that of the prediction is no concern here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Overlap {
    pub(super) reference: u64,
}

/// One value of one metric.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Value {
    pub(super) metric: String,
    pub(super) value: Option<f64>,
}

/// Why a case has no numbers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Failed {
    pub(super) reason: String,
}

impl Case {
    /// The result of one label on one grid.
    pub(super) fn result(&self, label: &str, grid: &str) -> Option<&LabelResult> {
        self.measured.as_ref()?.results.iter().find(|result| result.label == label && result.grid == grid)
    }

    /// The value of a metric, where it is defined.
    pub(super) fn value(&self, label: &str, grid: &str, metric: &str) -> Option<f64> {
        self.result(label, grid)?.metrics.iter().find(|value| value.metric == metric)?.value
    }
}

impl Evaluation {
    /// The case of this name.
    pub(super) fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }
}

/// What `[NAME=]PATH` on the command line says; a path that exists is never taken apart.
pub(super) fn parse(text: &str) -> (Option<String>, PathBuf) {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !Path::new(text).exists() => (Some(name.to_owned()), path.into()),
        _ => (None, text.into()),
    }
}

/// The name of a result that was given none: that of its folder, or of its file.
pub(super) fn default_name(path: &Path) -> String {
    let named = if path.file_name().is_some_and(|name| name == "evaluation.json") { path.parent() } else { Some(path) };
    let name = named.and_then(|path| if path.is_dir() { path.file_name() } else { path.file_stem() });
    name.map_or_else(|| "evaluation".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Reads the evaluation at `path`, a folder or a file.
///
/// # Errors
/// If it cannot be read, is no evaluation, has another form, or names a case twice.
pub(super) fn read(path: &Path) -> anyhow::Result<Evaluation> {
    let path = &if path.is_dir() { path.join("evaluation.json") } else { path.to_owned() };
    let text =
        std::fs::read(path).map_err(|error| ct::Error::read(path, error)).context("cannot read an evaluation")?;
    let bad = |problem: String| ct::Error::invalid(path, problem, HINT);
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| bad(format!("it is no JSON: {error}")))?;
    match document["schema"].as_str() {
        Some(schema) if schema.starts_with(SCHEMA) => {}
        Some(schema) => return Err(bad(format!("its schema is `{schema}`, not `{SCHEMA}1`")).into()),
        None => return Err(bad(format!("it has no field `schema` that says `{SCHEMA}1`")).into()),
    }
    // Read again from the text, because errors then name the line.
    let evaluation: Evaluation = serde_json::from_slice(&text)
        .map_err(|error| bad(format!("it is no evaluation that is known here: {error}")))?;
    let mut names = BTreeSet::new();
    match evaluation.cases.iter().find(|case| !names.insert(case.name.as_str())) {
        Some(twice) => Err(bad(format!("case `{}` is in it twice", twice.name)).into()),
        None => Ok(evaluation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> anyhow::Result<Evaluation> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("evaluation.json"), text).unwrap();
        read(folder.path())
    }

    #[test]
    fn what_is_not_known_is_ignored_and_what_is_missing_is_named() {
        let text = r#"{"schema": "pulmo-evaluation/1", "pulmo_version": "0.1.0", "news": 1,
            "protocol": {"labels": [{"name": "x", "value": 1}], "network_shape": null},
            "metrics": [{"name": "e_ml", "unit": "mL", "better": "near_zero"}],
            "cases": [{"case": "a", "failed": {"reason": "gone", "hint": null}}]}"#;
        let found = read_text(text).unwrap();
        assert_eq!(found.metrics[0].better, Direction(Better::NearZero));
        assert_eq!(found.cases[0].failed.as_ref().unwrap().reason, "gone");
        assert_eq!(found.cases[0].facts.patient, None);
        for (from, to, said) in [
            (r#""metrics""#, r#""metric""#, "missing field `metrics`"),
            ("evaluation/1", "segmentation/1", "its schema is `pulmo-segmentation/1`"),
            (r#""schema""#, r#""form""#, "no field `schema`"),
            (r#""cases": ["#, r#""cases": [{"case": "a"}, "#, "case `a` is in it twice"),
            ("near_zero", "sideways", "unknown variant `sideways`"),
            ("{", "[", "no JSON"),
        ] {
            let error = format!("{:#}", read_text(&text.replacen(from, to, 1)).unwrap_err());
            assert!(error.contains(said) && error.contains("evaluation.json"), "{error}");
        }
    }

    #[test]
    fn names_come_from_the_command_line_or_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a=b");
        std::fs::create_dir(&odd).unwrap();
        assert_eq!(parse("new=runs/2"), (Some("new".into()), "runs/2".into()));
        assert_eq!(parse(&odd.to_string_lossy()), (None, odd.clone()));
        assert_eq!(default_name(&odd), "a=b");
        assert_eq!(default_name(&odd.join("evaluation.json")), "a=b");
        assert_eq!(default_name(Path::new("x/y.json")), "y");
    }
}
