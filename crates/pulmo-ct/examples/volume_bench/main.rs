//! Times reading, writing, resampling and segmentation objects against SimpleITK, nibabel, dicom2nifti and highdicom.
//!
//! `cargo xtask bench volumes` makes a Python environment and a CT of 512 x 512 x 300 below `target/bench`, then runs
//! every tool in turn, each time as a process of its own on two threads. The clock covers the work alone, not a
//! process's start, its imports or what it reads beforehand; the peak is the whole process's. `$PULMO_PYTHON` names an
//! environment to take instead; `$PULMO_SERIES` a folder with one DICOM series to read, default
//! `../shared/data/ricord` beside the repository.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod ours;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What the Python environment gets, in the versions that the project's truths were made with.
const PACKAGES: &[&str] = &[
    "SimpleITK==2.5.7",
    "nibabel==5.4.2",
    "dicom2nifti==2.6.2",
    "highdicom==0.28.2",
    "pydicom==3.0.2",
    "pylibjpeg",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
    "numpy",
];
/// Runs that count, after one that warms the file cache.
const ROUNDS: usize = 5;

/// One row of the table: its name on the command line, what it says, and who else can do it.
struct Row(&'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    Row("series-read", "read a DICOM series", &["SimpleITK", "dicom2nifti"]),
    Row("nifti-read", "read a .nii.gz", &["SimpleITK", "nibabel"]),
    Row("nifti-write", "write a .nii.gz", &["SimpleITK", "nibabel"]),
    Row("resample", "resample the CT to 1.5 mm", &["SimpleITK"]),
    Row("labels-back", "bring a label map at 1.5 mm back", &["SimpleITK"]),
    Row("segmentation-write", "write a DICOM segmentation", &["highdicom"]),
];

/// What one process said.
#[derive(Clone)]
struct Run {
    seconds: f64,
    peak_mib: f64,
    check: String,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["work", row, folder] => ours::work(row, Path::new(folder)),
        [] => bench(None),
        [row] => bench(Some(row)),
        _ => Err("usage: volume_bench [ROW]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `examples` of the build lies in `target/release`; the bench's own folder is `target/bench`.
fn bench_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot tell where this program lies: {error}"))?;
    let target = program.ancestors().nth(3).ok_or("this program does not lie in a target folder")?;
    Ok(target.join("bench"))
}

fn bench(only: Option<&str>) -> Result<(), String> {
    let folder = bench_folder()?;
    let python = python(&folder)?;
    let rivals = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/volume_bench/rivals.py");
    let data = folder.join("volumes");
    if !data.join("dicom/0299.dcm").is_file() {
        println!("making a CT of 512 x 512 x 300 in {}", data.display());
        std::fs::create_dir_all(&data).map_err(|error| format!("cannot make `{}`: {error}", data.display()))?;
        said(Command::new(&python).arg(&rivals).arg("make").arg(&data))?;
    }
    println!("{}", said(Command::new(&python).arg(&rivals).arg("versions"))?.trim());
    println!("\n| work | tool | seconds (range) | ours / rival | peak MiB | check |\n|---|---|---|---|---|---|");
    for row in ROWS.iter().filter(|row| only.is_none_or(|name| name == row.0)) {
        let place = if row.0 == "series-read" { series() } else { data.clone() };
        if !place.is_dir() {
            println!("| {} | | not run: no folder `{}` | | | |", row.1, place.display());
            continue;
        }
        print_row(row, &measure(row, &place, &python, &rivals)?);
    }
    Ok(())
}

fn series() -> PathBuf {
    std::env::var_os("PULMO_SERIES").map_or_else(|| root().join("../shared/data/ricord"), PathBuf::from)
}

/// The Python to run the rivals with; made where there is none.
fn python(folder: &Path) -> Result<PathBuf, String> {
    if let Some(python) = std::env::var_os("PULMO_PYTHON") {
        return Ok(python.into());
    }
    let environment = folder.join("python");
    let python = environment.join("bin/python");
    if !python.is_file() {
        println!("making a Python environment in {}", environment.display());
        said(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        said(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    }
    Ok(python)
}

/// Runs all tools in turn, `ROUNDS` times after one that does not count; ours is the first.
fn measure(row: &Row, place: &Path, python: &Path, rivals: &Path) -> Result<Vec<(String, Vec<Run>)>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let tools: Vec<&str> = std::iter::once("pulmo").chain(row.2.iter().copied()).collect();
    let mut runs: Vec<(String, Vec<Run>)> = tools.iter().map(|tool| ((*tool).to_owned(), Vec::new())).collect();
    for round in 0..=ROUNDS {
        for (tool, so_far) in &mut runs {
            let mut command = if tool == "pulmo" {
                let mut command = Command::new(&program);
                command.arg("work");
                command
            } else {
                let mut command = Command::new(python);
                command.arg(rivals).arg(&*tool);
                command
            };
            let run = parse(&said(command.arg(row.0).arg(place).env("RAYON_NUM_THREADS", "2"))?)?;
            if round > 0 {
                so_far.push(run);
            }
        }
    }
    Ok(runs)
}

/// What a command prints, or its last words as an error.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    Err(format!("{command:?}: {}: {}", output.status, last.into_iter().rev().collect::<Vec<_>>().join(" / ")))
}

fn parse(text: &str) -> Result<Run, String> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.trim().to_owned()).ok_or_else(|| format!("no {name} in `{text}`"))
    };
    let number = |name: &str| value(name)?.parse::<f64>().map_err(|error| format!("{name}: {error}"));
    Ok(Run { seconds: number("seconds")?, peak_mib: number("peak_mib")?, check: value("check")? })
}

fn print_row(row: &Row, runs: &[(String, Vec<Run>)]) {
    let sorted = |runs: &[Run]| {
        let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    };
    let median = |runs: &[Run]| sorted(runs)[runs.len() / 2];
    let ours = runs.first().map_or(f64::NAN, |(_, runs)| median(runs));
    for (tool, runs) in runs {
        let seconds = sorted(runs);
        let peak = runs.iter().map(|run| run.peak_mib).fold(0.0, f64::max);
        let ratio = if tool == "pulmo" { String::new() } else { format!("{:.2}", ours / median(runs)) };
        let check = &runs[0].check;
        println!(
            "| {} | {tool} | {:.2} ({:.2}–{:.2}) | {ratio} | {peak:.0} | {check} |",
            row.1,
            median(runs),
            seconds[0],
            seconds[seconds.len() - 1]
        );
    }
}
