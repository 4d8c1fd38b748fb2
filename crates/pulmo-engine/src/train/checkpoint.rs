//! One file from which a run goes on to the same bits.
//!
//! Weights, optimiser state and position lie in one safetensors file that is replaced in one step, so a
//! killed process leaves either the old epoch or the new one. No random state is stored: every draw is a
//! function of the seed and the position ([`crate::random`]).

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_net::{OptimiserState, Weights};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::check_shapes;
use crate::recipe::Recipe;

const METADATA_KEY: &str = "pulmo.checkpoint";
const FORMAT: u32 = 1;
const WEIGHTS: &str = "weights/";
const OPTIMISER: &str = "optimiser/";

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// Version of this format.
    pub(super) format: u32,
    /// The whole recipe as TOML.
    pub(super) recipe: String,
    /// Names of the training and the validation cases.
    pub(super) cases: [Vec<String>; 2],
    /// Finished epochs of the whole run.
    pub(super) epochs: usize,
    /// The best epoch so far.
    pub(super) best: Option<Best>,
    /// Length of the log when this was written, in bytes.
    pub(super) log_bytes: u64,
    /// Time spent in all finished epochs, in seconds.
    pub(super) seconds: f64,
    /// SHA-256 of the file the first weights came from.
    pub(super) start_weights_sha256: Option<String>,
    /// Steps that each parameter's optimiser state has seen.
    pub(super) optimiser_steps: BTreeMap<String, u64>,
}

/// The best epoch so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Number of the epoch in the whole run, from 1.
    pub epoch: usize,
    /// Its mean Dice on the validation cases.
    pub dice: Option<f64>,
    /// Its mean loss on the validation cases.
    pub loss: Option<f64>,
}

/// A checkpoint in memory.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) position: Position,
    pub(super) weights: Weights,
    pub(super) optimiser: OptimiserState,
}

impl Position {
    pub(super) fn start(recipe: &Recipe, cases: [Vec<String>; 2], start_weights_sha256: Option<String>) -> Self {
        Self {
            format: FORMAT,
            recipe: recipe.to_toml(),
            cases,
            epochs: 0,
            best: None,
            log_bytes: 0,
            seconds: 0.0,
            start_weights_sha256,
            optimiser_steps: BTreeMap::new(),
        }
    }
}

/// Writes a checkpoint, replacing the one before in one step.
pub(super) fn write(path: &Path, position: &Position, weights: &Weights, optimiser: OptimiserState) -> Result<()> {
    let position = Position { optimiser_steps: optimiser.steps, ..position.clone() };
    let text = serde_json::to_string(&position)
        .map_err(|error| Error::run(format!("the checkpoint's position cannot be written: {error}"), ""))?;
    let own = weights.iter().map(|(name, tensor)| (format!("{WEIGHTS}{name}"), tensor.clone()));
    let averages = optimiser.tensors.into_iter().map(|(name, tensor)| (format!("{OPTIMISER}{name}"), tensor));
    let tensors: Weights = own.chain(averages).collect();
    let metadata = BTreeMap::from([(METADATA_KEY.to_owned(), text)]);
    Ok(pulmo_net::weights::write_safetensors(path, &tensors, &metadata)?)
}

/// Reads a checkpoint and checks that it belongs to this recipe and these cases.
pub(super) fn read(path: &Path, recipe: &Recipe, cases: &[Vec<String>; 2]) -> Result<Checkpoint> {
    let damaged = |problem: String| {
        Error::run(
            format!("`{}` is no usable checkpoint: {problem}", path.display()),
            "start a new run in another folder",
        )
    };
    let file = pulmo_net::weights::read_weights_file(path)?;
    let text = file.metadata.get(METADATA_KEY).ok_or_else(|| damaged(format!("no metadata `{METADATA_KEY}`")))?;
    let position: Position = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    if position.format != FORMAT {
        return Err(damaged(format!("format {}, expected {FORMAT}", position.format)));
    }
    same_recipe(&position.recipe, &recipe.to_toml())?;
    if &position.cases != cases {
        return Err(Error::run(
            "the data list has other cases, or another order of them, than the run to resume",
            "a resumed run must see the same data; for other data start a new run in another folder",
        ));
    }
    let mut weights = Weights::new();
    let mut averages = Weights::new();
    for (name, tensor) in file.tensors {
        match (name.strip_prefix(WEIGHTS), name.strip_prefix(OPTIMISER)) {
            (Some(name), _) => weights.insert(name.to_owned(), tensor),
            (_, Some(name)) => averages.insert(name.to_owned(), tensor),
            _ => return Err(damaged(format!("tensor `{name}` is neither weight nor optimiser state"))),
        };
    }
    check_shapes(recipe, &weights).map_err(damaged)?;
    let optimiser = OptimiserState { tensors: averages, steps: position.optimiser_steps.clone() };
    Ok(Checkpoint { position, weights, optimiser })
}

fn same_recipe(before: &str, now: &str) -> Result<()> {
    if before == now {
        return Ok(());
    }
    let different = now
        .lines()
        .find(|line| !before.lines().any(|old| old == *line))
        .or_else(|| before.lines().find(|line| !now.lines().any(|new| new == *line)));
    Err(Error::run(
        format!("the recipe is not the one of the run to resume (`{}`)", different.unwrap_or("other order")),
        "resume with the recipe and the overrides of the first call, or start a new run in another folder",
    ))
}
