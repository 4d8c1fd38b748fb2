//! The demonstration: everything this program does, on synthetic thorax CTs, without any data.
//!
//! Phantoms are drawn and written as NIfTI, a small network is trained with the very code that trains on
//! patients, and judged on phantoms it has not seen. Beside it stands the best HU band, fitted to the cases
//! it is judged on; and, as a control, the same training with images and masks of different cases, which
//! must fail. A Dice reached here says nothing about patients.

mod data;
mod judge;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use pulmo_ct::phantom::Phantom;
use pulmo_kernel::Kernels;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::recipe::Recipe;
use crate::result::{NOTICE, peak_memory_bytes};
use crate::train::{EpochReport, Event, Outcome, Request, train};

pub use judge::{CaseScore, Mean};

/// The demonstration's recipe as TOML.
pub const RECIPE: &str = include_str!("recipe.toml");

/// What is demonstrated, and how large.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Where everything goes; it must be there and empty.
    pub folder: &'a Path,
    /// The recipe, [`recipe`] unless a test wants a shorter one.
    pub recipe: Recipe,
    /// Voxels (slices, rows, columns) of each phantom.
    pub shape: [usize; 3],
    /// Phantoms to train on.
    pub training_cases: usize,
    /// Phantoms to judge by.
    pub held_out_cases: usize,
    /// Gives each training image the mask of another case: a training that must fail, as a control.
    pub shuffle_masks: bool,
    /// Which arithmetic.
    pub kernels: Kernels,
    /// When set, the training stops.
    pub stop: &'a AtomicBool,
}

impl<'a> Options<'a> {
    /// The demonstration as `pulmo demo` shows it.
    ///
    /// # Errors
    /// None in practice: the recipe that comes with the program is valid.
    pub fn new(folder: &'a Path, stop: &'a AtomicBool) -> Result<Self> {
        Ok(Self {
            folder,
            recipe: recipe()?,
            shape: [24, 80, 80],
            training_cases: 24,
            held_out_cases: 8,
            shuffle_masks: false,
            kernels: Kernels::default(),
            stop,
        })
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Phantoms drawn and written.
    Drawn(usize, usize),
    /// Training steps done.
    Trained(usize, usize),
    /// Held-out cases segmented and measured.
    Judged(usize, usize),
}

/// What the demonstration found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`NOTICE`].
    pub notice: &'static str,
    /// Whether this was the control with masks of other cases.
    pub shuffled_masks: bool,
    /// Phantoms trained on.
    pub training_cases: usize,
    /// Voxels (slices, rows, columns) of each phantom.
    pub shape: [usize; 3],
    /// Distances of voxel centres in mm along the same axes.
    pub spacing_mm: [f64; 3],
    /// The held-out phantoms, in order.
    pub cases: Vec<CaseScore>,
    /// Means over them.
    pub mean: Mean,
    /// The best HU band inside the lungs, fitted to the held-out phantoms themselves.
    pub hu_band: String,
    /// Mean training loss of each epoch.
    pub training_loss: Vec<f64>,
    /// Numbers in the network that training sets.
    pub parameters: usize,
    /// Seconds spent on drawing, on training, and on judging.
    pub seconds: [f64; 3],
    /// The most memory this process held, in bytes; absent where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// SHA-256 of the model file.
    pub model_sha256: String,
}

/// The report, and what pictures need.
#[derive(Debug)]
pub struct Demonstration {
    /// Numbers.
    pub report: Report,
    /// The held-out phantoms, in the report's order.
    pub held_out: Vec<Phantom>,
    /// The network's label maps of them.
    pub predictions: Vec<pulmo_ct::LabelMap>,
}

/// The demonstration's recipe.
///
/// # Errors
/// None in practice: a test reads it.
pub fn recipe() -> Result<Recipe> {
    Recipe::parse(RECIPE, "demo", &[])
}

/// Draws, trains and judges; writes data, run folder, model, predictions and report into the folder.
///
/// # Errors
/// Those of writing files and of [`train`](crate::train::train()); [`Error::Stopped`] when `stop` was set.
pub fn run(options: &Options<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Demonstration> {
    if options.training_cases < 2 || options.held_out_cases == 0 {
        return Err(Error::run("a demonstration needs at least 2 training cases and 1 to judge by", ""));
    }
    let start = std::time::Instant::now();
    let data = data::draw(options, progress)?;
    let drawing = start.elapsed().as_secs_f64();
    let (outcome, losses) = fit(options, &data, progress)?;
    let model_path = options.folder.join("model.safetensors");
    let trained = options.folder.join("run/model.safetensors");
    std::fs::copy(&trained, &model_path).map_err(|source| Error::write(&model_path, source))?;
    let model = Model::load(&model_path)?;
    let parameters = parameters(&model);
    let start = std::time::Instant::now();
    let judged = judge::judge(options, model, &data.held_out, progress)?;
    let grid = *data.held_out[0].volume.grid();
    let round = |seconds: f64| (seconds * 10.0).round() / 10.0;
    let report = Report {
        notice: NOTICE,
        shuffled_masks: options.shuffle_masks,
        training_cases: options.training_cases,
        shape: grid.shape(),
        spacing_mm: grid.spacing().mm(),
        cases: judged.cases,
        mean: judged.mean,
        hu_band: judged.hu_band,
        training_loss: losses,
        parameters,
        seconds: [round(drawing), round(outcome.seconds), round(start.elapsed().as_secs_f64())],
        peak_memory_bytes: peak_memory_bytes(),
        model_sha256: outcome.model_sha256,
    };
    judge::write_report(options.folder, &report)?;
    Ok(Demonstration { report, held_out: data.held_out, predictions: judged.predictions })
}

fn fit(options: &Options<'_>, data: &data::Data, progress: &mut dyn FnMut(Progress)) -> Result<(Outcome, Vec<f64>)> {
    let folder: PathBuf = options.folder.join("run");
    let request = Request {
        recipe: &options.recipe,
        cases: &data.cases,
        folder: &folder,
        resume: false,
        cache_bytes: 1 << 29,
        max_network_bytes: None,
        kernels: options.kernels,
        stop: options.stop,
    };
    let epochs = options.recipe.training.epochs();
    let mut losses = Vec::with_capacity(epochs);
    let outcome = train(&request, &mut |event| match event {
        Event::Step { epoch, step, steps, .. } => {
            progress(Progress::Trained((epoch - 1) * steps + step, epochs * steps))
        }
        Event::Epoch(EpochReport { training_loss, .. }) => losses.push(training_loss),
        _ => {}
    })?;
    Ok((outcome, losses))
}

/// Numbers that training sets: all tensors but the running statistics.
fn parameters(model: &Model) -> usize {
    let trained = model.weights.iter().filter(|(name, _)| !name.contains(".running_"));
    trained.map(|(_, tensor)| tensor.values.len()).sum()
}

#[cfg(test)]
mod tests;
