//! What a training step sets of the optimiser; the update itself is [`pulmo_kernel::adam`].

use serde::{Deserialize, Serialize};

/// The numbers of fastai's Adam that a recipe sets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Decay of the average of gradients; a schedule usually moves it.
    pub momentum: f64,
    /// Decay of the average of squared gradients.
    pub squared_momentum: f64,
    /// Added to the root in the denominator.
    pub epsilon: f64,
    /// Decoupled weight decay of convolution weights.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { momentum: 0.9, squared_momentum: 0.99, epsilon: 1e-5, weight_decay: 1e-4 }
    }
}

/// Learning rates of the two groups of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// Of parameters whose name begins with `encoder.`.
    pub encoder: f64,
    /// Of all others.
    pub rest: f64,
}

impl LearningRate {
    /// The same rate for both.
    #[must_use]
    pub fn same(rate: f64) -> Self {
        Self { encoder: rate, rest: rate }
    }
}

/// How parameters move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpdateRule {
    pub(crate) adam: Adam,
    pub(crate) rate: LearningRate,
}
