//! `pulmo model`: networks and weight files: show, verify against the authors' code, load foreign checkpoints.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::sentence::counted;
use pulmo::engine::Model;
use pulmo::engine::memory::PROGRAM_BYTES;
use pulmo::engine::recipe::Recipe;
use pulmo::net::forecast::forecast;
use pulmo::net::summary::{Summary, summary};
use pulmo::net::verify::{Arithmetic, Options, Verification, verify};
use pulmo::net::weights::{self, KINETICS_R3D18_FILE, KINETICS_R3D18_SHA256_BEGIN, KeyTable, TransferReport};
use pulmo::net::{Loss, Network, Precision, Purpose, Shape};
use serde::Serialize;
use serde_json::json;

use super::size;
use crate::terminal::{Terminal, advice};

/// Shows networks and model files, verifies the network, loads foreign checkpoints.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo model show paper --input 3x20x224x224")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show(Show),
    Verify(Verify),
    Load(Load),
}

/// Prints every layer with its shape, parameters and multiply-accumulates, for a network or a model file, and the memory
/// that it will take.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo model show model.safetensors")]
struct Show {
    /// `paper`, `fcn`, `unet`, or a model file.
    network: PathBuf,

    /// Size of the input: channels x depth x height x width. If left out: what a model file was trained on, else
    /// 3x20x224x224.
    #[arg(long, value_name = "CxDxHxW", value_parser = parse_input)]
    input: Option<[usize; 4]>,

    /// Classes, background included; only for a network by name [default: 2].
    #[arg(long, value_name = "N", value_parser = size::parse_classes)]
    classes: Option<usize>,

    /// Channels per level, fine to coarse; only for `unet`.
    #[arg(long, value_delimiter = ',', value_name = "C1,C2,...", value_parser = size::parse_channels)]
    widths: Vec<usize>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the paper's network on golden numbers of the authors' code and compares everything.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo model verify oracles/paper_net/1x3x3x32x32 --f64\n\n\
                        Exit code: 0 all within bounds, 1 some out of bounds, 2 the folder cannot be used.")]
struct Verify {
    /// A folder with golden.json, logits_eval.npy and logits_train.npy.
    folder: PathBuf,

    /// In float64 with the reference kernels, to one part in a hundred million.
    #[arg(long)]
    f64: bool,

    /// In float32, but with the plain reference kernels.
    #[arg(long, conflicts_with = "f64")]
    reference_kernels: bool,

    /// Write logits, gradients, running statistics and updates to this safetensors file.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,

    /// Compare value by value with what a run with --f64 has dumped.
    #[arg(long, value_name = "FILE", conflicts_with = "f64")]
    against: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads a checkpoint (.safetensors or PyTorch .pth), shows where each tensor goes, and can save the result.
///
/// torchvision's R3D-18 fills the encoder, the rest begins at random; a checkpoint of the authors' code or of pulmo
/// fills all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo model load r3d_18-b3b3357e.pth -o start.safetensors")]
struct Load {
    /// The checkpoint.
    checkpoint: PathBuf,

    /// The network to fill.
    #[arg(long, default_value = "paper", value_name = "NAME")]
    network: String,

    /// Channels of the network's input; a stem trained on three is fitted.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = size::parse_channels)]
    input_channels: usize,

    /// Classes, background included.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = size::parse_classes)]
    classes: usize,

    /// Channels per level, fine to coarse; only for `unet`.
    #[arg(long, value_delimiter = ',', value_name = "C1,C2,...", value_parser = size::parse_channels)]
    widths: Vec<usize>,

    /// Seed of what begins at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Write the network's tensors to this safetensors file; a model where the checkpoint filled them all.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the chosen subcommand; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Show(show) => run_show(&show, terminal),
        Command::Verify(verify) => run_verify(verify, terminal),
        Command::Load(load) => run_load(&load, terminal),
    }
}

fn run_show(args: &Show, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let (network, model) = if args.network.is_file() {
        let flags = [(args.classes.is_some(), "--classes"), (!args.widths.is_empty(), "--widths")];
        if let Some((_, flag)) = flags.into_iter().find(|(given, _)| *given) {
            let problem = format!("{flag} is for a network by name, and `{}` is a file", args.network.display());
            return Err(advice(problem, "leave it out: the model says it itself"));
        }
        let model = Model::load(&args.network)?;
        (model.recipe.network.clone(), Some(model))
    } else {
        let name = args.network.to_string_lossy().into_owned();
        let known: Vec<_> = pulmo::net::architecture::ALL.iter().map(|one| one.name()).collect();
        if !known.contains(&name.as_str()) {
            let hint = format!("known networks: {}; or give a model file", known.join(", "));
            return Err(advice(format!("`{name}` is neither a network nor a file"), hint));
        }
        must_take_widths(&name, &args.widths)?;
        let (classes, widths) = (args.classes.unwrap_or(2), args.widths.clone());
        let input_channels = args.input.map_or(3, |input| input[0]);
        (Network { architecture: name, input_channels, classes, widths }, None)
    };
    let input = args.input.unwrap_or_else(|| {
        let [depth, height, width] = model.as_ref().map_or([20, 224, 224], |model| model.recipe.input.grid.size());
        [network.input_channels, depth, height, width]
    });
    let [channels, depth, height, width] = input;
    let shape = Shape { batch: 1, channels, size: [depth, height, width] };
    let table = summary(&network.graph(shape)?);
    let loss = model.as_ref().map_or(Loss::DiceCrossEntropy, |model| model.recipe.training.loss);
    let peaks = Peaks::of(&network, shape, loss)?;
    if args.json {
        let mut value = json!({ "network": network, "input": input, "summary": table, "memory": peaks });
        if let Some(model) = &model {
            value["model"] = json!({
                "sha256": model.sha256, "recipe": model.recipe.name, "labels": model.labels, "provenance": model.provenance,
            });
        }
        terminal.data(&serde_json::to_string_pretty(&value)?)?;
    } else {
        let head = model.map(|model| head_of(&model)).transpose()?.unwrap_or_default();
        terminal.data(&(head + &table_text(&table)? + &peaks.text()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The most memory that a run takes, known before it begins: the network and the program, without volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Peaks {
    float32: Peak,
    bfloat16: Peak,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Peak {
    inference_bytes: u64,
    /// A step with one item, all layers trained.
    training_bytes: u64,
}

impl Peaks {
    fn of(network: &Network, shape: Shape, loss: Loss) -> anyhow::Result<Self> {
        let peak = |purpose, precision| {
            anyhow::Ok(forecast(network, shape, purpose, precision, None)?.peak_bytes + PROGRAM_BYTES)
        };
        let of = |precision| {
            anyhow::Ok(Peak {
                inference_bytes: peak(Purpose::Inference, precision)?,
                training_bytes: peak(Purpose::Training { loss, frozen: false }, precision)?,
            })
        };
        Ok(Self { float32: of(Precision::Float32)?, bfloat16: of(Precision::Bfloat16)? })
    }

    fn text(&self) -> String {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let Self { float32, bfloat16 } = self;
        format!(
            "memory: {:.2} GiB to segment, {:.2} GiB to train with batches of one (in bfloat16 {:.2} and {:.2}); CTs come on \
             top\n",
            gib(float32.inference_bytes),
            gib(float32.training_bytes),
            gib(bfloat16.inference_bytes),
            gib(bfloat16.training_bytes)
        )
    }
}

fn head_of(model: &Model) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let origin = &model.provenance;
    writeln!(text, "model      {}, labels: {}", model.recipe.name, model.labels.join(", "))?;
    writeln!(text, "sha256     {}", model.sha256)?;
    writeln!(text, "trained    on {}, best epoch {}", counted(origin.training_cases, "case", "cases"), origin.epoch)?;
    for data in &origin.data {
        writeln!(text, "data       {} ({}) {}", data.name, data.licence, data.note)?;
        for (what, words) in [("terms", &data.terms), ("cite", &data.citation)] {
            if !words.is_empty() {
                writeln!(text, "{what:9}  {words}")?;
            }
        }
    }
    Ok(text + "\n")
}

fn table_text(table: &Summary) -> Result<String, std::fmt::Error> {
    let name_width = table.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(4);
    let operation_width = table.rows.iter().map(|row| row.operation.len()).max().unwrap_or(0).max(9);
    let mut text = format!(
        "{:name_width$}  {:operation_width$}  {:>17}  {:>12}  {:>12}\n",
        "Node", "Operation", "CxDxHxW", "Parameters", "MMAC"
    );
    for row in &table.rows {
        let shape = row.shape.map(|size| size.to_string()).join("x");
        let (parameters, mmac) = (grouped(row.parameters as u64), grouped((row.macs + 500_000) / 1_000_000));
        let (name, operation) = (&row.name, &row.operation);
        writeln!(text, "{name:name_width$}  {operation:operation_width$}  {shape:>17}  {parameters:>12}  {mmac:>12}")?;
    }
    let gmac = grouped((table.macs + 500_000_000) / 1_000_000_000);
    writeln!(text, "\n{} parameters, {gmac} GMAC forward", grouped(table.parameters as u64))?;
    Ok(text)
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().map(|&digit| char::from(digit)));
    }
    text
}

/// Only the U-Net has widths to choose; elsewhere they would be passed over in silence.
fn must_take_widths(network: &str, widths: &[usize]) -> anyhow::Result<()> {
    if network == "unet" || widths.is_empty() {
        return Ok(());
    }
    Err(advice(format!("--widths is for `unet`, and the network is `{network}`"), "leave it out"))
}

fn parse_input(text: &str) -> Result<[usize; 4], String> {
    let expected = || format!("`{text}`: expected channels x depth x height x width, such as 3x20x224x224");
    let sizes = text.split('x').map(|size| size.trim().parse().ok().filter(|&size| size > 0));
    let sizes: Vec<usize> = sizes.collect::<Option<_>>().ok_or_else(expected)?;
    let sizes: [usize; 4] = sizes.try_into().map_err(|_| expected())?;
    if size::is_volume(&sizes) { Ok(sizes) } else { Err(format!("`{text}` is larger than any CT")) }
}

fn run_verify(args: Verify, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let options = Options {
        precision: if args.f64 { Arithmetic::F64 } else { Arithmetic::F32 },
        reference_kernels: args.reference_kernels,
        dump: args.dump,
        against: args.against,
    };
    let verification =
        verify(&args.folder, &options).with_context(|| format!("cannot verify with `{}`", args.folder.display()))?;
    if args.json {
        let mut value = serde_json::to_value(&verification)?;
        value["passes"] = json!(verification.passes());
        terminal.data(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.data(&verification_text(&verification)?)?;
    }
    Ok(if verification.passes() { ExitCode::SUCCESS } else { super::some_failed() })
}

fn verification_text(verification: &Verification) -> Result<String, std::fmt::Error> {
    let Verification { precision, kernels, input, elapsed_s, kinds } = verification;
    let input = input.map(|size| size.to_string()).join("x");
    let mut text = format!("input {input}, {precision}, {kernels} kernels, {elapsed_s:.1} s\n\n");
    writeln!(text, "{:18}  {:>9}  {:>9}  {:>10}  {:6}  Where", "Numbers", "Deviation", "Bound", "Out of", "")?;
    for kind in kinds {
        let word = if kind.passes { "ok" } else { "FAILED" };
        let out = format!("{}/{}", kind.failed, kind.checks);
        let (name, deviation, bound, at) = (kind.kind, kind.deviation, kind.bound, &kind.at);
        writeln!(text, "{name:18}  {deviation:>9.2e}  {bound:>9.2e}  {out:>10}  {word:6}  {at}")?;
    }
    let end = if verification.passes() { "all within bounds" } else { "out of bounds" };
    Ok(text + "\n" + end + "\n")
}

fn run_load(args: &Load, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    must_take_widths(&args.network, &args.widths)?;
    let (input_channels, classes, widths) = (args.input_channels, args.classes, args.widths.clone());
    let network = Network { architecture: args.network.clone(), input_channels, classes, widths };
    let file = weights::read_weights_file(&args.checkpoint)?;
    let mut tensors = network.initial_weights(args.seed)?;
    let table = KeyTable::detect(&file.tensors)?;
    let report = weights::transfer(&file.tensors, &mut tensors, table)?;
    let sha256 = weights::file_sha256(&args.checkpoint)?;
    let mut text = report.table();
    writeln!(text, "sha256 {sha256}{}", known_file(table, &sha256))?;
    terminal.data(&text)?;
    let Some(output) = &args.output else { return Ok(ExitCode::SUCCESS) };
    if is_complete(&report) {
        let recipe = Recipe { network: network.clone(), ..Recipe::default() };
        let labels = pulmo::engine::model::label_names(&[], network.classes);
        let provenance = pulmo::engine::model::Provenance {
            pulmo_version: env!("CARGO_PKG_VERSION").to_owned(),
            start_weights_sha256: Some(sha256),
            ..Default::default()
        };
        Model { recipe, labels, provenance, weights: tensors, sha256: String::new() }.save(output)?;
        terminal.say(&format!("wrote {}: a model, with the paper's recipe for its input", output.display()));
    } else {
        write_start(output, &tensors, &network, &sha256)?;
        terminal.say(&format!("wrote {}: weights to start a training from, not a trained model", output.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn write_start(output: &Path, tensors: &pulmo::net::Weights, network: &Network, sha256: &str) -> anyhow::Result<()> {
    let metadata =
        [("network".to_owned(), serde_json::to_string(network)?), ("source_sha256".to_owned(), sha256.to_owned())];
    Ok(weights::write_safetensors(output, tensors, &metadata.into())?)
}

fn is_complete(report: &TransferReport) -> bool {
    report.counts()[3] == 0
}

fn known_file(table: KeyTable, sha256: &str) -> String {
    match (table, sha256.starts_with(KINETICS_R3D18_SHA256_BEGIN)) {
        (_, true) => format!("\nThis is torchvision's {KINETICS_R3D18_FILE}, trained on Kinetics-400."),
        (KeyTable::Torchvision, false) => format!(
            "\nThis is not torchvision's {KINETICS_R3D18_FILE}, whose SHA-256 begins with {KINETICS_R3D18_SHA256_BEGIN}."
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!([0, 999, 1000, 95_372_348].map(grouped), ["0", "999", "1,000", "95,372,348"]);
    }

    #[test]
    fn the_memory_of_the_papers_network_is_told_before_it_runs() {
        let peaks =
            |size| Peaks::of(&Network::paper(), Shape { batch: 1, channels: 3, size }, Loss::DiceCrossEntropy).unwrap();
        let (full, half) = (peaks([20, 224, 224]), peaks([20, 112, 112]));
        let mib = |bytes: u64| bytes >> 20;
        assert!((4000..7200).contains(&mib(full.float32.training_bytes)), "{full:?}");
        assert!((1500..2900).contains(&mib(half.float32.training_bytes)), "{half:?}");
        let weights = 4 * 95_372_348;
        for peaks in [full.float32, half.float32, full.bfloat16, half.bfloat16] {
            assert!(weights < peaks.inference_bytes && 2 * peaks.inference_bytes < peaks.training_bytes, "{peaks:?}");
        }
        assert!(mib(full.bfloat16.training_bytes) * 10 < mib(full.float32.training_bytes) * 7, "{full:?}");
        assert!(half.text().starts_with("memory: ") && half.text().contains(" GiB to train"), "{}", half.text());
    }

    #[test]
    fn an_input_has_four_sizes() {
        assert_eq!(parse_input("3x20x224x224"), Ok([3, 20, 224, 224]));
        for wrong in ["3x20x224", "3x20x224x0", "3x20xx4", "", "3x99999999x99999999x99999999"] {
            assert!(parse_input(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_papers_network_has_the_published_size() {
        let table = |size| summary(&Network::paper().graph(Shape { batch: 1, channels: 3, size }).unwrap());
        let text = table_text(&table([20, 224, 224])).unwrap();
        assert!(text.ends_with("95,372,348 parameters, 1,980 GMAC forward\n"), "{}", text.lines().last().unwrap());
        assert!(table_text(&table([20, 112, 112])).unwrap().ends_with(" 495 GMAC forward\n"));
    }
}
