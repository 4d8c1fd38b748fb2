//! Where files are read and written, so that neither gets in the other's way.

use std::path::{Path, PathBuf};

use super::report::Entry;
use super::set_aside::SetAside;
use crate::error::{Error, Result};

/// Folders are followed no deeper.
const DEEPEST: usize = 64;

/// A file of the input, or something that stands there and is no file.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) refused: Option<SetAside>,
}

/// Checks that output and input do not lie in each other and that the private files lie in neither.
///
/// # Errors
/// [`Error::Value`] without the paths, which may hold names; [`Error::Io`] if a folder cannot be looked at.
pub fn check_places(input: &Path, output: Option<&Path>, private: &[&Path]) -> Result<()> {
    let input = real(input)?;
    let output = output.map(real).transpose()?;
    let refuse = |problem: &str| Err(Error::Value { problem: problem.to_owned() });
    if let Some(output) = &output
        && (output.starts_with(&input) || input.starts_with(output))
    {
        return refuse("the output folder may not lie in the input, nor the input in the output");
    }
    for file in private {
        let file = real(file)?;
        if file.starts_with(&input) {
            return refuse("the key and the map may not lie in the input, which is only read");
        }
        if output.as_ref().is_some_and(|output| file.starts_with(output)) {
            return refuse(
                "the key and the map may not lie in the output folder: with them its codes lead back to the patients",
            );
        }
    }
    Ok(())
}

/// The path without links and dots, as far as it exists.
fn real(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|e| Error::read(path, e))?;
    let mut missing = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        match existing.canonicalize() {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(error) => match (existing.parent(), existing.file_name()) {
                (Some(parent), Some(name)) => {
                    missing.push(name);
                    existing = parent;
                }
                _ => return Err(Error::read(path, error)),
            },
        }
    }
}

/// All files of `input` and below in the order of their paths. Links to folders are not followed.
pub(super) fn find(input: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    if input.is_dir() {
        collect(input, 0, &mut found)?;
    } else {
        let failed = |e| Error::Value { problem: format!("the input cannot be read: {e}") };
        std::fs::metadata(input).map_err(failed)?;
        found.push(Found { path: input.to_owned(), refused: None });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<Found>) -> Result<()> {
    // The path may hold a name: the error of the system is enough.
    let failed = |e: std::io::Error| Error::Value { problem: format!("a folder of the input cannot be read: {e}") };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() && depth < DEEPEST {
            collect(&path, depth + 1, found)?;
        } else if path.is_dir() {
            found.push(Found { path, refused: Some(SetAside::Link) });
        } else {
            // Sockets and the like would block when read.
            let is_file = path.is_file();
            found.push(Found { path, refused: (!is_file).then_some(SetAside::NotDicom) });
        }
    }
    Ok(())
}

impl Entry {
    /// The file's path. It may hold names: for the map, not for a log.
    #[must_use]
    pub fn source(&self) -> &Path {
        &self.source
    }
}
