//! The tables of an evaluation, made once for all their looks.

use pulmo::ct::sentence::counted;
use pulmo::measure::evaluate::{
    CaseResult, FalseAlarms, LabelResult, MeasuredOn, Outcome, SummaryRow, UNDER_ML, UNDER_PERCENT,
};

use super::document::Document;
use crate::cli::table::{Table, UNDEFINED, formatted, title};

/// What the letters of a formula mean.
pub(super) const NAMES: &str = "P is the prediction, R the reference, |…| counts voxels";

/// Excluded cases that a table names; the JSON has all.
const EXCLUDED_SHOWN: usize = 50;

/// Every table that has lines, in reading order.
pub(super) fn all(document: &Document) -> Vec<Table> {
    let mut tables = vec![cases(document)];
    tables.extend(over_cases(document).into_iter().map(|(_, table)| table));
    tables
}

/// The tables over cases that have lines, each with a short name.
pub(super) fn over_cases(document: &Document) -> Vec<(&'static str, Table)> {
    let tables = vec![
        ("summary", summary(document)),
        ("paper", paper(document)),
        ("published", published(document)),
        ("subgroups", subgroups(document)),
        ("false_alarms", false_alarms(&document.false_alarms)),
        ("calibration", calibration(document)),
        ("flow", flow(document)),
        ("excluded", excluded(document)),
    ];
    tables.into_iter().filter(|(_, table)| !table.is_empty()).collect()
}

/// What a reader of the tables must know, line by line.
pub(super) fn reading(document: &Document) -> Vec<String> {
    let shown = document.metrics.iter().filter(|metric| document.shown.contains(&metric.name));
    let mut lines: Vec<String> =
        shown.map(|metric| format!("{}: {}; {}", title(metric.name), metric.formula, metric.empty_masks)).collect();
    lines.insert(0, NAMES.to_owned());
    if let Some([slices, rows, columns]) = document.protocol.network_shape {
        lines.push(format!("Network's grid: both masks resized to {slices}x{rows}x{columns} by nearest neighbour"));
    }
    lines.push(settings(document));
    let how = &document.protocol.resampling;
    lines.push(format!(
        "Mean, SD, median and quartiles count each case once (macro); pooled counts each voxel once (micro); {:.0} % \
         intervals of means by {} bootstrap draws of patients (seed {})",
        100.0 * how.level,
        how.resamples,
        how.seed
    ));
    lines
}

/// What the metrics are set to, as a sentence without an end.
pub(super) fn settings(document: &Document) -> String {
    let (lesions, lungs) = (&document.protocol.lesion_settings, &document.protocol.lung_settings);
    let overlap = match lesions.lesions.overlap {
        0.0 => "one shared voxel".to_owned(),
        share => format!("{:.0} % of its voxels and at least one", 100.0 * share),
    };
    format!(
        "Surfaces agree within {} mm for lesions and {} mm for lungs; a lesion is a connected component of at least {} mL \
         and is found by {overlap} in the other mask",
        lesions.tolerance_mm, lungs.tolerance_mm, lesions.lesions.least_ml
    )
}

fn cases(document: &Document) -> Table {
    let mut head = vec!["case".to_owned(), "label".to_owned()];
    head.extend(document.shown.iter().map(|name| title(name)));
    let network = document.protocol.network_shape.is_some();
    head.extend(network.then(|| "Dice, network's grid".to_owned()));
    head.extend(["prediction mL", "reference mL"].map(str::to_owned));
    let mut table = Table { head, ..Table::new("Cases", &[], 2) };
    for case in &document.cases {
        match &case.outcome {
            Outcome::Failed(_) => table.rows.push(vec![case.case.clone(), "failed".into()]),
            Outcome::Measured(measures) => {
                let native = measures.results.iter().filter(|result| result.grid == MeasuredOn::Native);
                table.rows.extend(native.map(|result| case_row(case, result, document)));
            }
        }
    }
    let turned = document.cases.iter().filter(|case| case.measures().is_some_and(|m| m.prediction_turned)).count();
    if turned > 0 {
        table.notes.push(format!(
            "The axes of {turned} predictions were turned or flipped onto those of their references, which is exact."
        ));
    }
    table
}

fn case_row(case: &CaseResult, native: &LabelResult, document: &Document) -> Vec<String> {
    let value = |result: &LabelResult, name: &str| {
        result.metrics.iter().find(|m| m.metric == name).map_or(UNDEFINED.into(), |m| formatted(m.value, m.unit))
    };
    let mut cells = vec![case.case.clone(), native.label.clone()];
    cells.extend(document.shown.iter().map(|name| value(native, name)));
    if document.protocol.network_shape.is_some() {
        let small = case.result(&native.label, MeasuredOn::Network);
        cells.push(small.map_or(UNDEFINED.into(), |result| value(result, "dice")));
    }
    cells.extend([native.prediction_ml, native.reference_ml].map(|volume| formatted(volume, "mL")));
    cells
}

fn summary(document: &Document) -> Table {
    let head = ["label", "metric, grid", "n", "left out", "mean", "95 %", "SD", "median", "quartiles", "pooled"];
    let mut table = Table::new("Over all cases", &head, 2);
    table.head[5] = format!("{:.0} % interval", 100.0 * document.protocol.resampling.level);
    for row in document.summary.iter().filter(|row| document.shown.contains(&row.metric)) {
        let mut cells = vec![row.label.clone(), format!("{}, {}", title(row.metric), row.grid.name())];
        cells.extend(described(row, document.measured()));
        table.rows.push(cells);
    }
    table
}

/// n, left out, mean, interval, SD, median, quartiles, pooled.
fn described(row: &SummaryRow, cases: usize) -> Vec<String> {
    let number = |value: f64| formatted(Some(value), row.unit);
    let mut cells = match &row.over_cases {
        None => vec!["0".to_owned(), cases.to_string()],
        Some(s) => vec![
            s.n.to_string(),
            s.left_out.to_string(),
            number(s.mean),
            row.interval.map_or(UNDEFINED.into(), |i| format!("{} to {}", number(i.low), number(i.high))),
            formatted(s.sd, row.unit),
            number(s.median),
            format!("{} to {}", number(s.q1), number(s.q3)),
        ],
    };
    cells.resize(7, UNDEFINED.into());
    cells.push(formatted(row.pooled, row.unit));
    cells
}

fn paper(document: &Document) -> Table {
    let head = ["data set", "grid", "n", "no Dice", "failed", "mean Dice", "interval", "SD", "pooled"];
    let mut table = Table::new("The paper's protocol: Dice per data set", &head, 2);
    for row in document.paper.iter().flatten() {
        for dice in &row.dice {
            let summary = dice.over_cases.as_ref();
            let interval = dice.macro_interval.map(|i| format!("{:.3} to {:.3}", i.low, i.high));
            table.rows.push(vec![
                row.data_set.clone(),
                if dice.grid == MeasuredOn::Network { "resized" } else { "native" }.to_owned(),
                summary.map_or(0, |s| s.n).to_string(),
                summary.map_or(row.measured, |s| s.left_out).to_string(),
                row.failed.to_string(),
                formatted(summary.map(|s| s.mean), "1"),
                interval.unwrap_or(UNDEFINED.into()),
                formatted(summary.and_then(|s| s.sd), "1"),
                formatted(dice.micro, "1"),
            ]);
        }
        table.notes.push(format!("{}: {}.", row.data_set, row.why));
    }
    if !table.is_empty() {
        table.notes.push(
            "No Dice: both masks are empty on that grid; small infiltrates can vanish from both when they are resized."
                .to_owned(),
        );
    }
    table
}

fn published(document: &Document) -> Table {
    let head = ["data set", "published by", "of", "same cases", "Dice", "SD"];
    let mut table = Table::new("Published figures beside it", &head, 4);
    for row in document.paper.iter().flatten() {
        for beside in &row.published {
            let figure = &beside.figure;
            table.rows.push(vec![
                row.data_set.clone(),
                figure.who.to_owned(),
                figure.of.to_owned(),
                if beside.same_cases { "yes" } else { "no" }.to_owned(),
                format!("{:.3}", figure.dice),
                formatted(figure.sd, "1"),
            ]);
            let remark = format!("{} {:.3}: {}; {}.", figure.who, figure.dice, figure.source, beside.remark);
            let remark = remark.replace("; .", ".");
            if !table.notes.contains(&remark) {
                table.notes.push(remark);
            }
        }
    }
    table
}

fn subgroups(document: &Document) -> Table {
    let head =
        ["by", "group", "label", "metric", "n", "left out", "mean", "interval", "SD", "median", "quartiles", "pooled"];
    let mut table = Table::new("Subgroups, native grid", &head, 4);
    for group in &document.subgroups {
        for row in group.summary.iter().filter(|row| document.shown.contains(&row.metric)) {
            let words = [group.division.words(), &group.group, &row.label, &title(row.metric)].map(str::to_owned);
            let mut cells = words.to_vec();
            cells.extend(described(row, group.cases));
            table.rows.push(cells);
        }
    }
    table
}

fn false_alarms(alarms: &[FalseAlarms]) -> Table {
    let head = [
        "label",
        "cases without it",
        "silent",
        "mean mL",
        "median mL",
        "largest mL",
        "under 1 mL",
        "under 1 % of lung",
    ];
    let mut table = Table::new("False alarms: cases whose reference has none of the label", &head, 1);
    for one in alarms {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let ml = &one.false_positive_ml;
        let of_lung =
            one.share_under_1_percent_of_lung.map(|share| format!("{} (n = {})", percent(share), one.with_lungs));
        table.rows.push(vec![
            one.label.clone(),
            one.lesion_free.to_string(),
            one.silent.to_string(),
            formatted(Some(ml.mean), "mL"),
            formatted(Some(ml.median), "mL"),
            formatted(Some(ml.max), "mL"),
            percent(one.share_under_1_ml),
            of_lung.unwrap_or("no lung masks".into()),
        ]);
    }
    if !table.is_empty() {
        table.notes.push(format!(
            "Shares of the cases with false positives under {UNDER_ML} mL and under {UNDER_PERCENT} % of the lung mask's volume."
        ));
    }
    table
}

fn calibration(document: &Document) -> Table {
    let head = ["probability over", "up to", "voxels", "mean probability", "share in reference"];
    let mut table = Table::new("Calibration: reliability curve over the voxels of all cases", &head, 0);
    let Some(report) = &document.calibration else { return table };
    for point in &report.curve {
        table.rows.push(vec![
            format!("{:.1}", point.over),
            format!("{:.1}", point.up_to),
            point.voxels.to_string(),
            formatted(point.mean_probability, "1"),
            formatted(point.reference_share, "1"),
        ]);
    }
    let each = &report.expected_error;
    table.notes.push(format!(
        "Probabilities of {} {}. Expected calibration error: mean {:.4} over {}, pooled {}; Brier score {}.",
        report.label,
        report.region.words(),
        each.mean,
        counted(each.n, "case", "cases"),
        report.pooled_expected_error.map_or(UNDEFINED.into(), |error| format!("{error:.4}")),
        report.pooled_brier.map_or(UNDEFINED.into(), |brier| format!("{brier:.4}")),
    ));
    table
}

fn flow(document: &Document) -> Table {
    let mut table = Table::new("Case flow", &["step", "cases"], 1);
    let flow = &document.flow;
    table.rows.extend(flow.steps.iter().map(|step| vec![step.what.clone(), step.cases.to_string()]));
    for empty in &flow.empty_masks {
        for (what, cases) in [
            ("both masks empty (no Dice)", empty.both_empty),
            ("only the reference empty (Dice 0)", empty.reference_empty),
            ("only the prediction empty (Dice 0)", empty.prediction_empty),
        ] {
            table.rows.push(vec![format!("of these, {}: {what}", empty.label), cases.to_string()]);
        }
    }
    table
}

fn excluded(document: &Document) -> Table {
    let mut table = Table::new("Left out", &["case", "cause", "reason"], 3);
    let excluded = &document.flow.excluded;
    let rows = excluded.iter().take(EXCLUDED_SHOWN);
    table.rows.extend(rows.map(|one| vec![one.case.clone(), one.cause.words().to_owned(), one.reason.clone()]));
    if excluded.len() > EXCLUDED_SHOWN {
        table.notes.push(format!("… and {} more, in evaluation.json.", excluded.len() - EXCLUDED_SHOWN));
    }
    table
}
