//! Whether a case is to be made, by what lies in its place.

use std::path::Path;

use pulmo::ct::format::list;
use pulmo::engine::Model;
use pulmo::engine::output::{OutputFolder, Place, already_there};

use super::CaseArgs;
use crate::cli::inspect;
use crate::terminal::advice;

/// Whether a case is to be segmented.
pub(super) enum Choice {
    Write(String),
    Skip(String),
}

/// Decides by what lies in the case's place; nothing is replaced without --force, and never what is no result.
pub(super) fn choose(args: &CaseArgs, place: Place, output: &OutputFolder, model: &Model) -> anyhow::Result<Choice> {
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
pub(super) fn finished_series(args: &CaseArgs, input: &Path, output: &OutputFolder, model: &Model) -> Option<String> {
    if !input.is_dir() {
        return None;
    }
    let listing = list(input, &args.ct.options()).ok()?;
    let uid = &listing.series[inspect::chosen(&listing).ok()?].uid;
    let (case, sha256) = output.finished(&output.source_of_series(uid)).filter(|_| !uid.is_empty())?;
    (sha256 == model.sha256).then_some(case)
}
