//! Times inference and training against PyTorch, ONNX Runtime and OpenVINO: the same weights, the same steps, in turn.
//!
//! `cargo xtask bench peers` makes a Python environment below `target/bench` and runs all rows;
//! `cargo xtask bench peers paper-20x112x112-train` those whose name contains the word. Every tool is a process of two
//! threads that stays; one step of each is taken after the other, the first does not count; ratios are of
//! the medians, and the median of the ratios of each round. Before every round a cache line is handed from core to core
//! ([`hand_over`]). Before a time is believed,
//! logits (inference) or the losses of the same eight steps (training) are compared. `$PULMO_PYTHON` names an
//! environment to take instead. `cargo xtask bench peers golden ../shared/oracles/paper_net` compares bfloat16 with PyTorch's
//! autocast on golden inputs, both beside our float64; `cargo xtask bench peers losses light` the losses of first steps
//! over `$PULMO_SEEDS` (8) first weights.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod case;
mod golden;
mod hand_over;
mod losses;
mod ours;
mod worker;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use worker::{Row, Worker};

const PACKAGES: [&str; 7] = ["torch", "onnxruntime", "openvino", "onnx", "onnxscript", "safetensors", "numpy"];
/// Steps, the first of which does not count.
const STEPS: usize = 8;
const SIZES: [[usize; 3]; 2] = [[20, 112, 112], [20, 224, 224]];
const WORKS: [&str; 4] = ["infer", "train", "infer-bf16", "train-bf16"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["work", work, network, size, seed, folder] => {
            let parsed = seed.parse::<u64>().map_err(|error| format!("seed `{seed}`: {error}"));
            let serve = |seed| ours::serve(work, (network, seed), parse(size), Path::new(folder));
            hold_kernels().and(parsed).and_then(serve)
        }
        ["golden", root] => goldens(Path::new(root)),
        ["losses", network] => losses(network),
        [] => bench(""),
        [only] => bench(only),
        _ => Err("usage: peer_bench [PART OF A ROW'S NAME] | golden FOLDER | losses NETWORK".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn parse(size: &str) -> [usize; 3] {
    let mut parts = size.split('x').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

fn hold_kernels() -> Result<(), String> {
    match std::env::var("PULMO_KERNELS").as_deref() {
        Ok("avx2") => pulmo_kernel::force(Some(pulmo_kernel::Variant::Avx2)),
        Ok(other) => return Err(format!("PULMO_KERNELS is `{other}`; expected avx2")),
        Err(_) => {}
    }
    Ok(())
}

/// `examples` of the build lies in `target/release`; the bench's own folder is `target/bench`.
fn bench_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot tell where this program lies: {error}"))?;
    let target = program.ancestors().nth(3).ok_or("this program does not lie in a target folder")?;
    Ok(target.join("bench"))
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/peer_bench/peers.py")
}

fn goldens(root: &Path) -> Result<(), String> {
    let folder = bench_folder()?;
    golden::compare(root, &folder, &python(&folder)?, &script())
}

fn losses(network: &str) -> Result<(), String> {
    let folder = bench_folder()?;
    let seeds = std::env::var("PULMO_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    losses::compare(network, seeds, &folder, &python(&folder)?, &script())
}

fn bench(only: &str) -> Result<(), String> {
    let folder = bench_folder()?;
    let python = python(&folder)?;
    let script = script();
    let versions = Command::new(&python).arg(&script).arg("versions").output().map_err(|error| error.to_string())?;
    println!("{}; two threads each", String::from_utf8_lossy(&versions.stdout).trim());
    println!("\n| row | tool | median s (range) | ours / rival | peak MiB | agreement |\n|---|---|---|---|---|---|");
    let rows = rows(&folder);
    // A whole name means that row alone, although others begin with it.
    let whole = rows.iter().any(|row| row.name() == only);
    let mut chosen =
        rows.iter().filter(|row| if whole { row.name() == only } else { row.name().contains(only) }).peekable();
    if chosen.peek().is_none() {
        return Err(format!("no row's name contains `{only}`; an example is {}", rows[0].name()));
    }
    chosen.try_for_each(|row| run(row, &python, &script))
}

fn rows(folder: &Path) -> Vec<Row> {
    let works = WORKS.iter().map(|work| (*work, false)).chain([("infer", true), ("train", true)]);
    let mut rows = Vec::new();
    for network in case::NETWORKS {
        for size in SIZES {
            let folder = folder.join(format!("peers/{network}-{}", size[1]));
            rows.extend(works.clone().map(|(work, avx2)| Row {
                network,
                size,
                work,
                avx2,
                folder: folder.clone(),
                seed: 1,
            }));
        }
    }
    rows
}

/// The Python to run the rivals with; made where there is none.
fn python(folder: &Path) -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("PULMO_PYTHON") {
        return Ok(python.into());
    }
    let environment = folder.join("peers-python");
    let python = environment.join("bin/python");
    let said = |command: &mut Command| match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("cannot run {command:?}: {error}")),
    };
    if !python.is_file() {
        println!("making a Python environment in {} (PyTorch alone is some GB)", environment.display());
        said(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        said(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    }
    Ok(python)
}

/// The tools of a row, ours first. ONNX Runtime cannot be held to AVX2 and has no bfloat16 on CPUs.
fn tools(row: &Row) -> Vec<&'static str> {
    let mut tools = vec!["pulmo", "torch", "torch-cl", "torch-compile"];
    if row.work.ends_with("-bf16") {
        tools.remove(1);
    }
    if row.work.starts_with("infer") {
        tools.push("openvino");
        if row.work == "infer" && !row.avx2 {
            tools.push("onnxruntime");
        }
    }
    if let Ok(some) = std::env::var("PULMO_PEERS") {
        tools.retain(|tool| some.split(',').any(|name| name == *tool));
    }
    tools
}

fn run(row: &Row, python: &Path, script: &Path) -> Result<(), String> {
    let (network, shape) = case::network(row.network, row.size)?;
    let (input, target) = case::data(shape, row.seed);
    let weights = case::weights(&network, row.seed)?;
    case::write(&row.folder, &case::Case { network, shape, input, target }, &weights)?;
    let mut workers = Vec::new();
    for tool in tools(row) {
        match Worker::start(tool, row, python, script) {
            Ok(worker) => workers.push(worker),
            Err(problem) => println!("| {} | {tool} | did not run: {problem} | | | |", row.name()),
        }
    }
    let steps = std::env::var("PULMO_STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(STEPS);
    let mut hand_overs = Vec::new();
    for _ in 0..steps.max(2) {
        hand_overs.extend(hand_over::nanoseconds());
        for worker in &mut workers {
            worker.step()?;
        }
    }
    workers.iter_mut().try_for_each(Worker::end)?;
    let best = workers.iter().filter(|worker| worker.tool != "pulmo").map(median).fold(f64::INFINITY, f64::min);
    for worker in &workers {
        let ratio = match workers.first() {
            Some(ours) if ours.tool == "pulmo" && worker.tool != "pulmo" => {
                let mark = if median(worker) <= best { " (best)" } else { "" };
                format!("{:.2}{mark}; by rounds {:.2}", median(ours) / median(worker), median_by_rounds(ours, worker))
            }
            _ => String::new(),
        };
        let sorted = sorted(worker);
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let agreement = agreement(row, &workers, worker);
        println!(
            "| {} | {} | {:.3} ({low:.3}–{high:.3}) | {ratio} | {:.0} | {agreement} |",
            row.name(),
            worker.tool,
            median(worker),
            worker.peak_mib
        );
    }
    hand_overs.sort_by(f64::total_cmp);
    if let [low, .., high] = hand_overs[..] {
        let middle = hand_overs[hand_overs.len() / 2];
        println!("| {} | a cache line from core to core | {middle:.0} ns ({low:.0}–{high:.0}) | | | |", row.name());
    }
    Ok(())
}

fn sorted(worker: &Worker) -> Vec<f64> {
    let mut seconds = worker.seconds[1..].to_vec();
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// Median of the ratios of steps that were taken one after the other: steadier than that of the medians where a host changes
/// its speed during a run.
fn median_by_rounds(ours: &Worker, worker: &Worker) -> f64 {
    let mut ratios: Vec<f64> = ours.seconds[1..].iter().zip(&worker.seconds[1..]).map(|(a, b)| a / b).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn median(worker: &Worker) -> f64 {
    let seconds = sorted(worker);
    seconds[seconds.len() / 2]
}

/// How far a tool is from ours: largest difference of logits beside the largest logit, or of the losses of all steps.
fn agreement(row: &Row, workers: &[Worker], worker: &Worker) -> String {
    let Some(ours) = workers.iter().find(|other| other.tool == "pulmo") else { return String::new() };
    if row.work.starts_with("train") {
        let off = worker.checks.iter().zip(&ours.checks).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let losses: Vec<String> = worker.checks.iter().map(|loss| format!("{loss:.4}")).collect();
        return format!("losses {} (off {off:.1e})", losses.join(" "));
    }
    let read = |tool: &str| -> Vec<f32> {
        let bytes = std::fs::read(row.folder.join(format!("{tool}.f32"))).unwrap_or_default();
        let (values, _) = bytes.as_chunks::<4>();
        values.iter().map(|value| f32::from_le_bytes(*value)).collect()
    };
    let (mine, other) = (read(ours.tool), read(worker.tool));
    if mine.len() != other.len() {
        return format!("{} logits, ours {}", other.len(), mine.len());
    }
    let largest = mine.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let off = mine.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
    format!("logits off {off:.1e} of {largest:.3}")
}
