//! `pulmo evaluate`: predictions against references.

mod output;
mod pairing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::LabelMap;
use pulmo::ct::dataset::{Case, DataList, Split};
use pulmo::ct::format::open_label_map;
use pulmo::measure::evaluate::{CaseFacts, CaseResult, Failure, Label, Outcome, Protocol, measure_case, summarise};

use self::output::Document;
use self::pairing::{Listed, Pair};
use crate::cli;
use crate::terminal::{Terminal, advice, hint};

/// Compares predictions with references: Dice per case and label, means, volumes in mL
///
/// Cases are paired by name. A folder holds `<case>.nii.gz` (or .nii) files or `<case>/mask.nii.gz` folders, as
/// `pulmo segment` writes them. Two single files are one case. A prediction must lie on its reference's grid;
/// nothing is resampled to make it fit. Cases that cannot be measured stay in the list with their reason.
///
/// Exit code: 0 all cases measured, 1 some failed (listed), 2 nothing measured.
///
/// Example: pulmo evaluate predictions/ references/ -o evaluation/ --network-grid 20x224x224
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of predicted masks, or one mask file
    predictions: PathBuf,

    /// Folder of reference masks, or one mask file
    #[arg(required_unless_present = "data")]
    references: Option<PathBuf>,

    /// Take the references from this data list instead of a folder; its notes are printed too
    #[arg(long, value_name = "DATA.TOML", conflicts_with_all = ["references", "reference_suffix"])]
    data: Option<PathBuf>,

    /// Which cases of the data list
    #[arg(long, requires = "data", default_value = "test")]
    split: SplitChoice,

    /// Folder for evaluation.csv (one line per number) and evaluation.json; made if it is not there
    #[arg(long, short)]
    output: Option<PathBuf>,

    /// A label to measure and its value in the masks; repeatable [default: infiltrate=1, or the data list's]
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    labels: Vec<Label>,

    /// Measure Dice also on the network's grid: slices x rows x columns, both masks resized by nearest neighbour
    #[arg(long, value_name = "DxHxW", value_parser = parse_shape)]
    network_grid: Option<[usize; 3]>,

    /// What the names of the reference files carry after the case's name, such as `_mask`
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference_suffix: String,

    /// What a reader must know of the data, such as "lesion slices only"; printed with the results; repeatable
    #[arg(long = "note", value_name = "TEXT")]
    notes: Vec<String>,

    /// Print evaluation.json instead of the table
    #[arg(long)]
    json: bool,
}

/// Cases of a data list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SplitChoice {
    Train,
    Validation,
    Test,
    All,
}

/// Runs the subcommand.
pub(crate) fn run(mut args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let pairs = match (args.data.take(), args.references.take()) {
        (Some(data), _) => listed(&mut args, &data)?,
        (None, Some(references)) => pairing::pair(&args.predictions, &references, &args.reference_suffix)?,
        (None, None) => return Err(advice("there are no references", "give a folder of references or --data")),
    };
    if args.labels.is_empty() {
        args.labels.push(Label { name: "infiltrate".to_owned(), value: 1 });
    }
    refuse_equal_labels(&args.labels)?;
    let protocol = Protocol { labels: args.labels, network_shape: args.network_grid };
    let cases = measure(&pairs, &protocol, terminal);
    let summary = summarise(&cases, &protocol);
    let document = Document::new(pairing::rule(&args.reference_suffix), args.notes, protocol, cases, summary);

    if let Some(folder) = &args.output {
        document.write_to(folder).context("cannot keep the results")?;
    }
    terminal.data(&if args.json { document.json()? } else { document.text() }).context("cannot print the results")?;
    report(&document, terminal);
    if let Some(folder) = &args.output {
        terminal.say(&format!("wrote evaluation.csv and evaluation.json in `{}`", folder.display()));
    }
    Ok(match (document.measured(), document.failed()) {
        (0, _) => cli::nothing_done(),
        (_, 0) => ExitCode::SUCCESS,
        _ => cli::some_failed(),
    })
}

/// Pairs with a data list and takes its labels, unless flags name some, and its notes.
fn listed(args: &mut Args, data: &Path) -> anyhow::Result<Vec<Pair>> {
    let list = DataList::load(data).context("cannot use the data list")?;
    let split = match args.split {
        SplitChoice::Train => Some(Split::Train),
        SplitChoice::Validation => Some(Split::Validation),
        SplitChoice::Test => Some(Split::Test),
        SplitChoice::All => None,
    };
    let cases: Vec<_> = list.cases.iter().filter(|case| split.is_none_or(|split| case.split == split)).collect();
    if args.labels.is_empty() {
        args.labels = list.labels.iter().map(|(value, name)| Label { name: name.clone(), value: value.0 }).collect();
    }
    args.notes.extend([&list.notes].into_iter().filter(|note| !note.is_empty()).cloned());
    for case in &cases {
        args.notes.extend(case.note.iter().map(|note| format!("{}: {note}", case.name)));
    }
    let facts = |case: &Case| CaseFacts {
        patient: case.patient.clone(),
        data_set: Some(list.name.clone()),
        site: Some(case.site.clone()).filter(|site| !site.is_empty()),
        ..CaseFacts::default()
    };
    let references = cases.into_iter().map(|case| Listed {
        case: case.name.clone(),
        reference: case.labels.clone(),
        facts: facts(case),
    });
    pairing::pair_listed(&args.predictions, references)
}

fn measure(pairs: &[Pair], protocol: &Protocol, terminal: &Terminal) -> Vec<CaseResult> {
    let progress = terminal.progress("measuring", pairs.len() as u64);
    let mut cases = Vec::with_capacity(pairs.len());
    for (done, pair) in pairs.iter().enumerate() {
        progress.at(done as u64);
        let mut facts = pair.facts.clone();
        let outcome = match measure_pair(pair, protocol) {
            Ok(measures) => {
                facts = facts.with_measures(&measures, protocol);
                Outcome::Measured(measures)
            }
            Err(error) => Outcome::Failed(failure(&error, pair)),
        };
        cases.push(CaseResult { case: pair.case.clone(), facts, outcome });
    }
    cases
}

fn measure_pair(pair: &Pair, protocol: &Protocol) -> anyhow::Result<pulmo::measure::evaluate::CaseMeasures> {
    let reference = open(pair.reference.as_deref(), "reference")?;
    let prediction = open(pair.prediction.as_deref(), "prediction")?;
    measure_case(&reference, &prediction, protocol).context("the prediction is not on the reference's grid")
}

fn open(path: Option<&Path>, role: &str) -> anyhow::Result<LabelMap> {
    let path = path.ok_or_else(|| advice(format!("the {role} is missing"), "cases are paired by name"))?;
    open_label_map(path).with_context(|| format!("cannot read the {role}"))
}

/// The reason in one line. Results are passed on, so a path gives way to the words "this file".
fn failure(error: &anyhow::Error, pair: &Pair) -> Failure {
    let without_paths = |text: &str| {
        let paths = [&pair.reference, &pair.prediction].into_iter().flatten();
        paths.fold(text.to_owned(), |text, path| text.replace(&format!("`{}`", path.display()), "this file"))
    };
    let reason = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Failure { reason: without_paths(&reason), hint: hint(error).map(without_paths) }
}

/// Says after the table what went wrong and what looks wrong.
fn report(document: &Document, terminal: &Terminal) {
    for case in &document.cases {
        match &case.outcome {
            Outcome::Failed(failure) => terminal.case_failed(&case.case, &failure.reason, failure.hint.as_deref()),
            Outcome::Measured(measures) => {
                let sides =
                    [("reference", &measures.unlisted_in_reference), ("prediction", &measures.unlisted_in_prediction)];
                for (role, values) in sides.into_iter().filter(|(_, values)| !values.is_empty()) {
                    terminal.warn(&format!(
                        "{}: the {role} also holds the values {values:?}, which no --label names; they count as background",
                        case.case
                    ));
                }
            }
        }
    }
}

fn refuse_equal_labels(labels: &[Label]) -> anyhow::Result<()> {
    for (i, label) in labels.iter().enumerate() {
        if labels[..i].iter().any(|other| other.name == label.name || other.value == label.value) {
            let problem =
                format!("--label {}={} has a name or value that another --label has", label.name, label.value);
            return Err(advice(problem, "give every label once"));
        }
    }
    Ok(())
}

fn parse_label(text: &str) -> Result<Label, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as infiltrate=1")?;
    match value.parse() {
        Ok(value) if value > 0 && !name.is_empty() => Ok(Label { name: name.to_owned(), value }),
        _ => Err("expected a name and a value from 1 to 255 (0 is background)".into()),
    }
}

fn parse_shape(text: &str) -> Result<[usize; 3], String> {
    let sizes: Option<Vec<usize>> = text.split('x').map(|size| size.parse().ok()).collect();
    let shape = sizes.and_then(|sizes| <[usize; 3]>::try_from(sizes).ok());
    shape
        .filter(|shape| shape.iter().all(|size| (1..=4096).contains(size)))
        .ok_or_else(|| "expected slices x rows x columns, each 1 to 4096, such as 20x224x224".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_they_expect() {
        assert_eq!(parse_shape("20x224x224"), Ok([20, 224, 224]));
        for bad in ["", "20", "20x224", "0x1x1", "1x2x3x4", "axbxc", "-1x2x3"] {
            assert!(parse_shape(bad).unwrap_err().contains("20x224x224"), "{bad}");
        }
        assert_eq!(parse_label("lung=2"), Ok(Label { name: "lung".into(), value: 2 }));
        for bad in ["lung", "lung=0", "=1", "lung=256", "lung=x"] {
            assert!(parse_label(bad).is_err(), "{bad}");
        }
        let twice = [parse_label("a=1").unwrap(), parse_label("b=1").unwrap()];
        assert!(refuse_equal_labels(&twice).is_err());
    }
}
