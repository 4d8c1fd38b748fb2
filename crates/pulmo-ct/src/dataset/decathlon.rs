//! The Medical Segmentation Decathlon: `imagesTr/NAME.nii.gz`, `labelsTr/NAME.nii.gz`, and `dataset.json` lists them.

use std::collections::BTreeSet;
use std::path::Path;

use super::DatasetKind;
use super::folder::{own_facts, volume_stem};
use super::import::{Candidate, Cause, Expected, Found, Reference, Search, Unit};
use super::nnunet::{Description, names};
use crate::error::{Error, Result};

/// A task of the Decathlon, such as `Task06_Lung`.
#[derive(Debug, Clone, Copy)]
pub struct Decathlon;

impl DatasetKind for Decathlon {
    fn name(&self) -> &'static str {
        "decathlon"
    }

    fn about(&self) -> &'static str {
        "a task of the Medical Segmentation Decathlon: imagesTr/NAME.nii.gz, labelsTr/NAME.nii.gz and a dataset.json \
         that lists them under `training`"
    }

    fn options(&self) -> &'static [&'static str] {
        &["name", "licence", "citation"]
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let root = search.root;
        let description = Description::read(root)?;
        description.must_have_one_channel(root)?;
        if description.training.is_empty() {
            let hint = "a data set of nnU-Net, version 2, has none: use `nnunet`";
            return Err(Error::invalid(&root.join("dataset.json"), "`training` lists nothing", hint));
        }
        let mut found = Found { facts: own_facts(root), labels: description.labels(root)?, ..Found::default() };
        description.tell(&mut found);
        let mut listed = BTreeSet::new();
        for entry in &description.training {
            let image = inside(root, &entry.image)?;
            let label = inside(root, &entry.label)?;
            let file = file_name(&entry.image);
            listed.insert(file.clone());
            let name = volume_stem(&file).unwrap_or(&file).to_owned();
            found.candidates.push(Candidate::new(name, image, Reference::File(label)));
        }
        for file in names(&root.join("imagesTr")).unwrap_or_default().difference(&listed) {
            let what = format!("imagesTr/{file}");
            found.leave_out(what, Unit::File, Cause::Foreign, "dataset.json does not list it");
        }
        for (what, promised, found_number) in [
            ("training cases", description.num_training, description.training.len()),
            ("test cases", description.num_test, description.test.len()),
        ] {
            if let Some(promised) = promised {
                let why = "dataset.json contradicts itself";
                found.expected.push(Expected::new(what, promised, found_number, why));
            }
        }
        if !description.test.is_empty() {
            let n = description.test.len();
            found.remarks.push(format!("the {n} test cases have no masks and are not listed"));
        }
        Ok(found)
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// A path of a list, which must not lead out of the data set.
pub(super) fn inside(root: &Path, path: &str) -> Result<std::path::PathBuf> {
    let relative = Path::new(path.trim_start_matches("./"));
    let leaves = relative.components().any(|part| !matches!(part, std::path::Component::Normal(_)));
    if leaves {
        let problem = format!("its list names `{path}`, which leads out of the folder");
        return Err(Error::invalid(root, problem, "paths of a data set are relative to its folder"));
    }
    Ok(root.join(relative))
}
