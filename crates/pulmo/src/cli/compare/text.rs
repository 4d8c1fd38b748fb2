//! How a comparison reads: tables for the terminal and for Markdown, and sentences for a paper.

use std::fmt::Write as _;

use pulmo::RESEARCH_USE;
use pulmo::ct::sentence::counted;
use pulmo::measure::statistics::Interval;
use pulmo::measure::statistics::bland_altman::BlandAltman;

use super::document::{Contrast, Document};
use crate::cli::table::{Table, UNDEFINED, formatted, title};

/// With fewer patients, a percentile interval is too narrow to be left without a word.
const FEW_PATIENTS: usize = 20;

/// What is printed: subgroups of the first metric only, because there are many.
pub(super) fn text(document: &Document) -> String {
    let mut text = head(document);
    let first = document.contrasts.first().map(|contrast| contrast.metric.as_str());
    for table in tables(document, first) {
        let _ = write!(text, "\n{}", table.text());
    }
    let _ = write!(text, "\n{RESEARCH_USE}\n");
    text
}

/// compare.md: every table and the methods.
pub(super) fn markdown(document: &Document) -> String {
    let mut text = String::from("# Comparison\n\n");
    head(document).lines().for_each(|line| {
        let _ = writeln!(text, "{line}\n");
    });
    for table in tables(document, None) {
        let _ = writeln!(text, "{}", table.markdown());
    }
    let _ = write!(text, "## Methods\n\n{}\n\n{RESEARCH_USE}\n", document.methods_paragraph);
    text
}

fn head(document: &Document) -> String {
    let methods: Vec<String> = document
        .methods
        .iter()
        .map(
            |method| {
                if method.runs > 1 { format!("{} ({} runs)", method.name, method.runs) } else { method.name.clone() }
            },
        )
        .collect();
    let mut text = format!(
        "{}: {} of {} measured by all, {} left out; {} grid\n",
        methods.join(", "),
        counted(document.cases, "case", "cases"),
        counted(document.patients, "patient", "patients"),
        document.left_out.len(),
        document.grid
    );
    if !document.patients_known {
        text += "No file says whose the cases are, so each counts as its own patient\n";
    }
    if document.patients < FEW_PATIENTS {
        let _ = writeln!(
            text,
            "Few patients: intervals of fewer than {FEW_PATIENTS} are too narrow, and no sign-flip p can be below 2/2^{}",
            document.patients
        );
    }
    for note in &document.notes {
        let _ = writeln!(text, "Note: {note}");
    }
    text
}

fn tables(document: &Document, only_metric: Option<&str>) -> Vec<Table> {
    let all = [contrasts(document), volumes(document), runs(document), subgroups(document, only_metric)];
    all.into_iter().filter(|table| !table.is_empty()).collect()
}

fn contrasts(document: &Document) -> Table {
    let level = percent(document.resampling.level);
    let interval = format!("{level} interval");
    let head = [
        "label",
        "metric",
        "methods",
        "cases",
        "patients",
        "mean first",
        "mean second",
        "difference",
        &interval,
        "p sign flips",
        "p Holm",
        "p Wilcoxon",
        "p Holm",
        "margin",
        "verdict",
    ];
    let mut table = Table::new("Differences (second minus first)", &head, 3);
    table.rows = document.contrasts.iter().map(contrast_row).collect();
    table.notes.push(format!(
        "Holm: over the {} tests of this table ({}), each kind of test among itself.",
        document.family.tests, document.family.members
    ));
    let undefined: Vec<String> = document
        .contrasts
        .iter()
        .filter(|contrast| contrast.undefined > 0)
        .map(|c| format!("{} of {}: {}", metric_title(&c.metric, c.absolute), c.label, c.undefined))
        .collect();
    if !undefined.is_empty() {
        table.notes.push(format!("Cases without a value by every run of both, left out: {}.", undefined.join("; ")));
    }
    if document.contrasts.iter().any(|contrast| contrast.margin.is_some()) {
        table.notes.push(
            "Verdict: non-inferior if the whole interval is better than a loss of the margin, inferior if all of it is worse."
                .into(),
        );
    }
    table
}

fn contrast_row(contrast: &Contrast) -> Vec<String> {
    let unit = contrast.unit.as_str();
    let number = |value: f64| formatted(Some(value), unit);
    let mut row = vec![
        contrast.label.clone(),
        metric_title(&contrast.metric, contrast.absolute),
        format!("{}, {}", contrast.first, contrast.second),
    ];
    match contrast.comparison {
        None => row.extend(std::iter::once("0".to_owned()).chain(std::iter::repeat_n(UNDEFINED.to_owned(), 9))),
        Some(found) => row.extend([
            found.cases.to_string(),
            found.patients.to_string(),
            number(found.mean_first),
            number(found.mean_second),
            signed(found.difference, unit),
            interval(found.interval.as_ref(), unit),
            p_value(found.permutation.map(|test| test.p)),
            p_value(contrast.permutation_p_holm),
            p_value(found.wilcoxon.map(|test| test.p)),
            p_value(contrast.wilcoxon_p_holm),
        ]),
    }
    row.push(contrast.margin.map_or(UNDEFINED.into(), |margin| margin.to_string()));
    row.push(contrast.verdict.map_or(UNDEFINED, |verdict| verdict.words()).to_owned());
    row
}

fn volumes(document: &Document) -> Table {
    let head =
        ["label", "volumes", "unit", "n", "bias", "interval", "lower limit", "interval", "upper limit", "interval"];
    let mut table = Table::new("Agreement of volumes (Bland-Altman, second minus first)", &head, 3);
    for row in &document.volumes {
        let name = format!("{}, {}", row.first, row.second);
        let cells = |unit: &str, found: &BlandAltman| {
            let number = |value: f64| signed(value, "mL");
            let ends = |ends: &Interval| interval(Some(ends), "mL");
            let mut cells = vec![row.label.clone(), name.clone(), unit.to_owned(), found.n.to_string()];
            cells.extend([number(found.bias), ends(&found.bias_interval)]);
            cells.extend([number(found.lower_limit), ends(&found.lower_interval)]);
            cells.extend([number(found.upper_limit), ends(&found.upper_interval)]);
            cells
        };
        table.rows.push(cells("mL", &row.ml));
        table.rows.extend(row.percent.as_ref().map(|found| cells("% of mean", found)));
    }
    table.notes.push("Limits: bias ± 1.96 SD. Two volumes of 0 mL have no per cent.".into());
    if document.volumes.iter().any(|row| row.repeated_measures) {
        table.notes.push(
            "Some patients have several cases: these intervals take cases for independent and are too narrow, and the \
             limits mix differences within and between patients."
                .into(),
        );
    }
    table
}

fn runs(document: &Document) -> Table {
    let head =
        ["label", "metric", "method", "runs", "cases", "mean", "SD of means", "lowest", "highest", "SD of a case"];
    let mut table = Table::new("Spread over runs", &head, 3);
    for row in &document.runs {
        let number = |value| formatted(value, &row.unit);
        let over = &row.spread.over_runs;
        let mut cells = vec![row.label.clone(), metric_title(&row.metric, row.absolute), row.method.clone()];
        cells.extend([over.n.to_string(), row.spread.cases.to_string()]);
        cells.extend([Some(over.mean), over.sd, Some(over.min), Some(over.max), row.spread.case_sd].map(number));
        table.rows.push(cells);
    }
    table.notes.push("Means are over the cases of each run. Other tables use the mean over runs of every case.".into());
    table
}

fn subgroups(document: &Document, only_metric: Option<&str>) -> Table {
    let interval_title = format!("{} interval", percent(document.resampling.level));
    let head = [
        "by",
        "group",
        "label",
        "metric",
        "methods",
        "cases",
        "patients",
        "mean first",
        "mean second",
        "difference",
        &interval_title,
    ];
    let mut table = Table::new("Subgroups", &head, 5);
    let shown = document.subgroups.iter().filter(|row| only_metric.is_none_or(|metric| row.metric == metric));
    for row in shown {
        let mut cells = vec![row.by.to_owned(), row.group.clone(), row.label.clone()];
        cells.extend([metric_title(&row.metric, row.absolute), format!("{}, {}", row.first, row.second)]);
        cells.extend([row.cases.to_string(), row.patients.to_string()]);
        cells.extend([row.mean_first, row.mean_second].map(|mean| formatted(Some(mean), &row.unit)));
        cells.extend([signed(row.difference, &row.unit), interval(row.interval.as_ref(), &row.unit)]);
        table.rows.push(cells);
    }
    table.notes.push("Intervals are not corrected for the number of subgroups; none of them is a test.".into());
    if only_metric.is_some() && document.subgroups.len() > table.rows.len() {
        table.notes.push("Subgroups of the other metrics stand in the files of -o FOLDER.".into());
    }
    table
}

/// What was done, in sentences for the methods section of a paper.
pub(super) fn methods_paragraph(document: &Document) -> String {
    let how = &document.resampling;
    let level = percent(how.level);
    let mut text = format!(
        "Paired comparison by pulmo {} of {} of {} that every method had measured (evaluations by pulmo {}; \
         cases left out, which are listed: {}). Differences are second method minus first; of metrics that are best near \
         zero the absolute value was compared. {level} intervals of mean differences are percentile bootstrap intervals of \
         {} resamples in which patients were drawn with replacement with all their cases (seed {}). ",
        env!("CARGO_PKG_VERSION"),
        counted(document.cases, "case", "cases"),
        counted(document.patients, "patient", "patients"),
        document.evaluated_by.join(", "),
        document.left_out.len(),
        how.resamples,
        how.seed
    );
    let _ = write!(
        text,
        "Two-sided p-values are from a paired permutation test that flips the signs of all differences of a patient \
         together (all arrangements up to 16 patients, otherwise {} drawn ones with p = (b + 1)/(m + 1), seed {}), and from \
         Wilcoxon's signed-rank test of the patients' mean differences (zeros left out; exact up to 50 without zeros and \
         ties and up to 13 with them, otherwise the normal approximation with tie correction). Each was corrected after \
         Holm over all tests that were made ({}). ",
        how.resamples, how.seed, document.family.tests
    );
    let margins: std::collections::BTreeSet<String> =
        document.contrasts.iter().filter_map(|c| Some(format!("{} {}", title(&c.metric), c.margin?))).collect();
    if !margins.is_empty() {
        let margins: Vec<String> = margins.into_iter().collect();
        let _ = write!(
            text,
            "Non-inferiority was judged by the whole {level} interval lying above a loss of the margin ({}). ",
            margins.join(", ")
        );
    }
    if document.methods.iter().any(|method| method.runs > 1) {
        text += "Of methods with several runs each case had the mean over the runs; the spread over runs is that of the run means. ";
    }
    text += "Agreement of volumes is given as bias and limits of agreement (bias ± 1.96 SD) with intervals after Bland and \
             Altman 1999.";
    if !document.patients_known {
        text += " Patients were not known; each case counted as its own.";
    }
    text
}

fn metric_title(name: &str, absolute: bool) -> String {
    if absolute { format!("|{}|", title(name)) } else { title(name) }
}

fn percent(level: f64) -> String {
    format!("{} %", (1000.0 * level).round() / 10.0)
}

fn signed(value: f64, unit: &str) -> String {
    let text = formatted(Some(value), unit);
    if value > 0.0 { format!("+{text}") } else { text }
}

fn interval(interval: Option<&Interval>, unit: &str) -> String {
    interval.map_or(UNDEFINED.into(), |ends| format!("{} to {}", signed(ends.low, unit), signed(ends.high, unit)))
}

fn p_value(p: Option<f64>) -> String {
    match p {
        None => UNDEFINED.into(),
        Some(p) if p < 0.0001 => "<0.0001".into(),
        Some(p) => format!("{p:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(p_value(Some(0.000_099_99)), "<0.0001");
        assert_eq!((p_value(Some(0.05)), p_value(None)), ("0.0500".into(), "-".into()));
        assert_eq!(percent(0.95), "95 %");
        assert_eq!((signed(0.01, "1"), signed(-0.01, "1")), ("+0.010".into(), "-0.010".into()));
        let ends = Interval { low: -1.0, high: 2.0, level: 0.95 };
        assert_eq!(interval(Some(&ends), "mL"), "-1.0 to +2.0");
        assert_eq!(metric_title("volume_error_ml", true), "|Volume error mL|");
    }
}
