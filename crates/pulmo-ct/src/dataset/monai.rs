//! MONAI's lists: a JSON file with `training`, perhaps `validation` and `test`, each a list of
//! `{"image": …, "label": …, "fold": …}`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::DatasetKind;
use super::folder::{label_names, own_facts, volume_stem};
use super::import::{Candidate, Cause, Found, Reference, Search, Unit};
use super::list::{LabelValue, Split};
use crate::error::{Error, Result};

/// The keys of the lists and what their cases are for.
const LISTS: [(&str, Split); 4] =
    [("training", Split::Train), ("validation", Split::Validation), ("test", Split::Test), ("testing", Split::Test)];

/// A JSON list as MONAI's bundles, tutorials and Auto3DSeg read it.
#[derive(Debug, Clone, Copy)]
pub struct Monai;

impl DatasetKind for Monai {
    fn name(&self) -> &'static str {
        "monai"
    }

    fn about(&self) -> &'static str {
        "a JSON list of MONAI with `training` (and `validation`, `test`), each entry with image and label; paths are \
         relative to the file; --fold N makes fold N the validation cases"
    }

    fn options(&self) -> &'static [&'static str] {
        &["fold", "label", "name", "licence", "citation"]
    }

    fn is_own(&self) -> bool {
        true
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let file = search.root;
        let text = std::fs::read_to_string(file).map_err(|source| Error::read(file, source))?;
        let list: Value = serde_json::from_str(&text)
            .map_err(|error| Error::invalid(file, format!("not JSON: {error}"), "give the list, not its folder"))?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let mut found = Found { facts: own_facts(file), labels: label_names(search.options), ..Found::default() };
        if search.options.label_names.is_empty() {
            found.labels = labels(&list).unwrap_or(found.labels);
        }
        for (key, split) in LISTS {
            let Some(entries) = list.get(key) else { continue };
            let entries = entries
                .as_array()
                .ok_or_else(|| Error::invalid(file, format!("`{key}` is no list"), "compare with MONAI's"))?;
            for (at, entry) in entries.iter().enumerate() {
                take(entry, &format!("{key}[{at}]"), &folder, (split, search.options.fold), &mut found);
            }
        }
        let folds: Vec<i64> =
            LISTS.iter().filter_map(|(key, _)| list.get(key)?.as_array()).flatten().filter_map(fold).collect();
        match search.options.fold {
            Some(wanted) if !folds.contains(&wanted) => {
                return Err(Error::invalid(file, format!("no entry has `fold` {wanted}"), "leave --fold out"));
            }
            None if !folds.is_empty() => {
                let last = folds.iter().max().copied().unwrap_or_default();
                found
                    .remarks
                    .push(format!("its entries have folds 0 to {last}; --fold N makes one the validation cases"));
            }
            _ => {}
        }
        if found.candidates.is_empty() && found.excluded.is_empty() {
            return Err(Error::invalid(file, "it has no `training` list", "compare with MONAI's"));
        }
        found.root = Some(folder);
        Ok(found)
    }
}

fn fold(entry: &Value) -> Option<i64> {
    entry.get("fold")?.as_i64()
}

fn take(entry: &Value, place: &str, folder: &Path, (split, wanted): (Split, Option<i64>), found: &mut Found) {
    let (image, label) = (path(entry, "image", folder), path(entry, "label", folder));
    let image = match image {
        Ok(Some(image)) => image,
        Ok(None) => {
            return found.leave_out(place, Unit::Case, Cause::Missing, "its entry names no image");
        }
        Err(n) => {
            let reason = format!("its entry names {n} images; one channel of CT is read");
            return found.leave_out(place, Unit::Case, Cause::Foreign, reason);
        }
    };
    let file = image.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = volume_stem(&file).unwrap_or(&file).to_owned();
    match label {
        Ok(Some(label)) => {
            let is_held_out = wanted.is_some() && fold(entry) == wanted;
            let split = if is_held_out && split == Split::Train { Split::Validation } else { split };
            found.candidates.push(Candidate { split, ..Candidate::new(name, image, Reference::File(label)) });
        }
        // Test lists of MONAI have no labels.
        _ if split == Split::Test => {
            found.leave_out(name, Unit::Case, Cause::NotAnnotated, "its entry in the test list names no label");
        }
        _ => found.leave_out(name, Unit::Case, Cause::Missing, "its entry names no label"),
    }
}

/// The path under a key: a string, or a list of one; `Err` with how many there are otherwise.
fn path(entry: &Value, key: &str, folder: &Path) -> std::result::Result<Option<PathBuf>, usize> {
    match entry.get(key) {
        Some(Value::String(path)) => Ok(Some(folder.join(path.trim_start_matches("./")))),
        Some(Value::Array(paths)) => match paths.as_slice() {
            [Value::String(path)] => Ok(Some(folder.join(path.trim_start_matches("./")))),
            [] => Ok(None),
            several => Err(several.len()),
        },
        // The test lists of some bundles hold bare paths.
        None if key == "image" => Ok(entry.as_str().map(|path| folder.join(path.trim_start_matches("./")))),
        _ => Ok(None),
    }
}

/// `labels` of the list, value to name.
fn labels(list: &Value) -> Option<BTreeMap<LabelValue, String>> {
    let map = list.get("labels")?.as_object()?;
    let pairs = map.iter().filter_map(|(key, name)| Some((key.parse::<u8>().ok()?, name.as_str()?.to_owned())));
    let labels: BTreeMap<LabelValue, String> =
        pairs.filter(|(value, _)| *value > 0).map(|(value, name)| (LabelValue(value), name)).collect();
    (!labels.is_empty()).then_some(labels)
}
