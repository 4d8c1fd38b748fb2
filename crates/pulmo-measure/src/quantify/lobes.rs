//! Lobe maps of other tools: what their labels mean, and how many voxels each lobe has.

use pulmo_ct::phantom::{LEFT_LUNG, RIGHT_LUNG};
use pulmo_ct::{LabelMap, Result};
use rayon::prelude::*;

use super::count::Count;
use super::input::LobeLabel;

/// The five lobes by `id`.
pub const LOBES: [&str; 5] =
    ["left_upper_lobe", "left_lower_lobe", "right_upper_lobe", "right_middle_lobe", "right_lower_lobe"];

/// How a tool numbers the lobes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LobeConvention {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// Which tool, in words.
    pub about: &'static str,
    /// Its labels.
    pub labels: [LobeLabel; 5],
}

/// Every convention.
pub const CONVENTIONS: &[LobeConvention] = &[
    LobeConvention {
        name: "lungmask",
        about: "lungmask, models LTRCLobes and LTRCLobes_R231: 1 to 5",
        labels: numbered([1, 2, 3, 4, 5]),
    },
    LobeConvention {
        name: "totalsegmentator",
        about: "TotalSegmentator version 2, task total: 10 to 14",
        labels: numbered([10, 11, 12, 13, 14]),
    },
    LobeConvention {
        name: "totalsegmentator1",
        about: "TotalSegmentator version 1, task total: 13 to 17",
        labels: numbered([13, 14, 15, 16, 17]),
    },
];

/// Labels in the order of [`LOBES`].
const fn numbered(labels: [u8; 5]) -> [LobeLabel; 5] {
    let mut named = [LobeLabel { label: 0, id: "" }; 5];
    let mut k = 0;
    while k < 5 {
        named[k] = LobeLabel { label: labels[k], id: LOBES[k] };
        k += 1;
    }
    named
}

/// The convention of a name.
#[must_use]
pub fn convention(name: &str) -> Option<&'static LobeConvention> {
    CONVENTIONS.iter().find(|convention| convention.name == name)
}

/// The lungs that lobes form: left lobes are the left lung.
///
/// # Errors
/// None in practice: the map keeps its grid.
pub fn lungs_of(lobes: &LabelMap, labels: &[LobeLabel]) -> Result<LabelMap> {
    let mut table = [0; 256];
    for lobe in labels {
        table[lobe.label as usize] = if lobe.id.starts_with("left") { LEFT_LUNG } else { RIGHT_LUNG };
    }
    LabelMap::new(*lobes.grid(), lobes.labels().iter().map(|&label| table[label as usize]).collect())
}

/// Voxels of each lobe and the opacity among them, in the order of `labels`.
pub(super) fn count(
    lobes: &LabelMap,
    labels: &[LobeLabel],
    opacity: &LabelMap,
    is_opacity: &[bool; 256],
) -> Vec<(LobeLabel, Count)> {
    const CHUNK: usize = 1 << 16;
    let add = |mut counts: [Count; 256], (lobes, opacity): (&[u8], &[u8])| {
        for (&lobe, &label) in lobes.iter().zip(opacity) {
            counts[lobe as usize] += Count { lung: 1, opacity: u64::from(is_opacity[label as usize]) };
        }
        counts
    };
    let join = |mut counts: [Count; 256], other: [Count; 256]| {
        counts.iter_mut().zip(other).for_each(|(mine, theirs)| *mine += theirs);
        counts
    };
    let empty = || [Count::default(); 256];
    let chunks = lobes.labels().par_chunks(CHUNK).zip(opacity.labels().par_chunks(CHUNK));
    let counts = chunks.fold(empty, add).reduce(empty, join);
    labels.iter().map(|&lobe| (lobe, counts[lobe.label as usize])).collect()
}
