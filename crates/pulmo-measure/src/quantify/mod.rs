//! From an opacity mask to the numbers of a report: volumes, shares of lung, regions, attenuation, foci, scores,
//! flags, and the change between two results.
//!
//! [`quantify`] takes a CT, its masks and what is known of the scan ([`Input`]) and gives [`Quantities`]: plain data
//! in which every number has its unit in its name and every region, rule and score says in words how it was made.
//! Identifiers (`id`, `rule_id`) are stable; sentences are English and may be translated by them. The whole list is
//! in `docs/quantities.md`.
//!
//! A failed lung mask suppresses what depends on it (shares, regions, scores): it is not footnoted.
//!
//! ```text
//! lungs ──► profile (where each is cut) ──► count (cells) ──► regions ──► scores
//! opacity ─► crop ──► foci, attenuation            └──► flags
//! ```

mod attenuation;
mod count;
mod crop;
pub mod flags;
mod foci;
pub mod follow_up;
mod input;
mod interval;
pub mod involvement;
pub mod lobes;
mod profile;
mod regions;
mod result;
pub mod scores;
mod values;

pub use follow_up::{FollowUp, follow_up};
pub use input::{HeightSplit, Input, Landmarks, LobeLabel, Options, Subject};
pub use result::{
    Attenuation, AttenuationCut, Boundary, Finding, Foci, GridFacts, Interval, Involvement, LeftOut, Level, Lung,
    Opacity, Quantities, Region, Score, ScorePart,
};

use std::borrow::Cow;

use pulmo_ct::{LabelMap, Result};

use count::{Count, Counted};
use crop::Crop;
use flags::{Seen, SeenLungs};
use involvement::Overlap;
use regions::Parts;
use values::Values;

/// Measures one case.
///
/// Without a lung mask, but with a lobe map, the lobes together are the lungs.
///
/// # Errors
/// [`pulmo_ct::Error::GridMismatch`] if a mask does not lie on the CT's grid.
///
/// # Agreement
/// Volumes, shares, regions, foci and attenuation equal what numpy, scipy and SimpleITK give for the same masks
/// (`oracles/quantities`).
pub fn quantify(input: &Input<'_>, options: &Options) -> Result<Quantities> {
    let grid = input.ct.grid();
    let masks = [Some(input.opacity), input.lungs, input.lobes.map(|(lobes, _)| lobes)];
    masks.into_iter().flatten().try_for_each(|mask| grid.must_equal(mask.grid()))?;
    let is_opacity = input.is_opacity();
    let crop = Crop::around(input.opacity, &is_opacity);
    let lung_map = usable_lungs(input)?;
    let values = Values::of(input.ct, lung_map.as_deref(), input.known_not_hu);
    let lobes = match input.lobes {
        Some((map, labels)) if input.lung_problems.is_empty() => lobes::count(map, labels, input.opacity, &is_opacity),
        _ => Vec::new(),
    };
    let counted = lung_map.as_deref().and_then(|map| Counted::of(input, map, options.thirds));
    let opacity = opacity_of(input, crop.is_some(), counted.as_ref());
    let lungs = counted.as_ref().zip(lung_map.as_deref());
    let lung = lungs.map(|(counted, _)| lung_of(counted, grid.voxel_ml()));

    let seen_lungs = lungs.zip(lung.as_ref()).map(|((counted, map), lung)| SeenLungs { lung, counted, map });
    let seen = Seen { input, opacity: &opacity, values: &values, lungs: seen_lungs, lobes: &lobes };
    let flags = flags::raised(&seen);
    let (attenuation, attenuation_left_out) = match &crop {
        _ if !values.are_hu => (None, Some(left_out("attenuation", "not_hu", "the values are not HU"))),
        None => (None, Some(left_out("attenuation", "no_opacity", "there is no opacity"))),
        Some(crop) => (Some(attenuation::attenuation(input.ct, input.opacity, &is_opacity, crop)), None),
    };
    let (interval, interval_left_out) = interval::judged(input.interval);
    let foci = foci::foci(input.opacity, &is_opacity, crop.as_ref(), options.smallest_focus_ml)?;
    let mut found = Quantities {
        schema: Quantities::SCHEMA.to_owned(),
        subject: input.subject.clone(),
        scan: input.scan.clone(),
        grid: GridFacts::of(grid),
        opacity,
        lung,
        lung_left_out: None,
        involvement: Vec::new(),
        regions: Vec::new(),
        levels: Vec::new(),
        attenuation,
        attenuation_left_out,
        foci,
        scores: Vec::new(),
        scores_left_out: Vec::new(),
        flags,
        interval,
        interval_left_out,
    };
    match &counted {
        Some(counted) => add_lungs(&mut found, counted, &lobes, input, options),
        None => add_no_lungs(&mut found, input),
    }
    Ok(found)
}

/// The lung mask, or what the lobes form; `None` if there is neither, or it failed.
fn usable_lungs<'a>(input: &Input<'a>) -> Result<Option<Cow<'a, LabelMap>>> {
    if !input.lung_problems.is_empty() {
        return Ok(None);
    }
    match (input.lungs, input.lobes) {
        (Some(lungs), _) => Ok(Some(Cow::Borrowed(lungs))),
        (None, Some((lobes, labels))) => Ok(Some(Cow::Owned(lobes::lungs_of(lobes, labels)?))),
        (None, None) => Ok(None),
    }
}

fn opacity_of(input: &Input<'_>, is_any: bool, counted: Option<&Counted>) -> Opacity {
    let voxel_ml = input.ct.grid().voxel_ml();
    let is_opacity = input.is_opacity();
    let voxels = input.opacity.labels().iter().filter(|&&label| is_opacity[label as usize]).count() as u64;
    let inside = counted.map(|counted| counted.sum(|_| true).opacity);
    let outside = inside.map(|inside| voxels - inside);
    Opacity {
        voxels,
        total_ml: voxels as f64 * voxel_ml,
        inside_lung_ml: inside.map(|inside| inside as f64 * voxel_ml),
        outside_lung_ml: outside.map(|outside| outside as f64 * voxel_ml),
        outside_lung_percent: outside.filter(|_| is_any).map(|outside| 100.0 * outside as f64 / voxels as f64),
    }
}

fn lung_of(counted: &Counted, voxel_ml: f64) -> Lung {
    let [left, right] = [0, 1].map(|side| counted.lungs[side].voxels);
    Lung {
        total_ml: (left + right) as f64 * voxel_ml,
        left_ml: left as f64 * voxel_ml,
        right_ml: right as f64 * voxel_ml,
        height_mm: counted.height_mm,
    }
}

/// What needs lungs: shares, regions, levels and scores.
fn add_lungs(
    found: &mut Quantities,
    counted: &Counted,
    lobes: &[(LobeLabel, Count)],
    input: &Input<'_>,
    options: &Options,
) {
    let voxel_ml = found.grid.voxel_ml;
    let Count { lung, opacity: inside } = counted.sum(|_| true);
    let overlap = Overlap { opacity: found.opacity.voxels, lung, inside };
    found.involvement = involvement::involvement(overlap, options.all_rules);
    let parts = Parts { counted, lobes, split: options.thirds, has_landmarks: input.landmarks.is_some(), voxel_ml };
    found.regions = regions::ALL.iter().flat_map(|regions| regions(&parts)).collect();
    let [low, high] = counted.height_mm;
    let end = |level: usize| low + (high - low) * level as f64 / counted.levels.len() as f64;
    let ml = |voxels: u64| voxels as f64 * voxel_ml;
    let levels = counted.levels.iter().enumerate().map(|(at, [left, right])| Level {
        height_mm: [end(at), end(at + 1)],
        left_lung_ml: ml(left.lung),
        left_opacity_ml: ml(left.opacity),
        right_lung_ml: ml(right.lung),
        right_opacity_ml: ml(right.opacity),
    });
    found.levels = levels.collect();
    (found.scores, found.scores_left_out) = scores::scores(&found.regions, options);
}

/// Why there is nothing that needs lungs.
fn add_no_lungs(found: &mut Quantities, input: &Input<'_>) {
    let (reason_id, reason) = if !input.lung_problems.is_empty() {
        ("lung_mask_failed", format!("the lung mask failed: {}", input.lung_problems.join("; ")))
    } else if input.lungs.is_some() || input.lobes.is_some() {
        ("lung_empty", "the mask of the left or of the right lung is empty".to_owned())
    } else {
        ("no_lung_mask", "there is no lung mask".to_owned())
    };
    found.lung_left_out = Some(left_out("lung", reason_id, &reason));
    found.scores_left_out = scores::all_left_out(reason_id, &reason);
}

fn left_out(id: &str, reason_id: &str, reason: &str) -> LeftOut {
    LeftOut { id: id.to_owned(), reason_id: reason_id.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
