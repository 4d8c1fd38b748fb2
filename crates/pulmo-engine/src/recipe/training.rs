//! The `[training]` table: loss, phases, optimiser, schedule.

use pulmo_net::{Loss, Precision};
use serde::{Deserialize, Serialize};

/// Loss, phases and optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// What is minimised.
    pub loss: Loss,
    /// In which numbers activations are held, in training and in segmenting.
    pub precision: Precision,
    /// Items per step.
    pub batch_size: usize,
    /// How often each training case appears in an epoch (the paper's authors' example repeats them five times).
    pub repeats: usize,
    /// Validate after every so many epochs, and after the last of each phase.
    pub validate_every: usize,
    /// Probability above which a voxel is infiltrate; 0.5 is argmax for two classes.
    pub threshold: f64,
    /// What decides which epoch is the best.
    pub monitor: Monitor,
    /// One after the other.
    pub phase: Vec<Phase>,
    /// Constants of Adam.
    pub optimiser: Optimiser,
    /// Shape of the one-cycle schedule, the same in each phase.
    pub schedule: Schedule,
}

/// What decides which epoch is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The highest mean Dice of the validation cases.
    Dice,
    /// The lowest mean validation loss.
    Loss,
}

/// One stretch of epochs with one learning-rate cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// A short name, shown in logs.
    pub name: String,
    /// Epochs of this phase.
    pub epochs: usize,
    /// Keep the encoder's convolutions as they are; its batch normalisation goes on learning.
    #[serde(default)]
    pub freeze_encoder: bool,
    /// The highest learning rate of the cycle.
    pub learning_rate: f64,
    /// The encoder's learning rate as a multiple of the other's.
    #[serde(default = "one")]
    pub encoder_rate_factor: f64,
    /// Start from the best epoch so far rather than from the last one; does nothing in the first phase.
    #[serde(default = "yes")]
    pub reload_best: bool,
    /// Forget what the optimiser remembers of the phase before, as fastai's `freeze_to` does; kept if not set.
    #[serde(default)]
    pub fresh_optimiser: bool,
}

/// Constants of Adam with decoupled weight decay, as fastai has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Share of a convolution weight that is taken away per step and unit of learning rate.
    pub weight_decay: f64,
    /// Decay of the average of squared gradients.
    pub squared_momentum: f64,
    /// Added to the root of that average.
    pub epsilon: f64,
}

/// Shape of the one-cycle schedule: learning rate up and down along a cosine, momentum down and up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Share of the steps in which the learning rate rises.
    pub pct_start: f64,
    /// The first learning rate is the highest divided by this.
    pub div: f64,
    /// The last learning rate is the highest divided by this.
    pub div_final: f64,
    /// Momentum at the start, at the highest learning rate and at the end.
    pub momenta: [f64; 3],
}

impl Default for Training {
    fn default() -> Self {
        let phase = |name: &str, epochs, freeze_encoder, learning_rate| Phase {
            name: name.to_owned(),
            epochs,
            freeze_encoder,
            learning_rate,
            encoder_rate_factor: 1.0,
            reload_best: true,
            fresh_optimiser: false,
        };
        Self {
            loss: Loss::DiceCrossEntropy,
            batch_size: 1,
            repeats: 1,
            validate_every: 1,
            precision: Precision::Float32,
            threshold: 0.5,
            monitor: Monitor::Dice,
            phase: vec![phase("frozen", 3, true, 1e-2), phase("unfrozen", 50, false, 1e-3)],
            optimiser: Optimiser::default(),
            schedule: Schedule::default(),
        }
    }
}

impl Default for Optimiser {
    fn default() -> Self {
        Self { weight_decay: 1e-4, squared_momentum: 0.99, epsilon: 1e-5 }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self { pct_start: 0.25, div: 25.0, div_final: 1e5, momenta: [0.95, 0.85, 0.95] }
    }
}

impl Training {
    /// Epochs of all phases together.
    #[must_use]
    pub fn epochs(&self) -> usize {
        self.phase.iter().map(|phase| phase.epochs).sum()
    }

    /// The phase of an epoch of the whole run (both from 0), and the epoch within it.
    #[must_use]
    pub fn phase_of(&self, epoch: usize) -> Option<(usize, usize)> {
        let mut first = 0;
        for (index, phase) in self.phase.iter().enumerate() {
            if epoch < first + phase.epochs {
                return Some((index, epoch - first));
            }
            first += phase.epochs;
        }
        None
    }
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}
