//! Cases that data lists name, and lung masks that belong to cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::ct::dataset::{DataList, Split};
use pulmo::measure::evaluate::{CaseFacts, Label};

use super::masks;
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
    let mut lungs: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (stem, file) in masks::list(folder, "lung masks")?.masks {
        let case =
            [stem.as_str(), without_lung_ending(&stem)].into_iter().find(|name| pairs.iter().any(|p| p.case == *name));
        let Some(case) = case else { continue };
        if let Some(other) = lungs.insert(case.to_owned(), file.clone()) {
            let problem = format!(
                "two files could be the lungs of case `{case}`: `{}` and `{}`",
                other.display(),
                file.display()
            );
            return Err(advice(problem, "move one of them elsewhere"));
        }
    }
    if lungs.is_empty() {
        let problem = format!("no file in `{}` is called as a case", folder.display());
        return Err(advice(problem, "lung masks bear the cases' names, perhaps with `_lungs` or `_mask` at the end"));
    }
    for pair in pairs {
        pair.lungs = lungs.remove(&pair.case).or(pair.lungs.take());
    }
    Ok(())
}

fn without_lung_ending(stem: &str) -> &str {
    let bare = masks::without_endings(stem);
    ["_lungs", "_lung", "-lungs", "-lung"].into_iter().find_map(|ending| bare.strip_suffix(ending)).unwrap_or(bare)
}
