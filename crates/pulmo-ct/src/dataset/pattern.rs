//! Patterns of paths: `ct/{case}.nii.gz`, `{site}/{patient}/*_ct.nii.gz`.
//!
//! A pattern is matched folder by folder. `{word}` stands for at least one character of a name and is remembered; `*`
//! for any number of them. A word that occurs twice must be the same both times. Where several splits of a name are
//! possible, the first words are as short as they can be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The words of one match.
pub(super) type Words = BTreeMap<String, String>;

/// Words that a pattern may hold.
const KNOWN: [&str; 3] = ["case", "patient", "site"];

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Word(String),
    Any,
}

/// A pattern, folder by folder.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    folders: Vec<Vec<Piece>>,
    text: String,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |problem: &str| Error::Value { problem: format!("pattern `{text}`: {problem}") };
        let mut folders = Vec::new();
        for part in text.split(['/', std::path::MAIN_SEPARATOR]).filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                return Err(wrong("`..` would leave the folder"));
            }
            folders.push(pieces(part).map_err(|problem| wrong(&problem))?);
        }
        if folders.is_empty() {
            return Err(wrong("it is empty"));
        }
        Ok(Self { folders, text: text.to_owned() })
    }

    /// Whether it holds a word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.folders.iter().flatten().any(|piece| *piece == Piece::Word(word.to_owned()))
    }

    /// The pattern as it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// All paths below `root` that match, sorted, with their words; `fixed` words must have these values.
    pub(super) fn find(&self, root: &Path, fixed: &Words) -> Result<Vec<(PathBuf, Words)>> {
        let mut places = vec![(root.to_owned(), fixed.clone())];
        for (depth, pieces) in self.folders.iter().enumerate() {
            let is_last = depth + 1 == self.folders.len();
            let mut next = Vec::new();
            for (folder, words) in places {
                next.extend(step(&folder, pieces, &words, is_last)?);
            }
            places = next;
        }
        places.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(places)
    }
}

fn step(folder: &Path, pieces: &[Piece], words: &Words, is_last: bool) -> Result<Vec<(PathBuf, Words)>> {
    // A name without anything to guess needs no listing.
    if let Some(name) = spelled(pieces, words) {
        let path = folder.join(name);
        return Ok(if path.exists() { vec![(path, words.clone())] } else { Vec::new() });
    }
    let failed = |source| Error::read(folder, source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, path) = (entry.file_name(), entry.path());
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if !is_last && !path.is_dir() {
            continue;
        }
        let mut words = words.clone();
        if matches(pieces, name, &mut words) {
            found.push((path, words));
        }
    }
    Ok(found)
}

/// The name, if all its words are known.
fn spelled(pieces: &[Piece], words: &Words) -> Option<String> {
    let mut name = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => name += text,
            Piece::Word(word) => name += words.get(word)?,
            Piece::Any => return None,
        }
    }
    Some(name)
}

fn matches(pieces: &[Piece], name: &str, words: &mut Words) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return name.is_empty() };
    let ends = |from: usize| name.char_indices().map(|(at, _)| at).chain([name.len()]).filter(move |&at| at >= from);
    match first {
        Piece::Text(text) => name.strip_prefix(text.as_str()).is_some_and(|left| matches(rest, left, words)),
        Piece::Any => ends(0).any(|at| matches(rest, &name[at..], words)),
        Piece::Word(word) => match words.get(word).cloned() {
            Some(value) => name.strip_prefix(value.as_str()).is_some_and(|left| matches(rest, left, words)),
            None => ends(1).any(|at| {
                let before = words.clone();
                words.insert(word.clone(), name[..at].to_owned());
                let fits = matches(rest, &name[at..], words);
                if !fits {
                    *words = before;
                }
                fits
            }),
        },
    }
}

fn pieces(part: &str) -> std::result::Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut left = part;
    while let Some(at) = left.find(['{', '*']) {
        if at > 0 {
            pieces.push(Piece::Text(left[..at].to_owned()));
        }
        left = &left[at..];
        if let Some(after) = left.strip_prefix('*') {
            pieces.push(Piece::Any);
            left = after;
            continue;
        }
        let end = left.find('}').ok_or("a `{` without its `}`")?;
        let word = &left[1..end];
        if !KNOWN.contains(&word) {
            return Err(format!("`{{{word}}}` is not one of {{case}}, {{patient}}, {{site}}"));
        }
        pieces.push(Piece::Word(word.to_owned()));
        left = &left[end + 1..];
    }
    if !left.is_empty() {
        pieces.push(Piece::Text(left.to_owned()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let fits = |pattern: &str, name: &str| {
            let mut words = Words::new();
            matches(&pieces(pattern).unwrap(), name, &mut words).then(|| words.into_values().collect::<Vec<_>>())
        };
        assert_eq!(fits("{case}.nii.gz", "a_1.nii.gz"), Some(vec!["a_1".to_owned()]));
        assert_eq!(fits("{patient}_{case}.nii", "p1_x_y.nii"), Some(vec!["x_y".to_owned(), "p1".to_owned()]));
        assert_eq!(fits("*_{case}_ct.nii", "a_b_ct.nii"), Some(vec!["b".to_owned()]));
        assert_eq!(fits("{case}-{case}.nii", "a-b.nii"), None);
        assert_eq!(fits("{case}.nii", ".nii"), None);
        assert_eq!(fits("{case}.nii", "ä.nii"), Some(vec!["ä".to_owned()]));
        for bad in ["", "a/../b", "{case", "{name}.nii"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
