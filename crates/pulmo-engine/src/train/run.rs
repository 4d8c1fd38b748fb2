//! The training loop.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use pulmo_net::schedule::OneCycle;
use pulmo_net::weights::{KeyTable, read_weights_file, transfer};
use pulmo_net::{Adam, LearningRate, OptimiserState, Session, Shape, Step, StepReport, Weights};

use super::checkpoint::{self, Best, Checkpoint, Position};
use super::journal::{EpochReport, Journal, Line, StepLine};
use super::loader::{Batch, Loader, steps};
use super::validate::{Validation, score, summarise};
use super::{Event, Outcome, Request};
use crate::batch::network_input;
use crate::digest;
use crate::error::{Error, Result};
use crate::model::{Model, Provenance, label_names};
use crate::recipe::{Monitor, Phase, Recipe};

/// Trains a network as a recipe says, or goes on with it.
///
/// For each phase: one learning-rate cycle. For each epoch: items in random order,
/// augmented; a step per batch; validation; the best epoch kept as `model.safetensors`; a checkpoint.
///
/// # Errors
/// [`Error::Run`] if the folder is in use, the cases do not suffice or the checkpoint is of another run;
/// [`Error::Case`] for a case that cannot be read; [`Error::NotFinite`] with the case when the loss or a
/// gradient is NaN; [`Error::Stopped`] when `request.stop` was set.
pub fn train(request: &Request<'_>, progress: &mut dyn FnMut(Event)) -> Result<Outcome> {
    request.recipe.validate("(given)")?;
    request.cases.check()?;
    let mut run = Run::open(request, progress)?;
    let epochs = request.recipe.training.epochs();
    while run.position.epochs < epochs {
        run.epoch(progress)?;
    }
    let path = run.path(MODEL);
    let best = run.position.best.ok_or_else(|| Error::run("no epoch was finished", "give the recipe an epoch"))?;
    Ok(Outcome { best, model_sha256: digest::of_file(&path)?, seconds: run.position.seconds })
}

const MODEL: &str = "model.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// An open run.
struct Run<'a> {
    request: &'a Request<'a>,
    session: Session<f32>,
    training: Loader<'a>,
    validation: Loader<'a>,
    position: Position,
    journal: Journal,
    steps: usize,
}

impl<'a> Run<'a> {
    fn open(request: &'a Request<'a>, progress: &mut dyn FnMut(Event)) -> Result<Self> {
        let Request { recipe, cases, folder, .. } = *request;
        let names = cases.names();
        let checkpoint = folder.join(CHECKPOINT);
        let old = if request.resume && checkpoint.exists() {
            Some(checkpoint::read(&checkpoint, recipe, &names)?)
        } else {
            None
        };
        let (mut session, position, start_weights) = match old {
            Some(Checkpoint { position, weights, optimiser }) => {
                let mut session = Session::new(&recipe.network, &weights, request.kernels)?;
                session.set_optimiser_state(&optimiser)?;
                (session, position, None)
            }
            None => {
                let (weights, sha256, summary) = first_weights(recipe)?;
                let session = Session::new(&recipe.network, &weights, request.kernels)?;
                // Last of all, so that a run that cannot start leaves nothing behind.
                make_folder(request)?;
                (session, Position::start(recipe, names, sha256), summary)
            }
        };
        session.set_max_bytes(request.max_network_bytes);
        session.set_precision(recipe.training.precision);
        let journal = Journal::open(&folder.join("log.jsonl"), position.log_bytes)?;
        let steps = steps(recipe, cases.training.len());
        let epochs = recipe.training.epochs();
        progress(Event::Started { epochs_done: position.epochs, epochs, steps, start_weights });
        // Validation cases are as many bytes as training cases; the room is shared by their numbers.
        let all = cases.training.len() + cases.validation.len();
        let room = request.cache_bytes / all * cases.training.len();
        let training = Loader::new(recipe, &cases.training, room);
        let validation = Loader::new(recipe, &cases.validation, request.cache_bytes - room);
        Ok(Self { request, session, training, validation, position, journal, steps })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.request.folder.join(name)
    }

    fn epoch(&mut self, progress: &mut dyn FnMut(Event)) -> Result<()> {
        let begin = Instant::now();
        let recipe = self.request.recipe;
        let (index, within) = recipe
            .training
            .phase_of(self.position.epochs)
            .ok_or_else(|| Error::run("the checkpoint has more epochs than the recipe", "start a new run"))?;
        let phase = &recipe.training.phase[index];
        let (training_loss, learning_rate) = self.training_epoch(phase, within, progress)?;
        let last_of_phase = within + 1 == phase.epochs;
        let wanted = last_of_phase || (within + 1).is_multiple_of(recipe.training.validate_every);
        let validation =
            if wanted && !self.request.cases.validation.is_empty() { Some(self.validate(progress)?) } else { None };
        self.position.epochs += 1;
        // Without validation cases nothing says which epoch is better, so the last one stands.
        let best = match &validation {
            Some(found) => self.is_better(found),
            None => self.request.cases.validation.is_empty(),
        };
        if best {
            self.keep_best(validation.as_ref())?;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let report = EpochReport {
            epoch: self.position.epochs,
            epochs: recipe.training.epochs(),
            phase: phase.name.clone(),
            learning_rate,
            training_loss,
            validation,
            best,
            seconds,
        };
        self.journal.write(&Line::Epoch(&report))?;
        if last_of_phase && self.position.epochs < recipe.training.epochs() {
            self.next_phase(index)?;
        }
        self.position.seconds += seconds;
        self.position.log_bytes = self.journal.bytes()?;
        let path = self.path(CHECKPOINT);
        checkpoint::write(&path, &self.position, &self.session.weights(), self.session.optimiser_state())?;
        progress(Event::Epoch(report));
        Ok(())
    }

    /// One pass over the training cases; gives the mean loss and the last learning rate.
    fn training_epoch(&mut self, phase: &Phase, within: usize, progress: &mut dyn FnMut(Event)) -> Result<(f64, f64)> {
        let Self { request, session, training, position, journal, steps, .. } = self;
        let (recipe, epoch, steps) = (request.recipe, position.epochs, *steps);
        let (mut total, mut last_rate) = (0.0, 0.0);
        training.epoch(epoch, |batches| {
            for (step, batch) in batches.into_iter().enumerate() {
                if request.stop.load(Ordering::Relaxed) {
                    return Err(Error::Stopped { epochs: epoch });
                }
                let (begin, batch) = (Instant::now(), batch?);
                let done = (within * steps + step) as f64 / (phase.epochs * steps) as f64;
                let settings = step_at(recipe, phase, done);
                let report = train_step(session, recipe, &batch, &settings)
                    .map_err(|error| name_cases(error, epoch + 1, step + 1, &batch.cases))?;
                total += report.loss;
                last_rate = settings.learning_rate.rest;
                journal.write(&Line::Step(StepLine {
                    epoch: epoch + 1,
                    step: step + 1,
                    cases: &batch.cases,
                    learning_rate: last_rate,
                    momentum: settings.adam.momentum,
                    loss: report.loss,
                    parts: report.parts.into_iter().collect(),
                    gradient_norm: report.gradient_norm,
                    seconds: begin.elapsed().as_secs_f64(),
                }))?;
                training.take_warnings().into_iter().for_each(|warning| progress(Event::Warning(warning)));
                progress(Event::Step { epoch: epoch + 1, step: step + 1, steps, loss: report.loss });
            }
            Ok(())
        })?;
        Ok((total / steps as f64, last_rate))
    }

    fn validate(&mut self, progress: &mut dyn FnMut(Event)) -> Result<Validation> {
        let cases = &self.request.cases.validation;
        let mut scores = Vec::with_capacity(cases.len());
        for (index, case) in cases.iter().enumerate() {
            if self.request.stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped { epochs: self.position.epochs });
            }
            let volume = self.validation.case(index)?;
            let found = score(&mut self.session, self.request.recipe, &volume).map_err(|e| e.at_case(&case.name))?;
            scores.push((case.name.clone(), found));
            self.validation.take_warnings().into_iter().for_each(|warning| progress(Event::Warning(warning)));
            progress(Event::Validated { done: index + 1, of: cases.len() });
        }
        Ok(summarise(scores))
    }

    /// Whether a validation beats the best so far; the first one always does, an undefined one never.
    fn is_better(&self, found: &Validation) -> bool {
        let Some(best) = &self.position.best else { return true };
        match self.request.recipe.training.monitor {
            Monitor::Dice => found.dice.is_some_and(|dice| best.dice.is_none_or(|old| dice > old)),
            Monitor::Loss => found.loss.is_some_and(|loss| best.loss.is_none_or(|old| loss < old)),
        }
    }

    fn keep_best(&mut self, validation: Option<&Validation>) -> Result<()> {
        let Request { recipe, cases, .. } = *self.request;
        let (dice, loss) = validation.map_or((None, None), |found| (found.dice, found.loss));
        self.position.best = Some(Best { epoch: self.position.epochs, dice, loss });
        let mut model = Model {
            recipe: recipe.clone(),
            labels: label_names(&cases.labels, recipe.network.classes),
            provenance: Provenance {
                pulmo_version: env!("CARGO_PKG_VERSION").to_owned(),
                data: cases.sources.clone(),
                training_cases: cases.training.len(),
                validation_cases: cases.validation.len(),
                epoch: self.position.epochs,
                validation_dice: dice,
                start_weights_sha256: self.position.start_weights_sha256.clone(),
            },
            weights: self.session.weights(),
            sha256: String::new(),
        };
        model.save(&self.path(MODEL))?;
        Ok(())
    }

    /// The best weights and a fresh optimiser for the next phase, if it wants them.
    ///
    /// This happens before the checkpoint is written: `model.safetensors` may be one epoch ahead of a
    /// checkpoint when a run is killed between the two, so a resumed run must not read it.
    fn next_phase(&mut self, finished: usize) -> Result<()> {
        let recipe = self.request.recipe;
        let phase = &recipe.training.phase[finished + 1];
        if phase.fresh_optimiser {
            self.session.set_optimiser_state(&OptimiserState::default())?;
        }
        if phase.reload_best {
            self.session.set_weights(&Model::load(&self.path(MODEL))?.weights)?;
        }
        Ok(())
    }
}

/// The settings of a step after this share of a phase's steps.
fn step_at(recipe: &Recipe, phase: &Phase, done: f64) -> Step {
    let (schedule, optimiser) = (&recipe.training.schedule, &recipe.training.optimiser);
    let cycle = OneCycle {
        lr_max: phase.learning_rate,
        div: schedule.div,
        div_final: schedule.div_final,
        pct_start: schedule.pct_start,
        momenta: schedule.momenta,
    };
    let (rate, momentum) = cycle.at(done);
    Step {
        loss: recipe.training.loss,
        freeze_encoder: phase.freeze_encoder,
        adam: Adam {
            momentum,
            squared_momentum: optimiser.squared_momentum,
            epsilon: optimiser.epsilon,
            weight_decay: optimiser.weight_decay,
        },
        learning_rate: LearningRate { encoder: rate * phase.encoder_rate_factor, rest: rate },
    }
}

fn train_step(session: &mut Session<f32>, recipe: &Recipe, batch: &Batch, step: &Step) -> Result<StepReport> {
    let channels = recipe.network.input_channels;
    let blocks: Vec<&[f32]> = batch.items.iter().map(|item| item.values.as_slice()).collect();
    let target: Vec<u8> = batch.items.iter().flat_map(|item| item.target.iter().copied()).collect();
    let shape = Shape { batch: batch.items.len(), channels, size: recipe.input.grid.size() };
    Ok(session.train_step(shape, &network_input(&blocks, channels), &target, step)?)
}

fn name_cases(error: Error, epoch: usize, step: usize, cases: &[String]) -> Error {
    match error {
        Error::Net(pulmo_net::Error::NotFinite { what }) => {
            Error::NotFinite { what, epoch, step, cases: cases.to_vec() }
        }
        other => other,
    }
}

/// First weights: random ones, with the start file's put over them; its SHA-256 and what was done with it.
fn first_weights(recipe: &Recipe) -> Result<(Weights, Option<String>, Option<String>)> {
    let mut weights = recipe.network.initial_weights(recipe.seed)?;
    let Some(path) = &recipe.weights.encoder else { return Ok((weights, None, None)) };
    let sha256 = digest::of_file(path)?;
    if let Some(expected) =
        recipe.weights.encoder_sha256.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&sha256))
    {
        let problem = format!("`{}` has SHA-256 {sha256}, expected {expected}", path.display());
        return Err(Error::run(problem, "fetch the file again, or correct `weights.encoder_sha256`"));
    }
    let file = read_weights_file(path)?;
    let report = transfer(&file.tensors, &mut weights, KeyTable::detect(&file.tensors)?)?;
    Ok((weights, Some(sha256), Some(report.summary())))
}

/// Makes the run folder with its recipe and data list; refuses one that holds anything.
fn make_folder(request: &Request<'_>) -> Result<()> {
    let folder: &Path = request.folder;
    std::fs::create_dir_all(folder).map_err(|source| Error::write(folder, source))?;
    let mut entries = std::fs::read_dir(folder).map_err(|source| Error::read(folder, source))?;
    // A run that was killed before its first checkpoint holds only what is written below.
    if entries.next().is_some() && !(request.resume && folder.join(RECIPE).exists()) {
        let problem = format!("`{}` is not empty", folder.display());
        return Err(Error::run(problem, "take another folder, or go on with the run in it with --resume"));
    }
    pulmo_ct::atomic::write(&folder.join(RECIPE), request.recipe.to_toml().as_bytes())?;
    if !request.cases.list.is_empty() {
        pulmo_ct::atomic::write(&folder.join("data.toml"), request.cases.list.as_bytes())?;
    }
    Ok(())
}

const RECIPE: &str = "recipe.toml";
