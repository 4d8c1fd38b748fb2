//! What a volume's values tell of their unit.

use std::collections::BTreeSet;

/// Distinct values are counted up to here.
const COUNTED: usize = 5000;

/// Range, ends and number of the values of a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// The lowest.
    pub low: f32,
    /// The highest.
    pub high: f32,
    /// Share of the voxels at the lowest value.
    pub low_share: f64,
    /// Share of the voxels at the highest value.
    pub high_share: f64,
    /// How many differ, in about a million voxels spread over the volume; at most 5000 are counted.
    pub distinct: usize,
    /// How many voxels there are.
    pub voxels: usize,
}

impl Values {
    /// Looks at all values; there is at least one.
    #[must_use]
    pub fn of(hu: &[f32]) -> Self {
        let (low, high) = hu.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let share = |end: f32| hu.iter().filter(|&&x| x == end).count() as f64 / hu.len() as f64;
        let mut seen = BTreeSet::new();
        // A step that is odd does not run along one column.
        for x in hu.iter().step_by((hu.len() >> 20) | 1) {
            seen.insert(x.to_bits());
            if seen.len() == COUNTED {
                break;
            }
        }
        Self { low, high, low_share: share(low), high_share: share(high), distinct: seen.len(), voxels: hu.len() }
    }
}
