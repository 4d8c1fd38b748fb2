//! What a folder holds that can be shown.

use std::path::{Path, PathBuf};

use anyhow::Context;
use pulmo::ct;

use crate::terminal::advice;

/// Folders are searched so many levels down.
const DEPTH: usize = 2;

/// Something that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Found {
    /// An `evaluation.json`.
    Evaluation(PathBuf),
    /// The folder of a segmented case.
    Case(PathBuf),
    /// The folder of a training.
    Run(PathBuf),
}

impl Found {
    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Evaluation(path) | Self::Case(path) | Self::Run(path) => path,
        }
    }

    /// The same without detours, so that a thing that is named in two ways is known again.
    pub(super) fn without_detours(&self) -> Self {
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match self {
            Self::Evaluation(path) => Self::Evaluation(real(path)),
            Self::Case(path) => Self::Case(real(path)),
            Self::Run(path) => Self::Run(real(path)),
        }
    }
}

/// What lies in a folder and two levels below, or what a file is; in the order of names.
///
/// # Errors
/// If there is nothing, or a folder cannot be read.
pub(super) fn find(source: &Path) -> anyhow::Result<Vec<Found>> {
    std::fs::metadata(source).map_err(|error| ct::Error::read(source, error))?;
    let mut found = Vec::new();
    let name = source.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parent = || source.parent().unwrap_or(Path::new("")).to_owned();
    match name {
        _ if source.is_dir() => look(source, DEPTH, &mut found)?,
        "log.jsonl" => found.push(Found::Run(parent())),
        "result.json" | "report.json" => found.push(Found::Case(parent())),
        _ if name.ends_with(".json") => found.push(Found::Evaluation(source.to_owned())),
        _ => {}
    }
    if found.is_empty() {
        return Err(advice(
            format!("`{}` holds no evaluation, no results and no training", source.display()),
            "give the folder of `pulmo evaluate -o`, `pulmo segment -o` or `pulmo train -o`",
        ));
    }
    Ok(found)
}

fn look(folder: &Path, depth: usize, found: &mut Vec<Found>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read folder `{}`", folder.display());
    let has = |name: &str| folder.join(name).is_file();
    if has("evaluation.json") {
        found.push(Found::Evaluation(folder.join("evaluation.json")));
    }
    if has("log.jsonl") {
        found.push(Found::Run(folder.to_owned()));
    }
    if has("result.json") || has("report.json") {
        found.push(Found::Case(folder.to_owned()));
    }
    if depth == 0 {
        return Ok(());
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden {
            folders.push(path);
        }
    }
    folders.sort();
    folders.iter().try_for_each(|path| look(path, depth - 1, found))
}

/// The last part of a folder's path, also where that ends in `.` or `..`.
pub(super) fn name_of(folder: &Path) -> String {
    let real = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    real.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_folders_are_found_and_nothing_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for file in [
            "evaluation/evaluation.json",
            "masks/b/result.json",
            "masks/a/report.json",
            "run/log.jsonl",
            ".x/log.jsonl",
        ] {
            std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            std::fs::write(at(file), "{}").unwrap();
        }
        let all = [
            Found::Evaluation(at("evaluation/evaluation.json")),
            Found::Case(at("masks/a")),
            Found::Case(at("masks/b")),
            Found::Run(at("run")),
        ];
        assert_eq!(find(folder.path()).unwrap(), all);
        assert_eq!(find(&at("run")).unwrap(), all[3..]);
        assert_eq!(find(&at("run/log.jsonl")).unwrap(), all[3..]);
        assert_eq!(find(&at("evaluation/evaluation.json")).unwrap(), all[..1]);
        std::fs::create_dir(at("empty")).unwrap();
        for nothing in ["empty", "absent"] {
            assert!(find(&at(nothing)).unwrap_err().to_string().contains(nothing));
        }
    }
}
