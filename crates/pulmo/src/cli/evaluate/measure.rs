//! Opens the masks of each case and measures them, one case after the other.

use std::path::Path;

use pulmo::ct::format::open_shares;
use pulmo::ct::orient::{Turn, axis_codes};
use pulmo::ct::{Error, LabelMap};
use pulmo::measure::compare::calibration::{Calibration, Observed, Probabilities};
use pulmo::measure::evaluate::{
    BINS, CaseCalibration, CaseMeasures, CaseResult, Cause, Failure, Outcome, Protocol, Region, measure_case,
};

use super::masks;
use super::pairing::Pair;
use crate::terminal::{Terminal, advice, hint};

/// Measures every pair; what cannot be measured keeps its reason.
pub(super) fn measure(pairs: &[Pair], protocol: &Protocol, terminal: &Terminal) -> Vec<CaseResult> {
    let progress = terminal.progress("measuring", pairs.len() as u64);
    let region = region(pairs);
    let mut cases = Vec::with_capacity(pairs.len());
    for (done, pair) in pairs.iter().enumerate() {
        progress.at(done as u64);
        let mut facts = pair.facts.clone();
        let outcome = match measure_pair(pair, protocol, region) {
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

fn measure_pair(pair: &Pair, protocol: &Protocol, region: Region) -> Result<CaseMeasures, Failed> {
    let reference = there(pair.reference.as_deref(), "reference", Cause::ReferenceMissing)?;
    let prediction = there(pair.prediction.as_deref(), "prediction", Cause::PredictionMissing)?;
    let reference = masks::open(reference).map_err(|error| unusable(error, "reference"))?;
    let (prediction, turned) =
        masks::open_onto(prediction, reference.grid()).map_err(|error| unusable(error, "prediction"))?;
    let lungs = pair.lungs.as_deref().map(|lungs| masks::open_onto(lungs, reference.grid())).transpose();
    let lungs = lungs.map_err(|error| unusable(error, "lung mask"))?.map(|(map, _)| map);
    let measures = measure_case(&reference, &prediction, protocol).map_err(|error| unusable(error, "prediction"))?;
    drop(prediction);
    let label = protocol.labels.iter().find(|label| label.is_lesion());
    let calibration = match (&pair.probabilities, label) {
        (Some(file), Some(label)) => {
            let lungs = lungs.as_ref().filter(|_| region == Region::Lungs);
            Some(
                calibration(file, (&reference, label.value), lungs)
                    .map_err(|e| unusable(e, "file of probabilities"))?,
            )
        }
        _ => None,
    };
    let lung_ml = lungs.map(|map| map.labels().iter().filter(|&&l| l > 0).count() as f64 * map.grid().voxel_ml());
    Ok(CaseMeasures { lung_ml, calibration, prediction_turned: turned, ..measures })
}

/// Where calibration is measured: inside the lungs if every case with probabilities has a lung mask.
pub(super) fn region(pairs: &[Pair]) -> Region {
    let mut with = pairs.iter().filter(|pair| pair.probabilities.is_some());
    if with.all(|pair| pair.lungs.is_some()) { Region::Lungs } else { Region::Volume }
}

/// Holds probabilities, turned onto the reference's grid where that is exact, against the reference.
fn calibration(
    file: &Path,
    (reference, label): (&LabelMap, u8),
    lungs: Option<&LabelMap>,
) -> pulmo::ct::Result<CaseCalibration> {
    let mut shares = open_shares(file)?;
    if let Err(mismatch) = reference.grid().must_equal(shares.grid()) {
        shares = Turn::towards(&axis_codes(reference.grid()), shares.grid())?.ct(&shares)?;
        reference.grid().must_equal(shares.grid()).map_err(|_| mismatch)?;
    }
    let region: Option<Vec<bool>> = lungs.map(|map| map.labels().iter().map(|&label| label > 0).collect());
    let observed = Observed { reference, label, region: region.as_deref() };
    Ok(Calibration::measure(Probabilities::Float(shares.hu()), &observed, BINS)?.into())
}

fn there<'a>(path: Option<&'a Path>, role: &str, cause: Cause) -> Result<&'a Path, Failed> {
    path.ok_or_else(|| (cause, advice(format!("the {role} is missing"), "cases are paired by name")))
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
        let paths = [&pair.reference, &pair.prediction, &pair.lungs, &pair.probabilities].into_iter().flatten();
        paths.fold(text.to_owned(), |text, path| text.replace(&format!("`{}`", path.display()), "this file"))
    };
    let reason = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Failure { cause, reason: without_paths(&reason), hint: hint(error).map(without_paths) }
}
