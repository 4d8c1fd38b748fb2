//! Whether bfloat16 trains as well as float32: paired trainings that differ in nothing else.
//!
//! `cargo xtask bench precision` trains the demonstration's network on phantoms; `cargo xtask bench precision RECIPE
//! DATA.toml [KEY=VALUE ...]` a recipe on other cases. Each seed is trained once in either precision, with the same first
//! weights, order of cases and augmentation; then the Dice of the last epoch is compared, on cases not trained on, and how
//! well the network fits those it was trained on: the mean loss of that epoch. `$PULMO_SEEDS` says how many seeds (5).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use pulmo_ct::dataset::DataList;
use pulmo_engine::demo;
use pulmo_engine::recipe::Recipe;
use pulmo_engine::train::{Cases, Event, Request, train};
use pulmo_kernel::Kernels;
use pulmo_net::Precision;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Mean differences that count as equal.
const MARGIN: f64 = 0.01;
/// Quantiles 0.975 of Student's t for 1 to 9 degrees of freedom (scipy 1.17.1, `stats.t.ppf`).
const T_975: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [] => compare(&|seed, precision| on_phantoms(seed, precision)),
        [recipe, data, settings @ ..] => {
            compare(&|seed, precision| on_cases(Path::new(recipe), Path::new(data), settings, (seed, precision)))
        }
        [_] => Err("usage: precision_bench [RECIPE DATA.toml [KEY=VALUE ...]]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// What a training came to in its last epoch.
#[derive(Clone, Copy)]
struct Trained {
    /// Mean Dice of cases not trained on.
    dice: f64,
    /// Mean loss over the epoch's steps.
    loss: f64,
}

/// Trains in both precisions, seed by seed, and prints the differences.
fn compare(train: &dyn Fn(u64, Precision) -> Outcome<Trained>) -> Outcome<()> {
    let seeds: u64 = std::env::var("PULMO_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    println!(
        "| seed | float32 | bfloat16 | difference | losses | difference | seconds of each |\n|---|---|---|---|---|---|---|"
    );
    let (mut dice, mut losses) = (Vec::new(), Vec::new());
    for seed in 1..=seeds {
        let (mut found, mut seconds) = (Vec::new(), Vec::new());
        for precision in Precision::ALL {
            let start = Instant::now();
            found.push(train(seed, precision)?);
            seconds.push(start.elapsed().as_secs_f64());
        }
        let [float32, bfloat16] = found[..] else { return Err("two precisions are compared".into()) };
        dice.push(bfloat16.dice - float32.dice);
        losses.push(bfloat16.loss - float32.loss);
        println!(
            "| {seed} | {:.4} | {:.4} | {:+.4} | {:.4}, {:.4} | {:+.4} | {:.0}, {:.0} |",
            float32.dice,
            bfloat16.dice,
            bfloat16.dice - float32.dice,
            float32.loss,
            bfloat16.loss,
            bfloat16.loss - float32.loss,
            seconds[0],
            seconds[1]
        );
    }
    let (mean, half) = interval(&dice).ok_or("two to ten seeds are needed for an interval")?;
    let verdict = if mean.abs() <= MARGIN { "within" } else { "outside" };
    println!("\nDice: {}; {verdict} plus and minus {MARGIN}", in_words(mean, half));
    if let Some((mean, half)) = interval(&losses) {
        println!("loss: {}", in_words(mean, half));
    }
    Ok(())
}

fn in_words(mean: f64, half: f64) -> String {
    format!("mean difference {mean:+.4}, 95 % interval {:+.4} to {:+.4}", mean - half, mean + half)
}

/// Mean, and half of the 95 % interval by Student's t.
fn interval(differences: &[f64]) -> Option<(f64, f64)> {
    let count = differences.len() as f64;
    let t = T_975.get(differences.len().checked_sub(2)?)?;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some((mean, t * (variance / count).sqrt()))
}

/// Trained and tested on phantoms.
fn on_phantoms(seed: u64, precision: Precision) -> Outcome<Trained> {
    let folder = tempfile::tempdir()?;
    let stop = AtomicBool::new(false);
    let mut options = demo::Options::new(folder.path(), &stop)?;
    options.recipe.seed = seed;
    options.recipe.training.precision = precision;
    let found = demo::run(&options, &mut |_| {})?;
    let loss = found.report.training_loss.last().copied().unwrap_or(f64::NAN);
    let dice = found.report.mean.dice;
    dice.is_finite().then_some(Trained { dice, loss }).ok_or_else(|| "no Dice".into())
}

/// Trained by a recipe, validated after the last epoch.
fn on_cases(recipe: &Path, data: &Path, settings: &[String], (seed, precision): (u64, Precision)) -> Outcome<Trained> {
    let mut settings = settings.to_vec();
    settings.extend([format!("seed={seed}"), format!("training.precision=\"{precision}\"")]);
    let recipe = Recipe::load(recipe, &settings)?;
    let cases = Cases::from_list(&DataList::load(data)?, &recipe)?;
    let folder = tempfile::tempdir()?;
    let request = Request {
        recipe: &recipe,
        cases: &cases,
        folder: &folder.path().join("run"),
        resume: false,
        cache_bytes: 4 << 30,
        max_network_bytes: None,
        kernels: Kernels::Fast,
        stop: &AtomicBool::new(false),
    };
    let mut last = None;
    train(&request, &mut |event| {
        if let Event::Epoch(report) = event {
            let loss = report.training_loss;
            last = report.validation.and_then(|found| found.dice).map(|dice| Trained { dice, loss }).or(last);
        }
    })?;
    last.ok_or_else(|| "no validation case has a Dice".into())
}
