//! Opening one case: image, reference and lungs, checked against each other.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Candidate, Cause, Reference, masks};
use crate::dataset::digest;
use crate::dataset::list::{Case, IntensityStored, LabelValue};
use crate::error::Error;
use crate::format::{OpenOptions, open_ct, open_label_map};
use crate::geometry::Grid;
use crate::volume::LabelMap;

/// No CT without a voxel below this is in HU: there is air around or in whatever it shows.
const SOME_AIR_HU: f32 = -500.0;

/// A case that was opened, and what its voxels are.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) case: Case,
    pub(super) stored: Stored,
}

/// What the voxels of an image are, by their range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stored {
    Hu,
    /// Greys from 0 to 255.
    EightBit,
    /// Neither: the lowest and highest value.
    Other(f32, f32),
}

/// Cause and reason.
pub(super) type Refusal = (Cause, String);

/// Opens what belongs to a candidate. One volume is in memory at a time.
pub(super) fn examine(
    candidate: Candidate,
    labels: &BTreeMap<LabelValue, String>,
    work: &Path,
) -> Result<Examined, Refusal> {
    for (part, role) in [(Some(&candidate.image), "image"), (candidate.lungs.as_ref(), "lung mask")] {
        if let Some(part) = part.filter(|part| !part.exists()) {
            return Err((Cause::Missing, format!("the {role} `{}` is not there", name(part))));
        }
    }
    let (hash, image) = rayon::join(|| digest::of_image(&candidate.image), || look(&candidate));
    let (grid, stored) = image?;
    let hash = hash.map_err(|error| of_error(&error, "the image"))?;
    let (path, mask) = match &candidate.reference {
        Reference::File(path) if !path.exists() => {
            return Err((Cause::Missing, format!("the mask `{}` is not there", name(path))));
        }
        Reference::File(path) => {
            let mask = open_label_map(path).map_err(|error| of_error(&error, "the mask"))?;
            (path.clone(), mask)
        }
        Reference::Made(maker) => {
            masks::make(work, &candidate.name, maker.as_ref(), &grid).map_err(|error| of_error(&error, "the mask"))?
        }
    };
    let misfit = |error: Error| (Cause::Mismatch, one_line(&error));
    grid.must_equal(mask.grid()).map_err(misfit)?;
    let counts = counts(&mask);
    drop(mask);
    must_be_listed(&counts, labels)?;
    let infiltrate_ml = infiltrate_ml(&counts, &grid, labels);
    if let Some(lungs) = &candidate.lungs {
        let lungs = open_label_map(lungs).map_err(|error| of_error(&error, "the lung mask"))?;
        grid.must_equal(lungs.grid()).map_err(|error| (Cause::Mismatch, format!("lungs: {}", one_line(&error))))?;
    }
    let Candidate { name, image, lungs, patient, site, split, note, .. } = candidate;
    let patient = if patient.is_empty() { name.clone() } else { patient };
    let case = Case {
        name,
        image,
        labels: path,
        lungs,
        patient,
        site,
        split,
        slices: Some(grid.shape()[0]),
        spacing_mm: Some(grid.spacing().mm().map(|mm| (mm * 1e6).round() / 1e6)),
        infiltrate_ml: Some((infiltrate_ml * 1e3).round() / 1e3),
        sha256: Some(hash),
        note,
    };
    Ok(Examined { case, stored })
}

/// Grid and kind of voxels of the image.
fn look(candidate: &Candidate) -> Result<(Grid, Stored), Refusal> {
    if let Some(grid) = candidate.grid {
        return Ok((grid, Stored::Hu));
    }
    let options = OpenOptions { known_not_hu: true, ..OpenOptions::default() };
    let opened = open_ct(&candidate.image, &options).map_err(|error| of_error(&error, "the image"))?;
    let hu = opened.volume.hu();
    let (low, high) = hu.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let stored = match (low, high) {
        _ if low <= SOME_AIR_HU => Stored::Hu,
        _ if low >= 0.0 && high <= 255.0 => Stored::EightBit,
        _ => Stored::Other(low, high),
    };
    Ok((*opened.volume.grid(), stored))
}

impl Stored {
    /// Why a case is not taken where `wanted` is asked for.
    pub(super) fn refusal(self, wanted: IntensityStored) -> Option<String> {
        match (self, wanted) {
            (Self::Hu, IntensityStored::Hu) | (Self::EightBit, IntensityStored::EightBit) => None,
            (Self::EightBit, IntensityStored::Hu) => {
                Some("its values are greys from 0 to 255, windowed before publication: HU are lost".to_owned())
            }
            (Self::Hu, IntensityStored::EightBit) => Some("its values are HU, and greys were asked for".to_owned()),
            (Self::Other(low, high), _) => {
                Some(format!("its values span {low} to {high}: no voxel is air, so they are not HU"))
            }
        }
    }
}

/// How many voxels hold each value.
fn counts(mask: &LabelMap) -> [usize; 256] {
    let mut counts = [0; 256];
    mask.labels().iter().for_each(|&label| counts[usize::from(label)] += 1);
    counts
}

fn must_be_listed(counts: &[usize; 256], labels: &BTreeMap<LabelValue, String>) -> Result<(), Refusal> {
    let unknown: Vec<u8> =
        (1..=255).filter(|&value| counts[usize::from(value)] > 0 && !labels.contains_key(&LabelValue(value))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<u8> = labels.keys().map(|value| value.0).collect();
    Err((Cause::Mismatch, format!("its mask holds the values {unknown:?}; the data set knows {known:?}")))
}

/// Volume of all labels whose name does not speak of lungs.
fn infiltrate_ml(counts: &[usize; 256], grid: &Grid, labels: &BTreeMap<LabelValue, String>) -> f64 {
    let infiltrates = labels.iter().filter(|(_, name)| !is_lung(name));
    infiltrates.map(|(value, _)| counts[usize::from(value.0)]).sum::<usize>() as f64 * grid.voxel_ml()
}

/// Whether a label's name speaks of a lung as a whole.
#[must_use]
pub fn is_lung(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["lung", "left lung", "right lung", "lungs", "left_lung", "right_lung"].contains(&name.as_str())
}

/// What an error of a file means for its case.
pub(super) fn of_error(error: &Error, what: &str) -> Refusal {
    let cause = match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Cause::Missing,
        Error::GridMismatch { .. } => Cause::Mismatch,
        Error::Unsupported { .. } => Cause::Foreign,
        _ => Cause::Damaged,
    };
    (cause, format!("{what}: {}", one_line(error)))
}

/// An error and its causes in one line, with file names instead of paths.
fn one_line(error: &Error) -> String {
    use std::error::Error as _;
    let mut line = match error {
        Error::Io { action, path, .. } => format!("cannot {action} `{}`", name(path)),
        Error::Invalid { path, problem, .. } | Error::Unsupported { path, problem, .. } => {
            format!("`{}`: {problem}", name(path))
        }
        other => other.to_string(),
    };
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
