//! Which prediction belongs to which reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::measure::evaluate::CaseFacts;

use crate::terminal::advice;

/// A case and its two files, of which one may be missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub(super) case: String,
    pub(super) facts: CaseFacts,
    pub(super) prediction: Option<PathBuf>,
    pub(super) reference: Option<PathBuf>,
}

/// A reference that a data list names.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) case: String,
    pub(super) reference: PathBuf,
    pub(super) facts: CaseFacts,
}

/// The rule of [`pair`] in one sentence.
pub(super) fn rule(reference_suffix: &str) -> String {
    let suffix = match reference_suffix {
        "" => String::new(),
        suffix => format!(", less `{suffix}` at the end of a reference's name"),
    };
    format!("cases are paired by name: `<case>.nii.gz`, `<case>.nii` or `<case>/mask.nii.gz`{suffix}")
}

/// Pairs two folders by the names in them, or two files; sorted by name.
///
/// # Errors
/// If a folder cannot be read, holds a case twice, or if no case has both files.
pub(super) fn pair(predictions: &Path, references: &Path, reference_suffix: &str) -> anyhow::Result<Vec<Pair>> {
    if predictions.is_file() && references.is_file() {
        let case = case_name(predictions).unwrap_or_else(|| "case".into());
        let (prediction, reference) = (Some(predictions.to_owned()), Some(references.to_owned()));
        return Ok(vec![Pair { facts: CaseFacts::of_case(&case), case, prediction, reference }]);
    }
    let predictions_found = masks(predictions, "").context("cannot list the predictions")?;
    let references_found = masks(references, reference_suffix).context("cannot list the references")?;
    join(predictions_found, references_found, reference_suffix)
}

/// Pairs a folder of predictions with the named reference files of a data list; a prediction that the list does not
/// name is left out, since it belongs to another split.
///
/// # Errors
/// As [`pair`].
pub(super) fn pair_listed(predictions: &Path, listed: impl Iterator<Item = Listed>) -> anyhow::Result<Vec<Pair>> {
    let mut predictions_found = masks(predictions, "").context("cannot list the predictions")?;
    let mut references = BTreeMap::new();
    let mut facts = BTreeMap::new();
    for one in listed {
        references.insert(one.case.clone(), one.reference);
        facts.insert(one.case, one.facts);
    }
    predictions_found.retain(|case, _| references.contains_key(case));
    let mut pairs = join(predictions_found, references, "")?;
    for pair in &mut pairs {
        pair.facts = facts.remove(&pair.case).unwrap_or_else(|| CaseFacts::of_case(&pair.case));
    }
    Ok(pairs)
}

fn join(
    mut predictions: BTreeMap<String, PathBuf>,
    mut references: BTreeMap<String, PathBuf>,
    reference_suffix: &str,
) -> anyhow::Result<Vec<Pair>> {
    let names: BTreeSet<String> = predictions.keys().chain(references.keys()).cloned().collect();
    if predictions.keys().any(|case| references.contains_key(case)) {
        let pairs = names.into_iter().map(|case| Pair {
            facts: CaseFacts::of_case(&case),
            prediction: predictions.remove(&case),
            reference: references.remove(&case),
            case,
        });
        return Ok(pairs.collect());
    }
    let first =
        |found: &BTreeMap<String, PathBuf>| found.keys().next().map_or("none".into(), |name| format!("`{name}`"));
    let found = format!(
        "no case has a prediction and a reference: {} predictions (first: {}), {} references (first: {})",
        predictions.len(),
        first(&predictions),
        references.len(),
        first(&references)
    );
    Err(advice(found, format!("{}; `--reference-suffix` takes an ending off", rule(reference_suffix))))
}

/// The masks in a folder by case.
fn masks(folder: &Path, suffix: &str) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read folder `{}`", folder.display()))? {
        let path = entry.with_context(|| format!("cannot read folder `{}`", folder.display()))?.path();
        let Some((name, mask)) = mask_of(&path) else { continue };
        let case = name.strip_suffix(suffix).unwrap_or(&name).to_owned();
        if let Some(other) = found.insert(case.clone(), mask.clone()) {
            let problem = format!("case `{case}` is there twice: `{}` and `{}`", other.display(), mask.display());
            return Err(advice(problem, "move one of them elsewhere"));
        }
    }
    Ok(found)
}

/// Name and mask file of a folder's entry, if it is one; hidden entries never are.
fn mask_of(path: &Path) -> Option<(String, PathBuf)> {
    let name = path.file_name()?.to_str().filter(|name| !name.starts_with('.'))?;
    if path.is_dir() {
        let mask = ["mask.nii.gz", "mask.nii"].map(|file| path.join(file)).into_iter().find(|file| file.is_file())?;
        return Some((name.to_owned(), mask));
    }
    Some((case_name(path)?, path.to_owned()))
}

fn case_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let case = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"))?;
    (!case.is_empty()).then(|| case.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn names_pair_files_and_folders() {
        let predictions = folder(&["a/mask.nii.gz", "b.nii", "c/report.html", ".hidden.nii", "notes.txt"]);
        let references = folder(&["a_mask.nii.gz", "b_mask.nii.gz", "d_mask.nii.gz"]);
        let pairs = pair(predictions.path(), references.path(), "_mask").unwrap();
        let seen: Vec<_> =
            pairs.iter().map(|p| (p.case.as_str(), p.prediction.is_some(), p.reference.is_some())).collect();
        assert_eq!(seen, [("a", true, true), ("b", true, true), ("d", false, true)]);
    }

    #[test]
    fn no_pair_and_two_files_for_a_case_are_errors_with_advice() {
        let predictions = folder(&["a.nii.gz"]);
        let references = folder(&["a_mask.nii.gz"]);
        let error = pair(predictions.path(), references.path(), "").unwrap_err();
        assert!(error.to_string().contains("`a_mask`"), "{error}");
        assert!(crate::terminal::hint(&error).unwrap().contains("--reference-suffix"));
        let twice = folder(&["a.nii.gz", "a/mask.nii.gz"]);
        assert!(pair(twice.path(), references.path(), "").is_err());
        assert!(pair(Path::new("no such folder"), references.path(), "").is_err());
    }
}
