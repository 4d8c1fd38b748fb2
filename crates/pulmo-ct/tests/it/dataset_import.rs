//! Imports: archives laid out as people download them, whole and with everything that can be wrong with them.

mod archive;
mod dicom;
mod generic;
mod named;
mod ricord;
mod uses;

use std::path::{Path, PathBuf};

use pulmo_ct::dataset::import::{Cause, Imported, Options, Request};
use pulmo_ct::dataset::{self, DataList};
use pulmo_ct::error::Result;

/// An import in a folder of its own.
struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("data.toml")
    }

    fn import(&self, kind: &str, root: &Path, options: &Options) -> Result<Imported> {
        let kind = dataset::kind(kind).unwrap();
        let request = Request { root, output: &self.output(), options, progress: &|_, _, _| () };
        let imported = dataset::import(kind, &request)?;
        let loaded = DataList::load(&self.output()).unwrap();
        assert_eq!(loaded.cases.len(), imported.list.cases.len(), "the list can be read again");
        Ok(imported)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.output()).unwrap()
    }
}

/// Names and causes of what was left out.
fn left_out(imported: &Imported) -> Vec<(String, Cause)> {
    imported.flow.excluded.iter().map(|one| (one.what.clone(), one.cause)).collect()
}

fn names(imported: &Imported) -> Vec<&str> {
    imported.list.cases.iter().map(|case| case.name.as_str()).collect()
}

/// The files below a folder with their lengths, to see that nothing was written there.
fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push((path.clone(), path.metadata().unwrap().len())) }
        }
    }
    found.sort();
    found
}

/// A path below the shared data, or `None` with a printed reason.
#[allow(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if !path.exists() {
        eprintln!("skipped: shared/data/{name} is not here");
        return None;
    }
    Some(path)
}
