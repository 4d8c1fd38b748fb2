//! Many files: read and cleaned in parallel, written in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Options;
use super::face::Look;
use super::key::Key;
use super::object::{self, Cleaned, Verdict};
use super::places::{self, Found};
use super::report::{Entry, FaceWarning, Failure, Outcome, Report};
use crate::atomic;
use crate::error::Result;

/// Files that are held in memory at once have no more bytes than this together, or are one per thread.
const BATCH_BYTES: u64 = 64 << 20;

/// De-identifies `input` (a folder or a file) into the folder `output`; without `output` nothing is written.
///
/// Each file goes to `patient/study/series/instance.dcm`, names that the key gives. A file that stands there already
/// with the same content is left alone, so a stopped run is gone on with by the same call; one with another content
/// is a failure, never replaced. Of two input files with one SOPInstanceUID the first in the order of paths is
/// written. `progress` gets the files done and their number, and stops the work by returning `false`.
///
/// # Errors
/// [`crate::Error::Value`] if the places overlap (see [`super::check_places`]), [`crate::Error::Io`] if the input cannot be listed. What
/// goes wrong with one file is in the report.
pub fn run(
    input: &Path,
    output: Option<&Path>,
    key: &Key,
    options: &Options,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<Report> {
    places::check_places(input, output, &[])?;
    let found = places::find(input)?;
    let mut job = Job { output, report: Report::default(), claims: HashMap::new(), series: BTreeMap::new() };
    let mut patients = BTreeSet::new();
    let mut studies = BTreeSet::new();
    let mut rest = found.as_slice();
    while !rest.is_empty() {
        if !progress(found.len() - rest.len(), found.len()) {
            job.report.was_interrupted = true;
            break;
        }
        let (batch, later) = rest.split_at(batch_length(rest));
        let judge = |one: &Found| one.refused.map_or_else(|| object::judge(&one.path, key, options), Verdict::SetAside);
        let verdicts: Vec<Verdict> = batch.par_iter().map(judge).collect();
        for (one, verdict) in batch.iter().zip(verdicts) {
            job.settle(&one.path, verdict);
        }
        rest = later;
    }
    for entry in &job.report.entries {
        if let (Outcome::Written | Outcome::AlreadyThere, Some(identity)) = (&entry.outcome, &entry.identity) {
            patients.insert(&identity.new_patient);
            studies.insert(&identity.new_study);
        }
    }
    let (patients, studies) = (patients.len(), studies.len());
    let faces = job
        .series
        .iter()
        .filter_map(|(folder, look)| Some(FaceWarning { folder: folder.clone(), suspicion: look.suspicion()? }));
    let faces = faces.collect();
    Ok(Report { patients, studies, series: job.series.len(), faces, ..job.report })
}

/// How many of the next files fit into memory together.
fn batch_length(rest: &[Found]) -> usize {
    let mut bytes = 0;
    let fits = |one: &&Found| {
        bytes += std::fs::metadata(&one.path).map_or(0, |data| data.len());
        bytes <= BATCH_BYTES
    };
    rest.iter().take_while(fits).count().clamp(rayon::current_num_threads().min(rest.len()), rest.len())
}

struct Job<'a> {
    output: Option<&'a Path>,
    report: Report,
    /// What this run has put where.
    claims: HashMap<PathBuf, [u8; 32]>,
    /// By the folder of the series below the output folder.
    series: BTreeMap<String, Look>,
}

impl Job<'_> {
    fn settle(&mut self, source: &Path, verdict: Verdict) {
        let mut entry = Entry {
            number: self.report.entries.len() + 1,
            outcome: Outcome::Written,
            source: source.to_owned(),
            written: None,
            identity: None,
        };
        match verdict {
            Verdict::SetAside(reason) => entry.outcome = Outcome::SetAside(reason),
            Verdict::Failed(failure) => entry.outcome = Outcome::Failed(failure),
            Verdict::Write(cleaned) => {
                entry.outcome = self.put(&cleaned);
                if matches!(entry.outcome, Outcome::Written | Outcome::AlreadyThere) {
                    self.count(&cleaned);
                    entry.written = Some(cleaned.path);
                }
                entry.identity = Some(cleaned.identity);
            }
        }
        self.report.entries.push(entry);
    }

    fn count(&mut self, cleaned: &Cleaned) {
        for (what, count) in &cleaned.changes {
            *self.report.changes.entry(*what).or_default() += count;
        }
        let folder = cleaned.path.parent().unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/");
        debug_assert!(folder.ends_with(&cleaned.series_code));
        self.series.entry(folder).and_modify(|look| *look = look.and(cleaned.look)).or_insert(cleaned.look);
    }

    fn put(&mut self, cleaned: &Cleaned) -> Outcome {
        let hash: [u8; 32] = Sha256::digest(&cleaned.bytes).into();
        match self.claims.get(&cleaned.path) {
            Some(other) if *other == hash => return Outcome::AlreadyThere,
            Some(_) => return Outcome::Failed(Failure::conflict()),
            None => (),
        }
        let outcome = match self.output {
            None => Ok(Outcome::Written),
            Some(output) => write(&output.join(&cleaned.path), &cleaned.bytes),
        };
        if matches!(outcome, Ok(Outcome::Written | Outcome::AlreadyThere)) {
            self.claims.insert(cleaned.path.clone(), hash);
        }
        outcome.unwrap_or_else(|error| Outcome::Failed(Failure::unwritable(error.to_string())))
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<Outcome> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if atomic::write_new(path, bytes)? {
        return Ok(Outcome::Written);
    }
    let is_same = std::fs::read(path)? == bytes;
    Ok(if is_same { Outcome::AlreadyThere } else { Outcome::Failed(Failure::conflict()) })
}
