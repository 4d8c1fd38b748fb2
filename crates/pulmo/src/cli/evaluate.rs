//! `pulmo evaluate`: predictions against references.

mod csv;
mod document;
mod listed;
pub(super) mod masks;
mod measure;
mod methods;
mod pairing;
mod settings;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pulmo::measure::compare;
use pulmo::measure::evaluate::paper::PAPER_SHAPE;
use pulmo::measure::evaluate::{Label, Outcome, Protocol};
use pulmo::measure::statistics::Resampling;

pub(super) use self::document::{Document, Measured, Wanted};
use self::listed::SplitChoice;
use self::pairing::{Pairing, Suffixes};
use crate::cli::{self, output};
use crate::terminal::{Terminal, advice};

/// Metrics that tables show unless --metrics names others, where they are known.
pub(super) const SHOWN: [&str; 7] =
    ["dice", "surface_dice", "hd95_surface_mm", "lesion_f1", "sensitivity", "precision", "volume_error_ml"];

/// Compares predictions with references: Dice per case and label, means, volumes in mL
///
/// Cases are paired by name; the pairing is printed first, and two files that could be the same case are an error. A
/// folder holds `<case>.nii.gz` files (or .nii, .nrrd, .mha, .mhd, DICOM SEG) or `<case>/mask.nii.gz` folders, as
/// `pulmo segment` writes them; endings such as `_mask`, `_seg` and `_pred` are taken off. Two single files are one
/// case. A prediction must lie on its reference's grid: axes are turned where that is exact, and said; nothing is
/// resampled. Cases that cannot be measured stay in the list with their reason. See docs/evaluation.md.
///
/// Exit code: 0 all cases measured, 1 some failed (listed), 2 nothing measured.
///
/// Example: pulmo evaluate predictions/ references/ -o evaluation/ --protocol paper
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of predicted masks, of any tool, or one mask file
    predictions: PathBuf,

    /// Folder of reference masks, or one mask file
    #[arg(required_unless_present = "data")]
    references: Option<PathBuf>,

    /// Take the references from this data list instead of a folder; its notes are printed too; repeatable
    #[arg(long, value_name = "DATA.TOML", conflicts_with_all = ["references", "reference_suffix"])]
    data: Vec<PathBuf>,

    /// Which cases of the data lists
    #[arg(long, requires = "data", default_value = "test")]
    split: SplitChoice,

    /// Folder for evaluation.csv, .json, .md and .tex, and methods.md; made if it is not there
    #[arg(long, short)]
    output: Option<PathBuf>,

    /// Replace an evaluation that is there
    #[arg(long)]
    force: bool,

    /// What to compute beside the metrics: `paper` gives Dice per data set on the paper's grid and on the native one,
    /// next to published figures
    #[arg(long, value_enum)]
    protocol: Option<ProtocolChoice>,

    /// A label to measure and its value in the masks; repeatable [default: infiltrate=1, or the data list's]
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = parse_label)]
    labels: Vec<Label>,

    /// Metrics that tables show: names, or `all`; CSV and JSON always hold all
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    metrics: Vec<String>,

    /// Measure Dice also on the network's grid: slices x rows x columns, both masks resized by nearest neighbour
    #[arg(long, value_name = "DxHxW", value_parser = parse_shape)]
    network_grid: Option<[usize; 3]>,

    #[command(flatten)]
    settings: settings::MetricArgs,

    /// Folder of lung masks by the same names, for false alarms as a share of the lungs [default: the data list's]
    #[arg(long, value_name = "FOLDER")]
    lungs: Option<PathBuf>,

    /// Folder of probabilities by the same names, or `<case>/probabilities.nii.gz` as `pulmo segment --probabilities`
    /// writes: floats from 0 to 1, or uint8 in 255ths; gives calibration
    #[arg(long, value_name = "FOLDER")]
    probabilities: Option<PathBuf>,

    /// What the names of the predictions carry after the case's name; files without it are left out
    #[arg(long, value_name = "TEXT")]
    prediction_suffix: Option<String>,

    /// What the names of the references carry after the case's name, such as `_mask`; files without it are left out
    #[arg(long, value_name = "TEXT")]
    reference_suffix: Option<String>,

    /// Start of the random numbers that draw patients for the intervals
    #[arg(long, value_name = "N", default_value_t = Resampling::default().seed)]
    seed: u64,

    /// How many times patients are drawn for the intervals
    #[arg(long, value_name = "N", default_value_t = Resampling::default().resamples, value_parser = parse_resamples)]
    resamples: usize,

    /// What a reader must know of the data, such as "lesion slices only"; printed with the results; repeatable
    #[arg(long = "note", value_name = "TEXT")]
    notes: Vec<String>,

    /// Print evaluation.json instead of the tables
    #[arg(long)]
    json: bool,
}

/// What can be computed beside the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ProtocolChoice {
    /// As the paper, per data set, with published figures.
    Paper,
}

/// Runs the subcommand.
pub(crate) fn run(mut args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let shown = shown(&args.metrics)?;
    if let Some(folder) = &args.output {
        output::must_take(folder, Document::FILES, args.force)?;
    }
    let mut pairing = paired(&mut args)?;
    if let Some(folder) = &args.lungs {
        listed::add_lungs(&mut pairing.pairs, folder)?;
    }
    if let Some(folder) = &args.probabilities {
        listed::add_probabilities(&mut pairing.pairs, folder)?;
    }
    pairing.describe().iter().for_each(|line| terminal.say(line));
    if args.labels.is_empty() {
        args.labels.push(Label { name: "infiltrate".to_owned(), value: 1 });
    }
    refuse_equal_labels(&args.labels)?;
    let protocol = Protocol {
        network_shape: args.network_grid.or(args.protocol.map(|ProtocolChoice::Paper| PAPER_SHAPE)),
        lesion_settings: args.settings.of_lesions(),
        lung_settings: args.settings.of_lungs(),
        resampling: Resampling { seed: args.seed, resamples: args.resamples, ..Resampling::default() },
        ..Protocol::of(args.labels)
    };
    let Pairing { pairs, not_listed, rule, .. } = pairing;
    let cases = measure::measure(&pairs, &protocol, terminal);
    let measured = Measured { pairing: rule, notes: args.notes, cases, not_listed, region: measure::region(&pairs) };
    let document = Document::new(measured, Wanted { protocol, shown, paper: args.protocol.is_some() });

    if let Some(folder) = &args.output {
        document.write_to(folder).context("cannot keep the results")?;
    }
    terminal.data(&if args.json { document.json()? } else { document.text() }).context("cannot print the results")?;
    report(&document, terminal);
    if let Some(folder) = &args.output {
        terminal.say(&format!("wrote {} in `{}`", Document::FILES.join(", "), folder.display()));
    }
    Ok(match (document.measured(), document.failed()) {
        (0, _) => cli::nothing_done(),
        (_, 0) => ExitCode::SUCCESS,
        _ => cli::some_failed(),
    })
}

/// Pairs with data lists or with a folder.
fn paired(args: &mut Args) -> anyhow::Result<Pairing> {
    let suffixes = Suffixes { prediction: args.prediction_suffix.clone(), reference: args.reference_suffix.clone() };
    if let Some(references) = &args.references {
        return pairing::pair(&args.predictions, references, &suffixes);
    }
    let lists = listed::load(&args.data, args.split)?;
    if args.labels.is_empty() {
        args.labels = lists.labels;
    }
    args.notes.extend(lists.notes);
    pairing::pair_listed(&args.predictions, lists.cases, &suffixes)
}

/// The metrics that tables show.
fn shown(wanted: &[String]) -> anyhow::Result<Vec<&'static str>> {
    let known = || compare::ALL.iter().map(|metric| metric.name());
    match wanted {
        [] => Ok(known().filter(|name| SHOWN.contains(name)).collect()),
        [all] if all == "all" => Ok(known().collect()),
        names => names
            .iter()
            .map(|name| {
                known().find(|one| one == name).ok_or_else(|| {
                    let names: Vec<&str> = known().collect();
                    advice(
                        format!("--metrics: there is no metric `{name}`"),
                        format!("there are all, {}", names.join(", ")),
                    )
                })
            })
            .collect(),
    }
}

/// Says after the tables what went wrong and what looks wrong.
fn report(document: &Document, terminal: &Terminal) {
    for case in &document.cases {
        match &case.outcome {
            Outcome::Failed(failure) => terminal.case_failed(&case.case, &failure.reason, failure.hint.as_deref()),
            Outcome::Measured(measures) => {
                if measures.prediction_turned {
                    let said = "the prediction's axes were turned onto the reference's; no voxel changed";
                    terminal.say(&format!("{}: {said}", case.case));
                }
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
        .filter(|shape| super::size::is_volume(shape))
        .ok_or_else(|| "expected slices x rows x columns, each 1 to 4096, such as 20x224x224".into())
}

fn parse_resamples(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (100..=10_000_000).contains(number));
    number.ok_or_else(|| "expected a number from 100 to 10000000".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_they_expect() {
        assert_eq!(parse_shape("20x224x224"), Ok([20, 224, 224]));
        for bad in ["", "20", "20x224", "0x1x1", "1x2x3x4", "axbxc", "-1x2x3", "1x1x4097", "4000x4000x4000"] {
            assert!(parse_shape(bad).unwrap_err().contains("20x224x224"), "{bad}");
        }
        assert_eq!(parse_label("lung=2"), Ok(Label { name: "lung".into(), value: 2 }));
        for bad in ["lung", "lung=0", "=1", "lung=256", "lung=x"] {
            assert!(parse_label(bad).is_err(), "{bad}");
        }
        assert_eq!((parse_resamples("100"), parse_resamples("0").is_err()), (Ok(100), true));
        let twice = [parse_label("a=1").unwrap(), parse_label("b=1").unwrap()];
        assert!(refuse_equal_labels(&twice).is_err());
        assert_eq!(shown(&["precision".into(), "dice".into()]).unwrap(), ["precision", "dice"]);
        assert_eq!(shown(&["all".into()]).unwrap().len(), compare::ALL.len());
        assert!(shown(&[]).unwrap().contains(&"dice"));
        assert!(crate::terminal::hint(&shown(&["dise".into()]).unwrap_err()).unwrap().contains("dice"));
    }
}
