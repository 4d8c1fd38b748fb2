//! `pulmo data show`: the cases as a table.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use pulmo::ct::dataset::{DataList, Split};

use super::cases_of_patients;
use crate::terminal::Terminal;

/// Shows the cases of a data list as a table, with what may be done with them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo data show data.toml")]
pub(super) struct Args {
    /// The list.
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let list = super::load(&args.data)?;
    terminal.data(&if args.json { serde_json::to_string_pretty(&list)? } else { table(&list) })?;
    Ok(ExitCode::SUCCESS)
}

fn table(list: &DataList) -> String {
    let width = |value: &dyn Fn(&pulmo::ct::dataset::Case) -> usize, least: usize| {
        list.cases.iter().map(value).max().unwrap_or(0).max(least)
    };
    let (names, patients) = (width(&|case| case.name.len(), 4), width(&|case| case.patient.len(), 7));
    let sites = width(&|case| case.site.len(), 4);
    let mut text = format!(
        "{:names$}  {:patients$}  {:sites$}  {:10}  {:>6}  {:>19}  {:>14}\n",
        "case", "patient", "site", "split", "slices", "spacing (mm)", "infiltrate (mL)"
    );
    for case in &list.cases {
        let spacing = case.spacing_mm.map_or("-".to_owned(), |[a, b, c]| format!("{a:.2} x {b:.3} x {c:.3}"));
        let slices = case.slices.map_or("-".to_owned(), |n| n.to_string());
        let volume = case.infiltrate_ml.map_or("-".to_owned(), |ml| format!("{ml:.1}"));
        let site = if case.site.is_empty() { "-" } else { &case.site };
        let _ = writeln!(
            text,
            "{:names$}  {:patients$}  {site:sites$}  {:10}  {slices:>6}  {spacing:>19}  {volume:>14}",
            case.name,
            case.patient,
            case.split.name(),
        );
    }
    let patients: std::collections::BTreeSet<&str> = list.cases.iter().map(|case| case.patient.as_str()).collect();
    let count = |split| list.of_split(split).count();
    let labels: Vec<String> = list.labels.iter().map(|(value, name)| format!("{} {name}", value.0)).collect();
    let _ = write!(
        text,
        "\n{}: {}; {} train, {} validation, {} test; labels: {}\n",
        list.name,
        cases_of_patients(list.cases.len(), patients.len()),
        count(Split::Train),
        count(Split::Validation),
        count(Split::Test),
        labels.join(", ")
    );
    let words = [
        ("licence", &list.licence),
        ("terms", &list.terms),
        ("cite", &list.citation),
        ("from", &list.source),
        ("note", &list.notes),
    ];
    for (what, words) in words.into_iter().filter(|(_, words)| !words.is_empty()) {
        let _ = writeln!(text, "{what}: {words}");
    }
    text
}
