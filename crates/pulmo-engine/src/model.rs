//! A trained network in one safetensors file, with everything needed to use and to trace it.
//!
//! The file's metadata has one entry, `pulmo`: a JSON document with the recipe as TOML text, the label
//! names and the provenance. Any reader of safetensors can open the file. It holds no date, no path and no
//! case, so equal training gives equal bytes.

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_ct::dataset::DataList;
use pulmo_net::Weights;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::error::{Error, Result};
use crate::recipe::Recipe;

/// The name of the metadata entry.
const METADATA_KEY: &str = "pulmo";
/// The version of what this entry holds.
const FORMAT: u32 = 1;

/// A trained network: weights, the recipe that made them, and where they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The whole recipe, which also says how a CT must be prepared.
    pub recipe: Recipe,
    /// Names of classes 1, 2, …; background has none.
    pub labels: Vec<String>,
    /// Where the weights come from.
    pub provenance: Provenance,
    /// All parameters and running statistics by name.
    pub weights: Weights,
    /// SHA-256 of the file this was read from; empty before the first save.
    pub sha256: String,
}

/// Where a model's weights come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The version of the program that trained it.
    pub pulmo_version: String,
    /// What it was trained on.
    pub data: Vec<DataSource>,
    /// Cases it was trained on.
    pub training_cases: usize,
    /// Cases by which the best epoch was chosen.
    pub validation_cases: usize,
    /// The epoch of the whole run the weights come from, from 1.
    pub epoch: usize,
    /// Mean Dice of the validation cases on the network's grid in that epoch; 0 to 1.
    pub validation_dice: Option<f64>,
    /// SHA-256 of the weight file the training started from.
    pub start_weights_sha256: Option<String>,
}

/// One data set that a model was trained on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataSource {
    /// The name of the data set.
    pub name: String,
    /// Its licence, which the weights may inherit.
    pub licence: String,
    /// What may be done with the data and with a model trained on them, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub terms: String,
    /// What to cite.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub citation: String,
    /// What a user of the model must know of it, such as "slices with lesions only".
    pub note: String,
}

impl DataSource {
    /// What a data list says of itself.
    #[must_use]
    pub fn of(list: &DataList) -> Self {
        Self {
            name: list.name.clone(),
            licence: list.licence.clone(),
            terms: list.terms.clone(),
            citation: list.citation.clone(),
            note: list.notes.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    format: u32,
    recipe: String,
    labels: Vec<String>,
    provenance: Provenance,
}

impl Model {
    /// Reads a model and checks that its weights fit its network.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Net`] if the file cannot be read; [`Error::Model`] if it is a weight file without a recipe, was
    /// written by a later version, or its tensors do not fit.
    pub fn load(path: &Path) -> Result<Self> {
        let sha256 = digest::of_file(path)?;
        let file = pulmo_net::weights::read_weights_file(path)?;
        let text = file.metadata.get(METADATA_KEY).ok_or_else(|| {
            let hint = "a model is the model.safetensors of a training run; weights alone can start a training (`weights.encoder`)";
            Error::model(path, "it holds weights but no recipe", hint)
        })?;
        let metadata: Metadata = serde_json::from_str(text).map_err(|error| {
            Error::model(path, format!("its metadata is damaged: {error}"), "copy or train it again")
        })?;
        if metadata.format != FORMAT {
            let problem = format!("format {} of the metadata, expected {FORMAT}", metadata.format);
            return Err(Error::model(path, problem, "it needs another version of this program"));
        }
        let recipe = Recipe::parse(&metadata.recipe, &path.display().to_string(), &[])?;
        let model =
            Self { recipe, labels: metadata.labels, provenance: metadata.provenance, weights: file.tensors, sha256 };
        model.check(path)?;
        Ok(model)
    }

    /// Writes the model, replacing what was there in one step, and gives the file's SHA-256.
    ///
    /// # Errors
    /// [`Error::Net`] if it cannot be written.
    pub fn save(&mut self, path: &Path) -> Result<&str> {
        let metadata = Metadata {
            format: FORMAT,
            recipe: self.recipe.to_toml(),
            labels: self.labels.clone(),
            provenance: self.provenance.clone(),
        };
        let text = serde_json::to_string(&metadata)
            .map_err(|error| Error::model(path, format!("its metadata cannot be written: {error}"), ""))?;
        pulmo_net::weights::write_safetensors(path, &self.weights, &BTreeMap::from([(METADATA_KEY.to_owned(), text)]))?;
        self.sha256 = digest::of_file(path)?;
        Ok(&self.sha256)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let hint = "copy or train it again";
        if self.labels.len() + 1 != self.recipe.network.classes {
            let problem = format!(
                "{} label names for {} classes with background",
                self.labels.len(),
                self.recipe.network.classes
            );
            return Err(Error::model(path, problem, hint));
        }
        check_shapes(&self.recipe, &self.weights).map_err(|problem| Error::model(path, problem, hint))
    }
}

/// Says which tensor is missing, unknown or of another shape than the recipe's network has.
pub(crate) fn check_shapes(recipe: &Recipe, weights: &Weights) -> std::result::Result<(), String> {
    let expected = recipe.network.parameter_shapes().map_err(|error| error.to_string())?;
    for (name, shape) in &expected {
        match weights.get(name) {
            None => return Err(format!("tensor `{name}` is missing")),
            Some(tensor) if &tensor.shape != shape => {
                return Err(format!("tensor `{name}` has shape {:?}, expected {shape:?}", tensor.shape));
            }
            Some(_) => {}
        }
    }
    let known: std::collections::BTreeSet<&String> = expected.iter().map(|(name, _)| name).collect();
    match weights.keys().find(|name| !known.contains(name)) {
        Some(name) => Err(format!("tensor `{name}` does not belong to the network")),
        None => Ok(()),
    }
}

/// The names of the classes: the given ones, or `infiltrate`, or `class 1`, `class 2`, ….
#[must_use]
pub fn label_names(given: &[String], classes: usize) -> Vec<String> {
    if given.len() + 1 == classes {
        given.to_vec()
    } else if classes == 2 {
        vec!["infiltrate".to_owned()]
    } else {
        (1..classes).map(|class| format!("class {class}")).collect()
    }
}

/// Whether a class of this name is lung rather than infiltrate: its name has the word "lung" or "lungs".
///
/// A model's other classes all count as infiltrate; a voxel of infiltrate lies in the lung, too.
#[must_use]
pub fn is_lung(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| ["lung", "lungs"].contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lung_is_told_by_its_name() {
        for name in ["lung", "Left lung", "lungs", "right_lung"] {
            assert!(is_lung(name), "{name}");
        }
        for name in ["infiltrate", "ground glass", "plunge", "lungfish"] {
            assert!(!is_lung(name), "{name}");
        }
    }

    #[test]
    fn what_a_data_list_says_of_itself_goes_into_the_model() {
        let text = |word: &str| format!("its {word}");
        let list = DataList {
            name: text("name"),
            licence: text("licence"),
            terms: text("terms"),
            citation: text("citation"),
            notes: text("note"),
            ..DataList::default()
        };
        let json = serde_json::to_value(DataSource::of(&list)).unwrap();
        for key in ["name", "licence", "terms", "citation", "note"] {
            assert_eq!(json[key], text(key), "{key}");
        }
        let old: DataSource = serde_json::from_str(r#"{"name": "x", "licence": "y", "note": "z"}"#).unwrap();
        assert_eq!(old.terms, "", "models from before these keys can be read");
    }
}
