//! The demonstration's data set: phantoms as NIfTI files with their list.

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_ct::dataset::list::LabelValue;
use pulmo_ct::dataset::{self, DataList, IntensityStored, Split};
use pulmo_ct::format::{write_label_map, write_volume};
use pulmo_ct::phantom::{Phantom, PhantomOptions, thorax};

use super::{Options, Progress};
use crate::error::{Error, Result};
use crate::model::DataSource;
use crate::train::{Case, CaseSource, Cases};

/// A grown patient's thorax (slice, row, column) in mm, whatever the number of voxels.
const THORAX_MM: [f64; 3] = [256.0, 345.6, 345.6];
/// Seed of the first training phantom; the tests of the phantom itself use others.
const FIRST_TRAINING_SEED: u64 = 1000;
/// Seed of the first held-out phantom.
const FIRST_HELD_OUT_SEED: u64 = 2000;
/// What a user of the model must know.
const NOTE: &str = "synthetic phantoms only; it is good for nothing else";

/// What the demonstration works on.
#[derive(Debug)]
pub(super) struct Data {
    /// To train on.
    pub(super) cases: Cases,
    /// To judge by.
    pub(super) held_out: Vec<Phantom>,
}

/// Draws and writes all phantoms.
pub(super) fn draw(options: &Options<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Data> {
    let all = options.training_cases + options.held_out_cases;
    let mut list = Vec::with_capacity(all);
    let mut training = Vec::with_capacity(options.training_cases);
    let mut held_out = Vec::with_capacity(options.held_out_cases);
    for index in 0..all {
        let is_training = index < options.training_cases;
        let phantom = thorax(&phantom_options(options, index))?;
        let place = Place::of(index, is_training, options);
        write(options.folder, &place, &phantom)?;
        list.push(place.entry(options.folder, is_training));
        if is_training {
            training.push(Case { name: place.name.clone(), source: place.source(options) });
        } else {
            held_out.push(phantom);
        }
        progress(Progress::Drawn(index + 1, all));
    }
    let list = DataList {
        name: "phantoms".to_owned(),
        licence: "none: made by this program".to_owned(),
        citation: String::new(),
        notes: NOTE.to_owned(),
        intensity_stored: IntensityStored::default(),
        labels: BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]),
        cases: list,
        ..DataList::default()
    };
    list.save(&options.folder.join("data.toml"))?;
    let sources = vec![DataSource::of(&list)];
    let cases = Cases { training, sources, labels: vec!["infiltrate".to_owned()], ..Cases::default() };
    Ok(Data { cases, held_out })
}

fn phantom_options(options: &Options<'_>, index: usize) -> PhantomOptions {
    let seed = match index.checked_sub(options.training_cases) {
        None => FIRST_TRAINING_SEED + index as u64,
        Some(held_out) => FIRST_HELD_OUT_SEED + held_out as u64,
    };
    let shape = options.shape;
    let spacing_mm = std::array::from_fn(|axis| THORAX_MM[axis] / shape[axis] as f64);
    PhantomOptions { shape, spacing_mm, ..PhantomOptions::seeded(seed) }
}

/// Where a phantom's files lie, relative to the demonstration's folder.
struct Place {
    name: String,
    folder: &'static str,
    /// The case whose mask this image is trained with: itself, but for the control.
    partner: String,
}

impl Place {
    fn of(index: usize, is_training: bool, options: &Options<'_>) -> Self {
        if !is_training {
            let name = format!("held_out_{:02}", index - options.training_cases + 1);
            return Self { partner: name.clone(), name, folder: "data/held_out" };
        }
        let name = |index: usize| format!("training_{:02}", index + 1);
        let partner = if options.shuffle_masks { (index + 1) % options.training_cases } else { index };
        Self { name: name(index), partner: name(partner), folder: "data/training" }
    }

    fn file(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}.nii.gz", self.folder)
    }

    fn entry(&self, folder: &Path, is_training: bool) -> dataset::Case {
        dataset::Case {
            name: self.name.clone(),
            image: folder.join(self.file("images", &self.name)),
            labels: folder.join(self.file("labels", &self.partner)),
            lungs: Some(folder.join(self.file("lungs", &self.name))),
            patient: self.name.clone(),
            split: if is_training { Split::Train } else { Split::Test },
            ..dataset::Case::default()
        }
    }

    fn source(&self, options: &Options<'_>) -> CaseSource {
        CaseSource::Files {
            ct: options.folder.join(self.file("images", &self.name)),
            reference: options.folder.join(self.file("labels", &self.partner)),
        }
    }
}

fn write(folder: &Path, place: &Place, phantom: &Phantom) -> Result<()> {
    for kind in ["images", "labels", "lungs"] {
        let path = folder.join(place.folder).join(kind);
        std::fs::create_dir_all(&path).map_err(|source| Error::write(&path, source))?;
    }
    let path = |kind: &str| folder.join(place.file(kind, &place.name));
    write_volume(&path("images"), &phantom.volume)?;
    write_label_map(&path("labels"), &phantom.infiltrate)?;
    write_label_map(&path("lungs"), &phantom.lungs)?;
    Ok(())
}
