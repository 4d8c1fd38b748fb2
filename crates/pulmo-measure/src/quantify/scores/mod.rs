//! Scores, each by name and boundaries: one per file, all of them in [`ALL`].
//!
//! The published scores are given by eye; here the same classes are applied to measured shares. A score is given
//! only where its regions are: no lobe map, no lobe score, never an estimate. They grade images for research and
//! say nothing about how ill a patient is.

mod height_thirds24;
mod mosmed;
mod pan25;
mod tss20;
mod zones24;

use super::input::{HeightSplit, Options};
use super::result::{Boundary, LeftOut, Region, Score, ScorePart};

/// Every score, in the order of the tables.
pub const ALL: &[&Rubric] =
    &[&pan25::PAN25, &tss20::TSS20, &zones24::ZONES24, &height_thirds24::HEIGHT_THIRDS24, &mosmed::MOSMED];

/// What a score needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Only the lungs.
    Lungs,
    /// A lobe map.
    Lobes,
    /// The heights of the carina and of the inferior pulmonary veins.
    Landmarks,
    /// Thirds by height; given only where the landmarks are not.
    HeightThirds,
}

/// One class: from where on a region scores how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Class {
    /// What a region of this class scores.
    pub points: u32,
    /// The class as its source prints it.
    pub printed: &'static str,
    /// Where it begins, in per cent of the region.
    pub from_percent: f64,
    /// Whether a value that equals the beginning belongs to it.
    pub includes_from: bool,
}

/// How a score is given.
#[derive(Debug, Clone, Copy)]
pub struct Rubric {
    /// Its stable name.
    pub id: &'static str,
    /// What it is, in words.
    pub name: &'static str,
    /// What stands before the points: `CT-`, or nothing.
    pub prefix: &'static str,
    /// The regions that are scored and summed.
    pub regions: &'static [&'static str],
    /// What it needs.
    pub need: Need,
    /// Its classes above 0, ascending. The first begins at the floor.
    pub classes: &'static [Class],
    /// What happens to a value that no printed class, or two of them, hold.
    pub gap_rule: Option<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
}

impl Rubric {
    /// What a region scores; the floor was reached.
    fn points(&self, percent: f64) -> u32 {
        let is_reached =
            |class: &&Class| percent > class.from_percent || (class.includes_from && percent == class.from_percent);
        let reached = self.classes.iter().rev().find(is_reached);
        reached.unwrap_or(&self.classes[0]).points
    }

    /// The score, or which region it lacks.
    fn score(&self, regions: &[Region], options: &Options) -> Result<Score, &'static str> {
        let mut parts = Vec::with_capacity(self.regions.len());
        for &id in self.regions {
            let region = regions.iter().find(|region| region.id == id).ok_or(id)?;
            let percent = region.percent.ok_or(id)?;
            let opacity_ml = region.opacity_ml;
            let is_below = opacity_ml < options.score_floor_ml || percent < options.score_floor_percent;
            let points = if is_below || opacity_ml == 0.0 { 0 } else { self.points(percent) };
            parts.push(ScorePart { region: id.to_owned(), percent, opacity_ml, points });
        }
        let points = parts.iter().map(|part| part.points).sum();
        let most_each = self.classes.iter().map(|class| class.points).max().unwrap_or(0);
        Ok(Score {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            points,
            most: most_each * parts.len() as u32,
            text: format!("{}{points}", self.prefix),
            parts,
            boundaries: self.boundaries(),
            gap_rule: self.gap_rule.map(str::to_owned),
            floor_rule: format!(
                "a region scores 0 below the larger of {} mL and {} % of it",
                options.score_floor_ml, options.score_floor_percent
            ),
            source: self.source.to_owned(),
        })
    }

    fn boundaries(&self) -> Vec<Boundary> {
        let classes = self.classes.iter().map(|class| Boundary {
            points: class.points,
            printed: class.printed.to_owned(),
            from_percent: class.from_percent,
            includes_from: class.includes_from,
        });
        classes.collect()
    }
}

/// All scores that can be given, and why the others cannot.
pub(super) fn scores(regions: &[Region], options: &Options) -> (Vec<Score>, Vec<LeftOut>) {
    let has = |group: &str| regions.iter().any(|region| region.group == group);
    let (mut given, mut left_out) = (Vec::new(), Vec::new());
    for rubric in ALL {
        let missing = match rubric.need {
            Need::Lobes if !has("lobes") => Some(("no_lobe_map", "there is no lobe map".to_owned())),
            Need::Landmarks if !has("zones") => Some((
                "no_landmarks",
                "the heights of the carina and of the inferior pulmonary veins are not known".to_owned(),
            )),
            // Where zones are known, thirds are not put beside them under another name.
            Need::HeightThirds if has("zones") => continue,
            Need::HeightThirds if options.thirds != HeightSplit::Height => {
                Some(("volume_thirds", "thirds were cut by volume, and this score is of thirds by height".to_owned()))
            }
            _ => None,
        };
        let scored = match missing {
            Some(reason) => Err(reason),
            None => rubric
                .score(regions, options)
                .map_err(|region| ("region_missing", format!("the region `{region}` has no voxel"))),
        };
        match scored {
            Ok(score) => given.push(score),
            Err((reason_id, reason)) => left_out.push(left_out_of(rubric, reason_id, reason)),
        }
    }
    (given, left_out)
}

/// All scores left out for one reason.
pub(super) fn all_left_out(reason_id: &str, reason: &str) -> Vec<LeftOut> {
    ALL.iter().map(|rubric| left_out_of(rubric, reason_id, reason.to_owned())).collect()
}

fn left_out_of(rubric: &Rubric, reason_id: &str, reason: String) -> LeftOut {
    LeftOut { id: rubric.id.to_owned(), reason_id: reason_id.to_owned(), reason }
}

#[cfg(test)]
mod tests;
