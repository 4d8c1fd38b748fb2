//! What an evaluation looks like: a table on the terminal, CSV (long form) and JSON.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use pulmo::RESEARCH_USE;
use pulmo::ct::atomic;
use pulmo::measure::compare::{self, Better};
use pulmo::measure::evaluate::{
    CaseMeasures, CaseResult, LabelResult, MeasuredOn, MetricValue, Outcome, Protocol, SummaryRow,
};
use serde::Serialize;

/// Stands for a value that is not defined.
const UNDEFINED: &str = "-";

/// Everything about one evaluation, as it is written to evaluation.json.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    pulmo_version: &'static str,
    research_use: &'static str,
    pairing: String,
    notes: Vec<String>,
    protocol: Protocol,
    metrics: Vec<MetricRule>,
    pub(super) cases: Vec<CaseResult>,
    summary: Vec<SummaryRow>,
}

/// What a metric's numbers mean.
#[derive(Debug, Serialize)]
struct MetricRule {
    name: &'static str,
    unit: &'static str,
    better: Better,
    empty_masks: &'static str,
}

impl Document {
    pub(super) fn new(
        pairing: String,
        notes: Vec<String>,
        protocol: Protocol,
        cases: Vec<CaseResult>,
        summary: Vec<SummaryRow>,
    ) -> Self {
        let metrics = compare::ALL.iter().map(|metric| MetricRule {
            name: metric.name(),
            unit: metric.unit(),
            better: metric.better(),
            empty_masks: metric.empty_rule(),
        });
        Self {
            schema: "pulmo-evaluation/1",
            pulmo_version: env!("CARGO_PKG_VERSION"),
            research_use: RESEARCH_USE,
            pairing,
            notes,
            protocol,
            metrics: metrics.collect(),
            cases,
            summary,
        }
    }

    /// Cases with numbers.
    pub(super) fn measured(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.outcome, Outcome::Measured(_))).count()
    }

    /// Cases without.
    pub(super) fn failed(&self) -> usize {
        self.cases.len() - self.measured()
    }

    /// Writes evaluation.csv and evaluation.json into `folder`.
    pub(super) fn write_to(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make folder `{}`", folder.display()))?;
        atomic::write(&folder.join("evaluation.csv"), self.csv().as_bytes())?;
        atomic::write(&folder.join("evaluation.json"), self.json()?.as_bytes())?;
        Ok(())
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self).context("cannot form the JSON")? + "\n")
    }

    /// Long form: one line per number, and one for each case without numbers.
    pub(super) fn csv(&self) -> String {
        let mut csv = String::from("case,label,grid,quantity,value,unit,status\n");
        for case in &self.cases {
            match &case.outcome {
                Outcome::Failed(failure) => {
                    let _ =
                        writeln!(csv, "{},,,,,,{}", quoted(&case.case), quoted(&format!("failed: {}", failure.reason)));
                }
                Outcome::Measured(measures) => measures.results.iter().for_each(|r| csv_lines(&mut csv, &case.case, r)),
            }
        }
        csv
    }

    /// Header, one line per case and label, and the means.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} cases measured, {} failed; {}\n", self.measured(), self.failed(), self.pairing);
        for note in &self.notes {
            let _ = writeln!(text, "Note: {note}");
        }
        for metric in &self.metrics {
            let _ = writeln!(text, "{}: {}", title(metric.name), metric.empty_masks);
        }
        if let Some(shape) = self.protocol.network_shape {
            let [slices, rows, columns] = shape;
            let _ =
                writeln!(text, "Network's grid: both masks resized to {slices}x{rows}x{columns} by nearest neighbour");
        }
        let _ = write!(text, "\n{}\n{}", self.case_table(), self.summary_table());
        let _ = writeln!(
            text,
            "\nMean, SD, median and quartiles count each case once (macro); pooled counts each voxel once (micro)."
        );
        let _ = writeln!(text, "{RESEARCH_USE}");
        text
    }

    fn case_table(&self) -> String {
        let network = self.protocol.network_shape.is_some();
        let mut head = vec!["case", "label", "Dice"];
        head.extend(network.then_some("Dice, network's grid"));
        head.extend(["prediction mL", "reference mL", "error mL"]);
        let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        for case in &self.cases {
            match &case.outcome {
                Outcome::Failed(_) => rows.push(vec![case.case.clone(), "failed".into()]),
                Outcome::Measured(measures) => {
                    let native = measures.results.iter().filter(|r| r.grid == MeasuredOn::Native);
                    rows.extend(native.map(|result| case_row(&case.case, result, measures, network)));
                }
            }
        }
        aligned(&rows)
    }

    fn summary_table(&self) -> String {
        let head = ["label", "metric, grid", "n", "left out", "mean", "SD", "median", "quartiles", "pooled"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for row in &self.summary {
            let number = |value: f64| formatted(Some(value), row.unit);
            let mut cells = vec![row.label.clone(), format!("{}, {}", title(row.metric), row.grid.name())];
            match &row.over_cases {
                None => cells.extend(["0".to_owned(), self.measured().to_string()]),
                Some(s) => cells.extend([
                    s.n.to_string(),
                    s.left_out.to_string(),
                    number(s.mean),
                    formatted(s.sd, row.unit),
                    number(s.median),
                    format!("{} to {}", number(s.q1), number(s.q3)),
                ]),
            }
            cells.resize(head.len() - 1, UNDEFINED.into());
            cells.push(formatted(row.pooled, row.unit));
            rows.push(cells);
        }
        aligned(&rows)
    }
}

fn case_row(case: &str, native: &LabelResult, measures: &CaseMeasures, network: bool) -> Vec<String> {
    let value =
        |result: &LabelResult, name: &str| result.metrics.iter().find(|m| m.metric == name).and_then(|m| m.value);
    let mut cells = vec![case.to_owned(), native.label.clone(), formatted(value(native, "dice"), "1")];
    if network {
        let small = measures.results.iter().find(|r| r.grid == MeasuredOn::Network && r.label == native.label);
        cells.push(formatted(small.and_then(|r| value(r, "dice")), "1"));
    }
    let volumes = [native.prediction_ml, native.reference_ml, value(native, "volume_error_ml")];
    cells.extend(volumes.map(|volume| formatted(volume, "mL")));
    cells
}

fn csv_lines(csv: &mut String, case: &str, result: &LabelResult) {
    let volumes = [("reference_ml", result.reference_ml), ("prediction_ml", result.prediction_ml)];
    let volumes = volumes.into_iter().filter(|(_, volume)| volume.is_some());
    let volumes = volumes.map(|(metric, value)| MetricValue { metric, value, unit: "mL" });
    for MetricValue { metric, value, unit } in volumes.chain(result.metrics.iter().cloned()) {
        let (value, status) = value.map_or((String::new(), "not defined"), |value| (value.to_string(), "ok"));
        let (case, label, grid) = (quoted(case), quoted(&result.label), result.grid.name());
        let _ = writeln!(csv, "{case},{label},{grid},{metric},{value},{unit},{status}");
    }
}

/// A metric's name for readers: `volume_error_ml` becomes `Volume error mL`.
fn title(name: &str) -> String {
    let words = name.replace("_ml", " mL").replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn formatted(value: Option<f64>, unit: &str) -> String {
    match (value, unit) {
        (None, _) => UNDEFINED.into(),
        (Some(value), "1") => format!("{value:.3}"),
        (Some(value), _) => format!("{value:.1}"),
    }
}

/// A CSV field, in quotes where it must be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Rows as lines: the first two columns to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_and_fields_are_quoted() {
        let rows = [vec!["case", "label", "Dice"], vec!["a", "infiltrate", "1.000"], vec!["b", "failed"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|&c| c.to_owned()).collect()).collect();
        assert_eq!(aligned(&rows), "case  label        Dice\na     infiltrate  1.000\nb     failed\n");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(title("volume_error_ml"), "Volume error mL");
    }
}
