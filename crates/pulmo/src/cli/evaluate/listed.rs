//! Cases that data lists name, and lung masks that belong to cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::ct::dataset::{DataList, Split};
use pulmo::measure::evaluate::{CaseFacts, Label};

use super::masks::{self, Masks};
use super::pairing::{Listed, Pair};
use crate::terminal::advice;

/// Cases of a data list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SplitChoice {
    Train,
    Validation,
    Test,
    /// Validation and test: what no network has learnt from.
    HeldOut,
    All,
}

impl SplitChoice {
    fn takes(self, split: Split) -> bool {
        match self {
            Self::Train => split == Split::Train,
            Self::Validation => split == Split::Validation,
            Self::Test => split == Split::Test,
            Self::HeldOut => split != Split::Train,
            Self::All => true,
        }
    }
}

/// What the lists say.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) cases: Vec<Listed>,
    pub(super) labels: Vec<Label>,
    pub(super) notes: Vec<String>,
}

/// Loads data lists, which must give the same values the same names.
pub(super) fn load(files: &[PathBuf], split: SplitChoice) -> anyhow::Result<Lists> {
    if files.is_empty() {
        return Err(advice("there are no references", "give a folder of references or --data"));
    }
    let mut lists = Lists { cases: Vec::new(), labels: Vec::new(), notes: Vec::new() };
    for file in files {
        let list = DataList::load(file).context("cannot use the data list")?;
        let labels: Vec<Label> =
            list.labels.iter().map(|(value, name)| Label { name: name.clone(), value: value.0 }).collect();
        if lists.labels.is_empty() {
            lists.labels = labels;
        } else if lists.labels != labels {
            let problem = format!("the labels of `{}` are not those of `{}`", file.display(), files[0].display());
            return Err(advice(problem, "evaluate the lists one by one"));
        }
        add(&mut lists, &list, split, files.len() > 1);
    }
    Ok(lists)
}

fn add(lists: &mut Lists, list: &DataList, split: SplitChoice, name_the_list: bool) {
    if !list.notes.is_empty() {
        let prefix = if name_the_list { format!("{}: ", list.name) } else { String::new() };
        lists.notes.push(format!("{prefix}{}", list.notes));
    }
    let mut notes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in list.cases.iter().filter(|case| split.takes(case.split)) {
        if let Some(note) = &case.note {
            notes.entry(note).or_default().push(&case.name);
        }
        lists.cases.push(Listed {
            case: case.name.clone(),
            reference: case.labels.clone(),
            lungs: case.lungs.clone(),
            facts: CaseFacts {
                patient: case.patient.clone(),
                data_set: Some(list.name.clone()),
                site: Some(case.site.clone()).filter(|site| !site.is_empty()),
                ..CaseFacts::default()
            },
        });
    }
    // Many cases may bear the same note.
    lists.notes.extend(notes.into_iter().map(|(note, cases)| match cases[..] {
        [first, _, _, ..] => format!("{first} and {} more: {note}", cases.len() - 1),
        _ => format!("{}: {note}", cases.join(", ")),
    }));
}

/// Gives each case the lung mask of its name; a case without one keeps what its list says.
pub(super) fn add_lungs(pairs: &mut [Pair], folder: &Path) -> anyhow::Result<()> {
    let found = masks::list(folder, "lung masks")?;
    let mut lungs = by_case(pairs, found, (folder, "lung mask"), &["lungs", "lung"])?;
    pairs.iter_mut().for_each(|pair| pair.lungs = lungs.remove(&pair.case).or(pair.lungs.take()));
    Ok(())
}

/// Gives each case the probabilities of its name.
pub(super) fn add_probabilities(pairs: &mut [Pair], folder: &Path) -> anyhow::Result<()> {
    let found = masks::list_named(folder, "probabilities", "probabilities")?;
    let endings = ["probabilities", "probability", "probs", "prob"];
    let mut files = by_case(pairs, found, (folder, "file of probabilities"), &endings)?;
    pairs.iter_mut().for_each(|pair| pair.probabilities = files.remove(&pair.case));
    Ok(())
}

/// The files that are called as a case, perhaps with an ending.
fn by_case(
    pairs: &[Pair],
    found: Masks,
    (folder, role): (&Path, &str),
    endings: &[&str],
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (stem, file) in found.masks {
        let bare = masks::without_endings(&stem);
        let ended =
            bare.rsplit_once(['_', '-']).filter(|(_, end)| endings.contains(end)).map_or(bare, |(case, _)| case);
        let Some(case) = [stem.as_str(), ended].into_iter().find(|name| pairs.iter().any(|pair| pair.case == *name))
        else {
            continue;
        };
        if let Some(other) = files.insert(case.to_owned(), file.clone()) {
            let problem = format!(
                "two files could be the {role} of case `{case}`: `{}` and `{}`",
                other.display(),
                file.display()
            );
            return Err(advice(problem, "move one of them elsewhere"));
        }
    }
    if files.is_empty() {
        let problem = format!("no {role} in `{}` is called as a case", folder.display());
        let hint = format!("they bear the cases' names, perhaps with `_{}` at the end", endings[0]);
        return Err(advice(problem, hint));
    }
    Ok(files)
}
