//! The cases of a run and how they are loaded.

use std::path::PathBuf;
use std::sync::Arc;

use pulmo_ct::{CtVolume, LabelMap};

use crate::batch::{Prepared, prepare};
use crate::error::{Error, Result};
use crate::model::DataSource;
use crate::recipe::Recipe;

/// One CT with its reference.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case key of the data list; appears in logs and errors.
    pub name: String,
    /// Where the volumes are.
    pub source: CaseSource,
}

/// Where a case's volumes are.
#[derive(Debug, Clone)]
pub enum CaseSource {
    /// In files that `pulmo_ct` reads.
    Files {
        /// The CT.
        ct: PathBuf,
        /// The reference on the CT's grid.
        reference: PathBuf,
    },
    /// In memory.
    Volumes(Arc<(CtVolume, LabelMap)>),
}

/// What a run trains on and chooses its best epoch by.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    /// Cases to train on.
    pub training: Vec<Case>,
    /// Cases by which the best epoch is chosen; without any, the last epoch is the best.
    pub validation: Vec<Case>,
    /// What goes into the model's provenance.
    pub sources: Vec<DataSource>,
    /// Names of classes 1, 2, …; see [`crate::model::label_names`].
    pub labels: Vec<String>,
    /// The data list as text, kept in the run folder; empty if there is none.
    pub list: String,
}

impl Cases {
    pub(super) fn check(&self) -> Result<()> {
        if self.training.is_empty() {
            return Err(Error::run("the data list has no training case", "give at least one case `split = \"train\"`"));
        }
        let mut names: Vec<&str> = self.training.iter().chain(&self.validation).map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::run(
                format!("case `{}` is listed twice", pair[0]),
                "a case is either trained on or validated on, and once",
            )),
            None => Ok(()),
        }
    }

    /// The names in their order, which a resumed run must find unchanged.
    pub(super) fn names(&self) -> [Vec<String>; 2] {
        [&self.training, &self.validation].map(|cases| cases.iter().map(|case| case.name.clone()).collect())
    }
}

/// Reads and prepares one case for training or validation.
pub(super) fn load(case: &Case, recipe: &Recipe) -> Result<Prepared> {
    let prepared = match &case.source {
        CaseSource::Volumes(volumes) => from_volumes(&volumes.0, &volumes.1, recipe),
        CaseSource::Files { ct, reference } => (|| {
            let ct = pulmo_ct::format::open_ct(ct)?;
            let reference = pulmo_ct::format::open_label_map(reference)?;
            from_volumes(&ct, &reference, recipe)
        })(),
    };
    prepared.map_err(|error| error.at_case(&case.name))
}

fn from_volumes(ct: &CtVolume, reference: &LabelMap, recipe: &Recipe) -> Result<Prepared> {
    prepare(ct, Some(reference), &recipe.input, &recipe.input.intensity, recipe.network.classes)
}
