//! `pulmo lungs`: a CT in, a label map of both lungs out, found without a model.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pulmo::ct::format::write_label_map;
use pulmo::ct::lungs::{Lungs, segment};
use pulmo::ct::phantom::{LEFT_LUNG, RIGHT_LUNG};
use pulmo::ct::{CtVolume, atomic};
use pulmo::picture::{Layers, View};
use serde::Serialize;

use super::ct::CtArgs;
use super::output;
use crate::terminal::{Terminal, advice};

/// Labels the left and the right lung of a chest CT, without a model.
///
/// Writes a label map on exactly the CT's grid: 1 the patient's left lung, 2 the right one. Dense lung that the shape of
/// the lung encloses is inside; windpipe and main bronchi are out. What speaks against the mask is printed, with numbers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo lungs scans/patient-7/ -o lungs.nii.gz\n\n\
                        Exit code: 0 all well, 1 the mask is written but doubtful (see why), 2 nothing done.")]
pub(crate) struct Args {
    /// A folder with a DICOM series, or a NIfTI, NRRD or MetaImage file.
    #[arg(value_name = "CT")]
    input: PathBuf,

    /// Where the label map goes; its ending says the format (.nii.gz, .nrrd, .mha).
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    ct: CtArgs,

    /// Draw the lungs over the CT: FILE with -axial.png and -coronal.png for its ending. They show the patient's CT.
    #[arg(long)]
    pictures: bool,

    /// Print the result as JSON.
    #[arg(long)]
    json: bool,

    /// Replace what is there.
    #[arg(long)]
    force: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    labels: [(u8, &'static str); 2],
    left_ml: f64,
    right_ml: f64,
    total_ml: f64,
    airways_ml: f64,
    hounsfield_units: bool,
    problems: &'a [String],
    warnings: &'a [String],
    research_use: &'static str,
}

/// Finds the lungs; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    args.ct.must_fit(&args.input)?;
    output::must_take_file(&args.output, args.force)?;
    let opened = args.ct.open(&args.input, terminal)?;
    let lungs = segment(&opened.volume)?;
    if lungs.total_ml() == 0.0 {
        return Err(advice(
            "no lungs were found",
            "is it a CT of the chest? `pulmo inspect` lists what a folder holds",
        ));
    }
    let _folder = output::make_folder_of(&args.output)?;
    write_label_map(&args.output, &lungs.labels)?;
    if args.pictures {
        draw(&args.output, &opened.volume, &lungs)?;
    }
    opened.warnings.iter().for_each(|warning| terminal.warn(warning));
    lungs.problems.iter().for_each(|problem| terminal.warn(&format!("doubtful: {problem}")));
    terminal.data(&text(&args, &lungs, &opened.warnings)?)?;
    terminal.say(pulmo::RESEARCH_USE);
    Ok(if lungs.is_sound() { ExitCode::SUCCESS } else { super::some_failed() })
}

fn text(args: &Args, lungs: &Lungs, warnings: &[String]) -> anyhow::Result<String> {
    if args.json {
        let report = Report {
            labels: [(LEFT_LUNG, "left lung"), (RIGHT_LUNG, "right lung")],
            left_ml: lungs.left_ml,
            right_ml: lungs.right_ml,
            total_ml: lungs.total_ml(),
            airways_ml: lungs.airways_ml,
            hounsfield_units: lungs.calibrated,
            problems: &lungs.problems,
            warnings,
            research_use: pulmo::RESEARCH_USE,
        };
        return Ok(serde_json::to_string(&report)?);
    }
    Ok(format!(
        "{}: left {:.0} mL, right {:.0} mL, both {:.0} mL",
        args.output.display(),
        lungs.left_ml,
        lungs.right_ml,
        lungs.total_ml()
    ))
}

/// Pictures beside the label map.
fn draw(output: &Path, volume: &CtVolume, lungs: &Lungs) -> anyhow::Result<()> {
    let layers = Layers { volume, reference: None, prediction: Some(&lungs.labels) };
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.split_once('.').map_or(name.as_str(), |(stem, _)| stem);
    for view in [View::Axial, View::Coronal] {
        let path = output.with_file_name(format!("{stem}-{}.png", view.name()));
        let png = layers.draw(view).to_png().with_context(|| format!("cannot draw `{}`", path.display()))?;
        atomic::write(&path, &png)?;
    }
    Ok(())
}
