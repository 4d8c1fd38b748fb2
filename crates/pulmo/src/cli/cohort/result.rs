//! Reads what `pulmo segment` and `pulmo run` leave in the folder of a case: `result.json` and `report.json`.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::model::{Cohort, Metric};

/// What a case of a model without labels of its own is of.
const INFILTRATE: &str = "infiltrate";

/// `result.json` as far as a page shows it.
#[derive(Debug, Deserialize)]
struct Segmented {
    case: String,
    infiltrate: Volume,
    #[serde(default)]
    warnings: Vec<String>,
    model: Option<Model>,
}

#[derive(Debug, Deserialize)]
struct Volume {
    volume_ml: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model {
    recipe: String,
    sha256: String,
    data: Vec<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    name: String,
    licence: String,
    note: String,
}

/// `report.json` as far as a page shows it.
#[derive(Debug, Deserialize)]
struct Report {
    case: String,
    quantities: Quantities,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Quantities {
    opacity: Opacity,
    lung: Option<Lung>,
    #[serde(default)]
    involvement: Vec<Involvement>,
    #[serde(default)]
    flags: Vec<Flag>,
}

#[derive(Debug, Deserialize)]
struct Opacity {
    total_ml: f64,
}

#[derive(Debug, Deserialize)]
struct Lung {
    total_ml: f64,
}

#[derive(Debug, Deserialize)]
struct Involvement {
    rule: String,
    percent: f64,
}

#[derive(Debug, Deserialize)]
struct Flag {
    sentence: String,
}

/// Adds the case in a folder.
///
/// # Errors
/// If a file of the known name has another form.
pub(super) fn add(cohort: &mut Cohort, folder: &Path) -> anyhow::Result<()> {
    if let Some(found) = read::<Segmented>(&folder.join("result.json"))? {
        let mask = folder.join("mask.nii.gz");
        if mask.is_file() {
            cohort.masks.insert(found.case.clone(), mask);
        }
        if let Some(model) = found.model {
            let hash: String = model.sha256.chars().take(12).collect();
            cohort.models.insert(format!("{}, {hash}", model.recipe));
            for data in model.data {
                let licence = if data.licence.is_empty() { "not known" } else { &data.licence };
                let note = if data.note.is_empty() { String::new() } else { format!(": {}", data.note) };
                cohort.notes.insert(format!("The model learnt from {} (licence: {licence}){note}", data.name));
            }
        }
        let row = cohort.row(&found.case, INFILTRATE);
        row.prediction_ml.get_or_insert(found.infiltrate.volume_ml);
        row.warnings.extend(found.warnings);
    }
    if let Some(found) = read::<Report>(&folder.join("report.json"))? {
        let quantities = found.quantities;
        let involvement = quantities.involvement.first();
        let rule = involvement.map_or(String::new(), |first| first.rule.clone());
        cohort.add_metric(Metric { name: "lung_ml".into(), unit: "mL".into(), rule: String::new() });
        cohort.add_metric(Metric { name: "share_of_lung_percent".into(), unit: "%".into(), rule });
        let row = cohort.row(&found.case, INFILTRATE);
        row.prediction_ml.get_or_insert(quantities.opacity.total_ml);
        row.values.insert("lung_ml".into(), quantities.lung.map(|lung| lung.total_ml));
        row.values.insert("share_of_lung_percent".into(), involvement.map(|first| first.percent));
        let flags = quantities.flags.into_iter().map(|flag| flag.sentence);
        for warning in found.warnings.into_iter().chain(flags) {
            if !row.warnings.contains(&warning) {
                row.warnings.push(warning);
            }
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read `{}`", path.display()))?,
    };
    let found = serde_json::from_slice(&text);
    found.map(Some).with_context(|| format!("`{}` has another form than this version writes", path.display()))
}
