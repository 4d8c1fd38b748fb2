//! Lungs without a model: thresholds, components and shape.
//!
//! [`segment`] labels the patient's left and right lung in a chest CT of any axis order, with opaque lung
//! (consolidation) inside and without windpipe and main bronchi. Everything is found on block means of about
//! 2.5 mm along patient axes; only the edge is drawn on the CT's own voxels. Values may be HU, or the greys of
//! an 8-bit export, whose threshold is found from their own two classes.
//!
//! A mask that failed or is doubtful says so in [`Lungs::problems`]: nothing that is measured per cent of lung
//! is worth printing then.
//!
//! Some dense lung at the ribs and the base may stay outside: `docs/results/lungs.md` has how much, case by case.
//!
//! Read in this order: `coarse`, `body`, `airways`, `place`, `spine`, `aerated`, `sides`, `wall`, `rim`, `repair` (with `organs` and
//! `beside`), `steady`, `behind`, `mirror` (with `cage` and `dome`), `told` (with `odds`, `surface` and `enclosed`), `pleura`, `edge`, `border`, `judge`; `disc` and `squares` hold shapes and means in one slice,
//! `ribs` looks for bone, `part` cuts out a box.

mod aerated;
mod airways;
mod behind;
mod beside;
mod body;
mod border;
mod cage;
mod coarse;
mod disc;
mod dome;
mod edge;
mod enclosed;
mod judge;
mod mirror;
mod odds;
mod organs;
mod part;
mod place;
mod pleura;
mod repair;
mod ribs;
mod rim;
mod sides;
mod spine;
mod squares;
mod steady;
mod surface;
mod told;
mod wall;

use crate::error::Result;
use crate::orient::{Orientation, Turn};
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};
use crate::volume::{CtVolume, LabelMap};

/// A lung mask and what is to be known about it.
#[derive(Debug, Clone)]
pub struct Lungs {
    /// 1 ([`LEFT_LUNG`]) the patient's left lung, 2 ([`RIGHT_LUNG`]) the right one, on the CT's own grid.
    pub labels: LabelMap,
    /// Volume of the left lung in mL.
    pub left_ml: f64,
    /// Volume of the right lung in mL.
    pub right_ml: f64,
    /// Air in windpipe and main bronchi, which no lung holds, in mL; 0 if none was found.
    pub airways_ml: f64,
    /// Whether the values were taken as HU. Otherwise the threshold was found from the values themselves.
    pub calibrated: bool,
    /// Why the mask failed or is doubtful, one sentence each, with numbers. Empty if all is well.
    pub problems: Vec<String>,
}

impl Lungs {
    /// Volume of both lungs in mL.
    #[must_use]
    pub fn total_ml(&self) -> f64 {
        self.left_ml + self.right_ml
    }

    /// Whether nothing speaks against the mask.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Labels the lungs of a chest CT.
///
/// The result does not depend on the order of the axes in the array; left and right follow the affine.
///
/// # Edge cases
/// A volume without lungs gives an empty label map and a problem; it is no error.
///
/// # Errors
/// None in practice: a valid volume stays valid.
pub fn segment(volume: &CtVolume) -> Result<Lungs> {
    let turn = Turn::to(Orientation::Patient, volume.grid());
    let turned = if turn.is_identity() { None } else { Some(turn.ct(volume)?) };
    let upright = turned.as_ref().unwrap_or(volume);
    let coarse = coarse::Coarse::of(upright);
    let body = body::Body::find(&coarse)?;
    let middle = middle(&coarse, &body.inside);
    let airways = airways::find(&coarse, &body.air, middle);
    let aerated = aerated::find(&coarse, &airways::without(&coarse, &body.inside, &airways), middle)?;
    let air: Vec<bool> = aerated.iter().map(|&label| label > 0).collect();
    let place = place::Place::of(&coarse, &air);
    let allowed: Vec<bool> = body.inside.iter().zip(&airways).map(|(&inside, &airway)| inside && !airway).collect();
    let mut lungs = aerated.clone();
    rim::grow(&coarse, &mut lungs, (&allowed, &place));
    let by_density = lungs.clone();
    let with_rim: Vec<bool> = by_density.iter().map(|&label| label > 0).collect();
    let chest = wall::Chest::find(&coarse, &air, &with_rim);
    repair::fill(&coarse, &mut lungs, &chest, (&allowed, &place))?;
    steady::vote(&coarse, &mut lungs, (&allowed, &aerated));
    let repaired = lungs.clone();
    let mut complete = lungs.clone();
    if coarse.calibrated {
        behind::grow(&coarse, &mut complete, (&allowed, &place));
    }
    let mut guessed = mirror::fill(&coarse, &mut lungs, (&allowed, &aerated, &complete), &place);
    // A guess asks for what lies behind itself.
    for (lung, _) in [LEFT_LUNG, RIGHT_LUNG].into_iter().zip(guessed).filter(|&(_, guessed)| guessed == 0) {
        mirror::add(&mut lungs, &complete, lung);
    }
    if guessed != [0; 2] {
        steady::vote(&coarse, &mut lungs, (&allowed, &aerated));
        for (lung, blocks) in [LEFT_LUNG, RIGHT_LUNG].into_iter().zip(&mut guessed).filter(|(_, blocks)| **blocks > 0) {
            // Greys are no attenuation.
            if coarse.calibrated {
                told::refine(&coarse, &mut lungs, lung, &allowed)?;
            }
            *blocks = lungs.iter().zip(&repaired).filter(|&(&now, &before)| now == lung && before != lung).count();
        }
    }
    // The edge of a guess is told already.
    for (lung, _) in [LEFT_LUNG, RIGHT_LUNG].into_iter().zip(guessed).filter(|&(_, guessed)| guessed == 0) {
        if coarse.calibrated {
            pleura::grow(&coarse, &mut lungs, lung, (&allowed, &chest.tissue));
        }
    }
    let problems = judge::problems(&coarse, &lungs, &by_density, guessed)?;
    let mut labels = edge::refine(&coarse, &lungs, upright);
    // A guess looks like what lies around it, so that nothing would hold its border.
    if !coarse.calibrated && guessed == [0; 2] {
        border::refine(&coarse, &mut labels, upright, (&allowed, &place));
    }
    let labels = LabelMap::new(*upright.grid(), labels)?;
    let labels = turn.labels_back(&labels, volume.grid())?;
    let [left_ml, right_ml] = [LEFT_LUNG, RIGHT_LUNG].map(|lung| labels.volume_ml(lung));
    let airways_ml = coarse.ml(airways.iter().filter(|&&airway| airway).count());
    Ok(Lungs { labels, left_ml, right_ml, airways_ml, calibrated: coarse.calibrated, problems })
}

/// The column where the body's middle lies.
fn middle(coarse: &coarse::Coarse, inside: &[bool]) -> f64 {
    let columns = coarse.shape[2];
    let marked = inside.iter().enumerate().filter(|&(_, &inside)| inside);
    let (sum, count) = marked.fold((0_usize, 0_usize), |(sum, count), (voxel, _)| (sum + voxel % columns, count + 1));
    if count == 0 { (columns as f64 - 1.0) / 2.0 } else { sum as f64 / count as f64 }
}
