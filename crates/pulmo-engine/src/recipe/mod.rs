//! Everything a run needs besides its data, as one TOML file.
//!
//! Every field has a default, and the defaults are the paper's recipe: an empty file is the paper. The
//! whole recipe is stored in each checkpoint and model, so that a prediction can be traced to it.

mod check;
mod input;
mod read;
mod training;

use serde::{Deserialize, Serialize};

use crate::augment::Augmentation;

pub use input::{GridMode, Input, Voxels};
pub use training::{Monitor, Optimiser, Phase, Schedule, Training};

/// A whole recipe. Made by [`Recipe::load`] or [`Recipe::parse`], which also check it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// A short name, shown in logs and models.
    pub name: String,
    /// Seed of everything random: first weights, order of cases, patches, augmentation. TOML's integers are
    /// signed, so it must be below 2^63.
    pub seed: u64,
    /// Which network.
    pub network: pulmo_net::Network,
    /// What the first weights are read from.
    pub weights: StartWeights,
    /// How a CT becomes the network's input.
    pub input: Input,
    /// Loss, phases, optimiser.
    pub training: Training,
    /// Transforms of the training items, in the order in which they act; none if empty.
    pub augmentation: Vec<Augmentation>,
}

/// What the first weights are read from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StartWeights {
    /// A weight file for the encoder (torchvision's `r3d_18`) or for the whole network (`.safetensors`, `.pth`);
    /// without one everything starts at random. A relative path is taken from the current folder.
    pub encoder: Option<std::path::PathBuf>,
    /// SHA-256 that the file must have, in hexadecimal; not checked if absent.
    pub encoder_sha256: Option<String>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: "paper".to_owned(),
            seed: 1,
            network: pulmo_net::Network {
                architecture: "paper".to_owned(),
                input_channels: 3,
                classes: 2,
                widths: Vec::new(),
            },
            weights: StartWeights::default(),
            input: Input::default(),
            training: Training::default(),
            augmentation: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
