//! Which prediction belongs to which reference: by name, and never by a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulmo::ct::sentence::counted;
use pulmo::measure::evaluate::CaseFacts;

use super::masks::{self, Masks};
use crate::terminal::advice;

/// Pairs that are named one by one before the rest is only counted.
const SHOWN: usize = 3;
/// Names that are listed of a kind before the rest is only counted.
const LISTED: usize = 10;

/// A case and its two files, of which one may be missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) case: String,
    pub(super) facts: CaseFacts,
    pub(super) prediction: Option<PathBuf>,
    pub(super) reference: Option<PathBuf>,
    pub(super) lungs: Option<PathBuf>,
    pub(super) probabilities: Option<PathBuf>,
}

/// A reference that a data list names.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) case: String,
    pub(super) reference: PathBuf,
    pub(super) lungs: Option<PathBuf>,
    pub(super) facts: CaseFacts,
}

/// What the names of the files carry after the case's name; `None` for the endings that are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Suffixes {
    pub(super) prediction: Option<String>,
    pub(super) reference: Option<String>,
}

/// All pairs, sorted by case, and what was passed over.
#[derive(Debug, PartialEq)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<Pair>,
    /// Predictions of which the data list knows nothing, or which belong to another of its splits.
    pub(super) not_listed: Vec<String>,
    /// Files and folders that hold no mask by their names: of the predictions, of the references.
    pub(super) no_masks: [usize; 2],
    /// The rule in one sentence.
    pub(super) rule: String,
}

/// The rule of [`pair`] in one sentence.
fn rule(suffixes: &Suffixes) -> String {
    if suffixes.prediction.is_none() && suffixes.reference.is_none() {
        return "cases are paired by name, a file's or that of the folder around `mask.nii.gz`; endings such as `_mask`, \
                `_seg` or `_pred` are taken off"
            .to_owned();
    }
    let side = |suffix: &Option<String>, whose: &str| match suffix {
        Some(suffix) => format!("a {whose}'s name ends in `{suffix}`, which is taken off"),
        None => format!("endings such as `_mask`, `_seg` or `_pred` are taken off a {whose}'s name"),
    };
    format!(
        "cases are paired by name, a file's or that of the folder around `mask.nii.gz`: {}; {}",
        side(&suffixes.prediction, "prediction"),
        side(&suffixes.reference, "reference")
    )
}

/// Pairs two folders by the names in them, or two files; sorted by name.
///
/// # Errors
/// If a folder cannot be read, two files could be the same case, or no case has both files.
pub(super) fn pair(predictions: &Path, references: &Path, suffixes: &Suffixes) -> anyhow::Result<Pairing> {
    if predictions.is_file() && references.is_file() {
        let case = case_of_two(predictions, references);
        let (prediction, reference) = (Some(predictions.to_owned()), Some(references.to_owned()));
        let pair =
            Pair { facts: CaseFacts::of_case(&case), case, prediction, reference, lungs: None, probabilities: None };
        let rule = "two files are one case".to_owned();
        return Ok(Pairing { pairs: vec![pair], not_listed: Vec::new(), no_masks: [0, 0], rule });
    }
    let found = masks::list(predictions, "predictions")?;
    let mut predictions = one_each(&found, suffixes.prediction.as_deref(), "prediction")?;
    let listed = masks::list(references, "references")?;
    let mut references = one_each(&listed, suffixes.reference.as_deref(), "reference")?;
    must_overlap(&predictions, references.keys().map(String::as_str), suffixes)?;
    let names: BTreeSet<String> = predictions.keys().chain(references.keys()).cloned().collect();
    let pairs = names.into_iter().map(|case| Pair {
        facts: CaseFacts::of_case(&case),
        prediction: predictions.remove(&case),
        reference: references.remove(&case),
        lungs: None,
        probabilities: None,
        case,
    });
    let no_masks = [found.others, listed.others];
    Ok(Pairing { pairs: pairs.collect(), not_listed: Vec::new(), no_masks, rule: rule(suffixes) })
}

/// What the case of two files is called: as the prediction, or as the reference where that is a bare `mask.nii.gz`.
fn case_of_two(prediction: &Path, reference: &Path) -> String {
    let named = |path: &Path| masks::case_of_file(path).filter(|stem| stem != "mask" && stem != "seg");
    named(prediction).or_else(|| named(reference)).unwrap_or_else(|| "case".to_owned())
}

/// Pairs a folder of predictions with the named reference files of data lists. A prediction is a case's if its name is
/// the case's, or is so without its ending. One that no list names is left out and said, since it belongs elsewhere.
///
/// # Errors
/// As [`pair`], and if two lists name the same case.
pub(super) fn pair_listed(predictions: &Path, listed: Vec<Listed>, suffixes: &Suffixes) -> anyhow::Result<Pairing> {
    let found = masks::list(predictions, "predictions")?;
    let mut names = BTreeSet::new();
    for one in &listed {
        if !names.insert(one.case.clone()) {
            let problem = format!("case `{}` is in two of the lists", one.case);
            return Err(advice(problem, "rename it in one of them, or evaluate the lists one by one"));
        }
    }
    let key = |stem: &str| match &suffixes.prediction {
        Some(suffix) => stem.strip_suffix(suffix.as_str()).map(str::to_owned),
        None if names.contains(stem) => Some(stem.to_owned()),
        None => Some(masks::without_endings(stem).to_owned()),
    };
    let mut predictions = unambiguous(&found, key, "prediction")?;
    must_overlap(&predictions, names.iter().map(String::as_str), suffixes)?;
    let mut pairs: Vec<Pair> = listed
        .into_iter()
        .map(|one| Pair {
            prediction: predictions.remove(&one.case),
            case: one.case,
            facts: one.facts,
            reference: Some(one.reference),
            lungs: one.lungs,
            probabilities: None,
        })
        .collect();
    pairs.sort_by(|a, b| a.case.cmp(&b.case));
    let rule = match &suffixes.prediction {
        Some(suffix) => format!("cases are named by the data list; `{suffix}` is taken off a prediction's name"),
        None => "cases are named by the data list; endings such as `_mask`, `_seg` or `_pred` are taken off a \
                 prediction's name where no case has it"
            .to_owned(),
    };
    Ok(Pairing { pairs, not_listed: predictions.into_keys().collect(), no_masks: [found.others, 0], rule })
}

fn one_each(found: &Masks, suffix: Option<&str>, role: &str) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let key = |stem: &str| match suffix {
        Some(suffix) => stem.strip_suffix(suffix).map(str::to_owned),
        None => Some(masks::without_endings(stem).to_owned()),
    };
    unambiguous(found, key, role)
}

/// The masks by case; `key` gives a file's case, or `None` if the file is none.
fn unambiguous(
    found: &Masks,
    key: impl Fn(&str) -> Option<String>,
    role: &str,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut cases: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (stem, mask) in &found.masks {
        let Some(case) = key(stem).filter(|case| !case.is_empty()) else { continue };
        if let Some(other) = cases.insert(case.clone(), mask.clone()) {
            let problem = format!(
                "two files could be the {role} of case `{case}`: `{}` and `{}`",
                other.display(),
                mask.display()
            );
            let hint = format!("move one of them elsewhere, or name the ending of the masks with --{role}-suffix");
            return Err(advice(problem, hint));
        }
    }
    Ok(cases)
}

fn must_overlap<'a>(
    predictions: &BTreeMap<String, PathBuf>,
    references: impl Iterator<Item = &'a str>,
    suffixes: &Suffixes,
) -> anyhow::Result<()> {
    let references: Vec<&str> = references.collect();
    if references.iter().any(|case| predictions.contains_key(*case)) {
        return Ok(());
    }
    let first = |name: Option<&str>| name.map_or("none".into(), |name| format!("`{name}`"));
    let found = format!(
        "no case has a prediction and a reference: {} predictions (first: {}), {} references (first: {})",
        predictions.len(),
        first(predictions.keys().next().map(String::as_str)),
        references.len(),
        first(references.first().copied())
    );
    let hint = format!("{}; `--prediction-suffix` and `--reference-suffix` take off others", rule(suffixes));
    Err(advice(found, hint))
}

impl Pairing {
    /// What was paired and what was not, for the eyes of whoever starts the evaluation; file names without folders.
    pub(super) fn describe(&self) -> Vec<String> {
        let complete = |pair: &&Pair| pair.prediction.is_some() && pair.reference.is_some();
        let paired: Vec<&Pair> = self.pairs.iter().filter(complete).collect();
        let mut lines = vec![format!("{}; {}", counted(paired.len(), "pair", "pairs"), self.rule)];
        for pair in paired.iter().take(SHOWN) {
            let (prediction, reference) = (shown(pair.prediction.as_deref()), shown(pair.reference.as_deref()));
            lines.push(format!("  {}: prediction {prediction}, reference {reference}", pair.case));
        }
        if paired.len() > SHOWN {
            lines.push(format!("  … and {} more", paired.len() - SHOWN));
        }
        let lacking = |which: fn(&Pair) -> bool| -> Vec<&str> {
            self.pairs.iter().filter(|pair| which(pair)).map(|pair| pair.case.as_str()).collect()
        };
        let not_listed = self.not_listed.iter().map(String::as_str).collect();
        for (what, cases) in [
            ("without a prediction", lacking(|pair| pair.prediction.is_none())),
            ("without a reference", lacking(|pair| pair.reference.is_none())),
            ("of no case in question among the predictions, left out", not_listed),
        ] {
            if !cases.is_empty() {
                let more = if cases.len() > LISTED { ", …" } else { "" };
                let names = cases[..cases.len().min(LISTED)].join(", ");
                lines.push(format!("{} {what}: {names}{more}", cases.len()));
            }
        }
        for (role, others) in ["predictions", "references"].into_iter().zip(self.no_masks) {
            if others > 0 {
                lines.push(format!("no masks by their names among the {role}: {others}"));
            }
        }
        lines
    }
}

/// The last two parts of a path: enough to tell `a/mask.nii.gz` from `b/mask.nii.gz`, and no folder of the user's.
fn shown(path: Option<&Path>) -> String {
    let Some(path) = path else { return "none".into() };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let file = name(path);
    match path.parent() {
        Some(folder) if file.starts_with("mask.") || file == "seg.dcm" => format!("`{}/{file}`", name(folder)),
        _ => format!("`{file}`"),
    }
}

#[cfg(test)]
mod tests;
