//! `pulmo import`: an archive as it was downloaded becomes a checked `data.toml`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use pulmo::ct::dataset::import::{Options, Readers, Request};
use pulmo::ct::dataset::list::LabelValue;
use pulmo::ct::dataset::{self, DatasetKind, Imported, IntensityStored, import};
use pulmo::ct::sentence::counted;
use serde_json::json;

use crate::cli;
use crate::terminal::{Progress, Terminal};

/// Turns a data set, as it was downloaded, into a checked data.toml.
///
/// Every image and mask is opened, compared and hashed. What is missing, cut off, a copy or foreign is listed with its
/// cause and left out; the rest is imported. Published numbers are compared with those found. Nothing is written into
/// the archive: masks that must be made and files from zips lie in data.files/ beside data.toml, and the table of what
/// became of every case in data.flow.md and data.flow.json. The command can be repeated; it takes up what is there.
#[derive(Debug, clap::Args)]
#[command(after_help = help())]
pub(crate) struct Args {
    /// The kind of data set.
    #[arg(value_name = "NAME", value_parser = kind)]
    kind: &'static dyn DatasetKind,

    /// The archive: its folder, or the file that lists it (csv, monai).
    #[arg(value_name = "ROOT")]
    root: PathBuf,

    /// The list to write.
    #[arg(long, short, value_name = "FILE", default_value = "data.toml")]
    output: PathBuf,

    /// The MD.ai annotation file, if it does not lie in or beside ROOT (ricord_1a).
    #[arg(long, value_name = "JSON")]
    annotations: Option<PathBuf>,

    /// A class that becomes label 1, by name; may be repeated. The three infectious ones if left out (ricord_1a).
    #[arg(long = "class", value_name = "NAME")]
    classes: Vec<String>,

    /// How several readers of one CT become one mask: union, majority, or one reader's id (ricord_1a).
    #[arg(long, value_name = "RULE")]
    readers: Option<String>,

    /// Which label maps: infection (label 1), or lung_and_infection (labels 1, 2, 3) (covid_19_ct_seg).
    #[arg(long, value_name = "WHICH")]
    masks: Option<String>,

    /// Take only cases whose voxels are hu, or eight_bit greys. HU if there are any otherwise.
    #[arg(long, value_name = "KIND", value_parser = intensity)]
    intensity: Option<IntensityStored>,

    /// Pattern of the images below ROOT, such as ct/{case}.nii.gz; {patient}, {site} and * are known too (folder).
    #[arg(long, value_name = "PATTERN")]
    images: Option<String>,

    /// Pattern of the masks (folder).
    #[arg(long, value_name = "PATTERN")]
    labels: Option<String>,

    /// Pattern of the lung masks (folder).
    #[arg(long, value_name = "PATTERN")]
    lungs: Option<String>,

    /// The name of a value in the masks, such as 1=infiltrate; may be repeated (folder, csv, monai).
    #[arg(long = "label", value_name = "VALUE=NAME", value_parser = label)]
    label_names: Vec<(LabelValue, String)>,

    /// The fold whose cases validate (monai).
    #[arg(long, value_name = "N")]
    fold: Option<i64>,

    /// What to call your data set.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// Its licence.
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,

    /// What to cite.
    #[arg(long, value_name = "TEXT")]
    citation: Option<String>,

    /// Print the case flow as JSON.
    #[arg(long)]
    json: bool,
}

/// Imports; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let options = Options {
        annotations: args.annotations,
        classes: args.classes,
        readers: args.readers.map(|rule| match rule.as_str() {
            "union" => Readers::Union,
            "majority" => Readers::Majority,
            _ => Readers::Only(rule),
        }),
        masks: args.masks,
        intensity: args.intensity,
        images: args.images,
        labels: args.labels,
        lungs: args.lungs,
        label_names: args.label_names,
        fold: args.fold,
        name: args.name,
        licence: args.licence,
        citation: args.citation,
    };
    let stages = Stages { terminal, current: Mutex::new(None) };
    let request = Request {
        root: &args.root,
        output: &args.output,
        options: &options,
        progress: &|stage, done, total| stages.at(stage, done, total),
    };
    let imported = import(args.kind, &request);
    drop(stages);
    let imported = imported?;
    let Imported { list, flow, flow_files } = &imported;
    if args.json {
        let value = json!({ "data": args.output, "cases": list.cases.len(), "flow": flow });
        terminal.data(&serde_json::to_string_pretty(&value)?)?;
    } else {
        terminal.data(&flow.to_markdown())?;
    }
    let [table, _] = flow_files;
    terminal.say(&format!(
        "wrote {} to `{}`; what became of each case is in `{}`",
        counted(list.cases.len(), "case", "cases"),
        args.output.display(),
        table.display()
    ));
    if list.licence.is_empty() {
        terminal.warn("the licence of these data is not known; models trained on them will say so");
    }
    Ok(if flow.has_defects() { cli::some_failed() } else { ExitCode::SUCCESS })
}

/// One progress line after the other, fed from several threads.
pub(super) struct Stages<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) current: Mutex<Option<(String, usize, Progress)>>,
}

impl Stages<'_> {
    pub(super) fn at(&self, stage: &str, done: usize, total: usize) {
        // A progress line is no reason to stop for a thread that panicked with the lock.
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !current.as_ref().is_some_and(|(name, of, _)| name == stage && *of == total) {
            *current = Some((stage.to_owned(), total, self.terminal.progress(stage, total as u64)));
        }
        if let Some((_, _, progress)) = current.as_ref() {
            progress.at(done as u64);
        }
    }
}

fn help() -> String {
    let mut text = String::from("Kinds:\n");
    for kind in dataset::ALL {
        text += &format!("  {:16} {}\n", kind.name(), kind.about());
    }
    text + "\nExamples:\n  \
        pulmo import ricord_1a downloads/ricord -o ricord/data.toml\n  \
        pulmo import mosmed downloads/COVID19_1110 -o mosmed/data.toml\n  \
        pulmo import nnunet nnUNet_raw/Dataset101_Lesions -o lesions.toml\n  \
        pulmo import folder scans/ --images 'ct/{case}.nii.gz' --labels 'mask/{case}_seg.nii.gz' -o data.toml\n\n\
        Exit code: 0 imported, 1 imported but for what is listed, 2 nothing imported."
}

fn kind(name: &str) -> Result<&'static dyn DatasetKind, String> {
    dataset::kind(name).ok_or_else(|| {
        let names: Vec<&str> = dataset::ALL.iter().map(|kind| kind.name()).collect();
        format!("known are {}", names.join(", "))
    })
}

fn intensity(word: &str) -> Result<IntensityStored, String> {
    match word {
        "hu" => Ok(IntensityStored::Hu),
        "eight_bit" => Ok(IntensityStored::EightBit),
        _ => Err("expected hu or eight_bit".to_owned()),
    }
}

fn label(text: &str) -> Result<(LabelValue, String), String> {
    let (value, name) = text.split_once('=').ok_or("expected VALUE=NAME, such as 1=infiltrate")?;
    let value = LabelValue::try_from(value.to_owned())?;
    if name.is_empty() { Err("a label needs a name".to_owned()) } else { Ok((value, name.to_owned())) }
}
