//! The charts of a page, section by section.

use std::collections::BTreeSet;

use pulmo::chart::{Agreement, Curve, Point, Strip, Titles, bland_altman, curves, histogram, scatter, strips};
use pulmo::measure::statistics::bland_altman::agreement;
use pulmo::page::figure;

use super::model::{Cohort, Metric, Row, title};
use super::training::Run;

/// A chart by groups shows at most so many; more would be a table.
const GROUPS: usize = 8;

/// Rows of one label.
fn rows_of<'a>(cohort: &'a Cohort, label: &str) -> Vec<&'a Row> {
    cohort.rows.iter().filter(|row| row.label == label).collect()
}

/// How volumes and every quantity are distributed, for one label.
pub(super) fn distributions(cohort: &Cohort, label: &str) -> String {
    let rows = rows_of(cohort, label);
    let mut html = String::new();
    for (caption, values) in [
        ("Volume of the reference", rows.iter().filter_map(|row| row.reference_ml).collect::<Vec<f64>>()),
        ("Volume of the prediction", rows.iter().filter_map(|row| row.prediction_ml).collect()),
    ] {
        if !values.is_empty() {
            let titles = Titles { title: caption, x: "mL", y: "cases" };
            html += &figure(caption, &histogram(titles, &values));
        }
    }
    let mut units = Vec::new();
    for metric in &cohort.metrics {
        if !units.contains(&metric.unit) {
            units.push(metric.unit.clone());
        }
    }
    for unit in &units {
        let metrics: Vec<&Metric> = cohort.metrics.iter().filter(|metric| metric.unit == *unit).collect();
        html += &by_unit(&rows, &metrics, unit);
    }
    html + &by_group(&rows)
}

/// One chart for all quantities of a unit, so that they share an axis.
fn by_unit(rows: &[&Row], metrics: &[&Metric], unit: &str) -> String {
    let names: Vec<String> = metrics.iter().map(|metric| title(&metric.name)).collect();
    let list: Vec<Strip<'_>> = metrics
        .iter()
        .zip(&names)
        .map(|(metric, name)| Strip { name, values: values(rows, &metric.name) })
        .filter(|strip| !strip.values.is_empty())
        .collect();
    if list.is_empty() {
        return String::new();
    }
    let (caption, axis, always): (_, _, &[f64]) = match unit {
        "1" => ("Quantities from 0 to 1".to_owned(), "", &[0.0, 1.0]),
        _ => (format!("Quantities in {unit}"), unit, &[0.0]),
    };
    let titles = Titles { title: &caption, x: axis, y: "" };
    figure(&caption, &strips(titles, &list, always))
}

/// A chart's caption and what its rows are divided by.
type Fact = (&'static str, fn(&Row) -> &str);

/// Dice by data set and by site, where there are several.
fn by_group(rows: &[&Row]) -> String {
    let facts: [Fact; 2] = [("Dice by data set", |row| &row.data_set), ("Dice by site", |row| &row.site)];
    let mut html = String::new();
    for (caption, fact) in facts {
        let groups: BTreeSet<&str> = rows.iter().map(|row| fact(row)).collect();
        let list: Vec<Strip<'_>> = groups
            .iter()
            .map(|group| {
                let members: Vec<&Row> = rows.iter().copied().filter(|row| fact(row) == *group).collect();
                let name = if group.is_empty() { "not known" } else { group };
                Strip { name, values: values_of(members, "dice") }
            })
            .filter(|strip| !strip.values.is_empty())
            .collect();
        if (2..=GROUPS).contains(&list.len()) {
            html += &figure(caption, &strips(Titles { title: caption, x: "", y: "" }, &list, &[0.0, 1.0]));
        }
    }
    html
}

fn values<'a>(rows: &[&'a Row], metric: &str) -> Vec<(f64, &'a str)> {
    values_of(rows.to_vec(), metric)
}

fn values_of<'a>(rows: Vec<&'a Row>, metric: &str) -> Vec<(f64, &'a str)> {
    rows.into_iter().filter_map(|row| Some((row.get(metric)?, row.case.as_str()))).collect()
}

/// How volumes agree: against each other, and their difference against their mean.
pub(super) fn volumes(cohort: &Cohort, label: &str) -> String {
    let rows = rows_of(cohort, label);
    let sets = cohort.groups(|row| &row.data_set);
    let series_of = |row: &Row| sets.iter().position(|set| *set == row.data_set).unwrap_or(0);
    let pairs: Vec<(&Row, f64, f64)> =
        rows.into_iter().filter_map(|row| Some((row, row.reference_ml?, row.prediction_ml?))).collect();
    if pairs.is_empty() {
        return String::new();
    }
    let point = |row: &Row, x, y| Point { x, y, name: row.case.clone(), series: series_of(row) };
    let caption = "Prediction against reference";
    let titles = Titles { title: caption, x: "reference (mL)", y: "prediction (mL)" };
    let points: Vec<Point> =
        pairs.iter().map(|&(row, reference, prediction)| point(row, reference, prediction)).collect();
    let mut html = figure(caption, &scatter(titles, &points, &sets));
    let caption = "Difference (Bland-Altman)";
    let titles = Titles { title: caption, x: "mean of both (mL)", y: "prediction \u{2212} reference (mL)" };
    let points: Vec<Point> = pairs
        .iter()
        .map(|&(row, reference, prediction)| point(row, (reference + prediction) / 2.0, prediction - reference))
        .collect();
    html += &figure(caption, &bland_altman(titles, &points, limits(&points), &sets));
    html
}

/// Bias and limits of agreement of the vertical values.
fn limits(points: &[Point]) -> Option<Agreement> {
    let differences: Vec<f64> = points.iter().map(|point| point.y).collect();
    let found = agreement(&differences, 0.95)?;
    Some(Agreement { bias: found.bias, lower: found.lower_limit, upper: found.upper_limit })
}

/// How a training went.
pub(super) fn learning(run: &Run) -> String {
    let at = |value: Option<f64>, epoch: usize| value.map(|value| (epoch as f64, value));
    let epochs = &run.epochs;
    let training = epochs.iter().filter_map(|epoch| at(epoch.training_loss, epoch.epoch)).collect();
    let found = |value: fn(&super::training::Validation) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs.iter().filter_map(|epoch| at(value(epoch.validation.as_ref()?), epoch.epoch)).collect()
    };
    let mut losses = vec![Curve { name: "training", points: training }];
    let validation = found(|validation| validation.loss);
    if !validation.is_empty() {
        losses.push(Curve { name: "validation", points: validation });
    }
    let phases: Vec<(f64, String)> = epochs
        .windows(2)
        .filter(|pair| pair[0].phase != pair[1].phase)
        .map(|pair| (pair[1].epoch as f64 - 0.5, pair[1].phase.clone()))
        .collect();
    let phases: Vec<(f64, &str)> = phases.iter().map(|(at, name)| (*at, name.as_str())).collect();
    let titles = |title, y| Titles { title, x: "epoch", y };
    let mut html = figure("Loss", &curves(titles("Loss", "mean loss"), &losses, &phases));
    let dice = found(|validation| validation.dice);
    if !dice.is_empty() {
        let best: Vec<(f64, &str)> = run.best().map(|epoch| (epoch.epoch as f64, "best")).into_iter().collect();
        let list = [Curve { name: "validation", points: dice }];
        html += &figure("Dice of the validation", &curves(titles("Dice of the validation", "mean Dice"), &list, &best));
    }
    let rates: Vec<(f64, f64)> = epochs.iter().filter_map(|epoch| at(epoch.learning_rate, epoch.epoch)).collect();
    let list = [Curve { name: "learning rate", points: rates }];
    html + &figure("Learning rate", &curves(titles("Learning rate", "at the epoch's last step"), &list, &phases))
}

/// What stands below the charts of volumes.
pub(super) const VOLUMES_NOTE: &str = "<p class=\"soft\">Prediction against reference: on the dashed line both are \
    equal. Bland-Altman: above the thin line the prediction is larger; bias is the mean difference, and the limits of \
    agreement are the bias ± 1.96 SD of the differences.</p>\n";
