//! Training: phases, epochs, steps; validation, the best epoch, checkpoints.
//!
//! A run folder holds
//! - `recipe.toml`, `data.toml`: what the run was started with,
//! - `log.jsonl`: a line per step and per epoch,
//! - `model.safetensors`: the best epoch so far,
//! - `checkpoint.safetensors`: where the run stands, replaced after each epoch.
//!
//! A run that was interrupted anywhere goes on to the same bits as one that was not.

mod cases;
mod checkpoint;
mod journal;
mod loader;
mod memory;
mod run;
mod validate;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::recipe::Recipe;
use pulmo_kernel::Kernels;

pub use cases::{Case, CaseSource, Cases};
pub use checkpoint::Best;
pub use journal::EpochReport;
pub use memory::{Memory, settings_that_fit};
pub use run::train;
pub use validate::Validation;

/// A training to run.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What to do.
    pub recipe: &'a Recipe,
    /// With which cases.
    pub cases: &'a Cases,
    /// The run folder; it is made, and must be new or empty unless `resume` is set.
    pub folder: &'a Path,
    /// Go on where the folder's checkpoint stands; without a checkpoint, start.
    pub resume: bool,
    /// Memory for prepared cases in bytes; those that do not fit are read again in each epoch.
    pub cache_bytes: usize,
    /// What the network may take in bytes, by [`Memory::plan`]; `None` for no limit.
    pub max_network_bytes: Option<u64>,
    /// The arithmetic to use.
    pub kernels: Kernels,
    /// When set, the training stops before its next step and leaves the last checkpoint.
    pub stop: &'a AtomicBool,
}

/// What happens during a training.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The training begins or goes on.
    Started {
        /// Finished epochs: 0 for a new run.
        epochs_done: usize,
        /// Epochs of the whole run.
        epochs: usize,
        /// Steps of each epoch.
        steps: usize,
        /// What was done with the file of first weights, in one line; nothing without one.
        start_weights: Option<String>,
    },
    /// A step is done.
    Step {
        /// Number of the epoch in the whole run, from 1.
        epoch: usize,
        /// Number of the step in the epoch, from 1.
        step: usize,
        /// Steps of the epoch.
        steps: usize,
        /// The loss of its batch.
        loss: f64,
    },
    /// A validation case is done.
    Validated {
        /// Cases done.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// Something about a case's files that a user should know; once per case.
    Warning(String),
    /// An epoch is done and its checkpoint written.
    Epoch(EpochReport),
}

/// What a training has led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The best epoch, whose weights are in `model.safetensors`.
    pub best: Best,
    /// SHA-256 of `model.safetensors`.
    pub model_sha256: String,
    /// Time spent in all epochs, in seconds.
    pub seconds: f64,
}

#[cfg(test)]
mod tests;
