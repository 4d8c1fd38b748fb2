//! `pulmo segment`: CTs in, one folder per case out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use pulmo::ct::format::dicom::seg::{SegKind, Segment, write_fractional};
use pulmo::ct::format::dicom::sr::SegmentReference;
use pulmo::ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp, kind_of};
use pulmo::ct::format::{Opened, list};
use pulmo::engine::output::{OutputFolder, Place, already_there};
use pulmo::engine::result::{CaseResult, Identity};
use pulmo::engine::segment::{Segmentation, Segmenter};
use pulmo::engine::{Model, case_key};
use pulmo::kernel::Kernels;
use pulmo::picture::{Layers, View};

use super::ct::CtArgs;
use super::objects::{Mask, Object, write_series};
use super::threads;
use crate::terminal::{Terminal, advice, hint};

/// Marks the infiltrates in CTs and measures their volume.
///
/// Writes OUTPUT/<case>/mask.nii.gz on exactly the CT's grid and OUTPUT/<case>/result.json. A DICOM case is
/// named by a keyed hash of its study, a NIfTI case by its file; no file or message holds a patient's name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo segment scans/study_17/ ct.nii.gz -m model.safetensors -o out/\n\n\
                        Exit code: 0 all cases done, 1 some failed (listed), 2 none done.")]
pub(crate) struct Args {
    /// Folders with one DICOM series each, or NIfTI files.
    #[arg(required = true, value_name = "CT")]
    inputs: Vec<PathBuf>,

    /// The model, as `pulmo train` or `pulmo demo` writes it.
    #[arg(long, short, value_name = "FILE")]
    model: PathBuf,

    /// Where the cases' folders go.
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,

    #[command(flatten)]
    ct: CtArgs,

    /// Skip cases that this model has finished.
    #[arg(long)]
    resume: bool,

    /// Replace what is there.
    #[arg(long)]
    force: bool,

    /// DICOM objects to write beside the mask, for a DICOM CT: seg.dcm, rtstruct.dcm, sr.dcm, … in the case's folder.
    ///
    /// They carry the patient's name and the study, as the CT does, to be sent to an archive.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OBJECT,…")]
    dicom: Vec<Object>,

    /// Make identifying UIDs that a CT lacks from its content; its DICOM objects then open a study of their own.
    #[arg(long)]
    new_study: bool,

    /// Draw the mask over the CT: axial.png and coronal.png beside the mask. They show the patient's CT.
    #[arg(long)]
    pictures: bool,

    /// Key of the case names, at least 16 bytes, in place of the public one; keep it secret and keep it.
    #[arg(long, value_name = "FILE")]
    case_key_file: Option<PathBuf>,

    /// Print the results as JSON, one line per case.
    #[arg(long)]
    json: bool,

    /// Processor threads; all by default. The masks do not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// What became of one input.
enum Outcome {
    Done(Box<CaseResult>),
    Skipped(String),
}

/// Segments every input; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    threads::limit(args.threads)?;
    if args.dicom.contains(&Object::Pdf) {
        return Err(advice(
            "there is no PDF to put into DICOM here",
            "use `pulmo convert report.pdf report.dcm --ct CT`",
        ));
    }
    let key = read_key(args.case_key_file.as_deref())?;
    let model = Model::load(&model_file(&args.model))?;
    let output = OutputFolder::open(&args.output, &key)?;
    let mut segmenter = Segmenter::new(model, Kernels::default())?;
    for source in segmenter.model().provenance.data.iter().filter(|source| !source.note.is_empty()) {
        terminal.warn(&format!("the model learnt from `{}`: {}", source.name, source.note));
    }
    let start = Instant::now();
    let (mut done, mut failed) = (0, 0);
    let mut written = BTreeSet::new();
    for (index, input) in args.inputs.iter().enumerate() {
        match one(&args, input, (index, &output, &written), &mut segmenter, terminal) {
            Ok(outcome) => {
                done += 1;
                if let Outcome::Done(result) = &outcome {
                    written.insert(result.case.clone());
                }
                report(&outcome, input, &args, terminal)?;
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
    terminal.say(&format!("{done} done, {failed} failed; results in `{}`", args.output.display()));
    terminal.say(pulmo::RESEARCH_USE);
    Ok(match (done, failed) {
        (_, 0) => ExitCode::SUCCESS,
        (0, _) => super::nothing_done(),
        _ => super::some_failed(),
    })
}

/// Segments one input.
fn one(
    args: &Args,
    input: &Path,
    (index, output, written): (usize, &OutputFolder, &BTreeSet<String>),
    segmenter: &mut Segmenter,
    terminal: &Terminal,
) -> anyhow::Result<Outcome> {
    if args.resume
        && let Some(case) = finished_series(args, input, output, segmenter.model())
    {
        return Ok(Outcome::Skipped(case));
    }
    let start = Instant::now();
    // Before the network runs, so that no time is lost on a CT that no object can refer to.
    let series = if args.dicom.is_empty() { None } else { Some(source_series(args, input)?) };
    let opened = args.ct.open(input, terminal)?;
    let read = start.elapsed();
    let source = output.source(&opened.origin, input)?;
    let case = match choose(args, output.place(&opened.origin, input, &source), output, segmenter.model())? {
        Choice::Write(case) => case,
        Choice::Skip(case) => return Ok(Outcome::Skipped(case)),
    };
    if written.contains(&case) {
        let problem = format!("an earlier input of this call is called `{case}` too");
        return Err(advice(problem, "rename the file, or name another folder with -o"));
    }
    let what =
        if args.inputs.len() == 1 { case.clone() } else { format!("{case} ({} of {})", index + 1, args.inputs.len()) };
    let progress = std::cell::OnceCell::new();
    let mut found = segmenter.segment(&opened.volume, |done, of| {
        progress.get_or_init(|| terminal.progress(&what, of as u64)).at(done as u64);
    })?;
    found.seconds.read = (read.as_secs_f64() * 1e3).round() / 1e3;
    let identity = Identity { source, case };
    let mut result = CaseResult::new(identity, (&opened.origin, &opened.warnings), segmenter.model(), &found);
    output.write(&mut result, &found.labels, args.force, |folder| {
        if let Some(series) = &series {
            write_objects(args, folder, (series, segmenter.model()), (&opened, &found))?;
        }
        if args.pictures { draw(folder, &opened, &found) } else { Ok(()) }
    })?;
    Ok(Outcome::Done(Box::new(result)))
}

/// Whether a case is to be segmented.
enum Choice {
    Write(String),
    Skip(String),
}

/// Decides by what lies in the case's place; nothing is replaced without --force, and never what is no result.
fn choose(args: &Args, place: Place, output: &OutputFolder, model: &Model) -> anyhow::Result<Choice> {
    let (case, problem) = match place {
        Place::Free(case) => return Ok(Choice::Write(case)),
        Place::Taken(case) => {
            let problem = format!("`{}` is there and is no result", output.case_folder(&case).display());
            return Err(advice(problem, "rename the file, or name another folder with -o"));
        }
        Place::Finished { case, model_sha256 } if model_sha256 == model.sha256 => {
            if args.resume {
                return Ok(Choice::Skip(case));
            }
            (case, None)
        }
        Place::Finished { case, .. } => (case, Some("was made by another model")),
        Place::Other(case) => (case, Some("was made from another input")),
    };
    let folder = output.case_folder(&case);
    match problem {
        _ if args.force => Ok(Choice::Write(case)),
        None => Err(already_there(&folder).into()),
        Some(problem) => {
            let message = format!("`{}` {problem}", folder.display());
            Err(advice(message, "--force replaces it, -o names another folder"))
        }
    }
}

/// The case of an input's series that this model has finished; looks at DICOM headers only.
fn finished_series(args: &Args, input: &Path, output: &OutputFolder, model: &Model) -> Option<String> {
    if !input.is_dir() {
        return None;
    }
    let listing = list(input, &args.ct.options()).ok()?;
    let uid = &listing.series[super::inspect::chosen(&listing).ok()?].uid;
    let (case, sha256) = output.finished(&output.source_of_series(uid)).filter(|_| !uid.is_empty())?;
    (sha256 == model.sha256).then_some(case)
}

/// The series that DICOM objects will refer to.
fn source_series(args: &Args, input: &Path) -> anyhow::Result<SourceSeries> {
    if !input.is_dir() && kind_of(input)?.is_none() {
        let problem = "not a DICOM CT, so there is no study for DICOM objects";
        return Err(advice(problem, "give the DICOM folder, or leave out --dicom"));
    }
    let series = SourceSeries::open(input, &args.ct.options())?;
    series.must_be_identified(args.new_study)?;
    Ok(series)
}

/// Writes the objects that --dicom names.
fn write_objects(
    args: &Args,
    folder: &Path,
    (source, model): (&SourceSeries, &Model),
    (opened, found): (&Opened, &Segmentation),
) -> pulmo::engine::Result<()> {
    let algorithm = Algorithm {
        name: ascii(&format!("pulmo {}", model.recipe.name), 40),
        version: model.sha256.chars().take(16).collect(),
        kind: AlgorithmKind::Automatic,
    };
    let settings = Settings { algorithm, created: Timestamp::from_environment()?, new_study: args.new_study };
    // A recipe may call its one class otherwise; the codes belong to what the program looks for.
    let segments: Vec<Segment> = match &model.labels[..] {
        [_] => vec![Segment::named(1, "infiltrate")],
        names => (1..).zip(names).map(|(number, name)| Segment::named(number, name)).collect(),
    };
    let labels = &found.labels;
    let mask = Mask { source, labels, segments: &segments, settings: &settings };
    let binary = mask.segmentation(SegKind::Binary)?;
    let wanted: BTreeSet<Object> = args.dicom.iter().copied().collect();
    for object in wanted {
        let path = folder.join(object.file_name());
        match object {
            Object::Seg => binary.write(&path)?,
            Object::SegLabelmap => mask.segmentation(SegKind::LabelMap)?.write(&path)?,
            Object::SegFractional => {
                let shares: Vec<f32> = found.probabilities_255()?.into_iter().map(|p| f32::from(p) / 255.0).collect();
                let infiltrate = [Segment::named(1, "infiltrate")];
                write_fractional(source, labels.grid(), &[&shares], &infiltrate, &settings)?.write(&path)?;
            }
            Object::Rtstruct => mask.contours()?.write(&path)?,
            // Without the segmentation beside it the report would refer to an object that nobody has.
            Object::Sr if args.dicom.contains(&Object::Seg) => {
                let refer = |number: u16| SegmentReference::of(&binary, number);
                mask.report(Some(&refer), None)?.write(&path)?;
            }
            Object::Sr => mask.report(None, None)?.write(&path)?,
            Object::Capture => {
                write_series(&path, &mask.pictures(&opened.volume)?)?;
            }
            Object::Pdf => (),
        }
    }
    Ok(())
}

/// The printable ASCII characters of a name, at most so many.
fn ascii(name: &str, most: usize) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').filter(|&c| c != '\\').take(most).collect()
}

fn draw(folder: &Path, opened: &Opened, found: &Segmentation) -> pulmo::engine::Result<()> {
    let infiltrate = found.infiltrate_mask();
    let layers = Layers { volume: &opened.volume, reference: None, prediction: Some(&infiltrate) };
    for view in [View::Axial, View::Coronal] {
        let path = folder.join(format!("{}.png", view.name()));
        let png = layers.draw(view).to_png().map_err(|source| pulmo::engine::Error::write(&path, source))?;
        pulmo::ct::atomic::write(&path, &png)?;
    }
    Ok(())
}

fn report(outcome: &Outcome, input: &Path, args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let result = match outcome {
        Outcome::Done(result) => result,
        Outcome::Skipped(case) => {
            terminal.say(&format!("{} -> {case}: finished before, skipped", input.display()));
            return Ok(());
        }
    };
    for warning in &result.warnings {
        terminal.warn(&format!("{}: {warning}", result.case));
    }
    if args.json {
        terminal.data(&serde_json::to_string(result)?)?;
    } else {
        let memory = result.peak_memory_bytes.map(|bytes| format!(", {:.2} GiB", bytes as f64 / f64::from(1 << 30)));
        terminal.data(&format!(
            "{} -> {}: {:.1} mL infiltrate, {:.1} s{}",
            input.display(),
            result.case,
            result.infiltrate.volume_ml,
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

fn read_key(file: Option<&Path>) -> anyhow::Result<Vec<u8>> {
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
