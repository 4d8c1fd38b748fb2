//! `pulmo report`: a CT and its mask in, a report out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::folder::MadeFolder;
use pulmo::ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp, pdf};
use pulmo::ct::format::warning::without_names;
use pulmo::ct::format::{Opened, open_label_map};
use pulmo::ct::{Grid, LabelMap, atomic};
use pulmo::engine::output::{Naming, OutputFolder};
use pulmo::engine::result::CaseResult;
use pulmo::engine::{digest, model};
use pulmo::measure::quantify::lobes::{self, LobeConvention};
use pulmo::measure::quantify::{Landmarks, Quantities, Subject};
use pulmo::report::Report;
use pulmo::report::document::{LungMaker, Mask};

use super::cases;
use super::ct::CtArgs;
use super::objects::{Object, onto};
use super::output;
use super::reporting::{self, FoundLungs, Made, Parts, ReportArgs};
use crate::terminal::{Terminal, advice};

/// Makes the report of a CT and its opacity mask: volumes, per cent of lung, regions, scores, pictures.
///
/// The mask may come from any tool; it lies on the CT's grid, or its axes are turned and flipped onto it where that is
/// exact. Without --lungs the lungs are found by thresholds and shape.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo report scans/study_17/ --mask mask.nii.gz -o report/ --language de\n\n\
                        Exit code: 0 done, 2 not done.")]
pub(crate) struct Args {
    /// A folder with one DICOM series, or a NIfTI, NRRD or MetaImage file.
    #[arg(value_name = "CT")]
    input: PathBuf,

    /// The opacity: a label map of NIfTI, NRRD or MetaImage.
    #[arg(long, value_name = "FILE")]
    mask: PathBuf,

    /// Which labels of the mask are opacity; needed where it has several and --result does not say.
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = clap::value_parser!(u8).range(1..))]
    labels: Vec<u8>,

    /// The lungs, as one label or two; left and right are told by where they lie.
    #[arg(long, value_name = "FILE")]
    lungs: Option<PathBuf>,

    /// The lobes, for scores by lobe.
    #[arg(long, value_name = "FILE", requires = "lobe_names")]
    lobes: Option<PathBuf>,

    /// Which tool numbered the lobes: lungmask, totalsegmentator (version 2) or totalsegmentator1.
    #[arg(long, value_name = "TOOL", requires = "lobes")]
    lobe_names: Option<String>,

    /// Height of the carina along the patient's axis (LPS z) in mm, for the score of six zones.
    #[arg(long, value_name = "MM", requires = "vein", allow_negative_numbers = true)]
    carina: Option<f64>,

    /// Height at which the inferior pulmonary veins reach the heart, in the same mm.
    #[arg(long, value_name = "MM", requires = "carina", allow_negative_numbers = true)]
    vein: Option<f64>,

    /// The report.json of an earlier CT of the same patient, segmented by the same model.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,

    /// What `pulmo segment` wrote beside the mask: says which model made it.
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,

    /// Name of the case in the report; else DICOM's study or the file's content, hashed. Never a patient's name.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,

    /// The patient's pseudonym, by which --previous knows two CTs to be of one patient; else DICOM's PatientID, hashed.
    #[arg(long, value_name = "NAME")]
    patient: Option<String>,

    /// Where the report goes.
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,

    /// Replace a report that is there.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    ct: CtArgs,

    #[command(flatten)]
    report: ReportArgs,

    /// `pdf` also writes report.dcm, the PDF as an object of the CT's study.
    ///
    /// It carries the patient's name and the study, as the CT does, to be sent to an archive.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OBJECT,…")]
    dicom: Vec<Object>,

    /// Make identifying UIDs that a CT lacks from its content; its DICOM object then opens a study of its own.
    #[arg(long)]
    new_study: bool,

    /// Key of the case name, at least 16 bytes, in place of the public one; keep it secret and keep it.
    #[arg(long, value_name = "FILE")]
    case_key_file: Option<PathBuf>,
}

/// Makes one report; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if let Some(other) = args.dicom.iter().find(|object| **object != Object::Pdf) {
        let problem = format!("--dicom {}: a report becomes a pdf only", other.file_name());
        return Err(advice(problem, "`pulmo convert` and `pulmo run` write the other objects of a mask"));
    }
    args.ct.must_fit(&args.input)?;
    let names = args.report.format.iter().map(|format| format.file_name());
    output::must_take(&args.output, names.chain(args.dicom.iter().map(|object| object.file_name())), args.force)?;
    let key = cases::read_key(args.case_key_file.as_deref())?;
    let series = if args.dicom.is_empty() { None } else { Some(source_series(&args)?) };
    let opened = args.ct.open(&args.input, terminal)?;
    opened.warnings.iter().for_each(|warning| terminal.warn(warning));
    let parts = parts(&args, &opened, &key, terminal)?;
    let made = reporting::make(parts, &args.report)?;
    write(&args, &made, series.as_ref())?;
    for flag in &made.report.quantities.flags {
        terminal.warn(&format!("{} ({})", flag.sentence, flag.found));
    }
    terminal.data(&format!(
        "{}: {:.1} mL opacity, {}",
        made.report.case,
        made.report.quantities.opacity.total_ml,
        reporting::summary(&made.report)
    ))?;
    terminal.say(&format!("report in `{}`", args.output.display()));
    terminal.say(pulmo::RESEARCH_USE);
    Ok(ExitCode::SUCCESS)
}

/// Everything that the report is made of, from the files that the arguments name.
fn parts<'a>(args: &Args, opened: &'a Opened, key: &[u8], terminal: &Terminal) -> anyhow::Result<Parts<'a>> {
    let grid = opened.volume.grid();
    let (mut case, source) = names(args, opened, key)?;
    let result = args.result.as_deref().map(|path| read_result(path, &source)).transpose()?;
    // A second series of a study has a key of its own there; a file's name there may be a patient's.
    if let (Some(result), None, Some(_)) = (&result, &args.case, &opened.origin.series_instance_uid) {
        case.clone_from(&result.case);
    }
    let map = open_mask(&args.mask, grid, "mask")?;
    let person = reporting::person(&args.input, &args.ct);
    let identity = reporting::identity(person.as_ref(), &args.report)?;
    let patient = match (&args.patient, &person) {
        (Some(name), _) => reporting::patient_key(key, name),
        (None, Ok(Some(person))) => reporting::patient_key(key, &person.id),
        _ => None,
    };
    let lobes = open_lobes(args, grid)?;
    let mut mask = result.as_ref().map_or(Mask { sha256: None, model: None }, Mask::of);
    mask.sha256 = Some(digest::of_file(&args.mask)?);
    let warnings = result.as_ref().map_or_else(
        || opened.warnings.iter().map(|warning| without_names(warning)).collect(),
        |result| result.warnings.clone(),
    );
    Ok(Parts {
        opened,
        lungs: found_lungs(args, opened, lobes.as_ref())?,
        opacity: opacity(args, &map, result.as_ref(), terminal)?,
        lobes,
        landmarks: landmarks(args, grid)?,
        subject: Subject {
            case,
            patient,
            model: mask.model.as_ref().map(|model| model.recipe.clone()),
            model_sha256: mask.model.as_ref().map(|model| model.sha256.clone()),
        },
        source,
        mask,
        identity,
        warnings,
        previous: args.previous.as_deref().map(read_previous).transpose()?,
    })
}

/// The case key and what the input is known by, as in the folders of `segment`.
fn names(args: &Args, opened: &Opened, key: &[u8]) -> anyhow::Result<(String, String)> {
    let naming = args.case.clone().map_or(Naming::Content, Naming::Given);
    let nowhere = OutputFolder::nowhere(key).naming(naming);
    let source = nowhere.source(&opened.origin, &args.input)?;
    Ok((nowhere.name(&opened.origin, &args.input, &source), source))
}

/// The heights that cut zones.
///
/// # Errors
/// If the carina does not lie above the veins, or either not in the CT: the zones would be others than their names say.
fn landmarks(args: &Args, grid: &Grid) -> anyhow::Result<Option<Landmarks>> {
    let Some((carina_z_mm, inferior_pulmonary_vein_z_mm)) = args.carina.zip(args.vein) else { return Ok(None) };
    let ends = grid.corners_mm().map(|corner| corner[2]);
    let (low, high) = ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &z| (a.min(z), b.max(z)));
    for (name, z) in [("--carina", carina_z_mm), ("--vein", inferior_pulmonary_vein_z_mm)] {
        if !(low..=high).contains(&z) {
            let problem = format!("{name} {z}: the CT reaches from {low:.1} to {high:.1} mm");
            return Err(advice(problem, "give the height along the patient's axis (LPS z), as viewers show it"));
        }
    }
    if carina_z_mm <= inferior_pulmonary_vein_z_mm {
        let problem =
            format!("--carina {carina_z_mm} does not lie above --vein {inferior_pulmonary_vein_z_mm} (LPS z, in mm)");
        return Err(advice(problem, "heights grow towards the head; check whether the two are mixed up"));
    }
    Ok(Some(Landmarks { carina_z_mm, inferior_pulmonary_vein_z_mm }))
}

/// A label map on the CT's grid.
fn open_mask(path: &Path, grid: &Grid, what: &str) -> anyhow::Result<LabelMap> {
    let map = open_label_map(path).with_context(|| format!("cannot use `{}` as {what}", path.display()))?;
    onto(grid, map).with_context(|| format!("`{}` does not lie on the CT", path.display()))
}

/// 1 where there is opacity.
fn opacity(args: &Args, map: &LabelMap, result: Option<&CaseResult>, terminal: &Terminal) -> anyhow::Result<LabelMap> {
    let present: Vec<u8> = {
        let mut seen = [false; 256];
        map.labels().iter().for_each(|&label| seen[usize::from(label)] = true);
        (1..=255).filter(|&label| seen[usize::from(label)]).collect()
    };
    let classes = result.map(|result| &result.classes[..]).unwrap_or_default();
    let wanted: Vec<u8> = if !args.labels.is_empty() {
        args.labels.clone()
    } else if !classes.is_empty() {
        classes.iter().filter(|class| !model::is_lung(&class.name)).map(|class| class.value).collect()
    } else if present.len() <= 1 {
        present.clone()
    } else {
        let problem = format!("the mask has the labels {present:?}, and nothing says which are opacity");
        return Err(advice(problem, "name them, as in --labels 1,2, or give the result.json with --result"));
    };
    if !present.is_empty() && !wanted.iter().any(|label| present.contains(label)) {
        terminal.warn(&format!("the mask holds {present:?} and no voxel of {wanted:?}, so nothing is opacity"));
    }
    let labels = map.labels().iter().map(|label| u8::from(wanted.contains(label))).collect();
    Ok(LabelMap::new(*map.grid(), labels)?)
}

/// The lobe map and whose numbers it has.
fn open_lobes(args: &Args, grid: &Grid) -> anyhow::Result<Option<(LabelMap, &'static LobeConvention)>> {
    let Some((path, name)) = args.lobes.as_deref().zip(args.lobe_names.as_deref()) else { return Ok(None) };
    let Some(convention) = lobes::convention(name) else {
        let known: Vec<&str> = lobes::CONVENTIONS.iter().map(|convention| convention.name).collect();
        return Err(advice(format!("--lobe-names {name}: unknown"), format!("known are {}", known.join(", "))));
    };
    Ok(Some((open_mask(path, grid, "lobe map")?, convention)))
}

/// The lungs as given, else those that the lobes form, else found by thresholds.
fn found_lungs(
    args: &Args,
    opened: &Opened,
    lobes: Option<&(LabelMap, &'static LobeConvention)>,
) -> anyhow::Result<Option<FoundLungs>> {
    match (&args.lungs, lobes) {
        (Some(path), _) => {
            let map = open_mask(path, opened.volume.grid(), "lung mask")?;
            Ok(Some(FoundLungs::of(&map, LungMaker::File, Some(digest::of_file(path)?))?))
        }
        (None, Some((map, convention))) => {
            let sha256 = args.lobes.as_deref().map(digest::of_file).transpose()?;
            Ok(Some(FoundLungs::of(&lobes::lungs_of(map, &convention.labels)?, LungMaker::File, sha256)?))
        }
        (None, None) => Ok(Some(FoundLungs::by_threshold(opened)?)),
    }
}

fn read_result(path: &Path, source: &str) -> anyhow::Result<CaseResult> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let result: CaseResult = serde_json::from_slice(&text).map_err(|error| {
        advice(format!("`{}` is no result: {error}", path.display()), "give a result.json of `pulmo segment`")
    })?;
    if result.input.source != source {
        let problem =
            format!("`{}` is the result of another CT ({}, not {source})", path.display(), result.input.source);
        return Err(advice(problem, "give the result of this CT, and the same --case-key-file"));
    }
    Ok(result)
}

fn read_previous(path: &Path) -> anyhow::Result<Quantities> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let report: Report = serde_json::from_slice(&text).map_err(|error| {
        advice(
            format!("`{}` is no report: {error}", path.display()),
            "give a report.json of `pulmo report` or `pulmo run`",
        )
    })?;
    Ok(report.quantities)
}

fn source_series(args: &Args) -> anyhow::Result<SourceSeries> {
    let series = SourceSeries::open(&args.input, &args.ct.options())?;
    series.must_be_identified(args.new_study)?;
    Ok(series)
}

fn write(args: &Args, made: &Made, series: Option<&SourceSeries>) -> anyhow::Result<()> {
    let folder = &args.output;
    let _folder = MadeFolder::make(folder)?;
    for (name, bytes) in &made.files {
        atomic::write(&folder.join(name), bytes)?;
    }
    if let Some(series) = series {
        let algorithm = Algorithm {
            name: "pulmo report".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kind: AlgorithmKind::Automatic,
        };
        let settings = Settings { algorithm, created: Timestamp::from_environment()?, new_study: args.new_study };
        let (bytes, shows_identity) = (&made.pdf.bytes, made.pdf.shows_identity);
        let document = pdf::Document { pdf: bytes, title: "Lung opacity report", shows_identity };
        pdf::write(series, &document, &settings)?.write(&folder.join(Object::Pdf.file_name()))?;
    }
    Ok(())
}
