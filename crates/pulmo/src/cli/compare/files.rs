//! compare.csv, compare.json and compare.md.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use pulmo::ct::atomic;
use pulmo::ct::folder::MadeFolder;
use pulmo::measure::statistics::Interval;
use pulmo::measure::statistics::bland_altman::BlandAltman;

use super::document::Document;
use super::text;
use crate::cli::table::quoted;

/// The files that [`write_to`] writes.
pub(super) const FILES: [&str; 3] = ["compare.csv", "compare.json", "compare.md"];

/// Writes them into `folder`, which is made if it is not there.
pub(super) fn write_to(document: &Document, folder: &Path) -> anyhow::Result<()> {
    let contents = [csv(document), json(document)?, text::markdown(document)];
    let _folder = MadeFolder::make(folder)?;
    for (name, content) in FILES.into_iter().zip(contents) {
        atomic::write(&folder.join(name), content.as_bytes())?;
    }
    Ok(())
}

/// The whole document.
pub(super) fn json(document: &Document) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document).context("cannot form the JSON")? + "\n")
}

/// Lines of one table: what stands in front of the quantity.
struct Lines<'a> {
    csv: &'a mut String,
    front: String,
}

impl Lines<'_> {
    fn word(&mut self, quantity: &str, value: &str) {
        let _ = writeln!(self.csv, "{},{quantity},{}", self.front, quoted(value));
    }

    fn number(&mut self, quantity: &str, value: Option<f64>) {
        self.word(quantity, &value.map_or(String::new(), |value| value.to_string()));
    }

    fn count(&mut self, quantity: &str, value: usize) {
        self.word(quantity, &value.to_string());
    }

    fn ends(&mut self, quantity: &str, interval: Option<&Interval>) {
        self.number(&format!("{quantity}_low"), interval.map(|ends| ends.low));
        self.number(&format!("{quantity}_high"), interval.map(|ends| ends.high));
    }

    fn agreement(&mut self, unit: &str, found: &BlandAltman) {
        self.count(&format!("{unit}_n"), found.n);
        let lines = [
            ("bias", found.bias, found.bias_interval),
            ("lower_limit", found.lower_limit, found.lower_interval),
            ("upper_limit", found.upper_limit, found.upper_interval),
        ];
        for (what, value, interval) in lines {
            self.number(&format!("{unit}_{what}"), Some(value));
            self.ends(&format!("{unit}_{what}"), Some(&interval));
        }
        self.number(&format!("{unit}_sd"), Some(found.sd));
    }
}

/// Long form: one line per number. Numbers have all their digits; an empty value is one that is not defined.
fn csv(document: &Document) -> String {
    let mut csv = String::from("table,label,metric,unit,first,second,by,group,quantity,value\n");
    contrasts(document, &mut csv);
    for row in &document.volumes {
        let mut lines = Lines::new(&mut csv, "volumes", &[&row.label, "", "", &row.first, &row.second, "", ""]);
        lines.agreement("ml", &row.ml);
        row.percent.iter().for_each(|found| lines.agreement("percent", found));
        lines.count("percent_undefined", row.percent_undefined);
    }
    for row in &document.runs {
        let mut lines = Lines::new(&mut csv, "runs", &[&row.label, &row.metric, &row.unit, &row.method, "", "", ""]);
        let over = &row.spread.over_runs;
        lines.count("runs", over.n);
        lines.count("cases", row.spread.cases);
        for (number, mean) in row.spread.run_means.iter().enumerate() {
            lines.number(&format!("mean_of_run_{}", number + 1), Some(*mean));
        }
        let rest = [("mean", Some(over.mean)), ("sd_of_means", over.sd), ("lowest_mean", Some(over.min))];
        let rest = rest.into_iter().chain([("highest_mean", Some(over.max)), ("sd_of_a_case", row.spread.case_sd)]);
        rest.for_each(|(quantity, value)| lines.number(quantity, value));
    }
    for row in &document.subgroups {
        let front = [&row.label, &row.metric, &row.unit, &row.first, &row.second, row.by, &row.group];
        let mut lines = Lines::new(&mut csv, "subgroups", &front);
        lines.count("cases", row.cases);
        lines.count("patients", row.patients);
        lines.number("mean_first", Some(row.mean_first));
        lines.number("mean_second", Some(row.mean_second));
        lines.number("difference", Some(row.difference));
        lines.ends("difference", row.interval.as_ref());
    }
    csv
}

fn contrasts(document: &Document, csv: &mut String) {
    for row in &document.contrasts {
        let front = [&row.label, &row.metric, &row.unit, &row.first, &row.second, "", ""];
        let mut lines = Lines::new(csv, "differences", &front);
        let found = row.comparison.as_ref();
        lines.count("cases", found.map_or(0, |found| found.cases));
        lines.count("patients", found.map_or(0, |found| found.patients));
        lines.count("undefined", row.undefined);
        lines.number("mean_first", found.map(|found| found.mean_first));
        lines.number("mean_second", found.map(|found| found.mean_second));
        lines.number("difference", found.map(|found| found.difference));
        lines.ends("difference", found.and_then(|found| found.interval.as_ref()));
        lines.number("p_sign_flips", found.and_then(|found| Some(found.permutation?.p)));
        lines.number("p_sign_flips_holm", row.permutation_p_holm);
        lines.number("p_wilcoxon", found.and_then(|found| Some(found.wilcoxon?.p)));
        lines.number("p_wilcoxon_holm", row.wilcoxon_p_holm);
        if let Some(margin) = row.margin {
            lines.number("margin", Some(margin));
            lines.word("verdict", row.verdict.map_or("", |verdict| verdict.words()));
        }
    }
}

impl<'a> Lines<'a> {
    fn new(csv: &'a mut String, table: &str, front: &[&str]) -> Self {
        let fields: Vec<String> = std::iter::once(table).chain(front.iter().copied()).map(quoted).collect();
        Self { csv, front: fields.join(",") }
    }
}
