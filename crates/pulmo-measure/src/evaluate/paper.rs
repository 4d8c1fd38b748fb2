//! The paper's figures beside one's own: mean Dice per data set, on the resized and on the native grid.
//!
//! The paper's abstract gives a mean Dice for RICORD 1a (tuning cases), Coronacases and MosMed. Its authors' library
//! measured on volumes resized to 20 x 224 x 224 voxels; whether the paper did is not stated, so both grids stand here.

use serde::Serialize;

use super::published::{FIGURES, Figure, KnownSet};
use super::{CaseResult, Label, MeasuredOn, Protocol, recognise, summary};
use crate::statistics::{Interval, Summary};

/// Slices, rows and columns of the paper's grid.
pub const PAPER_SHAPE: [usize; 3] = [20, 224, 224];

/// Dice over the cases of one data set on one grid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiceOver {
    /// The grid.
    pub grid: MeasuredOn,
    /// Macro: each case counts once.
    #[serde(rename = "macro")]
    pub over_cases: Option<Summary>,
    /// Bootstrap interval of the macro mean, drawing patients.
    pub macro_interval: Option<Interval>,
    /// Micro: the voxels of all cases pooled.
    pub micro: Option<f64>,
}

/// A published figure, and whether it compares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// The figure.
    #[serde(flatten)]
    pub figure: Figure,
    /// Whether it was measured on these very cases.
    pub same_cases: bool,
    /// What a reader must know before comparing, as a sentence; empty if nothing.
    pub remark: String,
}

/// One data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaperRow {
    /// Name of the data set.
    pub data_set: String,
    /// Whether these are the cases of the public data set of that name, with evidence.
    pub recognised: bool,
    /// The evidence, or what speaks against it.
    pub why: String,
    /// Cases with numbers.
    pub measured: usize,
    /// Cases without.
    pub failed: usize,
    /// Dice on the resized and on the native grid.
    pub dice: Vec<DiceOver>,
    /// Published figures on the data set of that name, then those on data that nobody else has.
    pub published: Vec<Beside>,
}

/// The table of the paper's protocol, for the first label that is a lesion.
///
/// Cases count for every public data set whose names they bear (a Coronacase is also one of COVID-19-CT-Seg, which has
/// its row only if cases from Radiopaedia are there too); the others stand in a row by the name of their list.
#[must_use]
pub fn compare_with_paper(cases: &[CaseResult], protocol: &Protocol) -> Vec<PaperRow> {
    let Some(label) = protocol.labels.iter().find(|label| label.is_lesion()) else { return Vec::new() };
    let mut rows = Vec::new();
    for set in KnownSet::ALL {
        let own: Vec<&CaseResult> = cases.iter().filter(|case| recognise::belongs(case, set)).collect();
        let only_coronacases = own.iter().all(|case| recognise::belongs(case, KnownSet::Coronacases));
        if own.is_empty() || (set == KnownSet::CovidCtSeg && only_coronacases) {
            continue;
        }
        let verdict = recognise::judge(&own, set);
        rows.push(row(set.name(), (verdict.recognised, verdict.why), &own, (label, protocol), Some(set)));
    }
    let others: Vec<&CaseResult> =
        cases.iter().filter(|case| KnownSet::ALL.iter().all(|set| !recognise::belongs(case, *set))).collect();
    let mut names: Vec<Option<&str>> = others.iter().map(|case| case.facts.data_set.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let own: Vec<&CaseResult> =
            others.iter().copied().filter(|case| case.facts.data_set.as_deref() == name).collect();
        let why = "not recognised as RICORD 1a, Coronacases, COVID-19-CT-Seg or MosMedData by the names of its cases, \
                   so no figure published on them is a comparison"
            .to_owned();
        rows.push(row(name.unwrap_or("other cases"), (false, why), &own, (label, protocol), None));
    }
    rows
}

fn row(
    name: &str,
    (recognised, why): (bool, String),
    cases: &[&CaseResult],
    (label, protocol): (&Label, &Protocol),
    set: Option<KnownSet>,
) -> PaperRow {
    let measured = cases.iter().filter(|case| case.measures().is_some()).count();
    let dice = [MeasuredOn::Network, MeasuredOn::Native].into_iter().filter_map(|grid| {
        let rows = summary::on_grids(cases, protocol, &[grid]);
        let row = rows.into_iter().find(|row| row.metric == "dice" && row.label == label.name)?;
        Some(DiceOver { grid, over_cases: row.over_cases, macro_interval: row.interval, micro: row.pooled })
    });
    let beside = FIGURES.iter().filter(|figure| figure.on.is_none() || figure.on == set).map(|figure| {
        let same_cases = recognised && figure.on.is_some();
        let remark = match (same_cases, figure.limit) {
            (true, limit) => limit.to_owned(),
            (false, "") => "not measured on these cases".to_owned(),
            (false, limit) => format!("not measured on these cases; {limit}"),
        };
        Beside { figure: *figure, same_cases, remark }
    });
    PaperRow {
        data_set: name.to_owned(),
        recognised,
        why,
        measured,
        failed: cases.len() - measured,
        dice: dice.collect(),
        published: beside.collect(),
    }
}
