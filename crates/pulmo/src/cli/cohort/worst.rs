//! The cases to look at first, and their pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pulmo::ct::dataset::{DataList, IntensityStored};
use pulmo::ct::format::OpenOptions;
use pulmo::ct::{CtVolume, LabelMap};
use pulmo::picture::{Layers, View, WINDOW_CENTRE_HU, WINDOW_WIDTH_HU};

use super::model::{Cohort, Row};
use crate::cli::ct;
use crate::cli::evaluate::masks;
use crate::terminal::Terminal;

/// A case that is shown, and why.
#[derive(Debug)]
pub(super) struct Card<'a> {
    pub(super) row: &'a Row,
    /// Such as `Lowest Dice`.
    pub(super) why: Vec<&'static str>,
    pub(super) pictures: Vec<Shown>,
    /// Why there are no pictures, if they were wanted.
    pub(super) problem: Option<&'static str>,
}

/// One picture.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) view: &'static str,
    /// The PNG file in base64.
    pub(super) png: String,
}

/// Where CTs, references and predictions may lie.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) lists: &'a [DataList],
    pub(super) folder: Option<PathBuf>,
}

/// Files of a case.
struct Files<'a> {
    ct: &'a Path,
    stored: IntensityStored,
    reference: &'a Path,
    prediction: PathBuf,
}

/// The `n` cases of lowest Dice and the `n` of largest volume error, lungs left out, each once; with pictures where the
/// files are known.
///
/// # Errors
/// If the folder of the predictions cannot be read.
pub(super) fn cards<'a>(
    cohort: &'a Cohort,
    n: usize,
    places: &Places<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Card<'a>>> {
    let mut cards = choose(cohort, n);
    if places.lists.is_empty() {
        return Ok(cards);
    }
    let predictions = match &places.folder {
        Some(folder) => masks_in(folder, cohort)?,
        None => cohort.masks.clone(),
    };
    let progress = terminal.progress("drawing", cards.len() as u64);
    for (done, card) in cards.iter_mut().enumerate() {
        progress.at(done as u64);
        let Some(files) = files_of(card.row, &predictions, places) else {
            card.problem = Some("CT, reference or prediction of this case was not found");
            continue;
        };
        match draw(&files, card.row.value, terminal) {
            Ok(pictures) => card.pictures = pictures,
            Err(error) => {
                terminal.warn(&format!("{}: no pictures: {error:#}", card.row.case));
                card.problem = Some("the files of this case could not be drawn");
            }
        }
    }
    Ok(cards)
}

fn choose(cohort: &Cohort, n: usize) -> Vec<Card<'_>> {
    let lesions: Vec<&Row> = cohort.rows.iter().filter(|row| !row.is_lung()).collect();
    let ranked = |badness: fn(&Row) -> Option<f64>| {
        let mut list: Vec<(f64, &Row)> = lesions.iter().filter_map(|row| Some((badness(row)?, *row))).collect();
        list.sort_by(|a, b| b.0.total_cmp(&a.0));
        list.into_iter().filter(|(badness, _)| *badness != 0.0).take(n).map(|(_, row)| row).collect::<Vec<_>>()
    };
    let by_dice = ranked(|row| row.get("dice").map(|dice| 1.0 - dice));
    let by_volume = ranked(|row| row.volume_error_ml().map(f64::abs));
    let mut cards: Vec<Card<'_>> = Vec::new();
    for (why, rows) in [("Lowest Dice", by_dice), ("Largest volume error", by_volume)] {
        for row in rows {
            match cards.iter_mut().find(|card| std::ptr::eq(card.row, row)) {
                Some(card) => card.why.push(why),
                None => cards.push(Card { row, why: vec![why], pictures: Vec::new(), problem: None }),
            }
        }
    }
    cards
}

fn files_of<'a>(row: &Row, predictions: &BTreeMap<String, PathBuf>, places: &Places<'a>) -> Option<Files<'a>> {
    let (list, case) =
        places.lists.iter().find_map(|list| Some((list, list.cases.iter().find(|case| case.name == row.case)?)))?;
    let prediction = predictions.get(&row.case)?.clone();
    Some(Files { ct: &case.image, stored: list.intensity_stored, reference: &case.labels, prediction })
}

/// The masks of a folder by case, as `pulmo evaluate` finds them; of two that could be one case's neither counts.
fn masks_in(folder: &Path, cohort: &Cohort) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let cases: BTreeSet<&str> = cohort.rows.iter().map(|row| row.case.as_str()).collect();
    let mut found: BTreeMap<String, Option<PathBuf>> = BTreeMap::new();
    for (stem, path) in masks::list(folder, "predictions")?.masks {
        let case = if cases.contains(stem.as_str()) { &stem } else { masks::without_endings(&stem) };
        found.entry(case.to_owned()).and_modify(|known| *known = None).or_insert(Some(path));
    }
    Ok(found.into_iter().filter_map(|(case, path)| Some((case, path?))).collect())
}

/// An axial and a coronal slice, each where the masks differ most.
fn draw(files: &Files<'_>, value: u8, terminal: &Terminal) -> anyhow::Result<Vec<Shown>> {
    let opened = ct::open(files.ct, &OpenOptions::default(), terminal).context("cannot read the CT")?;
    let mut volume = opened.volume;
    if files.stored == IntensityStored::EightBit {
        volume = from_greys(volume)?;
    }
    let label = |path: &Path| one_label(masks::open_onto(path, volume.grid())?.0, value);
    let reference = label(files.reference).context("cannot lay the reference onto the CT")?;
    let prediction = label(&files.prediction).context("cannot lay the prediction onto the CT")?;
    let differ = reference.labels().iter().zip(prediction.labels()).map(|(a, b)| u8::from(a != b)).collect();
    let difference = LabelMap::new(*volume.grid(), differ)?;
    let layers = Layers { volume: &volume, reference: Some(&reference), prediction: Some(&prediction) };
    let where_they_differ = Layers { reference: Some(&difference), prediction: None, ..layers };
    [View::Axial, View::Coronal]
        .into_iter()
        .map(|view| {
            let png = layers.draw_slice(view, where_they_differ.fullest_slice(view)).to_png()?;
            Ok(Shown { view: view.name(), png: STANDARD.encode(png) })
        })
        .collect()
}

/// The label alone, so that a mask of lungs beside it does not cover the picture.
fn one_label(map: LabelMap, value: u8) -> pulmo::ct::Result<LabelMap> {
    let labels = map.labels().iter().map(|&label| u8::from(label == value)).collect();
    LabelMap::new(*map.grid(), labels)
}

/// Greys from 0 to 255 where the lung window has its black and its white.
fn from_greys(volume: CtVolume) -> pulmo::ct::Result<CtVolume> {
    let low = WINDOW_CENTRE_HU - WINDOW_WIDTH_HU / 2.0;
    let grid = *volume.grid();
    CtVolume::new(grid, volume.into_hu().into_iter().map(|grey| low + grey / 255.0 * WINDOW_WIDTH_HU).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(cases: &[(&str, Option<f64>, f64, f64)]) -> Cohort {
        let mut cohort = Cohort::default();
        for &(case, dice, reference, prediction) in cases {
            let row = cohort.row(case, "infiltrate");
            row.values.insert("dice".into(), dice);
            (row.reference_ml, row.prediction_ml) = (Some(reference), Some(prediction));
        }
        cohort
    }

    #[test]
    fn the_worst_come_first_and_each_once() {
        let mut cohort = cohort(&[
            ("good", Some(1.0), 10.0, 10.0),
            ("poor", Some(0.1), 10.0, 90.0),
            ("alarm", None, 0.0, 50.0),
            ("fair", Some(0.5), 10.0, 9.0),
        ]);
        cohort.row("good", "lung").values.insert("dice".into(), Some(0.0));
        let shown: Vec<(&str, usize)> =
            choose(&cohort, 2).iter().map(|card| (card.row.case.as_str(), card.why.len())).collect();
        assert_eq!(shown, [("poor", 2), ("fair", 1), ("alarm", 1)]);
        let all: Vec<&str> = choose(&cohort, 9).iter().map(|card| card.row.case.as_str()).collect();
        assert_eq!(all, ["poor", "fair", "alarm"], "a case without any error is none of the worst");
        assert!(choose(&cohort, 0).is_empty());
    }

    #[test]
    fn masks_are_found_by_the_name_of_their_case() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        for file in ["a/mask.nii.gz", "b_pred.nrrd", "c.nii", "c_mask.nii", "d_mask.nii", "d_seg.nii"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let cohort = cohort(&[("a", None, 0.0, 0.0), ("b", None, 0.0, 0.0), ("c_mask", None, 0.0, 0.0)]);
        let found = masks_in(folder.path(), &cohort).unwrap();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "c", "c_mask"], "two files could be d's");
        assert!(found["b"].ends_with("b_pred.nrrd") && masks_in(&folder.path().join("absent"), &cohort).is_err());
    }
}
