//! CTs in, one folder per case out: what `segment` and `run` share.

mod objects;
mod place;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use pulmo::ct::format::{Opened, write_label_map, write_shares};
use pulmo::ct::{LabelMap, atomic};
use pulmo::engine::output::{Naming, OutputFolder};
use pulmo::engine::result::{CaseResult, Identity};
use pulmo::engine::segment::{Segmentation, Segmenter};
use pulmo::engine::{Model, case_key};
use pulmo::kernel::Kernels;
use pulmo::measure::quantify::Quantities;
use pulmo::net::Precision;

use super::ct::CtArgs;
use super::objects::Object;
use super::{size, threads};
use crate::terminal::{Terminal, advice, hint};
use place::Choice;

/// The file name of the lungs.
const LUNGS: &str = "lungs.nii.gz";

/// Flags of whatever makes a folder per case.
#[derive(Debug, clap::Args)]
pub(crate) struct CaseArgs {
    /// Folders with one DICOM series each, or NIfTI, NRRD or MetaImage files.
    #[arg(required = true, value_name = "CT")]
    pub(crate) inputs: Vec<PathBuf>,

    /// The model, as `pulmo train` or `pulmo demo` writes it.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) model: PathBuf,

    /// Where the cases' folders go.
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) ct: CtArgs,

    /// Skip cases that this model has finished.
    #[arg(long)]
    pub(crate) resume: bool,

    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,

    /// DICOM objects to write beside the mask, for a DICOM CT: seg.dcm, rtstruct.dcm, sr.dcm, … in the case's folder.
    ///
    /// They carry the patient's name and the study, as the CT does, to be sent to an archive.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OBJECT,…")]
    pub(crate) dicom: Vec<Object>,

    /// Make identifying UIDs that a CT lacks from its content; its DICOM objects then open a study of their own.
    #[arg(long)]
    pub(crate) new_study: bool,

    /// Write probabilities.nii.gz beside the mask: 0 to 1 on the CT's grid, for `pulmo evaluate --probabilities`.
    #[arg(long)]
    pub(crate) probabilities: bool,

    /// Draw the mask over the CT: axial.png and coronal.png beside the mask. They show the patient's CT.
    #[arg(long)]
    pub(crate) pictures: bool,

    /// Key of the case names, at least 16 bytes, in place of the public one; keep it secret and keep it.
    #[arg(long, value_name = "FILE")]
    pub(crate) case_key_file: Option<PathBuf>,

    /// Print the results as JSON, one line per case.
    #[arg(long)]
    pub(crate) json: bool,

    /// The most memory to take, such as 4GiB or 3500MiB; all there is if left out.
    ///
    /// Where it is too little for the model's window, the network goes over the CT in smaller ones; a warning and result.json
    /// say so. The reading of a CT comes on top, and so does the making of a report.
    #[arg(long, value_name = "SIZE", value_parser = size::parse_bytes)]
    pub(crate) max_ram: Option<u64>,

    /// In which numbers activations are held, float32 or bfloat16; as the model was trained if left out.
    ///
    /// bfloat16 holds them in half the memory; the mask may differ at its borders.
    #[arg(long, value_name = "NUMBERS")]
    pub(crate) precision: Option<Precision>,

    /// Processor threads; all by default. The masks do not depend on it.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

/// A case whose mask is made and not written yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segmented<'a> {
    pub(crate) input: &'a Path,
    pub(crate) opened: &'a Opened,
    pub(crate) found: &'a Segmentation,
    pub(crate) result: &'a CaseResult,
}

/// What a subcommand adds to a case's folder.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    /// Files by name.
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
    /// The lungs, for a file of their own: any label above 0.
    pub(crate) lungs: Option<LabelMap>,
    /// What was measured, for DICOM reports.
    pub(crate) quantities: Option<Quantities>,
    /// For a DICOM file of it.
    pub(crate) pdf: Option<Pdf>,
    /// Goes behind the volume in the line that is printed.
    pub(crate) summary: String,
    /// Is printed with --json in place of the result.
    pub(crate) json: Option<String>,
    /// What the user should know, one sentence each.
    pub(crate) warnings: Vec<String>,
}

/// A PDF file.
#[derive(Debug)]
pub(crate) struct Pdf {
    pub(crate) bytes: Vec<u8>,
    /// Whether its pages show who the patient is.
    pub(crate) shows_identity: bool,
}

/// What became of one input.
enum Outcome {
    Done(Box<(CaseResult, Extra)>),
    Skipped(String),
}

/// The cases of one call and what they share.
struct Batch<'a> {
    args: &'a CaseArgs,
    output: OutputFolder,
    /// Cases written by this call.
    written: BTreeSet<String>,
    segmenter: Segmenter,
    terminal: &'a Terminal,
}

/// Segments every input and lets `add` say what else belongs into the case's folder.
///
/// A case that fails is listed with its reason, and the others go on.
///
/// # Errors
/// If the model or the output folder cannot be used at all.
pub(crate) fn run(
    args: &CaseArgs,
    naming: Naming,
    terminal: &Terminal,
    mut add: impl FnMut(&Segmented<'_>) -> anyhow::Result<Extra>,
) -> anyhow::Result<ExitCode> {
    args.inputs.iter().try_for_each(|input| args.ct.must_fit(input))?;
    threads::limit(args.threads)?;
    let key = read_key(args.case_key_file.as_deref())?;
    let model = Model::load(&model_file(&args.model))?;
    let output = OutputFolder::open(&args.output, &key)?.naming(naming);
    let mut segmenter = Segmenter::new(model, Kernels::default())?;
    segmenter.set_max_bytes(args.max_ram);
    if let Some(precision) = args.precision {
        segmenter.set_precision(precision);
    }
    for source in segmenter.model().provenance.data.iter().filter(|source| !source.note.is_empty()) {
        terminal.warn(&format!("the model learnt from `{}`: {}", source.name, source.note));
    }
    let start = Instant::now();
    let (mut done, mut failed) = (0, 0);
    let mut batch = Batch { args, output, written: BTreeSet::new(), segmenter, terminal };
    for (index, input) in args.inputs.iter().enumerate() {
        match batch.one(index, input, &mut add) {
            Ok(outcome) => {
                done += 1;
                report(&outcome, input, args, terminal)?;
            }
            Err(error) => {
                failed += 1;
                let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
                terminal.case_failed(&input.display().to_string(), &chain.join(": "), hint(&error));
            }
        }
        let left = args.inputs.len() - index - 1;
        if left > 0 {
            let seconds = start.elapsed().as_secs_f64() / (index + 1) as f64 * left as f64;
            terminal.say(&format!("{} of {} cases, about {} left", index + 1, args.inputs.len(), duration(seconds)));
        }
    }
    let place = if done > 0 { format!("; results in `{}`", args.output.display()) } else { String::new() };
    terminal.say(&format!("{done} done, {failed} failed{place}"));
    terminal.say(pulmo::RESEARCH_USE);
    Ok(match (done, failed) {
        (_, 0) => ExitCode::SUCCESS,
        (0, _) => super::nothing_done(),
        _ => super::some_failed(),
    })
}

impl Batch<'_> {
    /// Makes the case of one input.
    fn one(
        &mut self,
        index: usize,
        input: &Path,
        add: &mut dyn FnMut(&Segmented<'_>) -> anyhow::Result<Extra>,
    ) -> anyhow::Result<Outcome> {
        let Self { args, output, written, segmenter, terminal } = self;
        if args.resume
            && let Some(case) = place::finished_series(args, input, output, segmenter.model())
        {
            return Ok(Outcome::Skipped(case));
        }
        let start = Instant::now();
        // Before the network runs, so that no time is lost on a CT that no object can refer to.
        let series = if args.dicom.is_empty() { None } else { Some(objects::source_series(args, input)?) };
        let opened = args.ct.open(input, terminal)?;
        let read = start.elapsed();
        let source = output.source(&opened.origin, input)?;
        let case = match place::choose(args, output.place(&opened.origin, input, &source), output, segmenter.model())? {
            Choice::Write(case) => case,
            Choice::Skip(case) => return Ok(Outcome::Skipped(case)),
        };
        if written.contains(&case) {
            let problem = format!("an earlier input of this call is called `{case}` too");
            return Err(advice(problem, "rename the file, or name another folder with -o"));
        }
        let what = if args.inputs.len() == 1 {
            case.clone()
        } else {
            format!("{case} ({} of {})", index + 1, args.inputs.len())
        };
        let progress = std::cell::OnceCell::new();
        let mut found = segmenter.segment(&opened.volume, |done, of| {
            progress.get_or_init(|| terminal.progress(&what, of as u64)).at(done as u64);
        })?;
        drop(progress);
        found.seconds.read = (read.as_secs_f64() * 1e3).round() / 1e3;
        let identity = Identity { source, case };
        let mut result = CaseResult::new(identity, (&opened.origin, &opened.warnings), segmenter.model(), &found);
        let extra = add(&Segmented { input, opened: &opened, found: &found, result: &result })?;
        output.write(&mut result, &found.labels, args.force, |folder| {
            for (name, bytes) in &extra.files {
                atomic::write(&folder.join(name), bytes)?;
            }
            if let Some(lungs) = &extra.lungs {
                write_label_map(&folder.join(LUNGS), lungs)?;
            }
            if let Some(series) = &series {
                objects::write(args, folder, (series, segmenter.model()), (&opened, &found, &extra))?;
            }
            if args.probabilities {
                let shares = LabelMap::new(*found.labels.grid(), found.probabilities_255()?)?;
                write_shares(&folder.join("probabilities.nii.gz"), &shares)?;
            }
            if args.pictures { objects::draw(folder, &opened, &found) } else { Ok(()) }
        })?;
        written.insert(result.case.clone());
        Ok(Outcome::Done(Box::new((result, extra))))
    }
}

fn report(outcome: &Outcome, input: &Path, args: &CaseArgs, terminal: &Terminal) -> anyhow::Result<()> {
    let (result, extra) = match outcome {
        Outcome::Done(done) => (&done.0, &done.1),
        Outcome::Skipped(case) => {
            terminal.say(&format!("{} -> {case}: finished before, skipped", input.display()));
            return Ok(());
        }
    };
    for warning in result.warnings.iter().chain(&extra.warnings) {
        terminal.warn(&format!("{}: {warning}", result.case));
    }
    if args.json {
        let line = extra.json.clone().map_or_else(|| serde_json::to_string(result), Ok)?;
        terminal.data(&line)?;
    } else {
        let memory = result.peak_memory_bytes.map(|bytes| format!(", {:.2} GiB", bytes as f64 / f64::from(1 << 30)));
        terminal.data(&format!(
            "{} -> {}: {:.1} mL infiltrate{}, {:.1} s{}",
            input.display(),
            result.case,
            result.infiltrate.volume_ml,
            extra.summary,
            result.seconds.total(),
            memory.unwrap_or_default()
        ))?;
    }
    Ok(())
}

/// A model file, or the one in a run's or demo's folder.
fn model_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() }
}

/// The key of case names: the one in the file, or the public one.
pub(super) fn read_key(file: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let Some(file) = file else { return Ok(case_key::PROJECT_KEY.to_vec()) };
    let key = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if key.len() < 16 {
        let problem = format!("`{}` holds {} bytes, expected at least 16", file.display(), key.len());
        return Err(advice(problem, "fill it with random bytes, for example 32 from /dev/urandom"));
    }
    Ok(key)
}

fn duration(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}
