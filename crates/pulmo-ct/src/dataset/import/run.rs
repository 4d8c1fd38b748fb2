//! The import itself: from what a kind has found to `data.toml` and its case flow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::examine::{Examined, Stored, examine};
use super::{CaseFlow, Cause, Excluded, Facts, Found, Options, Search, Unit};
use crate::atomic;
use crate::dataset::DatasetKind;
use crate::dataset::list::{DataList, IntensityStored};
use crate::error::{Error, Result};
use crate::folder::MadeFolder;
use crate::unfinished::Unfinished;

/// What to import and where to.
pub struct Request<'a> {
    /// The archive, never written to.
    pub root: &'a Path,
    /// The `data.toml` to write.
    pub output: &'a Path,
    /// What the user chose.
    pub options: &'a Options,
    /// Called with what is going on, how much of it is done and how much there is; from any thread.
    pub progress: &'a (dyn Fn(&str, usize, usize) + Sync),
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("root", &self.root)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// What an import gave.
#[derive(Debug)]
pub struct Imported {
    /// The list as it was written.
    pub list: DataList,
    /// What became of every case.
    pub flow: CaseFlow,
    /// The flow's two files: Markdown and JSON.
    pub flow_files: [PathBuf; 2],
}

/// Imports: writes `output` (`data.toml`), `data.flow.md` and `data.flow.json` beside it, and into `data.files/` what
/// had to be made. The same archive gives the same bytes again; what was made before is taken again. Where it fails, or
/// Ctrl-C ends it (see [`crate::unfinished`]), nothing of what it made stays.
///
/// # Errors
/// [`Error::Invalid`] if the root is not laid out as the kind says, nothing of it can be taken, or `output` lies in
/// an archive; [`Error::Value`] for an option that the kind does not know; [`Error::Io`] where nothing can be written.
/// A single case that cannot be taken is no error: see [`CaseFlow`].
pub fn import(kind: &dyn DatasetKind, request: &Request<'_>) -> Result<Imported> {
    request.options.must_be_known(kind.name(), kind.options())?;
    if !request.root.exists() {
        return Err(Error::invalid(request.root, "it does not exist", "give the folder of the archive"));
    }
    if !kind.is_own() {
        must_lie_outside(request.root, request.output)?;
    }
    // Before hours of reading, not after them.
    if request.output.is_dir() {
        return Err(Error::invalid(
            request.output,
            "it is a folder",
            "name the list to write, such as FOLDER/data.toml",
        ));
    }
    let folder = folder_of(request.output);
    MadeFolder::probe(folder)?;
    let _folder = MadeFolder::make(folder)?;
    let work = beside(request.output, "files");
    let flow_files = [beside(request.output, "flow.md"), beside(request.output, "flow.json")];
    let [table, json] = flow_files.clone();
    let unfinished = Unfinished::note([work.clone(), table, json, request.output.to_owned()]);
    let search = Search { root: request.root, work: &work, options: request.options, progress: request.progress };
    let mut found = kind.find(&search)?;
    let total = found.candidates.len();
    let mut taken = Vec::with_capacity(total);
    let mut excluded = std::mem::take(&mut found.excluded);
    for (done, candidate) in std::mem::take(&mut found.candidates).into_iter().enumerate() {
        (request.progress)("checking cases", done, total);
        let name = candidate.name.clone();
        match examine(candidate, &found.labels, &work) {
            Ok(examined) => taken.push(examined),
            Err((cause, reason)) => excluded.push(Excluded { what: name, unit: Unit::Case, cause, reason }),
        }
    }
    (request.progress)("checking cases", total, total);
    let stored = set_apart(&mut taken, &mut excluded, request.options.intensity);
    let cases = without_copies(taken, &mut excluded);
    let Found { mut facts, labels, expected, remarks, root, .. } = found;
    name_by_user(&mut facts, request.options);
    let root = root.unwrap_or_else(|| request.root.to_owned());
    let flow = CaseFlow::new(facts.clone(), cases.len(), excluded, (expected, remarks));
    if cases.is_empty() {
        let first = flow.excluded.first().map(|one| format!(": {}: {}", one.what, one.reason)).unwrap_or_default();
        let problem = format!("no case of it can be taken{first}");
        return Err(Error::invalid(request.root, problem, format!("expected is {}", kind.about())));
    }
    let Facts { name, licence, terms, citation, notes, source } = facts;
    let list = DataList {
        name,
        licence,
        terms,
        citation,
        notes,
        source,
        intensity_stored: stored,
        root: root.is_dir().then_some(root),
        labels,
        cases,
    };
    list.save(request.output)?;
    atomic::write(&flow_files[0], flow.to_markdown().as_bytes())?;
    let json = serde_json::to_vec_pretty(&flow)
        .map_err(|error| Error::invalid(&flow_files[1], format!("cannot be written as JSON: {error}"), ""))?;
    atomic::write(&flow_files[1], &json)?;
    unfinished.finish();
    Ok(Imported { list, flow, flow_files })
}

/// A path beside `data.toml` with another ending: `data.files`.
fn beside(output: &Path, ending: &str) -> PathBuf {
    output.with_extension(ending)
}

/// The folder of a file; the current one for a bare name.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Own data may hold its own list; an archive stays as it was downloaded.
fn must_lie_outside(root: &Path, output: &Path) -> Result<()> {
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|source| Error::read(path, source));
    let archive = real(root)?;
    // The folder may still have to be made: the first one above it that is there decides.
    let there = folder_of(output).ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    if archive.is_dir() && real(there)?.starts_with(&archive) {
        let problem = "it lies in the archive, where nothing is written";
        return Err(Error::invalid(output, problem, "write it to a folder of your own"));
    }
    Ok(())
}

/// Keeps the cases of one kind of voxels: the wanted, or HU if there are any, or greys.
fn set_apart(
    taken: &mut Vec<Examined>,
    excluded: &mut Vec<Excluded>,
    wanted: Option<IntensityStored>,
) -> IntensityStored {
    let any_hu = taken.iter().any(|one| one.stored.refusal(IntensityStored::Hu).is_none());
    let any_grey = taken.iter().any(|one| one.stored.refusal(IntensityStored::EightBit).is_none());
    let stored = wanted.unwrap_or(if any_grey && !any_hu { IntensityStored::EightBit } else { IntensityStored::Hu });
    taken.retain(|one| match one.stored.refusal(stored) {
        None => true,
        Some(reason) => {
            let what = one.case.name.clone();
            let cause = if matches!(one.stored, Stored::Other(..)) { Cause::Foreign } else { Cause::NotHu };
            excluded.push(Excluded { what, unit: Unit::Case, cause, reason });
            false
        }
    });
    stored
}

/// Keeps the first of equal images, and the first of equal names.
fn without_copies(taken: Vec<Examined>, excluded: &mut Vec<Excluded>) -> Vec<crate::dataset::Case> {
    let mut by_hash: BTreeMap<String, String> = BTreeMap::new();
    let mut by_name: BTreeMap<String, ()> = BTreeMap::new();
    let mut cases = Vec::with_capacity(taken.len());
    for Examined { case, .. } in taken {
        let hash = case.sha256.clone().unwrap_or_default();
        let reason = match by_hash.get(&hash) {
            Some(first) => Some(format!("its image is the same, byte for byte, as that of case `{first}`")),
            None if by_name.contains_key(&case.name) => Some("another case has this name".to_owned()),
            None => None,
        };
        match reason {
            Some(reason) => {
                excluded.push(Excluded { what: case.name, unit: Unit::Case, cause: Cause::Duplicated, reason });
            }
            None => {
                by_hash.insert(hash, case.name.clone());
                by_name.insert(case.name.clone(), ());
                cases.push(case);
            }
        }
    }
    cases
}

fn name_by_user(facts: &mut Facts, options: &Options) {
    let Options { name, licence, citation, .. } = options;
    for (fact, given) in [(&mut facts.name, name), (&mut facts.licence, licence), (&mut facts.citation, citation)] {
        if let Some(given) = given {
            fact.clone_from(given);
        }
    }
}
