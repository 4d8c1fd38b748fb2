//! `pulmo deidentify`: studies without what identifies the patient, after PS3.15.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::deidentify::{self, Change, EDITION, Key, Options, Outcome, Report, check_places, describe, write_map};
use pulmo::ct::sentence::counted;
use serde_json::{Value, json};

use crate::terminal::{self, Terminal};

/// Failed files that are listed one by one.
const LISTED: usize = 20;

/// Copies CT studies without what identifies the patient, after DICOM PS3.15, Basic Profile.
///
/// Files go to OUT/patient/study/series/instance.dcm under codes that the key gives. Dates, names, free text and
/// private elements are removed, UIDs replaced; pixels are not touched, so screens, reports and other objects that may
/// show text are not copied. What this does and does not do: docs/deidentification.md. No program can promise anonymity: look at the result.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pulmo deidentify scans/ shared/ --key project.key --map project-map.csv\n  \
                        pulmo deidentify scans/ --key project.key --dry-run\n  \
                        pulmo deidentify scans/ shared/ --key project.key --shift-dates --keep-characteristics --cap-age")]
pub(crate) struct Args {
    /// A folder with DICOM files, in any depth, or one file. It is only read.
    input: PathBuf,

    /// The folder to write to. Files that stand there are never replaced.
    #[arg(required_unless_present = "dry_run")]
    output: Option<PathBuf>,

    /// The project's secret key; made if it is not there. The same key gives the same codes, also for studies that come later.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Write which file and patient became which, to lead results back. Only its owner can read it; keep it apart.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,

    /// Keep dates, moved by 1 to 10 years, one number of days per patient; times of day stay.
    #[arg(long)]
    shift_dates: bool,

    /// Keep age, sex, size, weight.
    #[arg(long)]
    keep_characteristics: bool,

    /// Write ages over 89 years as 90.
    #[arg(long, requires = "keep_characteristics")]
    cap_age: bool,

    /// Keep what identifies the scanner: serial number, station name, software.
    #[arg(long)]
    keep_device: bool,

    /// Copy MR and PET images too; they are cleaned by the rules for CT.
    #[arg(long)]
    include_mr_pet: bool,

    /// Write nothing, and list what would happen to each attribute.
    #[arg(long)]
    dry_run: bool,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn options(&self) -> Options {
        Options {
            keep_dates: self.shift_dates,
            keep_characteristics: self.keep_characteristics,
            cap_age: self.cap_age,
            keep_device: self.keep_device,
            include_mr_and_pet: self.include_mr_pet,
        }
    }

    fn output(&self) -> Option<&Path> {
        self.output.as_deref().filter(|_| !self.dry_run)
    }
}

/// De-identifies; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let private: Vec<&Path> = std::iter::once(args.key.as_path()).chain(args.map.as_deref()).collect();
    check_places(&args.input, args.output.as_deref(), &private)?;
    // A key that nothing was written with would stay behind. The path may hold a name.
    std::fs::metadata(&args.input).context("the input cannot be read")?;
    let key = key(&args, terminal)?;
    terminal::catch_interrupt();
    let line = terminal.progress("de-identifying", 1);
    let progress = |done: usize, all: usize| {
        line.of(done as u64, all as u64);
        !terminal::interrupted()
    };
    let report = deidentify::run(&args.input, args.output(), &key, &args.options(), &progress)?;
    drop(line);
    if let (Some(map), false) = (&args.map, args.dry_run) {
        write_map(map, &report).context("the files are written, but the map is not")?;
    }
    speak(&report, &args, terminal);
    if args.json {
        terminal.data(&serde_json::to_string_pretty(&summary(&report, &args))?)?;
    } else {
        terminal.data(&table(&report, &args))?;
    }
    let done = report.count(|outcome| matches!(outcome, Outcome::Written | Outcome::AlreadyThere));
    let has_failed = report.failures().next().is_some() || report.was_interrupted;
    Ok(match (done, has_failed) {
        (0, _) => super::nothing_done(),
        (_, true) => super::some_failed(),
        (_, false) => ExitCode::SUCCESS,
    })
}

/// The key: read or made; a dry run makes no file.
fn key(args: &Args, terminal: &Terminal) -> anyhow::Result<Key> {
    if args.dry_run && !args.key.exists() {
        return Ok(Key::random()?);
    }
    let (key, is_new) = Key::load_or_make(&args.key)?;
    if is_new {
        terminal
            .say("made a new key: keep it secret and apart from the output; without it later studies get other codes");
    }
    Ok(key)
}

/// Warnings and failures. Files are named by their number, because their paths may hold names.
fn speak(report: &Report, args: &Args, terminal: &Terminal) {
    for face in &report.faces {
        terminal.warn(&format!(
            "series {} may show the face: {}; this program does not remove it",
            face.folder, face.suspicion
        ));
    }
    let hint = if args.map.is_some() {
        "the map says which file it is and more on the cause"
    } else {
        "--map FILE says which file it is"
    };
    let failures: Vec<_> = report.failures().collect();
    for (number, failure) in failures.iter().take(LISTED) {
        terminal.case_failed(&format!("file {number}"), &failure.to_string(), Some(hint));
    }
    if failures.len() > LISTED {
        terminal.warn(&format!("and {} more failed", failures.len() - LISTED));
    }
    if report.was_interrupted {
        terminal.warn("stopped before the last file; the same call goes on");
    }
}

fn table(report: &Report, args: &Args) -> String {
    let count = |wanted: fn(&Outcome) -> bool| report.count(wanted);
    let written = count(|outcome| matches!(outcome, Outcome::Written));
    let there = count(|outcome| matches!(outcome, Outcome::AlreadyThere));
    let verb = if args.dry_run { "would be written" } else { "written" };
    let Report { patients, studies, series, .. } = report;
    let files = |n: usize| counted(n, "file", "files");
    let mut text = format!("{} {verb}", files(written));
    if there > 0 {
        let _ = write!(text, ", {there} already there");
    }
    let (patients, studies) = (counted(*patients, "patient", "patients"), counted(*studies, "study", "studies"));
    let _ = writeln!(text, ": {patients}, {studies}, {series} series");
    for (reason, number) in report.set_aside() {
        let _ = writeln!(text, "{} set aside: {reason}", files(number));
    }
    let failed = report.failures().count();
    if failed > 0 {
        let _ = writeln!(text, "{} failed", files(failed));
    }
    if args.dry_run {
        text += &attributes(report);
    }
    text
}

/// One line per attribute: how often each change.
fn attributes(report: &Report) -> String {
    let mut text = String::new();
    for (attribute, changes) in by_attribute(report) {
        let changes: Vec<String> = changes.iter().map(|(change, count)| format!("{} {count}", change.name())).collect();
        let _ = writeln!(text, "{attribute:60} {}", changes.join(", "));
    }
    text
}

/// Private elements together, the others each.
fn by_attribute(report: &Report) -> BTreeMap<String, BTreeMap<Change, u64>> {
    let mut rows: BTreeMap<String, BTreeMap<Change, u64>> = BTreeMap::new();
    for ((tag, change), count) in &report.changes {
        let name = if tag.group() % 2 == 1 { "private elements".to_owned() } else { describe(*tag) };
        *rows.entry(name).or_default().entry(*change).or_default() += count;
    }
    rows
}

fn summary(report: &Report, args: &Args) -> Value {
    let count = |wanted: fn(&Outcome) -> bool| report.count(wanted);
    let set_aside: BTreeMap<&str, usize> =
        report.set_aside().iter().map(|(reason, files)| (reason.name(), *files)).collect();
    let attributes: Vec<Value> = by_attribute(report)
        .into_iter()
        .map(|(attribute, changes)| {
            let changes: BTreeMap<&str, u64> =
                changes.into_iter().map(|(change, count)| (change.name(), count)).collect();
            json!({ "attribute": attribute, "changes": changes })
        })
        .collect();
    json!({
        "profile": "DICOM PS3.15 Basic Application Confidentiality Profile",
        "edition": EDITION,
        "options": {
            "shift_dates": args.shift_dates,
            "keep_characteristics": args.keep_characteristics,
            "cap_age": args.cap_age,
            "keep_device": args.keep_device,
            "include_mr_pet": args.include_mr_pet,
        },
        "dry_run": args.dry_run,
        "interrupted": report.was_interrupted,
        "written": count(|outcome| matches!(outcome, Outcome::Written)),
        "already_there": count(|outcome| matches!(outcome, Outcome::AlreadyThere)),
        "patients": report.patients,
        "studies": report.studies,
        "series": report.series,
        "set_aside": set_aside,
        "failed": report.failures().map(|(file, failure)| json!({ "file": file, "reason": failure.to_string() })).collect::<Vec<_>>(),
        "may_show_face": report.faces.iter().map(|face| json!({ "series": face.folder, "reason": face.suspicion.to_string() })).collect::<Vec<_>>(),
        "attributes": attributes,
    })
}
