//! `log.jsonl`: one JSON object per line, for each step and each epoch.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::validate::Validation;
use crate::error::{Error, Result};

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// After each step.
    Step(StepLine<'a>),
    /// After each epoch.
    Epoch(&'a EpochReport),
}

/// What a step did.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StepLine<'a> {
    pub(super) epoch: usize,
    pub(super) step: usize,
    pub(super) cases: &'a [String],
    pub(super) learning_rate: f64,
    pub(super) momentum: f64,
    pub(super) loss: f64,
    pub(super) parts: std::collections::BTreeMap<&'static str, f64>,
    pub(super) gradient_norm: f64,
    pub(super) seconds: f64,
}

/// What an epoch did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochReport {
    /// Number of the epoch in the whole run, from 1.
    pub epoch: usize,
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Name of its phase.
    pub phase: String,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss of its steps.
    pub training_loss: f64,
    /// What the validation found, if there was one.
    pub validation: Option<Validation>,
    /// Whether it is the best so far.
    pub best: bool,
    /// Its duration in seconds, validation included.
    pub seconds: f64,
}

/// The open log.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the log and drops what was written after the checkpoint, `keep_bytes` from the start.
    pub(super) fn open(path: &Path, keep_bytes: u64) -> Result<Self> {
        let failed = |source| Error::write(path, source);
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        file.set_len(keep_bytes.min(length)).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(super) fn write(&mut self, line: &Line<'_>) -> Result<()> {
        let failed = |source| Error::write(&self.path, source);
        let mut text = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(failed)
    }

    /// The length of the log in bytes.
    pub(super) fn bytes(&mut self) -> Result<u64> {
        self.file.stream_position().map_err(|source| Error::write(&self.path, source))
    }
}
