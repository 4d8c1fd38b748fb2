//! `pulmo segment`: CTs in, one folder per case out.

use std::process::ExitCode;

use pulmo::engine::output::Naming;

use super::cases::{self, CaseArgs, Extra};
use super::objects::Object;
use crate::terminal::{Terminal, advice};

/// Marks the infiltrates in CTs and measures their volume.
///
/// Writes OUTPUT/<case>/mask.nii.gz on exactly the CT's grid and OUTPUT/<case>/result.json. A DICOM case is
/// named by a keyed hash of its study, a NIfTI case by its file; no file or message holds a patient's name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: pulmo segment scans/study_17/ ct.nii.gz -m model.safetensors -o out/\n\n\
                        Exit code: 0 all cases done, 1 some failed (listed), 2 none done.")]
pub(crate) struct Args {
    #[command(flatten)]
    cases: CaseArgs,
}

/// Segments every input; see [`Args`].
pub(crate) fn run(args: Args, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    if args.cases.dicom.contains(&Object::Pdf) {
        return Err(advice(
            "there is no PDF to put into DICOM here",
            "`pulmo run` makes a report; or use `pulmo convert report.pdf report.dcm --ct CT`",
        ));
    }
    cases::run(&args.cases, Naming::File, terminal, |_| Ok(Extra::default()))
}
