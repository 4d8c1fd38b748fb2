//! The cases of an evaluation, as rows of a page.

use std::path::Path;

use super::judged::Judged;
use super::model::{Cohort, Failed, Metric};
use crate::cli::evaluation::{Case, Evaluation, Label, Rule};
use crate::terminal::advice;

impl Cohort {
    /// Adds cases, quantities and notes of the evaluation at a path.
    ///
    /// # Errors
    /// If a case is there already: two evaluations of the same cases cannot be one table.
    pub(super) fn add_evaluation(&mut self, evaluation: Evaluation, path: &Path) -> anyhow::Result<()> {
        self.judged.push(Judged::of(&evaluation));
        self.notes.extend(evaluation.notes);
        for Rule { name, unit, formula, empty_masks, .. } in evaluation.metrics {
            let rule = if formula.is_empty() { empty_masks } else { format!("{formula}; {empty_masks}") };
            self.add_metric(Metric { name, unit, rule });
        }
        for case in evaluation.cases {
            let is_measured = self.rows.iter().any(|row| row.case == case.name && row.reference_ml.is_some());
            if is_measured || self.failed.iter().any(|failed| failed.case == case.name) {
                return Err(advice(
                    format!("case `{}` is in two evaluations, the second is `{}`", case.name, path.display()),
                    "show them on two pages; `pulmo compare` sets two evaluations side by side",
                ));
            }
            add_case(self, case, &evaluation.protocol.labels);
        }
        Ok(())
    }
}

fn add_case(cohort: &mut Cohort, case: Case, labels: &[Label]) {
    let patient = case.facts.patient.unwrap_or_default();
    let Some(measured) = case.measured else {
        let (reason, hint) =
            case.failed.map_or_else(|| ("no reason is given".to_owned(), None), |failed| (failed.reason, failed.hint));
        cohort.failed.push(Failed { case: case.name, patient, reason, hint });
        return;
    };
    for result in measured.results.into_iter().filter(|result| result.grid == "native") {
        let row = cohort.row(&case.name, &result.label);
        row.patient.clone_from(&patient);
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

    #[test]
    fn cases_become_rows_and_none_is_there_twice() {
        let text = r#"{"schema": "pulmo-evaluation/1", "pulmo_version": "0.0.1", "news": [1],
            "protocol": {"labels": [{"name": "x", "value": 3}], "network_shape": null}, "metrics": [], "cases": [
            {"case": "a", "measured": {"shape": [1, 1, 1], "spacing_mm": [1.0, 1.0, 1.0], "results": [
             {"label": "x", "grid": "native", "overlap": {"reference": 2}, "reference_ml": 2.0,
             "prediction_ml": 1.5, "metrics": [{"metric": "dice", "value": null, "unit": "1"}]},
             {"label": "x", "grid": "network", "overlap": {"reference": 2}, "reference_ml": null,
              "prediction_ml": null, "metrics": []}]}},
            {"case": "b", "failed": {"reason": "gone"}}, {"case": "c"}]}"#;
        let evaluation: Evaluation = serde_json::from_str(text).unwrap();
        let mut cohort = Cohort::default();
        cohort.add_evaluation(evaluation.clone(), Path::new("one")).unwrap();
        assert_eq!((cohort.rows.len(), cohort.failed.len()), (1, 2));
        assert_eq!((cohort.rows[0].volume_error_ml(), cohort.rows[0].get("dice")), (Some(-0.5), None));
        assert_eq!(cohort.rows[0].value, 3);
        let twice = cohort.add_evaluation(evaluation, Path::new("two")).unwrap_err().to_string();
        assert!(twice.contains("`a`") && twice.contains("`two`"), "{twice}");
    }
}
