//! What the checks need to know of a case, gathered while its volume is in memory.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::front_back;
use super::placement::Placement;
use super::signature::Signature;
use super::small::Small;
use super::values::Values;
use crate::dataset::{Case, DataList, IntensityStored, Split};
use crate::error::{Error, Result};
use crate::format::{OpenOptions, dicom, open_ct, open_label_map};
use crate::geometry::Grid;
use crate::orient::{Orientation, Turn};
use crate::volume::{CtVolume, LabelMap};

/// One case.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The case's name.
    pub name: String,
    /// Whose it is, by the list.
    pub patient: String,
    /// What it is for, by the list.
    pub split: Split,
    /// The image, if it could be opened.
    pub image: Option<ImageFacts>,
    /// The reference, if it could be opened.
    pub labels: Option<MaskFacts>,
    /// The lungs, if the list names them and they could be opened.
    pub lungs: Option<MaskFacts>,
    /// What could not be opened: which part, why, what to do.
    pub unread: Vec<(&'static str, String, String)>,
}

/// A volume without its voxels.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// Shape and place.
    pub grid: Grid,
    /// Its values.
    pub values: Values,
    /// A hash of its shape and voxels.
    pub content: [u8; 32],
    /// Hashes of what names study and patient in DICOM; empty for other formats.
    pub identities: Vec<[u8; 32]>,
    /// What it looks like.
    pub signature: Signature,
    /// Bright voxels before and behind the middle of the body, near the midline; see [`front_back`].
    pub bone: [usize; 2],
}

/// A mask without its voxels.
#[derive(Debug, Clone)]
pub struct MaskFacts {
    /// Voxels of each label.
    pub counts: Vec<usize>,
    /// The volume of a voxel in mL.
    pub voxel_ml: f64,
    /// Why it is not on the image's grid, with the advice.
    pub off_grid: Option<(String, String)>,
    /// Where it lies in the lungs that the image shows, in every orientation; `None` if off the grid or unclear.
    pub placement: Option<Placement>,
}

impl Facts {
    /// Opens a case and keeps what matters of it. What cannot be opened is in [`Facts::unread`].
    #[must_use]
    pub fn of(case: &Case, list: &DataList) -> Self {
        let mut unread = Vec::new();
        let mut keep = |part: &'static str, error: Error| {
            unread.push((part, error.to_string(), error.hint().unwrap_or("check the file").to_owned()));
        };
        let known_not_hu = list.intensity_stored == IntensityStored::EightBit;
        let opened = open_ct(&case.image, &OpenOptions { known_not_hu, ..OpenOptions::default() });
        let opened = opened.map_err(|error| keep("image", error)).ok();
        let mut picture = None;
        let image = opened.and_then(|opened| {
            let grid = *opened.volume.grid();
            let turn = Turn::to(Orientation::Patient, &grid);
            let values = Values::of(opened.volume.hu());
            let content = content(&opened.volume);
            let identities = identities(opened.origin.study_instance_uid.as_deref(), &case.image);
            let small = turned(opened.volume, turn).map(|volume| Small::of(&volume));
            let small = small.map_err(|error| keep("image", error)).ok()?;
            let facts = ImageFacts {
                grid,
                values,
                content,
                identities,
                signature: Signature::of(&small),
                bone: front_back::bone(&small),
            };
            picture = Some((grid, turn, small));
            Some(facts)
        });
        let mut mask = |part: &'static str, path: &Path| {
            let map = open_label_map(path).map_err(|error| keep(part, error)).ok()?;
            Some(MaskFacts::of(map, picture.as_ref()))
        };
        let labels = mask("labels", &case.labels);
        let lungs = case.lungs.as_deref().and_then(|path| mask("lungs", path));
        let (name, patient) = (case.name.clone(), case.patient.clone());
        Self { name, patient, split: case.split, image, labels, lungs, unread }
    }
}

impl MaskFacts {
    fn of(map: LabelMap, picture: Option<&(Grid, Turn, Small)>) -> Self {
        let mut counts = vec![0; 256];
        map.labels().iter().for_each(|&label| counts[usize::from(label)] += 1);
        let voxel_ml = map.grid().voxel_ml();
        let difference = picture.and_then(|(grid, _, _)| grid.must_equal(map.grid()).err());
        let off_grid = difference.map(|error| {
            let advice = error.hint().unwrap_or_default().to_owned();
            (error.to_string(), advice)
        });
        let placement = picture.filter(|_| off_grid.is_none()).and_then(|(_, turn, small)| {
            let drawn = if turn.is_identity() { map } else { turn.labels(&map).ok()? };
            Placement::of(small, &small.of_mask(&drawn))
        });
        Self { counts, voxel_ml, off_grid, placement }
    }

    /// Voxels above 0.
    #[must_use]
    pub fn drawn(&self) -> usize {
        self.counts[1..].iter().sum()
    }
}

fn turned(volume: CtVolume, turn: Turn) -> Result<CtVolume> {
    if turn.is_identity() { Ok(volume) } else { turn.ct(&volume) }
}

fn content(volume: &CtVolume) -> [u8; 32] {
    let mut hash = Sha256::new();
    volume.grid().shape().iter().for_each(|n| hash.update((*n as u64).to_le_bytes()));
    let mut bytes = Vec::with_capacity(1 << 16);
    for part in volume.hu().chunks(1 << 14) {
        bytes.clear();
        part.iter().for_each(|hu| bytes.extend_from_slice(&hu.to_le_bytes()));
        hash.update(&bytes);
    }
    hash.finalize().into()
}

/// Hashes of the study's UID and the patient's identifier: enough to see that two are the same.
fn identities(study: Option<&str>, image: &Path) -> Vec<[u8; 32]> {
    let hashed = |kind: &str, text: &str| -> [u8; 32] { Sha256::digest(format!("{kind}\0{text}")).into() };
    let Some(study) = study else { return Vec::new() };
    let patient = first_file(image, 4).and_then(|path| dicom::file::open(&path).ok()).and_then(|object| {
        let id = object.element(dicom_dictionary_std::tags::PATIENT_ID).ok()?.to_str().ok()?.trim().to_owned();
        (!id.is_empty()).then_some(id)
    });
    let study = Some(study.trim()).filter(|uid| !uid.is_empty()).map(|uid| hashed("study", uid));
    study.into_iter().chain(patient.map(|id| hashed("patient", &id))).collect()
}

/// The first DICOM file at a path, folders of some levels included.
fn first_file(path: &Path, levels: usize) -> Option<PathBuf> {
    if path.is_file() {
        let mut head = vec![0; 132];
        std::io::Read::read_exact(&mut std::fs::File::open(path).ok()?, &mut head).ok()?;
        return dicom::file::looks_like(&head).then(|| path.to_owned());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.iter().filter(|_| levels > 0).find_map(|entry| first_file(entry, levels - 1))
}
