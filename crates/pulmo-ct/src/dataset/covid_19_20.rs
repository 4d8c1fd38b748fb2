//! The COVID-19-20 challenge: `Train/volume-covid19-A-NNNN_ct.nii.gz` with `…_seg.nii.gz`, `Validation/` without.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::import::{Candidate, Cause, Expected, Facts, Found, Reference, Search, Unit};
use super::list::LabelValue;
use super::nnunet::names;
use crate::error::{Error, Result};

const IMAGE: &str = "_ct.nii.gz";
const MASK: &str = "_seg.nii.gz";

/// `COVID-19-20_v2` as the challenge gave it out.
#[derive(Debug, Clone, Copy)]
pub struct Covid1920;

impl DatasetKind for Covid1920 {
    fn name(&self) -> &'static str {
        "covid_19_20"
    }

    fn about(&self) -> &'static str {
        "the COVID-19-20 challenge: Train/ with NAME_ct.nii.gz and NAME_seg.nii.gz, Validation/ without masks"
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let mut found = Found { facts: facts(), ..Found::default() };
        found.labels = BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]);
        let Some(train) = folder(search.root, "Train") else {
            let hint = "give the folder COVID-19-20_v2, or the one that holds it";
            return Err(Error::invalid(search.root, "it has no folder Train", hint));
        };
        let files = names(&train)?;
        let stems = |ending: &str| -> BTreeSet<String> {
            files.iter().filter_map(|file| file.strip_suffix(ending)).map(str::to_owned).collect()
        };
        let (images, masks) = (stems(IMAGE), stems(MASK));
        found.expected.push(Expected::of_archive("CTs to train on", 199, images.len()));
        found.expected.push(Expected::of_archive("masks", 199, masks.len()));
        for name in images.union(&masks) {
            match (images.contains(name), masks.contains(name)) {
                (true, true) => found.candidates.push(candidate(&train, name)),
                (true, false) => {
                    found.leave_out(name.as_str(), Unit::Case, Cause::Missing, "its mask is not in Train/")
                }
                _ => found.leave_out(name.as_str(), Unit::Case, Cause::Missing, "its CT is not in Train/"),
            }
        }
        for file in files.iter().filter(|file| !file.ends_with(IMAGE) && !file.ends_with(MASK)) {
            found.leave_out(format!("Train/{file}"), Unit::File, Cause::Foreign, "neither CT nor mask by its name");
        }
        if let Some(validation) = folder(search.root, "Validation") {
            let files = names(&validation)?;
            let images = files.iter().filter_map(|file| file.strip_suffix(IMAGE));
            let mut count = 0;
            for name in images {
                count += 1;
                let reason = "the challenge published no masks of its validation cases";
                found.leave_out(name, Unit::Case, Cause::NotAnnotated, reason);
            }
            found.expected.push(Expected::of_archive("CTs to validate on", 50, count));
        }
        Ok(found)
    }
}

fn facts() -> Facts {
    Facts::fixed([
        "COVID-19-20",
        "https://covid-segmentation.grand-challenge.org/COVID-19-20/",
        "CC BY 4.0 (CTs, from The Cancer Imaging Archive); masks under the rules of the challenge",
        "read the rules that you agreed to when you registered; the organisers ask that their paper be cited",
        "Roth HR, Xu Z, Tor-Díez C, et al. Rapid artificial intelligence solutions in a pandemic - The COVID-19-20 Lung CT \
         Lesion Segmentation Challenge. Medical Image Analysis 2022;82:102605",
        "",
    ])
}

/// A folder of the archive, in the root or one below it.
fn folder(root: &Path, name: &str) -> Option<PathBuf> {
    let direct = root.join(name);
    let below = || {
        let mut folders: Vec<PathBuf> =
            std::fs::read_dir(root).ok()?.flatten().map(|entry| entry.path().join(name)).collect();
        folders.sort();
        folders.into_iter().find(|folder| folder.is_dir())
    };
    if direct.is_dir() { Some(direct) } else { below() }
}

fn candidate(train: &Path, name: &str) -> Candidate {
    let file = |ending: &str| train.join(format!("{name}{ending}"));
    let candidate = Candidate::new(name.to_owned(), file(IMAGE), Reference::File(file(MASK)));
    // volume-covid19-A-0003: source A, patient 3; a second scan of a patient is 0003_1.
    let patient = name.split('_').next().unwrap_or(name).to_owned();
    let site = name.split('-').nth(2).unwrap_or_default().to_owned();
    Candidate { patient, site, ..candidate }
}
