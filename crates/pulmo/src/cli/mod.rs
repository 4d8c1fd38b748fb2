//! The subcommands, one file each: a clap `Args` (doc comments are the help text) and one `run`.
//!
//! A new one is a file beside this one, a `mod` line, a variant of [`Command`] and its line in [`Command::run`].

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::terminal::Terminal;

mod cases;
mod check;
mod cohort;
mod compare;
mod convert;
mod ct;
mod data;
mod deidentify;
mod demo;
mod doctor;
mod evaluate;
mod evaluation;
mod import;
mod inspect;
mod lungs;
mod model;
mod objects;
mod output;
mod report;
mod reporting;
mod run;
mod schema;
mod segment;
mod size;
mod table;
mod threads;
mod train;

/// Segments lung infiltrates on CT: train, segment, evaluate, on the hardware you have.
#[derive(Debug, Parser)]
#[command(name = "pulmo", version, after_help = pulmo::RESEARCH_USE, max_term_width = 100)]
pub(crate) struct Cli {
    /// Say only warnings and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(import::Args),
    Data(data::Args),
    Train(train::Args),
    Run(run::Args),
    Segment(segment::Args),
    Report(Box<report::Args>),
    Lungs(lungs::Args),
    Evaluate(evaluate::Args),
    Cohort(cohort::Args),
    Compare(compare::Args),
    Inspect(inspect::Args),
    Check(check::Args),
    Convert(Box<convert::Args>),
    Model(model::Args),
    Deidentify(deidentify::Args),
    Demo(demo::Args),
    Schema(schema::Args),
    Doctor(doctor::Args),
}

impl Command {
    /// Runs the subcommand and gives its exit code: 0 all well, 1 some cases failed, 2 (or an error) nothing done.
    pub(crate) fn run(self, terminal: &Terminal) -> anyhow::Result<ExitCode> {
        match self {
            Self::Import(args) => import::run(args, terminal),
            Self::Data(args) => data::run(args, terminal),
            Self::Train(args) => train::run(args, terminal),
            Self::Run(args) => run::run(args, terminal),
            Self::Segment(args) => segment::run(args, terminal),
            Self::Report(args) => report::run(*args, terminal),
            Self::Lungs(args) => lungs::run(args, terminal),
            Self::Evaluate(args) => evaluate::run(args, terminal),
            Self::Cohort(args) => cohort::run(args, terminal),
            Self::Compare(args) => compare::run(args, terminal),
            Self::Inspect(args) => inspect::run(args, terminal),
            Self::Check(args) => check::run(args, terminal),
            Self::Convert(args) => convert::run(*args, terminal),
            Self::Model(args) => model::run(args, terminal),
            Self::Deidentify(args) => deidentify::run(args, terminal),
            Self::Demo(args) => demo::run(args, terminal),
            Self::Schema(args) => schema::run(args, terminal),
            Self::Doctor(args) => doctor::run(args, terminal),
        }
    }
}

/// Exit code 1: some cases failed, and were listed.
pub(crate) fn some_failed() -> ExitCode {
    ExitCode::from(1)
}

/// Exit code 2: nothing was done, or the command line was wrong.
pub(crate) fn nothing_done() -> ExitCode {
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_shows_an_example() {
        for command in Cli::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            assert!(help.contains(&format!("pulmo {name}")), "the help of `{name}` shows no example");
        }
    }
}
