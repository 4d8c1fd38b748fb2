//! What a user may tell an import. An option that a kind does not know is refused, not ignored.

use crate::dataset::list::{IntensityStored, LabelValue};
use crate::error::{Error, Result};

/// How the drawings of several readers of one CT become one mask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Readers {
    /// What any reader drew.
    #[default]
    Union,
    /// What more than half of the readers of the series drew; with two readers, both.
    Majority,
    /// What this reader drew, by the id or name in the file.
    Only(String),
}

/// What a user may tell an import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The annotation file, where it is not found by itself (RICORD).
    pub annotations: Option<std::path::PathBuf>,
    /// The classes that become label 1, by name (RICORD).
    pub classes: Vec<String>,
    /// How double reads are resolved (RICORD).
    pub readers: Option<Readers>,
    /// Which label map: `infection`, or `lung_and_infection` with labels 1, 2, 3 (COVID-19-CT-Seg).
    pub masks: Option<String>,
    /// Take only cases whose voxels are this; HU if there are any otherwise.
    pub intensity: Option<IntensityStored>,
    /// Pattern of the images below the root, with `{case}` (folder).
    pub images: Option<String>,
    /// Pattern of the label maps (folder).
    pub labels: Option<String>,
    /// Pattern of the lungs (folder).
    pub lungs: Option<String>,
    /// Names of label values (folder, csv).
    pub label_names: Vec<(LabelValue, String)>,
    /// The fold that validates (MONAI lists).
    pub fold: Option<i64>,
    /// What the data set is called, where it does not say (own data).
    pub name: Option<String>,
    /// Its licence, where it does not say (own data).
    pub licence: Option<String>,
    /// What to cite, where it does not say (own data).
    pub citation: Option<String>,
}

impl Options {
    /// Checks that `known` names every option that was given, but for `intensity`, which all kinds take.
    ///
    /// # Errors
    /// [`Error::Value`] naming the option and the kind.
    pub fn must_be_known(&self, kind: &str, known: &[&str]) -> Result<()> {
        let given = [
            ("annotations", self.annotations.is_some()),
            ("class", !self.classes.is_empty()),
            ("readers", self.readers.is_some()),
            ("masks", self.masks.is_some()),
            ("images", self.images.is_some()),
            ("labels", self.labels.is_some()),
            ("lungs", self.lungs.is_some()),
            ("label", !self.label_names.is_empty()),
            ("fold", self.fold.is_some()),
            ("name", self.name.is_some()),
            ("licence", self.licence.is_some()),
            ("citation", self.citation.is_some()),
        ];
        match given.iter().find(|(name, is_given)| *is_given && !known.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let takes = match known {
                    [] => "takes no such option".to_owned(),
                    _ => format!("takes --{}", known.join(", --")),
                };
                Err(Error::Value { problem: format!("--{name} is not for `{kind}`, which {takes}") })
            }
        }
    }
}
