//! Reads `evaluation.json`, of this version and of others: what is missing is left out, what is unknown ignored.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::model::{Cohort, Failed, Metric};
use crate::terminal::advice;

/// What its `schema` begins with.
const SCHEMA: &str = "pulmo-evaluation/";

/// An evaluation as far as a page shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Evaluation {
    schema: String,
    notes: Vec<String>,
    protocol: Protocol,
    metrics: Vec<Rule>,
    cases: Vec<Case>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Protocol {
    labels: Vec<Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
    value: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    name: String,
    unit: String,
    empty_masks: String,
}

#[derive(Debug, Deserialize)]
struct Case {
    case: String,
    #[serde(default)]
    facts: Facts,
    measured: Option<Measured>,
    failed: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts {
    patient: String,
    data_set: Option<String>,
    site: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Measured {
    results: Vec<LabelResult>,
}

#[derive(Debug, Deserialize)]
struct LabelResult {
    label: String,
    grid: String,
    reference_ml: Option<f64>,
    prediction_ml: Option<f64>,
    #[serde(default)]
    metrics: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Value {
    metric: String,
    value: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Failure {
    reason: String,
    hint: Option<String>,
}

/// Reads an evaluation; `None` if the file is another program's.
///
/// # Errors
/// If it cannot be read or says it is an evaluation and has another form.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Evaluation>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let schema = serde_json::from_slice::<serde_json::Value>(&text)
        .with_context(|| format!("`{}` is no JSON", path.display()))?;
    if !schema["schema"].as_str().is_some_and(|name| name.starts_with(SCHEMA)) {
        return Ok(None);
    }
    let found: Evaluation = serde_json::from_value(schema)
        .with_context(|| format!("`{}` is no evaluation that this version knows", path.display()))?;
    Ok(Some(found))
}

impl Evaluation {
    /// Adds cases, quantities and notes.
    ///
    /// # Errors
    /// If a case is there already: two evaluations of the same cases cannot be one table.
    pub(super) fn add_to(self, cohort: &mut Cohort) -> anyhow::Result<()> {
        cohort.notes.extend(self.notes);
        for rule in self.metrics {
            cohort.add_metric(Metric { name: rule.name, unit: rule.unit, rule: rule.empty_masks });
        }
        for case in self.cases {
            let is_measured = cohort.rows.iter().any(|row| row.case == case.case && row.reference_ml.is_some());
            if is_measured || cohort.failed.iter().any(|failed| failed.case == case.case) {
                return Err(advice(
                    format!("case `{}` is in two evaluations ({})", case.case, self.schema),
                    "show them on two pages; `pulmo compare` sets two evaluations side by side",
                ));
            }
            add_case(cohort, case, &self.protocol.labels);
        }
        Ok(())
    }
}

fn add_case(cohort: &mut Cohort, case: Case, labels: &[Label]) {
    let Some(measured) = case.measured else {
        let Failure { reason, hint } = case.failed.unwrap_or_default();
        let reason = if reason.is_empty() { "no reason is given".to_owned() } else { reason };
        cohort.failed.push(Failed { case: case.case, patient: case.facts.patient, reason, hint });
        return;
    };
    for result in measured.results.into_iter().filter(|result| result.grid == "native") {
        let row = cohort.row(&case.case, &result.label);
        row.patient.clone_from(&case.facts.patient);
        row.data_set = case.facts.data_set.clone().unwrap_or_default();
        row.site = case.facts.site.clone().unwrap_or_default();
        row.value = labels.iter().find(|label| label.name == result.label).map_or(1, |label| label.value);
        (row.reference_ml, row.prediction_ml) = (result.reference_ml, result.prediction_ml);
        row.values.extend(result.metrics.into_iter().map(|value| (value.metric, value.value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> anyhow::Result<Option<Evaluation>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn evaluations_of_other_versions_are_read_as_far_as_they_are_known() {
        let old = r#"{"schema": "pulmo-evaluation/1", "news": [1], "cases": [
            {"case": "a", "measured": {"results": [{"label": "x", "grid": "native", "reference_ml": 2.0,
             "prediction_ml": 1.5, "metrics": [{"metric": "dice", "value": null, "unit": "1"}]},
             {"label": "x", "grid": "network", "reference_ml": null, "prediction_ml": null}]}},
            {"case": "b", "failed": {"reason": "gone"}}, {"case": "c"}]}"#;
        let mut cohort = Cohort::default();
        read_text(old).unwrap().unwrap().add_to(&mut cohort).unwrap();
        assert_eq!((cohort.rows.len(), cohort.failed.len()), (1, 2));
        assert_eq!((cohort.rows[0].volume_error_ml(), cohort.rows[0].get("dice")), (Some(-0.5), None));
        let twice = read_text(old).unwrap().unwrap().add_to(&mut cohort).unwrap_err();
        assert!(twice.to_string().contains("`a`"), "{twice}");
    }

    #[test]
    fn what_is_no_evaluation_is_told_from_a_broken_one() {
        assert!(read_text(r#"{"cases": 3}"#).unwrap().is_none());
        assert!(read_text("not JSON").is_err());
        assert!(read_text(r#"{"schema": "pulmo-evaluation/1", "cases": 3}"#).is_err());
        assert!(read(Path::new("no such file.json")).is_err());
    }
}
