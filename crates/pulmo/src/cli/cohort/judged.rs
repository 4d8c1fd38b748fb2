//! What an evaluation says of all its cases: the flow, parts of the cases, false alarms, calibration.

use std::collections::BTreeSet;
use std::fmt::Write;

use pulmo::chart::{Bin, Titles, escape, number, reliability};
use pulmo::ct::sentence::counted;
use pulmo::page::figure;

use super::model::title;
use super::table::shown;
use crate::cli::evaluate::SHOWN;
use crate::cli::evaluation::{CalibrationReport, Evaluation, FalseAlarms, Flow, Group, SummaryRow};

/// What stands on the page once for each evaluation.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Its data sets, where they are known, and how many cases it lists.
    name: String,
    flow: Option<Flow>,
    subgroups: Vec<Group>,
    false_alarms: Vec<FalseAlarms>,
    calibration: Option<CalibrationReport>,
}

/// Heads of columns and rows of cells, in which a line may break.
struct Table<'a> {
    head: &'a [String],
    rows: Vec<Vec<String>>,
    /// Columns of words from the left that may be broken anywhere; the others hold names and numbers.
    words: usize,
}

impl Judged {
    pub(super) fn of(evaluation: &Evaluation) -> Self {
        let sets: BTreeSet<&str> = evaluation
            .cases
            .iter()
            .filter_map(|case| case.facts.data_set.as_deref())
            .filter(|set| !set.is_empty())
            .collect();
        let sets: String = sets.iter().map(|set| format!("{set}, ")).collect();
        Self {
            name: format!("{sets}{}", counted(evaluation.cases.len(), "case", "cases")),
            flow: evaluation.flow.clone(),
            subgroups: evaluation.subgroups.clone(),
            false_alarms: evaluation.false_alarms.clone(),
            calibration: evaluation.calibration.clone(),
        }
    }

    /// A heading for where several evaluations stand on the page.
    pub(super) fn heading(&self, number: usize, all: usize) -> String {
        format!("<h2>Evaluation {number} of {all}: {}</h2>\n", escape(&self.name))
    }

    /// The sections that have something to say, as HTML.
    pub(super) fn html(&self) -> String {
        let mut body = String::new();
        if let Some(flow) = &self.flow {
            flow_section(&mut body, flow);
        }
        subgroups(&mut body, &self.subgroups);
        false_alarms(&mut body, &self.false_alarms);
        if let Some(calibration) = &self.calibration {
            calibration_section(&mut body, calibration);
        }
        body
    }
}

fn push_table(body: &mut String, table: &Table<'_>) {
    let class = |column: usize| if column < table.words { " class=\"words\"" } else { "" };
    body.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
    for (column, head) in table.head.iter().enumerate() {
        let _ = write!(body, "<th scope=\"col\"{}>{}</th>", class(column), escape(head));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        body.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let lines = escape(cell).replace('\n', "<br>");
            let _ = write!(body, "<td{}>{lines}</td>", class(column));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n</table></div>\n");
}

fn heads(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn flow_section(body: &mut String, flow: &Flow) {
    body.push_str("<h2>Case flow</h2>\n");
    let mut rows: Vec<Vec<String>> =
        flow.steps.iter().map(|step| vec![step.what.clone(), step.cases.to_string()]).collect();
    for empty in &flow.empty_masks {
        for (what, cases) in [
            ("both masks empty (no Dice)", empty.both_empty),
            ("only the reference empty (Dice 0)", empty.reference_empty),
            ("only the prediction empty (Dice 0)", empty.prediction_empty),
        ] {
            rows.push(vec![format!("of these, {}: {what}", empty.label), cases.to_string()]);
        }
    }
    push_table(body, &Table { head: &heads(&["Step", "Cases"]), rows, words: 1 });
    if flow.excluded.is_empty() {
        body.push_str("<p class=\"soft\">No case was left out.</p>\n");
        return;
    }
    body.push_str("<h3>Left out, each with its reason</h3>\n");
    let rows = flow
        .excluded
        .iter()
        .map(|one| vec![one.case.clone(), one.cause.replace('_', " "), one.reason.clone()])
        .collect();
    push_table(body, &Table { head: &heads(&["Case", "Cause", "Reason"]), rows, words: 3 });
}

/// One table for each division and label.
fn subgroups(body: &mut String, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    body.push_str("<h2>Parts of the cases</h2>\n");
    let mut divisions: Vec<&str> = Vec::new();
    for group in groups {
        if !divisions.contains(&group.division.as_str()) {
            divisions.push(&group.division);
        }
    }
    for division in divisions {
        let of: Vec<&Group> = groups.iter().filter(|group| group.division == division).collect();
        let mut labels: Vec<&str> = Vec::new();
        for row in of.iter().flat_map(|group| &group.summary) {
            if !labels.contains(&row.label.as_str()) {
                labels.push(&row.label);
            }
        }
        for label in &labels {
            let name = if labels.len() > 1 { format!(": {}", escape(label)) } else { String::new() };
            let _ = writeln!(body, "<h3>By {}{name}</h3>", escape(&division.replace('_', " ")));
            push_table(body, &division_table(&of, label, &mut Vec::new()));
        }
    }
    body.push_str(
        "<p class=\"soft\">Means over the cases of a part, each counted once, with the bootstrap interval that draws \
         patients where there are two or more.</p>\n",
    );
}

fn division_table<'a>(groups: &[&Group], label: &str, head: &'a mut Vec<String>) -> Table<'a> {
    let row_of = |group: &'_ &Group, metric: &str| -> Option<SummaryRow> {
        group.summary.iter().find(|row| row.label == label && row.metric == metric && row.over_cases.is_some()).cloned()
    };
    let metrics: Vec<&str> =
        SHOWN.into_iter().filter(|metric| groups.iter().any(|group| row_of(group, metric).is_some())).collect();
    *head = heads(&["Part", "Cases"]);
    for metric in &metrics {
        let unit = groups.iter().find_map(|group| row_of(group, metric)).map(|row| row.unit).unwrap_or_default();
        let unit = if unit == "1" { String::new() } else { format!(" ({unit})") };
        head.push(format!("{}{unit}", title(metric)));
    }
    let rows = groups
        .iter()
        .map(|group| {
            let mut cells = vec![group.group.clone(), group.cases.to_string()];
            cells.extend(metrics.iter().map(|metric| row_of(group, metric).map_or_else(|| "–".to_owned(), mean)));
            cells
        })
        .collect();
    Table { head, rows, words: 0 }
}

/// `0.842` above `(0.790 to 0.881)`.
fn mean(row: SummaryRow) -> String {
    let value = shown(row.over_cases.map(|summary| summary.mean), &row.unit);
    row.interval.map_or(value.clone(), |interval| {
        format!("{value}\n({} to {})", shown(Some(interval.low), &row.unit), shown(Some(interval.high), &row.unit))
    })
}

fn false_alarms(body: &mut String, alarms: &[FalseAlarms]) {
    if alarms.is_empty() {
        return;
    }
    body.push_str("<h2>False alarms in lesion-free cases</h2>\n");
    let head = [
        "Label",
        "Lesion-free cases",
        "Nothing marked",
        "Mean (mL)",
        "Median (mL)",
        "Most (mL)",
        "Under 1 mL",
        "Under 1 % of lung",
    ];
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let rows = alarms
        .iter()
        .map(|one| {
            let volume = &one.false_positive_ml;
            let of_lung = one.share_under_1_percent_of_lung.map_or_else(
                || "no lung masks".to_owned(),
                |share| format!("{} of {}", percent(share), one.with_lungs),
            );
            vec![
                one.label.clone(),
                one.lesion_free.to_string(),
                one.silent.to_string(),
                shown(Some(volume.mean), "mL"),
                shown(Some(volume.median), "mL"),
                shown(Some(volume.max), "mL"),
                percent(one.share_under_1_ml),
                of_lung,
            ]
        })
        .collect();
    push_table(body, &Table { head: &heads(&head), rows, words: 1 });
}

fn calibration_section(body: &mut String, found: &CalibrationReport) {
    let bins: Vec<Bin> = found
        .curve
        .iter()
        .filter(|point| point.voxels > 0)
        .map(|point| Bin {
            probability: point.mean_probability.unwrap_or(f64::NAN),
            share: point.reference_share.unwrap_or(f64::NAN),
            voxels: point.voxels,
        })
        .collect();
    let caption = "Reliability curve";
    let titles = Titles { title: caption, x: "mean probability", y: "share in the reference" };
    let told = |value: Option<f64>| number(value.unwrap_or(f64::NAN));
    let _ = write!(
        body,
        "<h2>Calibration: {}</h2>\n<div class=\"charts\">\n{}</div>\n<p class=\"soft\">Probabilities against the share of \
         voxels that carry the label in the reference, {}, over the voxels of all cases; below the dashed line the model \
         is too sure. Expected calibration error {} (mean over {}: {}), Brier score {}.</p>\n",
        escape(&found.label),
        figure(caption, &reliability(titles, &bins)),
        if found.region == "lungs" { "inside the lung masks" } else { "in the whole volume, air included" },
        told(found.pooled_expected_error),
        counted(found.expected_error.n, "case", "cases"),
        number(found.expected_error.mean),
        told(found.pooled_brier),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_say_what_the_evaluation_holds_and_nothing_else() {
        assert_eq!(Judged::default().html(), "");
        let summary = r#"{"n": 2, "left_out": 0, "mean": 0.5, "median": 0.5, "max": 0.75}"#;
        let text = format!(
            r#"{{"schema": "pulmo-evaluation/1", "pulmo_version": "0", "protocol": {{"labels": [], "network_shape": null}},
            "metrics": [], "cases": [{{"case": "c", "facts": {{"data_set": "a & b"}}}}],
            "flow": {{"steps": [{{"what": "found <x>", "cases": 3}}], "excluded": [{{"case": "c", "cause": "other_grid",
             "reason": "4 voxels & more"}}], "empty_masks": [{{"label": "x", "both_empty": 7, "reference_empty": 0,
             "prediction_empty": 0}}]}},
            "subgroups": [{{"division": "slice_spacing", "group": "under 3 mm", "cases": 2, "summary": [{{"label": "x",
             "metric": "dice", "unit": "1", "macro": {summary}, "macro_interval": {{"low": 0.25, "high": 0.75}}}}]}}],
            "false_alarms": [{{"label": "x", "lesion_free": 4, "silent": 3, "false_positive_ml": {summary},
             "share_under_1_ml": 0.75, "with_lungs": 0, "share_under_1_percent_of_lung": null}}],
            "calibration": {{"label": "x", "region": "lungs", "expected_error": {summary}, "pooled_expected_error": 0.125,
             "pooled_brier": null, "curve": [{{"voxels": 8, "mean_probability": 0.9, "reference_share": 0.5}},
             {{"voxels": 0, "mean_probability": null, "reference_share": null}}]}}}}"#
        );
        let judged = Judged::of(&serde_json::from_str(&text).unwrap());
        assert_eq!(judged.heading(2, 3), "<h2>Evaluation 2 of 3: a &#38; b, 1 case</h2>\n");
        let html = judged.html();
        for part in [
            "found &#60;x&#62;</td><td>3</td>",
            "<td class=\"words\">other grid</td><td class=\"words\">4 voxels &#38; more</td>",
            "both masks empty (no Dice)</td><td>7</td>",
            "By slice spacing",
            "<td>under 3 mm</td><td>2</td><td>0.500<br>(0.250 to 0.750)</td>",
            "<td>4</td><td>3</td><td>0.5</td><td>0.5</td><td>0.8</td><td>75 %</td><td>no lung masks</td>",
            "probability 0.900: 0.500 of 8 voxels",
            "Expected calibration error 0.125 (mean over 2 cases: 0.500), Brier score not defined",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }
}
