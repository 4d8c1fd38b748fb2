//! `pulmo compare`: results of `pulmo evaluate` against each other, case by case.

mod answer;
mod document;
mod files;
mod input;
mod methods;
mod question;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pulmo::measure::evaluate::MeasuredOn;
use pulmo::measure::statistics::Resampling;

use self::document::Document;
use self::question::{Margin, ask, parse_level, parse_margin};
use crate::cli::{self, output};
use crate::terminal::{Terminal, advice};

/// Compares methods on the same cases: paired differences, intervals, tests, agreement of volumes, spread over runs
///
/// Takes results of `pulmo evaluate -o FOLDER`, pairs cases by name, and compares the first method with each of the
/// others. Results of other references, grids or labels are refused. Cases that not every method has measured are
/// listed and compared nowhere. Patients are drawn and permuted with all their cases.
///
/// Every metric more makes the correction for many tests harder on all of them: name the ones that matter with
/// --metric before you look. A margin is only worth something if it was set beforehand, too.
///
/// Exit code: 0 all cases compared, 1 some left out (listed), 2 nothing compared.
///
/// Example: pulmo compare old=evaluation/unet new=evaluation/paper --metric dice --margin dice=0.02 -o comparison/
///
/// Runs of one method have one name: pulmo compare old=seed1 old=seed2 new=seed3 new=seed4
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folders made by `pulmo evaluate -o`, or evaluation.json files; equal names make runs of one method
    #[arg(value_name = "[NAME=]RESULT", required = true, num_args = 2..)]
    results: Vec<String>,

    /// A metric to compare; repeatable [default: all that the results share]
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,

    /// A label to compare; repeatable [default: all that the results share]
    #[arg(long = "label", value_name = "NAME")]
    labels: Vec<String>,

    /// The loss of a metric that would be accepted, in its unit; repeatable
    #[arg(long = "margin", value_name = "METRIC=SIZE", value_parser = parse_margin)]
    margins: Vec<Margin>,

    /// Values measured on this grid
    #[arg(long, default_value = "native")]
    grid: GridChoice,

    /// Nominal coverage of intervals
    #[arg(long, default_value = "0.95", value_parser = parse_level)]
    level: f64,

    /// How many times patients are drawn and signs flipped
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    resamples: u64,

    /// Where the random numbers start
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Folder for compare.csv (one line per number), compare.json and compare.md; made if it is not there
    #[arg(long, short)]
    output: Option<PathBuf>,

    /// Replace a comparison that is there
    #[arg(long)]
    force: bool,

    /// Print compare.json instead of the tables
    #[arg(long)]
    json: bool,
}

/// Grids that were measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GridChoice {
    Native,
    Network,
}

/// Runs the subcommand.
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.output {
        output::must_take(folder, files::FILES, args.force)?;
    }
    let methods = methods::gather(&args.results)?;
    methods::must_be_set_alike(&methods)?;
    let grid = match args.grid {
        GridChoice::Native => MeasuredOn::Native,
        GridChoice::Network => MeasuredOn::Network,
    };
    let resamples = usize::try_from(args.resamples).context("too many resamples for this machine")?;
    let how = Resampling { seed: args.seed, resamples, level: args.level };
    let question = ask(&methods, (&args.labels, &args.metrics), &args.margins, grid, how)?;
    let document = Document::new(&methods, &question)?;
    if !document.has_numbers() {
        return Err(advice("no metric has a value in any case by every method", "look at the evaluations themselves"));
    }
    if let Some(folder) = &args.output {
        files::write_to(&document, folder).context("cannot keep the comparison")?;
    }
    let shown = if args.json { files::json(&document)? } else { text::text(&document) };
    terminal.data(&shown).context("cannot print the comparison")?;
    for case in &document.left_out {
        terminal.case_failed(&case.case, &format!("left out: {}", case.reason), None);
    }
    if let Some(folder) = &args.output {
        terminal.say(&format!("wrote {} in `{}`", files::FILES.join(", "), folder.display()));
    }
    Ok(if document.left_out.is_empty() { ExitCode::SUCCESS } else { cli::some_failed() })
}
