//! `pulmo convert`: a volume, a mask or a document from one format to another, exactly or not at all.
//!
//! `input` reads whatever IN is into one of four things, `target` knows what OUT is to be, and `dicom` makes the
//! objects that belong to a CT.

mod applies;
mod dicom;
mod input;
mod target;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pulmo::ct::format::{write_label_map, write_volume};

use self::input::Content;
use self::target::Target;
use super::ct::CtArgs;
use super::objects::Object;
use super::output;
use crate::terminal::{Terminal, advice};

/// Converts CTs, masks and reports between DICOM, NIfTI, NRRD and MetaImage.
///
/// IN is known by its content: a folder with a DICOM CT, a DICOMDIR, an enhanced multi-frame CT, a DICOM SEG,
/// RTSTRUCT or SR, a PDF, or a NIfTI, NRRD or MetaImage file. OUT is known by its name: .nii, .nii.gz, .nrrd, .nhdr,
/// .mha, .mhd; .dcm for a DICOM object (see --to); .json for the measurements of an SR. HU and labels come out as they
/// went in, to the bit, and every voxel stays where it is in the patient; what a format cannot hold is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo convert scans/patient-7/ ct.nii.gz\n  \
    pulmo convert mask.nii.gz seg.dcm --ct scans/patient-7/\n  \
    pulmo convert lungs.nrrd lungs.dcm --ct scans/patient-7/ --label 1=right_lung --label 2=left_lung\n  \
    pulmo convert rtstruct.dcm mask.nii.gz --ct scans/patient-7/\n  \
    pulmo convert seg.dcm report.dcm --to sr --ct scans/patient-7/ --lungs lungs.nii.gz")]
pub(crate) struct Args {
    /// What to convert.
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// Where to; its ending says the format. A folder for `--to capture`.
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Which DICOM object a .dcm is to be; `seg` for a mask and `pdf` for a PDF if not given.
    #[arg(long, value_enum, value_name = "OBJECT")]
    to: Option<Object>,

    /// The CT that the mask belongs to: its DICOM folder for DICOM objects, any CT to read an RTSTRUCT onto its grid.
    #[arg(long, value_name = "CT")]
    ct: Option<PathBuf>,

    #[command(flatten)]
    open: CtArgs,

    /// What the voxels are; by default labels for SEG, RTSTRUCT and 8-bit files, HU for the rest.
    #[arg(long, value_enum, value_name = "CONTENT")]
    content: Option<input::Kind>,

    /// What a label means in a DICOM object: infiltrate, opacity, ground_glass, consolidation, lung, right_lung or
    /// left_lung. A single label is infiltrate if nothing is said.
    #[arg(long = "label", value_name = "VALUE=NAME", value_parser = target::label_name)]
    labels: Vec<target::LabelName>,

    /// Take one segment or structure of IN, by its number or name; needed where they overlap.
    #[arg(long, value_name = "N|NAME")]
    segment: Option<String>,

    /// What becomes of a voxel of two segments of a SEG [default: refuse].
    #[arg(long, value_enum)]
    overlap: Option<input::Overlapping>,

    /// Fraction from which a voxel of a fractional SEG belongs to a segment [default: 0.5].
    #[arg(long, value_name = "FRACTION", value_parser = applies::parse_fraction)]
    threshold: Option<f64>,

    /// A lung mask on the CT's grid: a report then tells lung volume and per cent of lung.
    #[arg(long, value_name = "FILE")]
    lungs: Option<PathBuf>,

    /// The algorithm that made the mask, for DICOM objects; without it they call it unknown.
    #[arg(long, value_name = "NAME[:VERSION]", conflicts_with = "manual")]
    algorithm: Option<String>,

    /// A person drew the mask.
    #[arg(long)]
    manual: bool,

    /// No page of the PDF names the patient; otherwise the object says that one may (BurnedInAnnotation).
    #[arg(long)]
    anonymous: bool,

    /// Make identifying UIDs that the CT lacks from its content; the objects then open a study of their own.
    #[arg(long)]
    new_study: bool,

    /// Replace what is there.
    #[arg(long)]
    force: bool,
}

/// Converts; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let target = Target::of(&args.output, args.to)?;
    applies::to_output(&args, &target)?;
    args.open.must_fit(args.ct.as_deref().unwrap_or(&args.input))?;
    output::must_take_file(&args.output, args.force)?;
    let content = input::read(&args, &target, terminal)?;
    let _folder = output::make_folder_of(&args.output)?;
    let what = content.describe();
    match (&target, content) {
        (Target::Voxels, Content::Volume(opened)) => write_volume(&args.output, &opened.volume)?,
        (Target::Voxels, Content::Labels(labels)) => write_label_map(&args.output, &labels.map)?,
        (Target::Json, Content::Measurements(report)) => dicom::write_json(&args.output, &report)?,
        (Target::Object(object), content) => dicom::write(&args, *object, content, terminal)?,
        (_, content) => return Err(cannot_become(&content, &args.output)),
    }
    terminal.say(&format!("{} ({what}) -> {}", args.input.display(), args.output.display()));
    Ok(ExitCode::SUCCESS)
}

/// The error for an IN that OUT cannot hold.
fn cannot_become(content: &Content, output: &Path) -> anyhow::Error {
    let hint = match content {
        Content::Measurements(_) => "choose a name that ends in .json",
        Content::Document(_) => "choose a name that ends in .dcm",
        Content::Volume(_) | Content::Labels(_) => "choose a name that ends in .nii.gz, .nrrd, .mha or .dcm",
    };
    advice(format!("{} cannot become `{}`", content.describe(), output.display()), hint)
}
