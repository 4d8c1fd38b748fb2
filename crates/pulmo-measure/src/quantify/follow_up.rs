//! The change between two results of one patient.

use serde::{Deserialize, Serialize};

use super::input::Subject;
use super::result::{Finding, Quantities};
use pulmo_ct::format::ScanFacts;

/// Lung volumes that differ by more than this many per cent of the earlier are not of the same breath.
const MOST_LUNG_PERCENT: f64 = 15.0;

/// Two results side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FollowUp {
    /// [`FollowUp::SCHEMA`].
    pub schema: String,
    /// The earlier and the later result: whose.
    pub subjects: [Subject; 2],
    /// How both were scanned: kernels and thicknesses.
    pub scans: [ScanFacts; 2],
    /// Distances between slices in mm.
    pub slices_apart_mm: [f64; 2],
    /// What changed, in the order of a table.
    pub changes: Vec<Change>,
    /// What a reader must know before trusting the change.
    pub flags: Vec<Finding>,
}

impl FollowUp {
    /// The form of these data; another number means other fields.
    pub const SCHEMA: &'static str = "pulmo.follow_up.1";

    /// The change of an `id`.
    #[must_use]
    pub fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.id == id)
    }
}

/// One quantity at two times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `opacity`, `lung`, `left_lung`, `right_lung`, `involvement.inside_lung`, `region.left`, `score.pan25`, …
    pub id: String,
    /// `mL`, `%` or `points`.
    pub unit: String,
    /// The earlier value.
    pub earlier: f64,
    /// The later value.
    pub later: f64,
    /// Later minus earlier: mL, percentage points or points.
    pub difference: f64,
    /// The difference in per cent of the earlier value; `None` if that is 0, and for points.
    pub difference_percent: Option<f64>,
}

/// Why two results cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// By a stable identifier: `patient_unknown`, `other_patient`, `model_unknown`, `other_model`, `other_schema`.
    pub reason_id: &'static str,
    /// In words; names no patient.
    pub reason: String,
    /// What the user can do.
    pub hint: &'static str,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refusal {}

/// Compares two results of one patient and one model.
///
/// Quantities that either lacks (a score without lobes, say), or that were made by another rule, are left out.
///
/// # Errors
/// [`Refusal`] if they are not of the same patient (by [`Subject::patient`]) and the same model (by its hash), or one
/// does not say.
pub fn follow_up(earlier: &Quantities, later: &Quantities) -> Result<FollowUp, Refusal> {
    must_belong_together(earlier, later)?;
    let both = [earlier, later];
    let mut changes = volumes(both);
    changes.extend(shares(both));
    changes.extend(scores(both));
    Ok(FollowUp {
        schema: FollowUp::SCHEMA.to_owned(),
        subjects: both.map(|one| one.subject.clone()),
        scans: both.map(|one| one.scan.clone()),
        slices_apart_mm: both.map(|one| one.grid.spacing_mm[0]),
        flags: flags(both),
        changes,
    })
}

fn must_belong_together(earlier: &Quantities, later: &Quantities) -> Result<(), Refusal> {
    let refuse = |reason_id, reason: &str, hint| Err(Refusal { reason_id, reason: reason.to_owned(), hint });
    if earlier.schema != later.schema {
        let reason = format!("results of two forms, `{}` and `{}`", earlier.schema, later.schema);
        return refuse("other_schema", &reason, "make both with the same version");
    }
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match [earlier, later].map(|one| known(&one.subject.patient)) {
        [Some(one), Some(other)] if one == other => {}
        [Some(_), Some(_)] => {
            return refuse("other_patient", "the two results are of different patients", "check the two results");
        }
        _ => {
            let reason = "a result does not say whose it is, so the two may be of different patients";
            return refuse("patient_unknown", reason, "give both reports the patient's pseudonym, as in --patient p07");
        }
    }
    match [earlier, later].map(|one| known(&one.subject.model_sha256)) {
        [Some(one), Some(other)] if one == other => Ok(()),
        [Some(one), Some(other)] => {
            let short = |hash: &str| hash.chars().take(12).collect::<String>();
            let reason = format!("the two results are of different models, {} and {}", short(&one), short(&other));
            refuse("other_model", &reason, "segment both CTs with one model")
        }
        _ => {
            let reason = "a result does not say which model drew its mask";
            refuse("model_unknown", reason, "give both reports the result.json beside the mask, with --result")
        }
    }
}

fn change(id: impl Into<String>, unit: &str, [earlier, later]: [f64; 2]) -> Change {
    let difference = later - earlier;
    let is_relative = unit != "points" && earlier != 0.0;
    Change {
        id: id.into(),
        unit: unit.to_owned(),
        earlier,
        later,
        difference,
        difference_percent: is_relative.then(|| 100.0 * difference / earlier),
    }
}

fn volumes([earlier, later]: [&Quantities; 2]) -> Vec<Change> {
    let mut changes = vec![change("opacity", "mL", [earlier.opacity.total_ml, later.opacity.total_ml])];
    if let (Some(one), Some(other)) = (&earlier.lung, &later.lung) {
        changes.push(change("lung", "mL", [one.total_ml, other.total_ml]));
        changes.push(change("left_lung", "mL", [one.left_ml, other.left_ml]));
        changes.push(change("right_lung", "mL", [one.right_ml, other.right_ml]));
    }
    if let (Some(one), Some(other)) = (&earlier.attenuation, &later.attenuation) {
        for (one, other) in one.cuts.iter().zip(&other.cuts).filter(|(one, other)| one.cut_hu == other.cut_hu) {
            let id = format!("higher_attenuation.{}", one.cut_hu);
            changes.push(change(id, "mL", [one.higher_ml, other.higher_ml]));
        }
    }
    changes
}

fn shares([earlier, later]: [&Quantities; 2]) -> Vec<Change> {
    let mut changes = Vec::new();
    for one in &earlier.involvement {
        if let Some(other) = later.involvement.iter().find(|other| other.rule_id == one.rule_id) {
            changes.push(change(format!("involvement.{}", one.rule_id), "%", [one.percent, other.percent]));
        }
    }
    for one in &earlier.regions {
        let same = later.region(&one.id).filter(|other| other.group == one.group && other.rule == one.rule);
        if let (Some(percent), Some(other)) = (one.percent, same.and_then(|other| other.percent)) {
            changes.push(change(format!("region.{}", one.id), "%", [percent, other]));
        }
    }
    changes
}

fn scores([earlier, later]: [&Quantities; 2]) -> Vec<Change> {
    let pairs = earlier.scores.iter().filter_map(|one| Some((one, later.score(&one.id)?)));
    let same = pairs.filter(|(one, other)| one.floor_rule == other.floor_rule);
    same.map(|(one, other)| {
        change(format!("score.{}", one.id), "points", [f64::from(one.points), f64::from(other.points)])
    })
    .collect()
}

fn flags(both: [&Quantities; 2]) -> Vec<Finding> {
    let mut flags = Vec::new();
    let mut raise = |id: &str, found: String, threshold: String, sentence: &str| {
        flags.push(Finding {
            id: id.to_owned(),
            sentence: sentence.to_owned(),
            found,
            threshold,
            affects: vec!["follow_up".to_owned()],
            source: "chosen by this project".to_owned(),
        });
    };
    match both.map(|one| one.lung.as_ref().map(|lung| lung.total_ml)) {
        [Some(earlier), Some(later)] => {
            let percent = 100.0 * (later - earlier) / earlier;
            if percent.abs() > MOST_LUNG_PERCENT {
                raise(
                    "lung_volume_changed",
                    format!("{earlier:.0} mL, then {later:.0} mL ({percent:+.0} %)"),
                    format!("more than {MOST_LUNG_PERCENT} %"),
                    "the lungs were filled differently: shares and attenuation change with the breath alone",
                );
            }
        }
        _ => raise(
            "lung_volume_unknown",
            "no lung volume".to_owned(),
            "a lung mask is missing or failed".to_owned(),
            "whether the lungs were filled alike is not known",
        ),
    }
    let [one, other] = both.map(|one| one.scan.kernel.as_deref().unwrap_or("not given"));
    if one != other {
        let found = format!("{one}, then {other}");
        raise(
            "kernel_changed",
            found,
            "different kernels".to_owned(),
            "the kernels differ: attenuation is not the same",
        );
    }
    let [one, other] = both.map(|one| one.scan.slice_thickness_mm.unwrap_or(one.grid.spacing_mm[0]));
    if (one - other).abs() > 0.1 * one.min(other) {
        let found = format!("{one} mm, then {other} mm");
        raise("thickness_changed", found, "more than 10 %".to_owned(), "the slices differ in thickness");
    }
    let [one, other] = both.map(|one| one.scan.contrast_agent);
    if one != other {
        let name = |agent: Option<bool>| match agent {
            Some(true) => "given",
            Some(false) => "not named",
            None => "not known",
        };
        let found = format!("{}, then {}", name(one), name(other));
        raise("contrast_changed", found, "different".to_owned(), "contrast agent differs: attenuation is not the same");
    }
    flags
}

#[cfg(test)]
mod tests;
