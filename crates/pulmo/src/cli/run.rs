//! `pulmo run`: segment, measure and report in one.

use std::process::ExitCode;

use pulmo::engine::output::Naming;
use pulmo::measure::quantify::Subject;
use pulmo::report::document::{LungMaker, Mask};

use super::cases::{self, CaseArgs, Extra, Segmented};
use super::reporting::{self, FoundLungs, Parts, ReportArgs};
use crate::terminal::{Terminal, advice};

/// Marks the infiltrates in CTs, measures them and makes a report of each: segment and report in one.
///
/// Writes OUTPUT/<case>/ with mask.nii.gz, lungs.nii.gz, result.json and report.html, report.pdf and so on. The lungs
/// are the model's own, where it marks them, else found by thresholds and shape. Nothing names the patient unless
/// --with-identity or --dicom asks for it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: pulmo run scans/study_17/ -m model.safetensors -o out/ --language de --dicom seg,sr,pdf\n\n\
                        Exit code: 0 all cases done, 1 some failed (listed), 2 none done."
)]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,

    #[command(flatten)]
    report: ReportArgs,

    /// Name of the case in the report and of its folder; for one CT. Else DICOM's study or the file's content, hashed.
    #[arg(long, value_name = "NAME", conflicts_with = "file_names")]
    case: Option<String>,

    /// Name cases of files by the files' names, as `pulmo segment` does to pair masks with references.
    ///
    /// They stand in every output: not where they are patients' names.
    #[arg(long)]
    file_names: bool,
}

/// Makes every case and its report; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let key = cases::read_key(args.cases.case_key_file.as_deref())?;
    let naming = match &args.case {
        Some(_) if args.cases.inputs.len() > 1 => {
            let problem = format!("--case names one CT, and {} are given", args.cases.inputs.len());
            return Err(advice(problem, "leave it out, or use --file-names where these are no patients' names"));
        }
        Some(name) => Naming::Given(name.clone()),
        None if args.file_names => Naming::File,
        None => Naming::Content,
    };
    cases::run(&args.cases, naming, terminal, |case| report(case, &args, &key))
}

/// What the report adds to a case's folder.
fn report(case: &Segmented<'_>, args: &Args, key: &[u8]) -> anyhow::Result<Extra> {
    let Segmented { input, opened, found, result } = case;
    let lungs = match found.lungs() {
        Some(map) => Some(FoundLungs::of(&map, LungMaker::Model, None)?),
        None => Some(FoundLungs::by_threshold(opened)?),
    };
    let person = reporting::person(input, &args.cases.ct);
    let identity = reporting::identity(person.as_ref(), &args.report)?;
    let patient = person.ok().flatten().and_then(|person| reporting::patient_key(key, &person.id));
    let parts = Parts {
        opened,
        opacity: found.infiltrate_mask(),
        lungs,
        lobes: None,
        landmarks: None,
        subject: Subject {
            case: result.case.clone(),
            patient,
            model: Some(result.model.recipe.clone()),
            model_sha256: Some(result.model.sha256.clone()),
        },
        source: result.input.source.clone(),
        mask: Mask::of(result),
        identity,
        warnings: result.warnings.clone(),
        previous: None,
    };
    let made = reporting::make(parts, &args.report)?;
    let flags = made.report.quantities.flags.iter().map(|flag| format!("{} ({})", flag.sentence, flag.found)).collect();
    Ok(Extra {
        files: made.files,
        summary: format!(", {}", reporting::summary(&made.report)),
        json: Some(serde_json::to_string(&made.report)?),
        lungs: made.lungs,
        quantities: Some(made.report.quantities),
        pdf: Some(made.pdf),
        warnings: flags,
    })
}
