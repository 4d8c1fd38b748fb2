//! `pulmo train`: a recipe and a data list in, a run folder with a model out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use pulmo::ct::dataset::DataList;
use pulmo::ct::sentence::counted;
use pulmo::engine::train::{Cases, EpochReport, Event, Memory, Request, settings_that_fit, train};
use pulmo::engine::{Error, Recipe};
use pulmo::kernel::Kernels;
use pulmo::net::Error as NetError;

use super::{size, threads};
use crate::terminal::{Progress, Terminal, advice, catch_interrupt, interrupted};

/// Trains a network as a recipe says.
///
/// RUN gets model.safetensors (the best epoch), checkpoint.safetensors, log.jsonl (a line per step and epoch),
/// recipe.toml and data.toml. Ctrl-C stops after the step at hand; --resume goes on after the last finished
/// epoch, to the same bits as a run that was never stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo train recipes/paper.toml --data data.toml -o runs/a --set weights.encoder=r3d_18.pth\n  \
    pulmo train recipes/small_cpu.toml --data data.toml -o runs/b --set training.batch_size=1\n  \
    pulmo train recipes/small_cpu.toml --data data.toml -o runs/b --set training.batch_size=1 --resume\n  \
    pulmo train recipes/paper.toml --data data.toml --plan --max-ram 4GiB --set training.batch_size=1\n\n\
    Exit code: 0 trained, 2 not, 130 stopped by Ctrl-C.")]
pub(crate) struct Args {
    /// The recipe; recipes/paper.toml explains every key.
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,

    /// The cases: data.toml, as the README shows it.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// The run folder, new or empty unless --resume is given.
    #[arg(long, short, value_name = "RUN", required_unless_present = "plan")]
    output: Option<PathBuf>,

    /// Change one value of the recipe: a dotted key, such as training.phase.0.epochs=5. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,

    /// Go on where the run in RUN stands, with the same recipe, data and --set.
    #[arg(long)]
    resume: bool,

    /// Only print what the run would need.
    #[arg(long)]
    plan: bool,

    /// Memory for prepared cases in GiB; what does not fit is read again in each epoch.
    #[arg(long, value_name = "GIB", default_value_t = 4.0)]
    cache_gib: f64,

    /// The most memory that the training may take, such as 4GiB or 3500MiB; all there is if left out.
    ///
    /// Where it is too little for the network, some activations are computed twice in each step: the same bits, in more
    /// time. The reading of a CT comes on top, as long as it lasts.
    #[arg(long, value_name = "SIZE", value_parser = size::parse_bytes)]
    max_ram: Option<u64>,

    /// Processor threads; all by default. The result does not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Trains; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    threads::limit(args.threads)?;
    if !(args.cache_gib.is_finite() && args.cache_gib >= 0.0) {
        return Err(advice(format!("--cache-gib {}: expected 0 or more", args.cache_gib), "leave it out for 4 GiB"));
    }
    let recipe = Recipe::load(&args.recipe, &args.overrides)?;
    let list = DataList::load(&args.data).context("cannot use the data list")?;
    let cases = Cases::from_list(&list, &recipe)?;
    let cache_bytes = (args.cache_gib * f64::from(1 << 30)) as usize;
    let memory = match (Memory::plan(&recipe, args.max_ram, cache_bytes), args.max_ram) {
        (Err(error @ Error::Net(NetError::Memory { .. })), Some(max_ram)) => {
            let fitting = settings_that_fit(&recipe, max_ram);
            if fitting.is_empty() {
                return Err(error.into());
            }
            let fitting: Vec<String> = fitting.iter().map(|setting| format!("--set '{setting}'")).collect();
            return Err(advice(error.to_string(), format!("this would fit: {}", fitting.join(" "))));
        }
        (memory, _) => memory?,
    };
    if args.plan {
        terminal.data(&plan(&recipe, &cases, &memory))?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = args.output.ok_or_else(|| advice("no run folder", "give one with -o"))?;
    let stop = AtomicBool::new(false);
    catch_interrupt();
    let request = Request {
        recipe: &recipe,
        cases: &cases,
        folder: &folder,
        resume: args.resume,
        cache_bytes: memory.cache_bytes,
        max_network_bytes: memory.max_network_bytes,
        kernels: Kernels::default(),
        stop: &stop,
    };
    let mut display = Display::new(terminal, cases.validation.len());
    let outcome = train(&request, &mut |event| {
        stop.store(interrupted(), Ordering::Relaxed);
        display.show(event);
    });
    drop(display);
    match outcome {
        Ok(outcome) => {
            terminal.say(&format!(
                "trained in {}: epoch {} is the best",
                duration(outcome.seconds),
                outcome.best.epoch
            ));
            terminal.data(&folder.join("model.safetensors").display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Stopped { epochs }) => {
            terminal
                .say(&format!("stopped; {epochs} finished epochs are kept: the same command with --resume goes on"));
            Ok(ExitCode::from(130))
        }
        Err(error) => Err(error.into()),
    }
}

fn plan(recipe: &Recipe, cases: &Cases, memory: &Memory) -> String {
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let Memory { network, cache_bytes, .. } = memory;
    let twice = match network.recomputed {
        0 => "every activation is kept".to_owned(),
        count => format!(
            "{count} activations are computed twice: {:.0} % more arithmetic",
            100.0 * network.recomputed_macs as f64 / (3 * network.macs) as f64
        ),
    };
    let [slices, rows, columns] = recipe.input.grid.size();
    format!(
        "recipe       {}\nnetwork      {}, {} input channels, {} classes\ninput        {} x {slices} x {rows} x {columns} \
         voxels per step\ncases        {} to train on, {} to validate on\nepochs       {}\nmemory       {:.2} GiB: network {:.2}, up \
         to {:.2} of prepared cases; the reading of a CT comes on top\n             {twice}",
        recipe.name,
        recipe.network.architecture,
        recipe.network.input_channels,
        recipe.network.classes,
        recipe.training.batch_size,
        cases.training.len(),
        cases.validation.len(),
        recipe.training.epochs(),
        gib(memory.peak_bytes()),
        gib(network.peak_bytes),
        gib(*cache_bytes as u64),
    )
}

/// What is seen of a training: a line per epoch, and a progress line within one.
struct Display<'a> {
    terminal: &'a Terminal,
    validation_cases: usize,
    steps: usize,
    progress: Option<Progress>,
    /// Durations of the epochs of this call, in seconds.
    seconds: Vec<f64>,
}

impl<'a> Display<'a> {
    fn new(terminal: &'a Terminal, validation_cases: usize) -> Self {
        Self { terminal, validation_cases, steps: 0, progress: None, seconds: Vec::new() }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Started { epochs_done, epochs, steps, start_weights } => {
                self.steps = steps;
                if let Some(summary) = start_weights {
                    self.terminal.say(&format!("first weights: {summary}"));
                }
                match epochs_done {
                    0 => {
                        let (epochs, steps) = (counted(epochs, "epoch", "epochs"), counted(steps, "step", "steps"));
                        self.terminal.say(&format!("{epochs} of {steps}"));
                    }
                    _ => self.terminal.say(&format!(
                        "going on after epoch {epochs_done} of {epochs}, {} each",
                        counted(steps, "step", "steps")
                    )),
                }
            }
            Event::Step { epoch, step, .. } => self.at(epoch, step),
            Event::Validated { done, .. } => {
                if let Some(progress) = &self.progress {
                    progress.at((self.steps + done) as u64);
                }
            }
            Event::Warning(warning) => self.terminal.warn(&warning),
            Event::Epoch(report) => {
                self.progress = None;
                self.seconds.push(report.seconds);
                self.terminal.say(&epoch_line(&report, &self.seconds));
            }
            _ => {}
        }
    }

    fn at(&mut self, epoch: usize, step: usize) {
        let (terminal, total) = (self.terminal, self.steps + self.validation_cases);
        let progress = self.progress.get_or_insert_with(|| terminal.progress(&format!("epoch {epoch}"), total as u64));
        progress.at(step as u64);
    }
}

fn epoch_line(report: &EpochReport, seconds: &[f64]) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let found = report.validation.as_ref();
    let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
    let left = mean * (report.epochs - report.epoch) as f64;
    format!(
        "{:>3}/{} {}  rate {:.1e}  loss {:.4}  validation loss {}  Dice {}{}  {}, {} left",
        report.epoch,
        report.epochs,
        report.phase,
        report.learning_rate,
        report.training_loss,
        number(found.and_then(|found| found.loss)),
        number(found.and_then(|found| found.dice)),
        if report.best { " best" } else { "" },
        duration(report.seconds),
        duration(left),
    )
}

/// Seconds, minutes or hours, as a person says them.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulmo::engine::train::Validation;

    #[test]
    fn an_epoch_is_one_line() {
        let report = EpochReport {
            epoch: 3,
            epochs: 53,
            phase: "frozen".to_owned(),
            learning_rate: 1e-2,
            training_loss: 1.25,
            validation: Some(Validation { dice: Some(0.5), loss: None, cases: Vec::new() }),
            best: true,
            seconds: 70.0,
        };
        let line = epoch_line(&report, &[70.0, 50.0]);
        let expected =
            "  3/53 frozen  rate 1.0e-2  loss 1.2500  validation loss -  Dice 0.5000 best  70.0 s, 50 min left";
        assert_eq!(line, expected);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        assert_eq!([5.0, 600.0, 9000.0].map(duration), ["5.0 s", "10 min", "2.5 h"]);
    }
}
