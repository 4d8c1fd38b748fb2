//! `pulmo check`: what ruins trainings, found before them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::dataset::DataList;
use pulmo::ct::dataset::check::{ALL, Finding, Weight, run as run_checks};
use pulmo::ct::sentence::counted;
use serde::Serialize;

use crate::cli;
use crate::terminal::{Terminal, advice};

/// Looks through a data set for what ruins trainings: not HU, flipped or misplaced masks, one patient twice
///
/// Opens every case once and says what is wrong with which and what to do. Findings are volumes that are not HU
/// (8 bit, rescaled, cut to a window), masks that fit only after a flip or turn, images with front and back exchanged,
/// masks off their CT's grid, unknown labels, empty or tiny masks, outlier spacings, duplicates, and one patient under
/// two codes, by DICOM identifiers or by what the volumes show, even resampled, flipped or windowed.
///
/// Nothing is changed. What is not found may still be wrong: left and right exchanged in image and mask alike, for one.
///
/// Exit code: 0 nothing found (notes at most), 1 something found, 2 wrong usage.
///
/// Example: pulmo check covid/data.toml
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A data list (`data.toml`, see `pulmo import`), or the folder that holds it
    dataset: PathBuf,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    data: &'a str,
    cases: usize,
    checks: Vec<Known>,
    findings: &'a [Finding],
}

/// A check that was made.
#[derive(Serialize)]
struct Known {
    name: &'static str,
    about: &'static str,
}

/// Runs the subcommand.
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let list = list(&args.dataset)?;
    if list.cases.is_empty() {
        return Err(advice("the data list has no cases", "add them, or make the list with `pulmo import`"));
    }
    let progress = terminal.progress("checking", list.cases.len() as u64);
    let findings = run_checks(&list, &|done| progress.at(done as u64));
    drop(progress);
    let checks = ALL.iter().map(|check| Known { name: check.name(), about: check.about() }).collect();
    let report = Report { data: &list.name, cases: list.cases.len(), checks, findings: &findings };
    let text = if args.json { serde_json::to_string_pretty(&report)? } else { words(&report) };
    terminal.data(&text).context("cannot print the findings")?;
    let found = findings.iter().any(|finding| finding.weight == Weight::Problem);
    Ok(if found { cli::some_failed() } else { ExitCode::SUCCESS })
}

fn list(path: &Path) -> anyhow::Result<DataList> {
    let inside = path.join("data.toml");
    let file = if path.is_dir() { &inside } else { path };
    if path.is_dir() && !inside.is_file() {
        let message = format!("`{}` holds no data.toml", path.display());
        return Err(advice(message, "make one with `pulmo import`, then check that"));
    }
    DataList::load(file).context("cannot use the data list")
}

fn words(report: &Report<'_>) -> String {
    let mut text = String::new();
    for finding in report.findings {
        let weight = if finding.weight == Weight::Problem { "" } else { "note: " };
        let _ = writeln!(text, "{weight}{} ({}): {}", finding.cases.join(" and "), finding.check, finding.problem);
        let _ = writeln!(text, "  {}", finding.advice);
    }
    let problems = report.findings.iter().filter(|finding| finding.weight == Weight::Problem).count();
    let notes = report.findings.len() - problems;
    let noted = if notes > 0 { format!(", {notes} to be known") } else { String::new() };
    let _ = writeln!(
        text,
        "{}, {} checks: {}{noted}",
        counted(report.cases, "case", "cases"),
        report.checks.len(),
        counted(problems, "finding", "findings")
    );
    text
}
