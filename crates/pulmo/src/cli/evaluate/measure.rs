//! Opens the masks of each case and measures them, one case after the other.

use std::path::Path;

use pulmo::ct::{Error, Grid};
use pulmo::measure::evaluate::{CaseMeasures, CaseResult, Cause, Failure, Outcome, Protocol, measure_case};

use super::masks;
use super::pairing::Pair;
use crate::terminal::{Terminal, advice, hint};

/// Measures every pair; what cannot be measured keeps its reason.
pub(super) fn measure(pairs: &[Pair], protocol: &Protocol, terminal: &Terminal) -> Vec<CaseResult> {
    let progress = terminal.progress("measuring", pairs.len() as u64);
    let mut cases = Vec::with_capacity(pairs.len());
    for (done, pair) in pairs.iter().enumerate() {
        progress.at(done as u64);
        let mut facts = pair.facts.clone();
        let outcome = match measure_pair(pair, protocol) {
            Ok(measures) => {
                facts = facts.with_measures(&measures, protocol);
                Outcome::Measured(measures)
            }
            Err((cause, error)) => Outcome::Failed(failure(cause, &error, pair)),
        };
        cases.push(CaseResult { case: pair.case.clone(), facts, outcome });
    }
    cases
}

type Failed = (Cause, anyhow::Error);

fn measure_pair(pair: &Pair, protocol: &Protocol) -> Result<CaseMeasures, Failed> {
    let reference = there(pair.reference.as_deref(), "reference", Cause::ReferenceMissing)?;
    let prediction = there(pair.prediction.as_deref(), "prediction", Cause::PredictionMissing)?;
    let reference = masks::open(reference).map_err(|error| unusable(error, "reference"))?;
    let (prediction, turned) =
        masks::open_onto(prediction, reference.grid()).map_err(|error| unusable(error, "prediction"))?;
    let lung_ml = match &pair.lungs {
        Some(lungs) => Some(volume_ml(lungs, reference.grid()).map_err(|error| unusable(error, "lung mask"))?),
        None => None,
    };
    let measures = measure_case(&reference, &prediction, protocol).map_err(|error| unusable(error, "prediction"))?;
    Ok(CaseMeasures { lung_ml, prediction_turned: turned, ..measures })
}

fn there<'a>(path: Option<&'a Path>, role: &str, cause: Cause) -> Result<&'a Path, Failed> {
    path.ok_or_else(|| (cause, advice(format!("the {role} is missing"), "cases are paired by name")))
}

/// Volume of all labels of a lung mask.
fn volume_ml(lungs: &Path, grid: &Grid) -> pulmo::ct::Result<f64> {
    let (map, _) = masks::open_onto(lungs, grid)?;
    Ok(map.labels().iter().filter(|&&label| label > 0).count() as f64 * map.grid().voxel_ml())
}

fn unusable(error: Error, role: &str) -> Failed {
    match error {
        Error::GridMismatch { .. } => {
            let problem = format!("the {role} is not on the reference's grid");
            (Cause::OtherGrid, anyhow::Error::new(error).context(problem))
        }
        error => (Cause::Unreadable, anyhow::Error::new(error).context(format!("cannot read the {role}"))),
    }
}

/// The reason in one line. Results are passed on, so a path gives way to the words "this file".
fn failure(cause: Cause, error: &anyhow::Error, pair: &Pair) -> Failure {
    let without_paths = |text: &str| {
        let paths = [&pair.reference, &pair.prediction, &pair.lungs].into_iter().flatten();
        paths.fold(text.to_owned(), |text, path| text.replace(&format!("`{}`", path.display()), "this file"))
    };
    let reason = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Failure { cause, reason: without_paths(&reason), hint: hint(error).map(without_paths) }
}
