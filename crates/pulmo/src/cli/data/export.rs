//! `pulmo data export`: the same cases in the same splits for other programs.

use std::path::PathBuf;
use std::process::ExitCode;

use pulmo::ct::dataset::export::{ExportOptions, Exported, Layout, export};
use pulmo::ct::dataset::fold;
use pulmo::ct::sentence::counted;

use crate::terminal::Terminal;

/// Lays a data set out for another program, with identical cases and splits.
///
/// Files that are .nii.gz already are linked, so that they need no room; others (DICOM series too) are converted.
/// nnunet writes nnU-Net version 2: imagesTr, labelsTr, dataset.json and splits_final.json, which belongs into
/// nnUNet_preprocessed/DatasetNNN_Name before training. Test cases go to imagesTs and labelsTs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    pulmo data export nnunet data.toml -o nnUNet_raw/Dataset501_Lesions --splits splits/splits_final.json\n  \
    pulmo data export msd data.toml -o Task50_Lesions\n  \
    pulmo data export folder data.toml -o plain --copy")]
pub(super) struct Args {
    /// The layout.
    #[arg(value_name = "LAYOUT", value_parser = ["nnunet", "msd", "folder"])]
    layout: String,

    /// The list.
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// Where it goes.
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,

    /// The folds of `pulmo data split`; the list's own split if left out.
    #[arg(long, value_name = "JSON")]
    splits: Option<PathBuf>,

    /// Copy files instead of linking them.
    #[arg(long)]
    copy: bool,
}

pub(super) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let list = super::load(&args.data)?;
    let layout = match args.layout.as_str() {
        "nnunet" => Layout::NnUnet,
        "msd" => Layout::Decathlon,
        _ => Layout::Folder,
    };
    let folds = args.splits.as_deref().map(fold::read).transpose()?.unwrap_or_default();
    for fold in &folds {
        list.with_fold(fold)?;
    }
    let options = ExportOptions { copy: args.copy, folds };
    let progress = terminal.progress("exporting", list.cases.len() as u64);
    let exported = export(&list, &args.output, layout, &options, &|done, _| progress.at(done as u64))?;
    drop(progress);
    let Exported { linked, copied, converted, remarks } = exported;
    for remark in remarks {
        terminal.say(&remark);
    }
    let output = args.output.display();
    terminal.data(&format!(
        "{output}: {}; files: {linked} linked, {copied} copied, {converted} converted",
        counted(list.cases.len(), "case", "cases")
    ))?;
    Ok(ExitCode::SUCCESS)
}
