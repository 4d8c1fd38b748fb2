//! `pulmo data`: what a `data.toml` holds, how it is distributed, splits of it, and exports for other programs.

mod export;
mod page;
mod show;
mod split;
mod stats;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::dataset::DataList;
use pulmo::ct::sentence::counted;

use crate::terminal::{Terminal, advice};

/// Shows, measures, splits and exports a data set that `pulmo import` has listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo data show data.toml\n  \
    pulmo data stats data.toml --page stats.html\n  \
    pulmo data split data.toml -o splits --folds 5 --seed 1\n  \
    pulmo data export nnunet data.toml -o nnUNet_raw/Dataset501_Lesions")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Show(show::Args),
    Stats(stats::Args),
    Split(split::Args),
    Export(export::Args),
}

/// Does it; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Show(args) => show::run(args, terminal),
        What::Stats(args) => stats::run(args, terminal),
        What::Split(args) => split::run(args, terminal),
        What::Export(args) => export::run(args, terminal),
    }
}

/// A list that has cases.
fn load(path: &Path) -> anyhow::Result<DataList> {
    let list = DataList::load(path).context("cannot use the data list")?;
    if list.cases.is_empty() {
        return Err(advice(format!("`{}` lists no case", path.display()), "make a list with `pulmo import`"));
    }
    Ok(list)
}

/// `6 cases of 1 patient`.
fn cases_of_patients(cases: usize, patients: usize) -> String {
    format!("{} of {}", counted(cases, "case", "cases"), counted(patients, "patient", "patients"))
}
