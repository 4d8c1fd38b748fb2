//! One patient under two names.

use rayon::prelude::*;

use super::signature::SAME;
use super::small::TURNS;
use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::{Facts, ImageFacts};

/// Cases of one patient that the list holds for two: by DICOM identifiers, or by what the volumes show.
#[derive(Debug)]
pub(super) struct SamePatient;

impl Check for SamePatient {
    fn name(&self) -> &'static str {
        "same_patient"
    }

    fn about(&self) -> &'static str {
        "cases under two patient codes with one DICOM study or patient identifier, or that look the same (score 0.72)"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let pairs: Vec<(&Facts, &Facts)> =
            (0..facts.len()).flat_map(|k| facts[k + 1..].iter().map(move |other| (&facts[k], other))).collect();
        // Cases of one patient by the list are in one split already.
        let strangers = pairs.into_par_iter().filter(|(a, b)| a.patient != b.patient);
        strangers.filter_map(|(a, b)| self.judge((a, a.image.as_ref()?), (b, b.image.as_ref()?))).collect()
    }
}

impl SamePatient {
    fn judge(&self, (a, image): (&Facts, &ImageFacts), (b, other): (&Facts, &ImageFacts)) -> Option<Finding> {
        let why = if image.content == other.content {
            "the images are equal".to_owned()
        } else if image.identities.iter().any(|identity| other.identities.contains(identity)) {
            "DICOM identifiers are equal".to_owned()
        } else {
            let (score, turn) = image.signature.likeness(&other.signature);
            if score < SAME {
                return None;
            }
            let turn = if turn == 0 { "" } else { &format!(", one of them {}", TURNS[turn].0) };
            format!("the volumes show the same anatomy: score {score:.2}, different patients stay below {SAME}{turn}")
        };
        let sides = if a.split == b.split {
            "two patients by the list".to_owned()
        } else {
            format!("on two sides of the split ({:?} and {:?})", a.split, b.split).to_lowercase()
        };
        let advice = format!(
            "look at both; if it is one patient, give both cases the same `patient`, in one split (now `{}` and `{}`)",
            a.patient, b.patient
        );
        Some(Finding::problem(self, &[a, b], format!("probably one patient, {sides}: {why}"), advice))
    }
}
