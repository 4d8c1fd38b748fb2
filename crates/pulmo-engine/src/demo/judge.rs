//! The held-out phantoms: network against reference, the best HU band beside it, and the tables.

use std::fmt::Write;
use std::path::Path;

use pulmo_ct::baseline::{BandCase, best_hu_band};
use pulmo_ct::format::Origin;
use pulmo_ct::phantom::Phantom;
use pulmo_ct::{LabelMap, atomic};
use pulmo_measure::compare::dice::Dice;
use pulmo_measure::compare::{MaskPair, Metric};
use serde::Serialize;

use super::{Options, Progress, Report};
use crate::case_key::PROJECT_KEY;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::output::OutputFolder;
use crate::result::{CaseResult, Identity};
use crate::segment::Segmenter;

/// One held-out phantom.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseScore {
    /// Its name.
    pub case: String,
    /// Dice of the network on the phantom's own grid; `None` if reference and prediction are empty.
    pub dice: Option<f64>,
    /// Dice of the best HU band.
    pub hu_band_dice: f64,
    /// Volume that was drawn, in mL.
    pub reference_ml: f64,
    /// Volume that the network found, in mL.
    pub prediction_ml: f64,
}

/// Means over the held-out phantoms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// Mean Dice of the network; undefined ones left out.
    pub dice: f64,
    /// Mean Dice of the best HU band.
    pub hu_band_dice: f64,
    /// Mean of |found − drawn| in mL.
    pub absolute_volume_error_ml: f64,
}

/// What judging gave.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) cases: Vec<CaseScore>,
    pub(super) mean: Mean,
    pub(super) hu_band: String,
    pub(super) predictions: Vec<LabelMap>,
}

/// Segments and measures every held-out phantom, and writes the predictions as `pulmo segment` would.
pub(super) fn judge(
    options: &Options<'_>,
    model: Model,
    held_out: &[Phantom],
    progress: &mut dyn FnMut(Progress),
) -> Result<Judged> {
    let bands: Vec<BandCase<'_>> = held_out.iter().map(|p| (&p.volume, &p.lungs, &p.infiltrate)).collect();
    let band = best_hu_band(&bands)?;
    let output = OutputFolder::open(&options.folder.join("predictions"), PROJECT_KEY)?;
    let mut segmenter = Segmenter::new(model, options.kernels)?;
    let (mut cases, mut predictions) = (Vec::new(), Vec::new());
    for (index, phantom) in held_out.iter().enumerate() {
        let found = segmenter.segment(&phantom.volume, |_, _| {})?;
        let pair = MaskPair::new(&phantom.infiltrate, &found.labels, 1)?;
        let case = format!("held_out_{:02}", index + 1);
        cases.push(CaseScore {
            case: case.clone(),
            dice: Dice.compute(&pair),
            hu_band_dice: band.dice[index],
            reference_ml: pair.reference_ml(),
            prediction_ml: pair.prediction_ml(),
        });
        let origin = Origin { format: "phantom", files: 1, ..Origin::default() };
        // As `pulmo report` knows the file again, so that its --result takes what stands here.
        let image = options.folder.join(format!("data/held_out/images/{case}.nii.gz"));
        let identity = Identity { source: output.source(&origin, &image)?, case };
        let mut result = CaseResult::new(identity, (&origin, &[]), segmenter.model(), &found);
        output.write(&mut result, &found.labels, false, |_| Ok(()))?;
        predictions.push(found.labels);
        progress(Progress::Judged(index + 1, held_out.len()));
    }
    let band_text = format!(
        "{} to {} HU inside the lungs, {} opening{}, components of at least {} voxels",
        band.band.lower_hu,
        band.band.upper_hu,
        band.band.opening,
        if band.band.opening == 1 { "" } else { "s" },
        band.band.least_voxels
    );
    Ok(Judged { mean: mean(&cases), cases, hu_band: band_text, predictions })
}

fn mean(cases: &[CaseScore]) -> Mean {
    let of = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    Mean {
        dice: of(cases.iter().filter_map(|case| case.dice).collect()),
        hu_band_dice: of(cases.iter().map(|case| case.hu_band_dice).collect()),
        absolute_volume_error_ml: of(cases.iter().map(|c| (c.prediction_ml - c.reference_ml).abs()).collect()),
    }
}

/// Writes `demo.json` and `demo.txt`: what no evaluation holds, such as the HU band and the losses.
pub(super) fn write_report(folder: &Path, report: &Report) -> Result<()> {
    let path = folder.join("demo.json");
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| Error::write(&path, error.into()))?;
    json.push(b'\n');
    atomic::write(&path, &json)?;
    atomic::write(&folder.join("demo.txt"), report.text().as_bytes())?;
    Ok(())
}

impl Report {
    /// The table as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from("case          Dice  best HU band  drawn (mL)  found (mL)\n");
        for case in &self.cases {
            let dice = case.dice.map_or("    -".to_owned(), |dice| format!("{dice:.3}"));
            let CaseScore { case, hu_band_dice, reference_ml, prediction_ml, .. } = case;
            let _ = writeln!(text, "{case:12} {dice}  {hu_band_dice:12.3}  {reference_ml:10.1}  {prediction_ml:10.1}");
        }
        let Mean { dice, hu_band_dice, .. } = self.mean;
        let _ = writeln!(text, "{:12} {dice:.3}  {hu_band_dice:12.3}", "mean");
        if self.shuffled_masks {
            text += "Control: trained on masks of other cases, so a low Dice is the right result.\n";
        }
        text += "Phantoms, not patients: no Dice here compares with a published one.\n";
        text + self.notice + "\n"
    }
}
