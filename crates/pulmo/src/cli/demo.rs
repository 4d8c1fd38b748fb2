//! `pulmo demo`: everything this program does, on synthetic CTs, in about two minutes.

mod page;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;
use pulmo::ct::atomic;
use pulmo::ct::unfinished::Unfinished;
use pulmo::engine::demo::{Demonstration, Options, Progress, Report, run as demonstrate};
use pulmo::measure::evaluate::{CaseFacts, CaseMeasures, CaseResult, Label, Outcome, Protocol, Region, measure_case};
use pulmo::picture::{Layers, View};

use super::evaluate::{Document, Measured, SHOWN as SHOWN_METRICS, Wanted};
use super::threads;
use crate::terminal::{Terminal, advice};

/// Shows the whole way without any data: draws synthetic CTs, trains a small network, judges it.
///
/// Needs no files, no network connection and about two minutes on two cores. Everything lies in one folder
/// afterwards; open index.html there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo demo -o pulmo-demo")]
pub(crate) struct Args {
    /// Where everything goes; a former demonstration there is replaced.
    #[arg(long, short, value_name = "FOLDER", default_value = "pulmo-demo")]
    output: PathBuf,

    /// Write into a folder that holds other things; they stay.
    #[arg(long)]
    force: bool,

    /// Train on masks of other cases, which must fail: shows that the good result is learnt, not given.
    #[arg(long)]
    control: bool,

    /// Print the numbers as JSON.
    #[arg(long)]
    json: bool,

    /// Processor threads; all by default. The result does not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Says that a folder is a demonstration's, finished or not.
const MARK: &str = ".pulmo-demo";

/// Everything that a demonstration writes; nothing else is ever removed.
const ENTRIES: [&str; 16] = [
    "data",
    "data.toml",
    "run",
    "model.safetensors",
    "predictions",
    "pictures",
    "demo.json",
    "demo.txt",
    "evaluation.csv",
    "evaluation.json",
    "evaluation.md",
    "evaluation.tex",
    "evaluation.txt",
    "methods.md",
    "index.html",
    MARK,
];

/// Runs the demonstration; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    threads::limit(args.threads)?;
    make_room(&args.output, args.force)?;
    let _around = super::output::make_folder_of(&args.output)?;
    let made = [args.output.clone()].into_iter().chain(ENTRIES.iter().map(|name| args.output.join(name)));
    let unfinished = Unfinished::note(made);
    mark(&args.output)?;
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    let mut options = Options::new(&args.output, &stop)?;
    options.shuffle_masks = args.control;
    let [slices, rows, columns] = options.shape;
    terminal.say(&format!(
        "Drawing {} synthetic CTs of {slices} x {rows} x {columns} voxels, training a small 3D U-Net on {} of them, \
         judging it on the other {}.",
        options.training_cases + options.held_out_cases,
        options.training_cases,
        options.held_out_cases
    ));
    if args.control {
        terminal.say("Control: each training CT gets the mask of another one, so the network must fail.");
    }
    let found = with_progress(&options, terminal)?;
    evaluation(&found)?.write_to(&args.output).context("cannot keep the evaluation")?;
    let pictures = draw(&args.output, &found)?;
    let index = args.output.join("index.html");
    atomic::write(&index, page::html(&found.report, &pictures).as_bytes())?;
    unfinished.finish();
    if args.json {
        terminal.data(&serde_json::to_string_pretty(&found.report)?)?;
    } else {
        terminal.data(&summary(&found.report, start.elapsed().as_secs_f64()))?;
    }
    terminal.say(&format!("Open `{}` in a browser.", index.display()));
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that the folder can be taken, and empties it of a former demonstration.
fn make_room(folder: &Path, force: bool) -> anyhow::Result<()> {
    let cannot = |what: &str| format!("cannot {what} `{}`", folder.display());
    if folder.exists() {
        let is_empty = std::fs::read_dir(folder).with_context(|| cannot("read"))?.next().is_none();
        if !is_empty && !force && !folder.join(MARK).is_file() {
            let problem = format!("`{}` holds things that are no demonstration", folder.display());
            return Err(advice(problem, "-o names another folder; --force writes beside what is there"));
        }
        if let Some(taken) = ENTRIES.iter().find(|name| folder.join(name).exists() && !folder.join(MARK).is_file()) {
            let problem = format!("`{}` is there and is no demonstration's", folder.join(taken).display());
            return Err(advice(problem, "-o names another folder"));
        }
        for name in ENTRIES {
            let path = folder.join(name);
            let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| cannot("empty"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Makes the folder, and says in it whose it is.
fn mark(folder: &Path) -> anyhow::Result<()> {
    if !folder.is_dir() {
        std::fs::create_dir(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    let text = "made by `pulmo demo`, which may replace what it wrote here\n";
    Ok(atomic::write(&folder.join(MARK), text.as_bytes())?)
}

fn with_progress(options: &Options<'_>, terminal: &Terminal) -> anyhow::Result<Demonstration> {
    let (drawing, training, judging) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
    let found = demonstrate(options, &mut |progress| {
        let (bar, what, done, of) = match progress {
            Progress::Drawn(done, of) => (&drawing, "drawing", done, of),
            Progress::Trained(done, of) => (&training, "training", done, of),
            Progress::Judged(done, of) => (&judging, "judging", done, of),
        };
        bar.get_or_init(|| terminal.progress(what, of as u64)).at(done as u64);
    })?;
    Ok(found)
}

/// The held-out cases by every metric, in the form of `pulmo evaluate`.
fn evaluation(found: &Demonstration) -> anyhow::Result<Document> {
    let protocol = Protocol::of(vec![Label { name: "infiltrate".to_owned(), value: 1 }]);
    let mut cases = Vec::new();
    for ((phantom, prediction), score) in found.held_out.iter().zip(&found.predictions).zip(&found.report.cases) {
        let measures = measure_case(&phantom.infiltrate, prediction, &protocol)?;
        let lung_voxels = phantom.lungs.labels().iter().filter(|&&label| label > 0).count();
        let lung_ml = lung_voxels as f64 * phantom.lungs.grid().voxel_ml();
        let measures = CaseMeasures { lung_ml: Some(lung_ml), ..measures };
        let facts = CaseFacts { data_set: Some("phantoms".to_owned()), ..CaseFacts::of_case(&score.case) };
        let facts = facts.with_measures(&measures, &protocol);
        cases.push(CaseResult { case: score.case.clone(), facts, outcome: Outcome::Measured(measures) });
    }
    let mut notes = vec!["phantoms, not patients: no Dice here compares with a published one".to_owned()];
    if found.report.shuffled_masks {
        notes.push("control: trained on masks of other cases, so a low Dice is the right result".to_owned());
    }
    let pairing = "each held-out phantom with the mask it was drawn with".to_owned();
    let measured = Measured { pairing, notes, cases, not_listed: Vec::new(), region: Region::Volume };
    Ok(Document::new(measured, Wanted { protocol, shown: SHOWN_METRICS.to_vec(), paper: false }))
}

/// Held-out cases that the page shows.
const SHOWN: usize = 4;

/// Draws two views of the first held-out cases, and says where they lie, relative to the folder.
fn draw(folder: &Path, found: &Demonstration) -> anyhow::Result<Vec<Vec<String>>> {
    std::fs::create_dir_all(folder.join("pictures")).context("cannot make the folder for pictures")?;
    let mut all = Vec::new();
    for ((phantom, prediction), score) in
        found.held_out.iter().zip(&found.predictions).zip(&found.report.cases).take(SHOWN)
    {
        let layers =
            Layers { volume: &phantom.volume, reference: Some(&phantom.infiltrate), prediction: Some(prediction) };
        let mut names = Vec::new();
        for view in [View::Axial, View::Coronal] {
            let name = format!("pictures/{}_{}.png", score.case, view.name());
            atomic::write(&folder.join(&name), &layers.draw(view).to_png()?)?;
            names.push(name);
        }
        all.push(names);
    }
    Ok(all)
}

fn summary(report: &Report, seconds: f64) -> String {
    let memory =
        report.peak_memory_bytes.map(|bytes| format!(", {:.2} GiB at most", bytes as f64 / f64::from(1 << 30)));
    format!(
        "{}{seconds:.0} s in all ({:.0} s of training){}",
        report.text(),
        report.seconds[1],
        memory.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use pulmo::ct::phantom::{PhantomOptions, thorax};
    use pulmo::engine::demo::{CaseScore, Mean};

    use super::*;
    use crate::cli::evaluation;

    #[test]
    fn its_evaluation_is_one_that_other_commands_read() {
        let options = PhantomOptions { shape: [16, 48, 48], spacing_mm: [16.0, 7.2, 7.2], ..PhantomOptions::seeded(3) };
        let phantom = thorax(&options).unwrap();
        let score = CaseScore {
            case: "held_out_01".into(),
            dice: Some(1.0),
            hu_band_dice: 0.5,
            reference_ml: phantom.exact.infiltrate_ml,
            prediction_ml: phantom.exact.infiltrate_ml,
        };
        let report = Report {
            notice: pulmo::RESEARCH_USE,
            shuffled_masks: true,
            training_cases: 2,
            shape: options.shape,
            spacing_mm: options.spacing_mm,
            cases: vec![score],
            mean: Mean { dice: 1.0, hu_band_dice: 0.5, absolute_volume_error_ml: 0.0 },
            hu_band: String::new(),
            training_loss: Vec::new(),
            parameters: 1,
            seconds: [0.0; 3],
            peak_memory_bytes: None,
            model_sha256: String::new(),
        };
        let predictions = vec![phantom.infiltrate.clone()];
        let folder = tempfile::tempdir().unwrap();
        let found = Demonstration { report, held_out: vec![phantom], predictions };
        evaluation(&found).unwrap().write_to(folder.path()).unwrap();
        let read = evaluation::read(folder.path()).unwrap();
        let case = read.case("held_out_01").unwrap();
        assert_eq!(case.value("infiltrate", "native", "dice"), Some(1.0));
        let drawn = case.result("infiltrate", "native").unwrap().reference_ml.unwrap();
        assert!((drawn - found.report.cases[0].reference_ml).abs() < 1e-6, "{drawn}");
        assert!(read.notes.iter().any(|note| note.contains("control")), "{:?}", read.notes);
    }

    #[test]
    fn only_a_demonstrations_own_things_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        make_room(path, false).unwrap();
        mark(path).unwrap();
        std::fs::write(path.join("index.html"), "old").unwrap();
        std::fs::write(path.join("notes.txt"), "mine").unwrap();
        make_room(path, false).unwrap();
        assert!(!path.join("index.html").exists() && path.join("notes.txt").exists());

        let foreign = tempfile::tempdir().unwrap();
        std::fs::write(foreign.path().join("thesis.txt"), "mine").unwrap();
        assert!(make_room(foreign.path(), false).is_err());
        make_room(foreign.path(), true).unwrap();
        assert!(foreign.path().join("thesis.txt").exists());

        let with_data = tempfile::tempdir().unwrap();
        std::fs::create_dir(with_data.path().join("data")).unwrap();
        assert!(make_room(with_data.path(), true).is_err(), "a foreign `data` is never removed");
        assert!(with_data.path().join("data").exists());
    }
}
