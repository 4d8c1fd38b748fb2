//! The map from old to new: one line per file, for whoever may lead results back to patients.

use std::collections::BTreeSet;
use std::path::Path;

use super::report::{Entry, Outcome, Report};
use crate::atomic;
use crate::error::{Error, Result};

const HEADER: &str = "file,outcome,written,patient_id,patient_name,new_patient_id,\
    study_uid,new_study_uid,series_uid,new_series_uid,instance_uid,new_instance_uid,detail";

/// Adds the files of `report` to the map at `path` (CSV, UTF-8), which only its owner can read (0600).
///
/// Lines of earlier runs stay, equal ones are not repeated. The file is replaced in one step.
///
/// # Errors
/// [`Error::Io`] if it cannot be read or written, [`Error::Invalid`] if it is another file.
pub fn write_map(path: &Path, report: &Report) -> Result<()> {
    let mut records = read(path)?;
    records.extend(report.entries.iter().map(record));
    let text: String = std::iter::once(HEADER.to_owned()).chain(records).map(|line| line + "\n").collect();
    atomic::write_private(path, text.as_bytes())
}

/// The records of an earlier run. A quoted value may run over several lines.
fn read(path: &Path) -> Result<BTreeSet<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(Error::read(path, error)),
    };
    let Some(body) = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')) else {
        return Err(Error::invalid(
            path,
            "it is no map of this program",
            "give another file; the map is made if it is not there",
        ));
    };
    let mut records = BTreeSet::new();
    let mut record = String::new();
    for line in body.split_inclusive('\n') {
        record += line;
        if record.matches('"').count().is_multiple_of(2) {
            records.insert(record.trim_end_matches('\n').to_owned());
            record.clear();
        }
    }
    Ok(records)
}

fn record(entry: &Entry) -> String {
    let (outcome, detail) = match &entry.outcome {
        Outcome::Written | Outcome::AlreadyThere => ("written".to_owned(), String::new()),
        Outcome::SetAside(reason) => (format!("set aside: {reason}"), String::new()),
        Outcome::Failed(failure) => (format!("failed: {failure}"), failure.detail.clone()),
    };
    let written = entry.written.as_ref().map(|path| path.to_string_lossy().replace('\\', "/")).unwrap_or_default();
    let mut values = vec![entry.source.to_string_lossy().into_owned(), outcome, written];
    match &entry.identity {
        None => values.extend(std::iter::repeat_n(String::new(), 9)),
        Some(id) => values.extend(
            [
                &id.patient_id,
                &id.patient_name,
                &id.new_patient,
                &id.study,
                &id.new_study,
                &id.series,
                &id.new_series,
                &id.instance,
                &id.new_instance,
            ]
            .map(Clone::clone),
        ),
    }
    values.push(detail);
    values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(",")
}

fn quoted(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
