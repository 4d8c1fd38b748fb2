//! Parts of the lungs: one way to cut them per file, all of them in [`ALL`].
//!
//! Each file gives the regions that it can, or none where what it needs is not there.

mod dorsal_ventral;
mod lobes;
mod lungs;
mod thirds;
mod zones;

use super::count::{Count, Counted};
use super::input::{HeightSplit, LobeLabel};
use super::result::Region;

/// Every way to cut the lungs, in the order of the tables.
pub(super) const ALL: &[fn(&Parts<'_>) -> Vec<Region>] =
    &[lungs::regions, thirds::regions, dorsal_ventral::regions, lobes::regions, zones::regions];

/// What regions are made from.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) counted: &'a Counted,
    pub(super) lobes: &'a [(LobeLabel, Count)],
    pub(super) split: HeightSplit,
    pub(super) has_landmarks: bool,
    pub(super) voxel_ml: f64,
}

impl Parts<'_> {
    fn region(&self, id: impl Into<String>, group: &str, rule: impl Into<String>, count: Count) -> Region {
        Region {
            id: id.into(),
            group: group.to_owned(),
            rule: rule.into(),
            lung_ml: count.lung as f64 * self.voxel_ml,
            opacity_ml: count.opacity as f64 * self.voxel_ml,
            percent: (count.lung > 0).then(|| 100.0 * count.opacity as f64 / count.lung as f64),
        }
    }

    /// Upper, middle and lower parts of both lungs and of each, from a place of the cell.
    fn three_by_side(
        &self,
        suffix: &str,
        group: &str,
        rule: &str,
        place: fn(super::count::Cell) -> usize,
    ) -> Vec<Region> {
        let mut regions = Vec::new();
        for (prefix, side) in SIDES {
            for (third, name) in ["lower", "middle", "upper"].into_iter().enumerate().rev() {
                let count = self.counted.sum(|cell| side.is_none_or(|side| cell.side == side) && place(cell) == third);
                regions.push(self.region(format!("{prefix}{name}{suffix}"), group, rule, count));
            }
        }
        regions
    }
}

/// Both lungs, then each, with the prefix of their regions.
const SIDES: [(&str, Option<usize>); 3] = [("", None), ("left_", Some(0)), ("right_", Some(1))];
