//! Everything about one evaluation, and the files it becomes.

use std::path::Path;

use anyhow::Context;
use pulmo::RESEARCH_USE;
use pulmo::ct::atomic;
use pulmo::ct::folder::MadeFolder;
use pulmo::ct::sentence::counted;
use pulmo::measure::compare::{self, Better};
use pulmo::measure::evaluate::paper::{PaperRow, compare_with_paper};
use pulmo::measure::evaluate::{
    CalibrationReport, CaseFlow, CaseResult, FalseAlarms, Group, Outcome, Protocol, Region, SummaryRow,
    calibration_report, divide, false_alarms, summarise,
};
use serde::Serialize;

use crate::cli::table::Table;

use super::{csv, methods, tables};

/// The name of the JSON's form; `docs/schemas/evaluation.schema.json` describes it.
pub(crate) const SCHEMA: &str = "pulmo-evaluation/1";

/// Everything about one evaluation, as it is written to evaluation.json.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    schema: &'static str,
    pulmo_version: &'static str,
    research_use: &'static str,
    pub(crate) pairing: String,
    pub(crate) notes: Vec<String>,
    pub(crate) protocol: Protocol,
    pub(crate) metrics: Vec<MetricRule>,
    pub(crate) flow: CaseFlow,
    pub(crate) cases: Vec<CaseResult>,
    pub(crate) summary: Vec<SummaryRow>,
    pub(crate) subgroups: Vec<Group>,
    pub(crate) false_alarms: Vec<FalseAlarms>,
    /// Only with probabilities.
    pub(crate) calibration: Option<CalibrationReport>,
    /// Only with `--protocol paper`.
    pub(crate) paper: Option<Vec<PaperRow>>,
    /// The metrics that tables show; files for programs hold all.
    #[serde(skip)]
    pub(crate) shown: Vec<&'static str>,
}

/// What a metric's numbers mean.
#[derive(Debug, Serialize)]
pub(crate) struct MetricRule {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) formula: &'static str,
    better: Better,
    pub(crate) empty_masks: &'static str,
}

/// What was measured, and what is known of it.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) pairing: String,
    pub(crate) notes: Vec<String>,
    pub(crate) cases: Vec<CaseResult>,
    pub(crate) not_listed: Vec<String>,
    pub(crate) region: Region,
}

/// What to make of it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) protocol: Protocol,
    pub(crate) shown: Vec<&'static str>,
    pub(crate) paper: bool,
}

impl Document {
    pub(crate) fn new(measured: Measured, wanted: Wanted) -> Self {
        let Wanted { protocol, shown, paper } = wanted;
        let cases = measured.cases;
        let metrics = compare::ALL.iter().map(|metric| MetricRule {
            name: metric.name(),
            unit: metric.unit(),
            formula: metric.formula(),
            better: metric.better(),
            empty_masks: metric.empty_rule(),
        });
        Self {
            schema: SCHEMA,
            pulmo_version: env!("CARGO_PKG_VERSION"),
            research_use: RESEARCH_USE,
            pairing: measured.pairing,
            notes: measured.notes,
            metrics: metrics.collect(),
            flow: CaseFlow::of(&cases, &measured.not_listed, &protocol),
            summary: summarise(&cases, &protocol),
            subgroups: divide(&cases, &protocol),
            false_alarms: false_alarms(&cases, &protocol),
            calibration: protocol
                .labels
                .iter()
                .find(|label| label.is_lesion())
                .and_then(|label| calibration_report(&cases, &label.name, measured.region)),
            paper: paper.then(|| compare_with_paper(&cases, &protocol)),
            cases,
            protocol,
            shown,
        }
    }

    /// Cases with numbers.
    pub(crate) fn measured(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.outcome, Outcome::Measured(_))).count()
    }

    /// Cases without.
    pub(crate) fn failed(&self) -> usize {
        self.cases.len() - self.measured()
    }

    /// The files that [`write_to`](Self::write_to) writes.
    pub(crate) const FILES: [&str; 5] =
        ["evaluation.csv", "evaluation.json", "evaluation.md", "evaluation.tex", "methods.md"];

    /// Writes all files into `folder`, which is made if it is not there.
    pub(crate) fn write_to(&self, folder: &Path) -> anyhow::Result<()> {
        let _folder = MadeFolder::make(folder)?;
        let contents = [csv::csv(&self.cases), self.json()?, self.markdown(), self.latex(), methods::methods(self)];
        for (name, content) in Self::FILES.into_iter().zip(contents) {
            atomic::write(&folder.join(name), content.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self).context("cannot form the JSON")? + "\n")
    }

    /// The tables for a terminal.
    pub(crate) fn text(&self) -> String {
        let mut parts = vec![self.headline()];
        parts.extend(tables::all(self).iter().map(Table::text));
        parts.push(tables::reading(self).join("\n"));
        parts.join("\n") + "\n" + RESEARCH_USE + "\n"
    }

    fn count(&self) -> String {
        format!("{} measured, {} failed", counted(self.measured(), "case", "cases"), self.failed())
    }

    fn headline(&self) -> String {
        let mut text = format!("{}; {}\n", self.count(), self.pairing);
        self.notes.iter().for_each(|note| text += &format!("Note: {note}\n"));
        text
    }

    fn markdown(&self) -> String {
        let mut parts = vec!["# Evaluation\n".to_owned(), format!("{}.\n", self.count())];
        parts.extend(self.notes.iter().map(|note| format!("Note: {note}\n")));
        parts.extend(tables::all(self).iter().map(Table::markdown));
        parts.push("## How to read it\n".to_owned());
        parts.push(tables::reading(self).iter().map(|line| format!("* {line}\n")).collect());
        parts.push(format!("{RESEARCH_USE}\n"));
        parts.join("\n")
    }

    /// The tables over cases; a table of every case would not fit a page, it is in evaluation.md.
    fn latex(&self) -> String {
        let mut parts = vec![
            "% Tables made by pulmo; \\input this file. No package is needed; text is UTF-8.".to_owned(),
            "% The methods are in methods.md.".to_owned(),
        ];
        parts.extend(tables::over_cases(self).iter().map(|(label, table)| table.latex(label)));
        parts.join("\n") + "\n"
    }
}
