//! MosMedData COVID19_1110: 1,110 studies in five classes of severity, 50 of them with masks, and a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::folder::volume_stem;
use super::import::{Candidate, Cause, Empty, Expected, Facts, Found, Reference, Search, Unit};
use super::list::{LabelValue, Split};
use super::nnunet::names;
use super::table;
use crate::error::{Error, Result};

/// The classes and how many studies each has: CT-0 shows no pneumonia, CT-4 more than three quarters of the lung.
const CLASSES: [(&str, usize); 5] = [("CT-0", 254), ("CT-1", 684), ("CT-2", 125), ("CT-3", 45), ("CT-4", 2)];
const REGISTRY: &str = "dataset_registry.csv";

/// `studies/CT-0..4/study_NNNN.nii.gz`, `masks/study_NNNN_mask.nii.gz` and `dataset_registry.csv`.
#[derive(Debug, Clone, Copy)]
pub struct MosMed;

impl DatasetKind for MosMed {
    fn name(&self) -> &'static str {
        "mosmed"
    }

    fn about(&self) -> &'static str {
        "MosMedData COVID19_1110: studies/CT-0 to CT-4, masks/ and dataset_registry.csv; the 50 masked studies and, as \
         controls with empty masks, those of CT-0, all for testing"
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let root = search.root;
        let mut found = Found { facts: facts(), ..Found::default() };
        found.labels = BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]);
        let mut studies = on_disk(root, &mut found)?;
        let mut masks = masks_on_disk(root, &mut found)?;
        compare_with_registry(root, &mut studies, &masks, &mut found)?;
        for (class, published) in CLASSES {
            let here = studies.values().filter(|study| study.class == class && study.file.is_some()).count();
            let what = format!("studies of {class}");
            found.expected.push(Expected::of_archive(&what, published, here));
        }
        found.expected.push(Expected::of_archive("masks", 50, masks.len()));
        for (number, study) in studies {
            let name = format!("study_{number}");
            let mask = masks.remove(&number);
            let Some(image) = study.file else {
                found.leave_out(name, Unit::Case, Cause::Missing, "its CT is not in studies/");
                continue;
            };
            let (reference, note) = match (mask, study.class.as_str()) {
                (Some(mask), class) => (Reference::File(mask), class.to_owned()),
                (None, _) if study.wants_mask => {
                    found.leave_out(
                        name,
                        Unit::Case,
                        Cause::Missing,
                        "the registry gives it a mask that is not in masks/",
                    );
                    continue;
                }
                (None, "CT-0") => (Reference::Made(Box::new(Empty)), "CT-0: a control without infiltrates".to_owned()),
                _ => {
                    let reason = "published without a mask, and not free of infiltrates";
                    found.leave_out(name, Unit::Case, Cause::NotAnnotated, reason);
                    continue;
                }
            };
            let candidate = Candidate::new(name, image, reference);
            found.candidates.push(Candidate { split: Split::Test, note: Some(note), ..candidate });
        }
        for (number, _) in masks {
            found.leave_out(format!("study_{number}"), Unit::Case, Cause::Missing, "its mask has no CT in studies/");
        }
        Ok(found)
    }
}

fn facts() -> Facts {
    Facts::fixed([
        "MosMedData COVID19_1110",
        "https://mosmed.ai/datasets/covid19_1110",
        "CC BY-NC-ND 3.0",
        "may be used and passed on unchanged with credit, not for commercial purposes; changed copies (of masks too) may \
         not be passed on, and a model trained on it should not be",
        "Morozov SP, Andreychenko AE, Pavlov NA, et al. MosMedData: Chest CT Scans With COVID-19 Related Findings \
         Dataset. medRxiv 2020.05.20.20100362",
        "MosMedData keeps every tenth slice or so (about 8 mm apart)",
    ])
}

/// One study: where it lies and what is said of it.
#[derive(Debug, Default)]
struct Study {
    class: String,
    file: Option<PathBuf>,
    wants_mask: bool,
}

/// The number in `study_0255` or `study_0255_mask`, as it is written.
fn number<'a>(file: &'a str, after: &str) -> Option<&'a str> {
    let digits = volume_stem(file)?.strip_prefix("study_")?.strip_suffix(after)?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn on_disk(root: &Path, found: &mut Found) -> Result<BTreeMap<String, Study>> {
    let mut studies: BTreeMap<String, Study> = BTreeMap::new();
    for (class, _) in CLASSES {
        let folder = root.join("studies").join(class);
        if !folder.is_dir() {
            continue;
        }
        for file in names(&folder)? {
            let what = format!("studies/{class}/{file}");
            match number(&file, "") {
                None => found.leave_out(what, Unit::File, Cause::Foreign, "no study by its name"),
                Some(digits) if studies.contains_key(digits) => {
                    found.leave_out(what, Unit::File, Cause::Duplicated, "the study lies in another class too");
                }
                Some(digits) => {
                    let study = Study { class: class.to_owned(), file: Some(folder.join(&file)), wants_mask: false };
                    studies.insert(digits.to_owned(), study);
                }
            }
        }
    }
    if studies.is_empty() && !root.join(REGISTRY).is_file() {
        let hint = "give the folder that holds `studies` and `masks`";
        return Err(Error::invalid(root, "it has no studies/CT-0 to studies/CT-4", hint));
    }
    Ok(studies)
}

fn masks_on_disk(root: &Path, found: &mut Found) -> Result<BTreeMap<String, PathBuf>> {
    let folder = root.join("masks");
    let mut masks = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(masks);
    }
    for file in names(&folder)? {
        match number(&file, "_mask") {
            Some(digits) => drop(masks.insert(digits.to_owned(), folder.join(&file))),
            None => found.leave_out(format!("masks/{file}"), Unit::File, Cause::Foreign, "no mask by its name"),
        }
    }
    Ok(masks)
}

/// Adds what only the registry knows, and reports what it does not know.
fn compare_with_registry(
    root: &Path,
    studies: &mut BTreeMap<String, Study>,
    masks: &BTreeMap<String, PathBuf>,
    found: &mut Found,
) -> Result<()> {
    let path = root.join(REGISTRY);
    if !path.is_file() {
        found.remarks.push(format!("there is no {REGISTRY}: studies are taken as they lie in the folders"));
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
    let rows = table::parse(&text).map_err(|problem| Error::invalid(&path, problem, "download it again"))?;
    let head = rows.first().cloned().unwrap_or_default();
    let column = |name: &str| head.iter().position(|column| column == name);
    let (Some(category), Some(study_file), Some(mask_file)) =
        (column("category"), column("study_file"), column("mask_file"))
    else {
        let problem = format!("its columns are {}", head.join(", "));
        return Err(Error::invalid(&path, problem, "expected study_id, category, study_file, mask_file"));
    };
    let mut known = BTreeSet::new();
    for row in &rows[1..] {
        let cell = |column: usize| row.get(column).map(String::as_str).unwrap_or_default();
        let file = cell(study_file).rsplit('/').next().unwrap_or_default();
        let Some(digits) = number(file, "") else { continue };
        known.insert(digits.to_owned());
        let study = studies.entry(digits.to_owned()).or_default();
        study.wants_mask = !cell(mask_file).is_empty();
        if study.class.is_empty() {
            study.class = cell(category).to_owned();
        } else if study.class != cell(category) {
            let (here, there) = (&study.class, cell(category));
            found.remarks.push(format!("study_{digits} lies in {here}, and the registry puts it into {there}"));
        }
    }
    found.expected.push(Expected::new("rows of the registry", 1110, known.len(), "another version of the registry"));
    for digits in studies.keys().filter(|digits| !known.contains(*digits)).cloned().collect::<Vec<_>>() {
        found.leave_out(format!("study_{digits}"), Unit::Case, Cause::Foreign, "the registry does not know it");
        studies.remove(&digits);
    }
    for digits in masks.keys().filter(|digits| studies.get(*digits).is_some_and(|study| !study.wants_mask)) {
        found.remarks.push(format!("study_{digits} has a mask of which the registry knows nothing"));
    }
    Ok(())
}
