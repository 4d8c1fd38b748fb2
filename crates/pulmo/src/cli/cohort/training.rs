//! Reads the log of a training.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::find::name_of;

/// A training: its folder's name and its epochs in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) epochs: Vec<Epoch>,
}

/// What an epoch did, as `log.jsonl` tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Epoch {
    pub(super) epoch: usize,
    #[serde(default)]
    pub(super) epochs: usize,
    #[serde(default)]
    pub(super) phase: String,
    #[serde(default)]
    pub(super) learning_rate: Option<f64>,
    #[serde(default)]
    pub(super) training_loss: Option<f64>,
    #[serde(default)]
    pub(super) validation: Option<Validation>,
    #[serde(default)]
    pub(super) best: bool,
    #[serde(default)]
    pub(super) seconds: f64,
}

/// What the validation of an epoch found.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Validation {
    pub(super) dice: Option<f64>,
    pub(super) loss: Option<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Epoch(Epoch),
    #[serde(other)]
    Other,
}

impl Run {
    /// The best epoch: the last that was the best so far.
    pub(super) fn best(&self) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|epoch| epoch.best)
    }
}

/// Reads a run's folder; with the number of lines that could not be read.
///
/// A log whose last line is cut, as after a power failure, is read up to there. Of two lines for the same epoch the
/// later counts.
///
/// # Errors
/// If the log cannot be read.
pub(super) fn read(folder: &Path) -> anyhow::Result<(Run, usize)> {
    let path = folder.join("log.jsonl");
    let cannot = || format!("cannot read `{}`", path.display());
    let mut epochs = BTreeMap::new();
    let mut unreadable = 0;
    for line in BufReader::new(File::open(&path).with_context(cannot)?).split(b'\n') {
        let line = line.with_context(cannot)?;
        match serde_json::from_slice(&line) {
            Ok(Line::Epoch(epoch)) => drop(epochs.insert(epoch.epoch, epoch)),
            Ok(Line::Other) => {}
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => unreadable += 1,
        }
    }
    Ok((Run { name: name_of(folder), epochs: epochs.into_values().collect() }, unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_up_to_where_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let log = "{\"kind\":\"step\",\"epoch\":1,\"loss\":2.0}\n\
            {\"kind\":\"epoch\",\"epoch\":1,\"training_loss\":1.0,\"best\":true,\"validation\":{\"dice\":0.5,\"loss\":null}}\n\
            {\"kind\":\"epoch\",\"epoch\":1,\"training_loss\":0.5,\"best\":true,\"validation\":null}\n\
            {\"kind\":\"epoch\",\"epoch\":2,\"training_loss\":0.75}\n\n{\"kind\":\"epo";
        std::fs::write(folder.path().join("log.jsonl"), log).unwrap();
        let (run, unreadable) = read(folder.path()).unwrap();
        assert_eq!((run.epochs.len(), unreadable), (2, 1));
        assert_eq!((run.epochs[0].training_loss, run.best().map(|best| best.epoch)), (Some(0.5), Some(1)));
        assert!(read(Path::new("no such run")).is_err());
    }
}
