//! The one reader of `evaluation.json`, which `cli::evaluate::document` writes: what is unknown is ignored.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use pulmo::ct;
use pulmo::measure::compare::Better;
use serde::{Deserialize, Serialize};

/// What the `schema` of an evaluation begins with.
const SCHEMA: &str = "pulmo-evaluation/";
const HINT: &str = "give a folder made by `pulmo evaluate … -o FOLDER`, or the evaluation.json in it";

/// An evaluation as far as other commands need it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) pulmo_version: String,
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    pub(crate) protocol: Protocol,
    pub(crate) metrics: Vec<Rule>,
    pub(crate) flow: Option<Flow>,
    pub(crate) cases: Vec<Case>,
    #[serde(default)]
    pub(crate) subgroups: Vec<Group>,
    #[serde(default)]
    pub(crate) false_alarms: Vec<FalseAlarms>,
    pub(crate) calibration: Option<CalibrationReport>,
}

/// From the cases that were found to those that were measured.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Flow {
    pub(crate) steps: Vec<Step>,
    pub(crate) excluded: Vec<Excluded>,
    pub(crate) empty_masks: Vec<EmptyMasks>,
}

/// One step of the flow.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    pub(crate) what: String,
    pub(crate) cases: usize,
}

/// A case that was left out.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Excluded {
    pub(crate) case: String,
    pub(crate) cause: String,
    pub(crate) reason: String,
}

/// Measured cases with empty masks of a label.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EmptyMasks {
    pub(crate) label: String,
    pub(crate) both_empty: usize,
    pub(crate) reference_empty: usize,
    pub(crate) prediction_empty: usize,
}

/// A part of the cases.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Group {
    pub(crate) division: String,
    pub(crate) group: String,
    pub(crate) cases: usize,
    pub(crate) summary: Vec<SummaryRow>,
}

/// A metric of a label over the cases of a part.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SummaryRow {
    pub(crate) label: String,
    pub(crate) metric: String,
    pub(crate) unit: String,
    #[serde(rename = "macro")]
    pub(crate) over_cases: Option<Spread>,
    #[serde(rename = "macro_interval")]
    pub(crate) interval: Option<Ends>,
}

/// How values are spread.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Spread {
    pub(crate) n: usize,
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// The ends of an interval.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ends {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What predictions mark where the reference shows nothing of a label.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FalseAlarms {
    pub(crate) label: String,
    pub(crate) lesion_free: usize,
    pub(crate) silent: usize,
    pub(crate) false_positive_ml: Spread,
    pub(crate) share_under_1_ml: f64,
    pub(crate) with_lungs: usize,
    pub(crate) share_under_1_percent_of_lung: Option<f64>,
}

/// Whether probabilities are what they say.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CalibrationReport {
    pub(crate) label: String,
    pub(crate) region: String,
    pub(crate) expected_error: Spread,
    pub(crate) pooled_expected_error: Option<f64>,
    pub(crate) pooled_brier: Option<f64>,
    pub(crate) curve: Vec<CurvePoint>,
}

/// A bin of the reliability curve.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CurvePoint {
    pub(crate) voxels: u64,
    pub(crate) mean_probability: Option<f64>,
    pub(crate) reference_share: Option<f64>,
}

/// What was measured.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Protocol {
    pub(crate) labels: Vec<Label>,
    pub(crate) network_shape: Option<[usize; 3]>,
    /// What the metrics were set to; earlier versions do not say.
    #[serde(default)]
    pub(crate) lesion_settings: Option<Settings>,
    #[serde(default)]
    pub(crate) lung_settings: Option<Settings>,
}

/// What the metrics of a label were set to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Settings {
    pub(crate) tolerance_mm: f64,
    pub(crate) lesions: LesionRule,
}

/// What a lesion was, and when it counted as found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct LesionRule {
    pub(crate) connectivity: String,
    pub(crate) least_ml: f64,
    pub(crate) overlap: f64,
}

/// A label and its value in the masks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) value: u8,
}

/// What a metric's numbers mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Earlier versions do not say.
    #[serde(default)]
    pub(crate) formula: String,
    pub(crate) better: Direction,
    #[serde(default)]
    pub(crate) empty_masks: String,
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
pub(crate) struct Direction(#[serde(with = "BetterForm")] pub(crate) Better);

/// A case with its numbers or with the reason why there are none.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    #[serde(rename = "case")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) facts: Facts,
    pub(crate) measured: Option<Measured>,
    pub(crate) failed: Option<Failed>,
}

/// What is known of a case; earlier versions wrote nothing of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    pub(crate) patient: Option<String>,
    pub(crate) data_set: Option<String>,
    pub(crate) site: Option<String>,
}

/// The numbers of a case.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Measured {
    pub(crate) shape: [usize; 3],
    pub(crate) spacing_mm: [f64; 3],
    pub(crate) reference_sha256: Option<String>,
    pub(crate) results: Vec<LabelResult>,
}

/// The numbers of one label on one grid.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LabelResult {
    pub(crate) label: String,
    pub(crate) grid: String,
    pub(crate) overlap: Overlap,
    pub(crate) reference_ml: Option<f64>,
    pub(crate) prediction_ml: Option<f64>,
    pub(crate) metrics: Vec<Value>,
}

/// Voxel counts; that of the prediction is no concern here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Overlap {
    pub(crate) reference: u64,
}

/// One value of one metric.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Value {
    pub(crate) metric: String,
    pub(crate) value: Option<f64>,
}

/// Why a case has no numbers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Failed {
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
}

impl Rule {
    /// Whether both say the same of a metric; an earlier version says nothing of the formula.
    pub(crate) fn means_the_same_as(&self, other: &Self) -> bool {
        let formulas = [&self.formula, &other.formula];
        let formula_agrees = formulas.iter().any(|formula| formula.is_empty()) || formulas[0] == formulas[1];
        formula_agrees
            && (&self.name, &self.unit, self.better, &self.empty_masks)
                == (&other.name, &other.unit, other.better, &other.empty_masks)
    }
}

impl Case {
    /// The result of one label on one grid.
    pub(crate) fn result(&self, label: &str, grid: &str) -> Option<&LabelResult> {
        self.measured.as_ref()?.results.iter().find(|result| result.label == label && result.grid == grid)
    }

    /// The value of a metric, where it is defined.
    pub(crate) fn value(&self, label: &str, grid: &str, metric: &str) -> Option<f64> {
        self.result(label, grid)?.metrics.iter().find(|value| value.metric == metric)?.value
    }
}

impl Evaluation {
    /// The case of this name.
    pub(crate) fn case(&self, name: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.name == name)
    }
}

/// Reads the evaluation at `path`, a folder or a file.
///
/// # Errors
/// If it cannot be read, is no evaluation, has another form, or names a case twice.
pub(crate) fn read(path: &Path) -> anyhow::Result<Evaluation> {
    let path = &if path.is_dir() { path.join("evaluation.json") } else { path.to_owned() };
    match read_or_schema(path)? {
        Ok(evaluation) => Ok(evaluation),
        Err(Some(schema)) => Err(bad(path, format!("its schema is `{schema}`, not `{SCHEMA}1`"))),
        Err(None) => Err(bad(path, format!("it has no field `schema` that says `{SCHEMA}1`"))),
    }
}

/// Reads an evaluation; `None` if the file is another program's.
///
/// # Errors
/// As [`read`], for files that say they are evaluations.
pub(crate) fn read_if_ours(path: &Path) -> anyhow::Result<Option<Evaluation>> {
    Ok(read_or_schema(path)?.ok())
}

/// The evaluation, or what another file says of its schema.
fn read_or_schema(path: &Path) -> anyhow::Result<Result<Evaluation, Option<String>>> {
    let text =
        std::fs::read(path).map_err(|error| ct::Error::read(path, error)).context("cannot read an evaluation")?;
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| bad(path, format!("it is no JSON: {error}")))?;
    match document["schema"].as_str() {
        Some(schema) if schema.starts_with(SCHEMA) => {}
        other => return Ok(Err(other.map(str::to_owned))),
    }
    // Read again from the text, because errors then name the line.
    let evaluation: Evaluation = serde_json::from_slice(&text)
        .map_err(|error| bad(path, format!("it is no evaluation that is known here: {error}")))?;
    let mut names = BTreeSet::new();
    match evaluation.cases.iter().find(|case| !names.insert(case.name.as_str())) {
        Some(twice) => Err(bad(path, format!("case `{}` is in it twice", twice.name))),
        None => Ok(Ok(evaluation)),
    }
}

fn bad(path: &Path, problem: String) -> anyhow::Error {
    ct::Error::invalid(path, problem, HINT).into()
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
        let rule =
            |formula: &str, unit: &str| Rule { formula: formula.into(), unit: unit.into(), ..found.metrics[0].clone() };
        let said = rule("P - R", "mL");
        assert!(found.metrics[0].means_the_same_as(&said) && said.means_the_same_as(&said));
        assert!(!said.means_the_same_as(&rule("R - P", "mL")) && !said.means_the_same_as(&rule("P - R", "L")));
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
    fn another_programs_file_is_told_from_a_broken_one() {
        let told = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            read_if_ours(file.path())
        };
        assert!(told(r#"{"cases": 3}"#).unwrap().is_none());
        assert!(told("not JSON").is_err());
        assert!(told(r#"{"schema": "pulmo-evaluation/1", "cases": 3}"#).is_err());
        assert!(read_if_ours(Path::new("no such file.json")).is_err());
    }
}
