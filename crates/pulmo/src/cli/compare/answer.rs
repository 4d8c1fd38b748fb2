//! The numbers: the first method against each of the others, volumes, runs and subgroups.

use pulmo::measure::statistics::bland_altman::{agreement, percent_difference};
use pulmo::measure::statistics::holm::holm;
use pulmo::measure::statistics::margin::verdict;
use pulmo::measure::statistics::paired::{Pair, compare};
use pulmo::measure::statistics::runs::spread;
use pulmo::measure::statistics::subgroup::{Group, OPACITY_VOLUME, SLICE_SPACING, by_bin, by_word};
use pulmo::measure::statistics::{Interval, bootstrap};

use super::document::{Contrast, Runs, Subgroup, VolumeAgreement, patients};
use super::methods::{Method, SharedCase};
use super::question::{Asked, Question};
use crate::cli::evaluation::Evaluation;

/// What volumes are compared with beside other methods.
pub(super) const REFERENCE: &str = "reference";

/// The value of one case in one run, without its sign where only its size counts.
fn run_value(run: &Evaluation, case: &str, label: &str, metric: &Asked, question: &Question) -> Option<f64> {
    let value = run.case(case)?.value(label, question.grid.name(), &metric.name)?;
    Some(if metric.is_absolute() { value.abs() } else { value })
}

/// The mean over the runs of a method, if all of them have a value.
fn mean_over_runs(method: &Method, of: impl Fn(&Evaluation) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = method.runs.iter().map(of).collect::<Option<_>>()?;
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// The first method and each of the others.
fn method_pairs(methods: &[Method]) -> impl Iterator<Item = (&Method, &Method)> {
    methods.iter().skip(1).map(|second| (&methods[0], second))
}

/// The pairs of the cases in which both methods have a value.
fn pairs<'a>(
    (first, second): (&Method, &Method),
    cases: impl Iterator<Item = &'a SharedCase>,
    label: &str,
    metric: &Asked,
    question: &Question,
) -> Vec<Pair<&'a str>> {
    let value =
        |method, case: &SharedCase| mean_over_runs(method, |run| run_value(run, &case.name, label, metric, question));
    cases
        .filter_map(|case| {
            Some(Pair { first: value(first, case)?, second: value(second, case)?, patient: case.patient.as_str() })
        })
        .collect()
}

/// Every label, metric and method against the first method, corrected after Holm over all of them.
pub(super) fn contrasts(methods: &[Method], cases: &[SharedCase], question: &Question) -> Vec<Contrast> {
    let mut contrasts = Vec::new();
    for label in &question.labels {
        for metric in &question.metrics {
            for (first, second) in method_pairs(methods) {
                let pairs = pairs((first, second), cases.iter(), label, metric, question);
                let comparison = compare(&pairs, &question.how);
                let interval = comparison.and_then(|comparison| comparison.interval);
                contrasts.push(Contrast {
                    label: label.clone(),
                    metric: metric.name.clone(),
                    unit: metric.unit.clone(),
                    better: metric.better,
                    absolute: metric.is_absolute(),
                    first: first.name.clone(),
                    second: second.name.clone(),
                    undefined: cases.len() - pairs.len(),
                    comparison,
                    permutation_p_holm: None,
                    wilcoxon_p_holm: None,
                    margin: metric.margin,
                    verdict: metric.margin.zip(interval).map(|(margin, found)| verdict(&gain(&found, metric), margin)),
                });
            }
        }
    }
    let permutation = holm(&contrasts.iter().map(|c| Some(c.comparison?.permutation?.p)).collect::<Vec<_>>());
    let wilcoxon = holm(&contrasts.iter().map(|c| Some(c.comparison?.wilcoxon?.p)).collect::<Vec<_>>());
    for (contrast, (permutation, wilcoxon)) in contrasts.iter_mut().zip(permutation.into_iter().zip(wilcoxon)) {
        (contrast.permutation_p_holm, contrast.wilcoxon_p_holm) = (permutation, wilcoxon);
    }
    contrasts
}

/// The interval of the gain: turned round where lower values are better.
fn gain(difference: &Interval, metric: &Asked) -> Interval {
    if metric.gain_sign() > 0.0 {
        *difference
    } else {
        Interval { low: -difference.high, high: -difference.low, level: difference.level }
    }
}

/// Each method against the references, and the first against each of the others. Volumes are of the native grid.
pub(super) fn volumes(methods: &[Method], cases: &[SharedCase], question: &Question) -> Vec<VolumeAgreement> {
    let mut rows = Vec::new();
    for label in &question.labels {
        let native =
            |run: &Evaluation, case: &str| run.case(case).and_then(|case| case.result(label, "native")).cloned();
        let predicted =
            |method: &Method, case: &SharedCase| mean_over_runs(method, |run| native(run, &case.name)?.prediction_ml);
        let drawn = |case: &SharedCase| native(&methods[0].runs[0], &case.name)?.reference_ml;
        for method in methods {
            let of = |case: &SharedCase| Some((drawn(case)?, predicted(method, case)?));
            rows.extend(volume_agreement((label, REFERENCE, &method.name), cases, of, question.how.level));
        }
        for (first, second) in method_pairs(methods) {
            let of = |case: &SharedCase| Some((predicted(first, case)?, predicted(second, case)?));
            rows.extend(volume_agreement((label, &first.name, &second.name), cases, of, question.how.level));
        }
    }
    rows
}

fn volume_agreement(
    (label, first, second): (&str, &str, &str),
    cases: &[SharedCase],
    of: impl Fn(&SharedCase) -> Option<(f64, f64)>,
    level: f64,
) -> Option<VolumeAgreement> {
    let (known, volumes): (Vec<SharedCase>, Vec<(f64, f64)>) =
        cases.iter().filter_map(|case| Some((case.clone(), of(case)?))).unzip();
    let differences: Vec<f64> = volumes.iter().map(|(first, second)| second - first).collect();
    let percent: Vec<f64> = volumes.iter().filter_map(|&(first, second)| percent_difference(first, second)).collect();
    Some(VolumeAgreement {
        label: label.to_owned(),
        first: first.to_owned(),
        second: second.to_owned(),
        ml: agreement(&differences, level)?,
        percent_undefined: volumes.len() - percent.len(),
        percent: agreement(&percent, level),
        repeated_measures: patients(&known) < known.len(),
    })
}

/// Spread over runs, for the methods that have several.
pub(super) fn runs(methods: &[Method], cases: &[SharedCase], question: &Question) -> Vec<Runs> {
    let mut rows = Vec::new();
    for label in &question.labels {
        for metric in &question.metrics {
            for method in methods.iter().filter(|method| method.runs.len() > 1) {
                let values: Vec<Vec<Option<f64>>> = method
                    .runs
                    .iter()
                    .map(|run| cases.iter().map(|c| run_value(run, &c.name, label, metric, question)).collect())
                    .collect();
                rows.extend(spread(&values).map(|spread| Runs {
                    label: label.clone(),
                    metric: metric.name.clone(),
                    unit: metric.unit.clone(),
                    absolute: metric.is_absolute(),
                    method: method.name.clone(),
                    spread,
                }));
            }
        }
    }
    rows
}

/// Contrasts within data sets, sites, slice spacings and volumes of the reference; only where there are several groups.
pub(super) fn subgroups(methods: &[Method], cases: &[SharedCase], question: &Question) -> Vec<Subgroup> {
    let mut rows = Vec::new();
    for label in &question.labels {
        for (by, groups) in divisions(&methods[0].runs[0], cases, label) {
            for group in &groups {
                for metric in &question.metrics {
                    for both in method_pairs(methods) {
                        let members = group.members.iter().map(|&index| &cases[index]);
                        let pairs = pairs(both, members, label, metric, question);
                        rows.extend(subgroup((by, &group.name, label), both, metric, &pairs, question));
                    }
                }
            }
        }
    }
    rows
}

/// The ways to divide the cases that give more than one group.
fn divisions(run: &Evaluation, cases: &[SharedCase], label: &str) -> Vec<(&'static str, Vec<Group>)> {
    let words = |of: fn(&SharedCase) -> Option<&str>| by_word(&cases.iter().map(of).collect::<Vec<_>>());
    let spacings: Vec<Option<f64>> = cases.iter().map(|case| Some(case.slice_spacing_mm)).collect();
    let volumes: Vec<Option<f64>> =
        cases.iter().map(|case| run.case(&case.name)?.result(label, "native")?.reference_ml).collect();
    let all = [
        ("data set", words(|case| case.data_set.as_deref())),
        ("site", words(|case| case.site.as_deref())),
        (SLICE_SPACING.title, by_bin(&spacings, &SLICE_SPACING)),
        (OPACITY_VOLUME.title, by_bin(&volumes, &OPACITY_VOLUME)),
    ];
    all.into_iter().filter(|(_, groups)| groups.len() > 1).collect()
}

fn subgroup(
    (by, group, label): (&'static str, &str, &str),
    (first, second): (&Method, &Method),
    metric: &Asked,
    pairs: &[Pair<&str>],
    question: &Question,
) -> Option<Subgroup> {
    let mean = |of: fn(&Pair<&str>) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len() as f64;
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.second - pair.first).collect();
    let owners: Vec<&str> = pairs.iter().map(|pair| pair.patient).collect();
    (!pairs.is_empty()).then(|| Subgroup {
        by,
        group: group.to_owned(),
        label: label.to_owned(),
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        absolute: metric.is_absolute(),
        first: first.name.clone(),
        second: second.name.clone(),
        cases: pairs.len(),
        patients: owners.iter().collect::<std::collections::BTreeSet<_>>().len(),
        mean_first: mean(|pair| pair.first),
        mean_second: mean(|pair| pair.second),
        difference: mean(|pair| pair.second - pair.first),
        interval: bootstrap::clustered_mean_interval(&differences, &owners, &question.how),
    })
}
