//! Folds: every patient in one part, parts alike in site and volume of infiltrates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::list::{DataList, Split};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::sentence::counted;

/// The training and validation cases of one fold, as nnU-Net's `splits_final.json` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Cases to learn from.
    pub train: Vec<String>,
    /// Cases to validate on.
    pub val: Vec<String>,
}

/// How a Python pickle begins, from protocol 2 on.
const PICKLE: [u8; 1] = [0x80];

/// How many strata a site is cut into by volume: as many patients as there are folds stand beside each other.
type Stratum<'a> = Vec<&'a str>;

impl DataList {
    /// Deals the patients of all cases that are not for testing into `folds` parts, each of which validates once.
    ///
    /// Patients are sorted by site and, within a site, by their volume of infiltrates; of each `folds` that follow each
    /// other, every part gets one, which one the seed decides. So the parts differ by at most one patient for each
    /// site, and each has small and large volumes. The same list and seed give the same folds on every machine,
    /// whatever the order of the cases.
    ///
    /// # Errors
    /// [`Error::Value`] if there are fewer than two folds, or fewer patients than folds.
    pub fn folds(&self, folds: usize, seed: u64) -> Result<Vec<Fold>> {
        let patients = self.patients();
        if folds < 2 || patients.len() < folds {
            let problem = format!(
                "folds: {folds}, patients: {}; expected 2 folds or more, and a patient for each",
                patients.len()
            );
            return Err(Error::Value { problem });
        }
        let mut random = Random::new(seed);
        let mut part_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut begin = 0;
        for stratum in strata(&patients) {
            for group in stratum.chunks(folds) {
                let mut parts: Vec<usize> = (0..folds).map(|part| (part + begin) % folds).collect();
                // An incomplete group goes on where the last one ended, so that no part is left out twice.
                if group.len() < folds {
                    begin = (begin + group.len()) % folds;
                    parts.truncate(group.len());
                }
                shuffle(&mut parts, &mut random);
                part_of.extend(group.iter().copied().zip(parts));
            }
        }
        let case_part = |patient: &str| part_of.get(patient).copied();
        Ok((0..folds).map(|part| self.fold_where(|patient, _| case_part(patient) == Some(part))).collect())
    }

    /// One fold for each site, which validates on that site alone.
    ///
    /// # Errors
    /// [`Error::Value`] if there are fewer than two sites, or a patient was seen at two.
    pub fn leave_one_site_out(&self) -> Result<Vec<(String, Fold)>> {
        let mut site_of: BTreeMap<&str, &str> = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.split != Split::Test) {
            let site = site_of.entry(&case.patient).or_insert(&case.site);
            if *site != case.site {
                let problem = format!("case `{}`: its patient was seen at two sites", case.name);
                return Err(Error::Value { problem });
            }
        }
        let sites: BTreeSet<&str> = site_of.values().copied().collect();
        if sites.len() < 2 {
            let problem = format!("{}: expected two or more to leave one out", counted(sites.len(), "site", "sites"));
            return Err(Error::Value { problem });
        }
        Ok(sites
            .into_iter()
            .map(|site| (site.to_owned(), self.fold_where(|patient, _| site_of.get(patient) == Some(&site))))
            .collect())
    }

    /// This list with the splits of one fold; cases that the fold does not name are for testing if they were, and left
    /// out otherwise.
    ///
    /// # Errors
    /// [`Error::Value`] if the fold names a case that is not in the list, one twice, or a patient on both sides.
    pub fn with_fold(&self, fold: &Fold) -> Result<Self> {
        let named = fold.train.iter().chain(&fold.val);
        if let Some(unknown) = named.into_iter().find(|name| !self.has(name)) {
            return Err(Error::Value { problem: format!("the fold names case `{unknown}`, which the list has not") });
        }
        let list = self.with_fold_as_is(fold)?;
        match list.on_both_sides().first() {
            None => Ok(list),
            Some(name) => {
                let problem = format!("the fold has the patient of case `{name}` on both sides");
                Err(Error::Value { problem })
            }
        }
    }

    /// [`DataList::with_fold`] for a fold that somebody else has fixed: cases that this list has not are passed over, and
    /// patients on both sides stay there ([`DataList::on_both_sides`] tells them).
    ///
    /// # Errors
    /// [`Error::Value`] if the fold names a case twice, or none of this list on one of its sides.
    pub fn with_fold_as_is(&self, fold: &Fold) -> Result<Self> {
        let mut splits: BTreeMap<&str, Split> = BTreeMap::new();
        for (names, split) in [(&fold.train, Split::Train), (&fold.val, Split::Validation)] {
            if !names.is_empty() && !names.iter().any(|name| self.has(name)) {
                let problem = format!("the list has none of the fold's {} cases, such as `{}`", split.name(), names[0]);
                return Err(Error::Value { problem });
            }
            for name in names {
                if splits.insert(name, split).is_some() {
                    return Err(Error::Value { problem: format!("the fold names case `{name}` twice") });
                }
            }
        }
        let mut list = self.clone();
        list.cases.retain(|case| case.split == Split::Test || splits.contains_key(case.name.as_str()));
        for case in &mut list.cases {
            case.split = splits.get(case.name.as_str()).copied().unwrap_or(case.split);
        }
        Ok(list)
    }

    /// The cases whose patient has an earlier case in another split.
    #[must_use]
    pub fn on_both_sides(&self) -> Vec<&str> {
        let mut of_patient: BTreeMap<&str, Split> = BTreeMap::new();
        let mut torn = Vec::new();
        for case in &self.cases {
            if *of_patient.entry(&case.patient).or_insert(case.split) != case.split {
                torn.push(case.name.as_str());
            }
        }
        torn
    }

    fn has(&self, name: &str) -> bool {
        self.cases.iter().any(|case| case.name == name)
    }

    /// Site, volume and name of each patient that is not for testing, sorted so.
    fn patients(&self) -> Vec<(&str, f64, &str)> {
        let mut patients: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.split != Split::Test) {
            let patient = patients.entry(&case.patient).or_insert((&case.site, 0.0));
            // Of several sites the first by name, so that the order of the cases does not matter.
            patient.0 = patient.0.min(&case.site);
            patient.1 = patient.1.max(case.infiltrate_ml.unwrap_or(0.0));
        }
        let mut sorted: Vec<_> = patients.into_iter().map(|(name, (site, ml))| (site, ml, name)).collect();
        sorted.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2)));
        sorted
    }

    fn fold_where(&self, is_held_out: impl Fn(&str, &str) -> bool) -> Fold {
        let mut fold = Fold::default();
        for case in self.cases.iter().filter(|case| case.split != Split::Test) {
            let side = if is_held_out(&case.patient, &case.site) { &mut fold.val } else { &mut fold.train };
            side.push(case.name.clone());
        }
        fold.train.sort();
        fold.val.sort();
        fold
    }
}

/// The patients of each site, by volume.
fn strata<'a>(patients: &[(&'a str, f64, &'a str)]) -> Vec<Stratum<'a>> {
    patients.chunk_by(|a, b| a.0 == b.0).map(|site| site.iter().map(|patient| patient.2).collect()).collect()
}

fn shuffle(parts: &mut [usize], random: &mut Random) {
    for last in (1..parts.len()).rev() {
        parts.swap(last, random.below(last + 1));
    }
}

/// Reads nnU-Net's `splits_final.json`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Invalid`] if it is no list of folds.
pub fn read(path: &Path) -> Result<Vec<Fold>> {
    let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    if bytes.starts_with(&PICKLE) {
        let hint = "a pickle is a program that runs when it is read; if you trust it, turn it into JSON: python -c \"import \
                    json, pickle, sys; print(json.dumps([{k: list(map(str, v)) for k, v in fold.items()} for fold in \
                    pickle.load(open(sys.argv[1], 'rb'))]))\" splits_final.pkl > splits_final.json";
        return Err(Error::invalid(path, "a Python pickle, expected a list of folds as JSON", hint));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let hint = "expected is [{\"train\": [\"case\", …], \"val\": […]}, …]";
        Error::invalid(path, format!("no list of folds: {error}"), hint)
    })
}

/// Writes `splits_final.json` as nnU-Net does.
///
/// # Errors
/// [`Error::Io`] if it cannot be written.
pub fn write(path: &Path, folds: &[Fold]) -> Result<()> {
    let text = serde_json::to_string_pretty(folds)
        .map_err(|error| Error::invalid(path, format!("cannot be written as JSON: {error}"), ""))?;
    crate::atomic::write(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::list::Case;
    fn list() -> DataList {
        let cases = (0..40).map(|number| Case {
            name: format!("c{number:02}"),
            patient: format!("p{:02}", number / 2),
            site: ["a", "b", "b", "b"][number / 2 % 4].to_owned(),
            infiltrate_ml: Some((number * 17 % 40) as f64),
            split: if number >= 36 { Split::Test } else { Split::Train },
            ..Case::default()
        });
        DataList { cases: cases.collect(), ..DataList::default() }
    }

    #[test]
    fn folds_cover_every_patient_once_and_are_alike() {
        let list = list();
        let folds = list.folds(3, 5).unwrap();
        let mut held_out: Vec<&String> = folds.iter().flat_map(|fold| &fold.val).collect();
        held_out.sort();
        held_out.dedup();
        assert_eq!(held_out.len(), 36, "all but the test cases, each once");
        for fold in &folds {
            assert_eq!(fold.train.len() + fold.val.len(), 36);
            assert_eq!(fold.val.len(), 12, "six patients of two cases");
            let of_a =
                fold.val.iter().filter(|name| list.cases.iter().any(|c| c.name == **name && c.site == "a")).count();
            assert!((2..=4).contains(&of_a), "{of_a} of 10 cases of site a");
            let split = list.with_fold(fold).unwrap();
            assert_eq!(split.cases.len(), 40);
            assert_eq!(split.of_split(Split::Test).count(), 4);
        }
        let mut turned = list.clone();
        turned.cases.reverse();
        assert_eq!(turned.folds(3, 5).unwrap(), folds, "the order of the cases does not matter");
        assert_ne!(list.folds(3, 6).unwrap(), folds);
        assert!(list.folds(1, 0).is_err() && list.folds(19, 0).is_err());
    }

    #[test]
    fn one_site_after_the_other_is_left_out() {
        let list = list();
        let folds = list.leave_one_site_out().unwrap();
        assert_eq!(folds.iter().map(|(site, _)| site.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(folds[0].1.val.len(), 10);
        assert!(folds[0].1.train.iter().all(|name| folds[1].1.val.contains(name)));
        let mut moved = list.clone();
        moved.cases[0].site = "b".to_owned();
        assert!(moved.leave_one_site_out().unwrap_err().to_string().contains("two sites"));
    }

    #[test]
    fn a_fold_that_does_not_fit_is_refused() {
        let list = list();
        let fold = |train: &[&str], val: &[&str]| Fold {
            train: train.iter().map(|name| (*name).to_owned()).collect(),
            val: val.iter().map(|name| (*name).to_owned()).collect(),
        };
        for (fold, words) in [
            (fold(&["c00"], &["c00"]), "twice"),
            (fold(&["c00"], &["x"]), "has not"),
            (fold(&["c00"], &["c01"]), "both sides"),
        ] {
            assert!(list.with_fold(&fold).unwrap_err().to_string().contains(words));
        }
        assert_eq!(list.with_fold(&fold(&["c00"], &["c02"])).unwrap().cases.len(), 6);
        let torn = list.with_fold_as_is(&fold(&["c00", "x"], &["c01", "c02"])).unwrap();
        assert_eq!((torn.cases.len(), torn.on_both_sides()), (7, vec!["c01"]));
        assert!(list.with_fold_as_is(&fold(&["x"], &["c01"])).unwrap_err().to_string().contains("none"));
    }
}
