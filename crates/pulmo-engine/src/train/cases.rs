//! The cases of a run and how they are loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulmo_ct::dataset::{DataList, IntensityStored, Split};
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use pulmo_ct::intensity::Intensity;
use pulmo_ct::{CtVolume, LabelMap};

use crate::batch::{Prepared, prepare};
use crate::error::{Error, Result};
use crate::model::DataSource;
use crate::recipe::{Recipe, Voxels};

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
    /// The data list as TOML with absolute paths, kept in the run folder; empty if there is none.
    pub list: String,
}

impl Cases {
    /// The training and validation cases of a data list.
    ///
    /// # Errors
    /// [`Error::Run`] if the recipe's intensity transform does not fit what the list says its images hold.
    pub fn from_list(list: &DataList, recipe: &Recipe) -> Result<Self> {
        check_intensity(list, recipe)?;
        let of_split = |split| {
            let files = |case: &pulmo_ct::dataset::Case| Case {
                name: case.name.clone(),
                source: CaseSource::Files { ct: case.image.clone(), reference: case.labels.clone() },
            };
            list.of_split(split).map(files).collect()
        };
        let foreground = &recipe.input.foreground_labels;
        let wanted = |value: u8| {
            if foreground.is_empty() {
                usize::from(value) < recipe.network.classes
            } else {
                foreground.contains(&value)
            }
        };
        let names: Vec<String> =
            list.labels.iter().filter(|(value, _)| wanted(value.0)).map(|(_, name)| name.clone()).collect();
        Ok(Self {
            training: of_split(Split::Train),
            validation: of_split(Split::Validation),
            sources: vec![DataSource::of(list)],
            labels: if foreground.len() > 1 { vec![names.join(" or ")] } else { names },
            list: as_text(list)?,
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.training.is_empty() {
            return Err(Error::run("the data list has no training case", "give at least one case `split = \"train\"`"));
        }
        let mut names: Vec<&str> =
            self.training.iter().chain(&self.validation).map(|case| case.name.as_str()).collect();
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

/// The list as TOML with absolute paths, so that the copy in the run folder can be used from there.
fn as_text(list: &DataList) -> Result<String> {
    let mut list = DataList { root: None, ..list.clone() };
    for case in &mut list.cases {
        for path in case.paths_mut() {
            *path = std::path::absolute(&*path).map_err(|source| Error::read(path, source))?;
        }
    }
    toml::to_string(&list).map_err(|error| Error::run(format!("the data list cannot be copied: {error}"), ""))
}

fn check_intensity(list: &DataList, recipe: &Recipe) -> Result<()> {
    let needs_hu = match &recipe.input.intensity {
        Intensity::Window { .. } | Intensity::ClipZScore { .. } | Intensity::SliceMinMaxClahe { .. } => Some(true),
        Intensity::EightBit {} => Some(false),
        Intensity::MinMax {} | Intensity::Histogram { .. } => None,
    };
    match (list.intensity_stored, needs_hu) {
        (IntensityStored::EightBit, Some(true)) => Err(Error::run(
            format!("data list `{}` holds 8-bit greys, and the recipe's `input.intensity` is made for HU", list.name),
            "take kind = \"eight_bit\" as in recipes/covid8bit.toml",
        )),
        (IntensityStored::Hu, Some(false)) => Err(Error::run(
            format!("data list `{}` holds HU, and the recipe's `input.intensity` is made for 8-bit greys", list.name),
            "take kind = \"window\" or \"min_max\", or write intensity_stored = \"eight_bit\" if that is what it holds",
        )),
        _ => Ok(()),
    }
}

/// Reads and prepares one case for training or validation; also what a user should know of its files.
pub(super) fn load(case: &Case, recipe: &Recipe) -> Result<(Prepared, Vec<String>)> {
    let loaded = match &case.source {
        CaseSource::Volumes(volumes) => from_volumes(&volumes.0, &volumes.1, recipe).map(|volume| (volume, Vec::new())),
        CaseSource::Files { ct, reference } => from_files(ct, reference, recipe),
    };
    loaded.map_err(|error| error.at_case(&case.name))
}

fn from_files(ct: &Path, reference: &Path, recipe: &Recipe) -> Result<(Prepared, Vec<String>)> {
    let known_not_hu = matches!(recipe.input.intensity, Intensity::EightBit {});
    let opened = open_ct(ct, &OpenOptions { known_not_hu, ..OpenOptions::default() })?;
    let reference = open_label_map(reference)?;
    Ok((from_volumes(&opened.volume, &reference, recipe)?, opened.warnings))
}

fn from_volumes(ct: &CtVolume, reference: &LabelMap, recipe: &Recipe) -> Result<Prepared> {
    prepare(ct, Some(reference), &recipe.input, Voxels::AsInTraining, recipe.network.classes)
}
