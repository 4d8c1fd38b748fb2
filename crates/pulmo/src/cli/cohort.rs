//! `pulmo cohort`: many cases on one page.

mod charts;
mod evaluation;
mod find;
mod judged;
mod model;
mod page;
mod result;
mod table;
mod training;
mod worst;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::atomic;
use pulmo::ct::dataset::DataList;

use self::find::Found;
use self::model::Cohort;
use super::evaluation::read_if_ours;
use super::output;
use crate::terminal::{Terminal, advice};

/// Shows many cases on one page: table, distributions, agreement of volumes, worst cases, learning curves.
///
/// A source is what other commands wrote: the folder of `pulmo evaluate -o`, a folder of cases by `pulmo segment` or
/// `pulmo run`, the run folder of `pulmo train`, or a folder that holds such folders; what is given twice is shown
/// once. The page is one HTML file that needs nothing but itself; with --data it holds pictures of the worst cases,
/// which show the patients' CTs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo cohort evaluation/ -o cohort.html\n  \
    pulmo cohort evaluation/ runs/first -o cohort.html --data data.toml --predictions masks/\n  \
    pulmo cohort masks/ -o cohort.html\n\n\
    Exit code: 0 page written, 2 not.")]
pub(crate) struct Args {
    /// Folders to show: evaluations, results, training runs, or what holds them.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,

    /// The page.
    #[arg(long, short, value_name = "HTML")]
    output: PathBuf,

    /// What the page is called [default: the data sets' names].
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// The list of the cases: gives patients and sites, and CTs and references for the pictures of the worst cases.
    #[arg(long, value_name = "DATA.TOML")]
    data: Vec<PathBuf>,

    /// Folder of the predicted masks, for the pictures [default: those in the sources].
    #[arg(long, value_name = "FOLDER")]
    predictions: Option<PathBuf>,

    /// How many cases of each kind of worst ones to show.
    #[arg(long, value_name = "N", default_value_t = 4)]
    worst: usize,
}

/// Writes the page; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    // A page is made from what is there, and made anew when that changes.
    output::must_take_file(&args.output, true)?;
    let lists = args
        .data
        .iter()
        .map(|path| DataList::load(path).context("cannot use the data list"))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut cohort = Cohort::default();
    let mut shown = BTreeSet::new();
    for source in &args.sources {
        for found in find::find(source)? {
            if !shown.insert(found.without_detours()) {
                terminal.warn(&format!("`{}` is given twice; it is shown once", found.path().display()));
                continue;
            }
            add(&mut cohort, &found, terminal)?;
        }
    }
    lists.iter().for_each(|list| cohort.add_facts(list));
    if cohort.is_empty() {
        return Err(advice(
            "the sources hold no case and no training",
            "give the folder of `pulmo evaluate -o`, `pulmo segment -o` or `pulmo train -o`",
        ));
    }
    cohort.finish(args.title);
    let cards =
        worst::cards(&cohort, args.worst, &worst::Places { lists: &lists, folder: args.predictions }, terminal)?;
    let _folder = output::make_folder_of(&args.output)?;
    atomic::write(&args.output, page::page(&cohort, &cards).as_bytes()).context("cannot keep the page")?;
    for case in &cohort.failed {
        terminal.warn(&format!("{}: {}", case.case, case.reason));
    }
    terminal.say(&format!("wrote `{}`: {}", args.output.display(), cohort.sentence()));
    if cards.iter().any(|card| !card.pictures.is_empty()) {
        terminal.say("It holds pictures of CTs: pass it on only where the CTs may go.");
    }
    Ok(ExitCode::SUCCESS)
}

fn add(cohort: &mut Cohort, found: &Found, terminal: &Terminal) -> anyhow::Result<()> {
    match found {
        Found::Evaluation(path) => match read_if_ours(path)? {
            Some(evaluation) => cohort.add_evaluation(evaluation, path)?,
            None => terminal.warn(&format!("`{}` is no evaluation by `pulmo evaluate`; left out", path.display())),
        },
        Found::Case(folder) => result::add(cohort, folder)?,
        Found::Run(folder) => {
            let (run, unreadable) = training::read(folder)?;
            if unreadable > 0 {
                terminal.warn(&format!("{}: lines of log.jsonl that cannot be read, left out: {unreadable}", run.name));
            }
            cohort.runs.push(run);
        }
    }
    Ok(())
}
