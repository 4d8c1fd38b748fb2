//! The cases and trainings of a page, wherever they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pulmo::ct::dataset::DataList;
use pulmo::ct::dataset::import::is_lung;
use pulmo::ct::sentence::counted;

/// Everything that a page shows.
#[derive(Debug, Default)]
pub(super) struct Cohort {
    pub(super) title: String,
    /// Every quantity that some row has, in the order in which they were met.
    pub(super) metrics: Vec<Metric>,
    /// One row per case and label.
    pub(super) rows: Vec<Row>,
    pub(super) failed: Vec<Failed>,
    /// What each evaluation says of all its cases.
    pub(super) judged: Vec<super::judged::Judged>,
    pub(super) runs: Vec<super::training::Run>,
    /// What a reader must know, each once.
    pub(super) notes: BTreeSet<String>,
    /// Models by recipe and hash.
    pub(super) models: BTreeSet<String>,
    /// Predicted masks that lie beside results, by case.
    pub(super) masks: BTreeMap<String, PathBuf>,
    data_sets: BTreeSet<String>,
}

/// A quantity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metric {
    /// As files call it.
    pub(super) name: String,
    /// `1` for a ratio.
    pub(super) unit: String,
    /// What empty masks give; may be empty.
    pub(super) rule: String,
}

/// One label of one case.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub(super) case: String,
    pub(super) patient: String,
    pub(super) data_set: String,
    pub(super) site: String,
    pub(super) label: String,
    /// The label's value in masks.
    pub(super) value: u8,
    pub(super) reference_ml: Option<f64>,
    pub(super) prediction_ml: Option<f64>,
    /// By [`Metric::name`]; absent or `None` where it is not defined.
    pub(super) values: BTreeMap<String, Option<f64>>,
    pub(super) warnings: Vec<String>,
}

/// A case without numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) case: String,
    pub(super) patient: String,
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

impl Row {
    /// A quantity's value where it is defined.
    pub(super) fn get(&self, metric: &str) -> Option<f64> {
        self.values.get(metric).copied().flatten().filter(|value| value.is_finite())
    }

    /// Prediction less reference in mL.
    pub(super) fn volume_error_ml(&self) -> Option<f64> {
        Some(self.prediction_ml? - self.reference_ml?)
    }

    pub(super) fn is_lung(&self) -> bool {
        is_lung(&self.label)
    }
}

impl Cohort {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.failed.is_empty() && self.runs.is_empty()
    }

    /// Remembers a quantity, unless it is known.
    pub(super) fn add_metric(&mut self, metric: Metric) {
        if !self.metrics.iter().any(|known| known.name == metric.name) {
            self.metrics.push(metric);
        }
    }

    /// The row of a case and label, made if it is not there.
    pub(super) fn row(&mut self, case: &str, label: &str) -> &mut Row {
        let at = self.rows.iter().position(|row| row.case == case && row.label == label);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row { case: case.to_owned(), label: label.to_owned(), value: 1, ..Row::default() });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    /// Patients, sites and data sets that a list knows and the sources do not say.
    pub(super) fn add_facts(&mut self, list: &DataList) {
        let known: BTreeMap<&str, _> = list.cases.iter().map(|case| (case.name.as_str(), case)).collect();
        let fill = |place: &mut String, with: &str| {
            if place.is_empty() {
                place.push_str(with);
            }
        };
        let mut is_used = false;
        for row in &mut self.rows {
            if let Some(case) = known.get(row.case.as_str()) {
                is_used = true;
                // A patient who is called as the case may be one that nobody told.
                if row.patient == row.case {
                    row.patient.clear();
                }
                fill(&mut row.patient, &case.patient);
                fill(&mut row.site, &case.site);
                fill(&mut row.data_set, &list.name);
            }
        }
        for case in &mut self.failed {
            if let Some(known) = known.get(case.case.as_str()) {
                case.patient.clone_from(&known.patient);
            }
        }
        if is_used {
            self.data_sets.insert(list.name.clone());
            self.notes.extend([&list.notes, &list.terms].into_iter().filter(|note| !note.is_empty()).cloned());
        }
    }

    /// Fills what is still empty and sorts.
    pub(super) fn finish(&mut self, title: Option<String>) {
        for row in &mut self.rows {
            if row.patient.is_empty() {
                row.patient.clone_from(&row.case);
            }
            if !row.data_set.is_empty() {
                self.data_sets.insert(row.data_set.clone());
            }
        }
        self.rows.sort_by(|a, b| (&a.label, &a.case).cmp(&(&b.label, &b.case)));
        let names = self.data_sets.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        self.title = title.unwrap_or_else(|| match (names.is_empty(), self.rows.is_empty()) {
            (false, _) => format!("Cohort: {names}"),
            (true, false) => "Cohort".to_owned(),
            (true, true) => "Training".to_owned(),
        });
    }

    /// Labels that have rows, by name.
    pub(super) fn labels(&self) -> BTreeSet<&str> {
        self.rows.iter().map(|row| row.label.as_str()).collect()
    }

    /// The different values of a fact that rows have, without the empty one.
    pub(super) fn groups<'a>(&'a self, fact: fn(&'a Row) -> &'a str) -> Vec<&'a str> {
        self.rows.iter().map(fact).filter(|value| !value.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Cases with numbers.
    pub(super) fn cases(&self) -> usize {
        self.rows.iter().map(|row| row.case.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// Patients of all cases, with numbers or without.
    pub(super) fn patients(&self) -> usize {
        let failed = self.failed.iter().map(|case| case.patient.as_str());
        self.rows.iter().map(|row| row.patient.as_str()).chain(failed).collect::<BTreeSet<_>>().len()
    }

    /// How much there is, in one sentence without its full stop.
    pub(super) fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if !self.rows.is_empty() || !self.failed.is_empty() {
            parts.push(format!(
                "{} of {}",
                counted(self.cases(), "case", "cases"),
                counted(self.patients(), "patient", "patients")
            ));
        }
        if !self.failed.is_empty() {
            parts.push(format!("{} without numbers", counted(self.failed.len(), "case", "cases")));
        }
        if !self.runs.is_empty() {
            parts.push(counted(self.runs.len(), "training", "trainings"));
        }
        parts.join(", ")
    }
}

/// A quantity's name for readers: `volume_error_ml` becomes `Volume error`; its unit stands beside it.
pub(super) fn title(name: &str) -> String {
    let bare = ["_ml", "_mm", "_percent"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    let words: Vec<String> = bare.split('_').enumerate().map(|(place, word)| as_word(word, place == 0)).collect();
    words.join(" ")
}

/// Dice was a person, HD95 and F1 are abbreviations, and the first word of a line begins with a capital.
fn as_word(word: &str, is_first: bool) -> String {
    let is_abbreviation = word.starts_with(|c: char| c.is_alphabetic()) && word.contains(|c: char| c.is_ascii_digit());
    let mut letters = word.chars();
    match letters.next() {
        Some(_) if is_abbreviation => word.to_uppercase(),
        Some(first) if is_first || word == "dice" => first.to_uppercase().chain(letters).collect(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        let names = ["volume_error_ml", "hd95_mm", "lesion_f1", "surface_dice_3mm", ""];
        assert_eq!(names.map(title), ["Volume error", "HD95", "Lesion F1", "Surface Dice 3mm", ""]);
    }

    #[test]
    fn patients_are_counted_once_and_known_from_a_list() {
        let mut cohort = Cohort::default();
        for case in ["b", "a", "c"] {
            cohort.row(case, "infiltrate").patient = case.to_owned();
        }
        cohort.row("a", "lung");
        cohort.failed.push(Failed { case: "d".into(), patient: "d".into(), reason: "gone".into(), hint: None });
        let case = |name: &str, patient: &str| pulmo::ct::dataset::Case {
            name: name.into(),
            patient: patient.into(),
            site: "x".into(),
            ..pulmo::ct::dataset::Case::default()
        };
        let cases = vec![case("a", "p1"), case("b", "p1"), case("d", "p1")];
        cohort.add_facts(&DataList { name: "mine".into(), cases, ..DataList::default() });
        cohort.finish(None);
        assert_eq!((cohort.cases(), cohort.patients()), (3, 2), "p1 and c");
        assert_eq!(cohort.sentence(), "3 cases of 2 patients, 1 case without numbers");
        assert_eq!(cohort.title, "Cohort: mine");
        let order: Vec<&str> = cohort.rows.iter().map(|row| row.case.as_str()).collect();
        assert_eq!(order, ["a", "b", "c", "a"]);
        assert_eq!((cohort.rows[0].site.as_str(), cohort.rows[2].site.as_str()), ("x", ""));
    }
}
