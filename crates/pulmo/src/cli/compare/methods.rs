//! Evaluations put together to methods, each with one or several runs, and checked to be of the same cases.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::input;
use crate::cli::evaluation::{self, Case, Direction, Evaluation, Rule, Settings};
use crate::terminal::advice;

/// A method and its runs.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) runs: Vec<Evaluation>,
}

/// A case that every run of every method has measured.
#[derive(Debug, Clone)]
pub(super) struct SharedCase {
    pub(super) name: String,
    /// The patient, or the case's name where no file says whose it is.
    pub(super) patient: String,
    pub(super) data_set: Option<String>,
    pub(super) site: Option<String>,
    pub(super) slice_spacing_mm: f64,
}

/// A case that is compared nowhere, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct LeftOut {
    pub(super) case: String,
    pub(super) reason: String,
}

/// Reads what the command line names and puts equal names together, in the order of their first appearance.
///
/// # Errors
/// If a file cannot be used, or two results without names are called alike.
pub(super) fn gather(results: &[String]) -> anyhow::Result<Vec<Method>> {
    let parsed: Vec<(Option<String>, PathBuf)> = results.iter().map(|text| input::parse(text)).collect();
    let mut methods: Vec<Method> = Vec::new();
    for (given, path) in parsed {
        let name = given.clone().unwrap_or_else(|| input::default_name(&path));
        let run = evaluation::read(&path)?;
        match methods.iter_mut().find(|method| method.name == name) {
            Some(method) if given.is_some() => method.runs.push(run),
            Some(_) => {
                return Err(advice(
                    format!("two results are called `{name}`"),
                    "give them names, as in old=runs/1 new=runs/2; equal names make runs of one method",
                ));
            }
            None => methods.push(Method { name, runs: vec![run] }),
        }
    }
    Ok(methods)
}

/// All runs with the names of their methods; several runs of one are numbered.
fn named_runs(methods: &[Method]) -> Vec<(String, &Evaluation)> {
    let mut named = Vec::new();
    for method in methods {
        for (number, run) in method.runs.iter().enumerate() {
            let several = method.runs.len() > 1;
            let name = if several { format!("{} run {}", method.name, number + 1) } else { method.name.clone() };
            named.push((name, run));
        }
    }
    named
}

/// Names of the labels that all runs have, in the order of the first.
///
/// # Errors
/// If there are none, or one of them has different values in the masks.
pub(super) fn shared_labels(methods: &[Method]) -> anyhow::Result<Vec<String>> {
    let runs = named_runs(methods);
    let mut shared = Vec::new();
    for label in &runs[0].1.protocol.labels {
        let others: Vec<_> = runs
            .iter()
            .filter_map(|(name, run)| Some((name, run.protocol.labels.iter().find(|l| l.name == label.name)?)))
            .collect();
        if let Some((name, other)) = others.iter().find(|(_, other)| other.value != label.value) {
            let problem = format!(
                "label `{}` is the value {} in {} and {} in {name}",
                label.name, label.value, runs[0].0, other.value
            );
            return Err(advice(problem, "evaluate both with the same --label NAME=VALUE"));
        }
        if others.len() == runs.len() {
            shared.push(label.name.clone());
        }
    }
    if shared.is_empty() {
        return Err(advice("no label is in all results", "evaluate with the same --label NAME=VALUE"));
    }
    Ok(shared)
}

/// That the metrics of all runs were set alike, as far as the files say.
///
/// # Errors
/// If not; both values are named.
pub(super) fn must_be_set_alike(methods: &[Method]) -> anyhow::Result<()> {
    let runs = named_runs(methods);
    type Of = fn(&Evaluation) -> Option<&Settings>;
    let of: [(&str, Of); 2] = [
        ("lesions", |run| run.protocol.lesion_settings.as_ref()),
        ("lungs", |run| run.protocol.lung_settings.as_ref()),
    ];
    for (what, settings) in of {
        let told: Vec<(&str, &Settings)> =
            runs.iter().filter_map(|(name, run)| Some((name.as_str(), settings(run)?))).collect();
        let Some((first, rest)) = told.split_first() else { continue };
        if let Some((setting, [one, other], name)) =
            rest.iter().find_map(|(name, other)| other_setting(first.1, other).map(|(what, both)| (what, both, *name)))
        {
            return Err(advice(
                format!(
                    "the metrics of {what} were not set alike: {setting} is {one} in {} and {other} in {name}",
                    first.0
                ),
                "evaluate both with the same --tolerance-mm, --smallest-lesion-ml and --lesion-overlap",
            ));
        }
    }
    Ok(())
}

/// The first setting in which two differ, with both values.
fn other_setting(one: &Settings, two: &Settings) -> Option<(&'static str, [String; 2])> {
    let (a, b) = (&one.lesions, &two.lesions);
    let both = [
        ("the tolerance of surfaces", [format!("{} mm", one.tolerance_mm), format!("{} mm", two.tolerance_mm)]),
        ("the smallest lesion", [format!("{} mL", a.least_ml), format!("{} mL", b.least_ml)]),
        ("the share of a lesion that must be covered", [a.overlap.to_string(), b.overlap.to_string()]),
        ("what hangs together", [a.connectivity.clone(), b.connectivity.clone()]),
    ];
    both.into_iter().find(|(_, [one, other])| one != other)
}

/// The metrics that all runs have, in the order of the first.
///
/// # Errors
/// If there are none, or one of them means different things.
pub(super) fn shared_metrics(methods: &[Method]) -> anyhow::Result<Vec<Rule>> {
    let runs = named_runs(methods);
    let mut shared = Vec::new();
    for rule in &runs[0].1.metrics {
        let others: Vec<_> = runs
            .iter()
            .filter_map(|(name, run)| Some((name, run.metrics.iter().find(|r| r.name == rule.name)?)))
            .collect();
        if let Some((name, other)) = others.iter().find(|(_, other)| !rule.means_the_same_as(other)) {
            let told = |rule: &Rule| {
                let Direction(better) = rule.better;
                format!("{}; unit {}, better {better:?}, empty masks: {}", rule.formula, rule.unit, rule.empty_masks)
            };
            let problem = format!(
                "metric `{}` does not mean the same in {} ({}) and {name} ({})",
                rule.name,
                runs[0].0,
                told(rule),
                told(other)
            );
            return Err(advice(problem, "evaluate both with the same version of pulmo and the same settings"));
        }
        if others.len() == runs.len() {
            shared.push(rule.clone());
        }
    }
    if shared.is_empty() {
        return Err(advice("no metric is in all results", "evaluate both with the same version of pulmo"));
    }
    Ok(shared)
}

/// Sorts the cases into those that every run has measured and those that are left out, both by name.
///
/// # Errors
/// If a case has another reference, grid or patient in another run, or if no case is left.
pub(super) fn shared_cases(methods: &[Method], labels: &[String]) -> anyhow::Result<(Vec<SharedCase>, Vec<LeftOut>)> {
    let runs = named_runs(methods);
    let names: BTreeSet<&str> =
        runs.iter().flat_map(|(_, run)| run.cases.iter().map(|case| case.name.as_str())).collect();
    let (mut shared, mut left_out, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let found: Vec<(&str, Option<&Case>)> = runs.iter().map(|(run, e)| (run.as_str(), e.case(name))).collect();
        let known: Vec<(&str, &Case)> = found.iter().filter_map(|&(run, case)| Some((run, case?))).collect();
        problems.extend(known[1..].iter().filter_map(|other| difference(known[0], *other, labels)));
        match why_not(&found) {
            Some(reason) => left_out.push(LeftOut { case: name.to_owned(), reason }),
            None => shared.push(shared_case(name, &known)),
        }
    }
    if let Some(first) = problems.first() {
        let others = match problems.len() - 1 {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        return Err(advice(
            format!("the results are not of the same references: {first}{others}"),
            "a paired comparison needs the same reference masks on the same grid: evaluate again, or rename cases",
        ));
    }
    if shared.is_empty() {
        return Err(advice(
            "no case was measured in all results",
            "cases are paired by name; compare results of the same cases",
        ));
    }
    Ok((shared, left_out))
}

/// Why a case cannot be compared, if it cannot.
fn why_not(found: &[(&str, Option<&Case>)]) -> Option<String> {
    let reasons: Vec<String> = found
        .iter()
        .filter_map(|(run, case)| match case {
            None => Some(format!("not in {run}")),
            Some(case) if case.measured.is_none() => {
                let reason = case.failed.as_ref().map_or("no reason is given", |failed| failed.reason.as_str());
                Some(format!("failed in {run} ({reason})"))
            }
            Some(_) => None,
        })
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// What tells that a case is not the same one in two runs, as far as the files show it.
fn difference(first: (&str, &Case), other: (&str, &Case), labels: &[String]) -> Option<String> {
    let ((a, one), (b, two)) = (first, other);
    let name = &one.name;
    if let (Some(p), Some(q)) = (real_patient(one), real_patient(two))
        && p != q
    {
        return Some(format!("case `{name}` belongs to patient `{p}` in {a} and to `{q}` in {b}"));
    }
    let (x, y) = (one.measured.as_ref()?, two.measured.as_ref()?);
    let same_spacing = x.spacing_mm.iter().zip(y.spacing_mm).all(|(p, q)| (p - q).abs() <= 1e-4 * p.abs().max(q.abs()));
    if x.shape != y.shape || !same_spacing {
        let told = |m: &evaluation::Measured| format!("{:?} voxels of {:?} mm", m.shape, m.spacing_mm);
        return Some(format!("case `{name}` has {} in {a} and {} in {b}", told(x), told(y)));
    }
    if let (Some(p), Some(q)) = (&x.reference_sha256, &y.reference_sha256)
        && p != q
    {
        return Some(format!(
            "the reference of case `{name}` has other voxels in {a} than in {b} (its SHA-256 differs)"
        ));
    }
    labels.iter().find_map(|label| {
        let (p, q) = (one.result(label, "native")?.overlap.reference, two.result(label, "native")?.overlap.reference);
        (p != q).then(|| format!("the reference of case `{name}` has {p} voxels of `{label}` in {a} and {q} in {b}"))
    })
}

/// The patient, where a list has said whose case it is.
fn real_patient(case: &Case) -> Option<&str> {
    case.facts.patient.as_deref().filter(|patient| !patient.is_empty() && *patient != case.name)
}

fn shared_case(name: &str, known: &[(&str, &Case)]) -> SharedCase {
    let first = |of: fn(&Case) -> Option<&str>| known.iter().find_map(|(_, case)| of(case)).map(str::to_owned);
    SharedCase {
        name: name.to_owned(),
        patient: first(real_patient).unwrap_or_else(|| name.to_owned()),
        data_set: first(|case| case.facts.data_set.as_deref()),
        site: first(|case| case.facts.site.as_deref()),
        slice_spacing_mm: known[0].1.measured.as_ref().map_or(f64::NAN, |measured| measured.spacing_mm[0]),
    }
}

/// Whether no file says whose the cases are.
pub(super) fn patients_unknown(methods: &[Method]) -> bool {
    named_runs(methods).iter().all(|(_, run)| run.cases.iter().all(|case| real_patient(case).is_none()))
}

/// What must be known of the data, and which versions measured, each once.
pub(super) fn provenance(methods: &[Method]) -> (Vec<String>, Vec<String>) {
    let runs = named_runs(methods);
    let notes: BTreeSet<&str> = runs.iter().flat_map(|(_, run)| run.notes.iter().map(String::as_str)).collect();
    let versions: BTreeSet<&str> = runs.iter().map(|(_, run)| run.pulmo_version.as_str()).collect();
    (notes.into_iter().map(str::to_owned).collect(), versions.into_iter().map(str::to_owned).collect())
}
