//! What the values of a volume say of themselves: whether they are HU, what is missing, what is metal.

use pulmo_ct::format::NOT_HU_ABOVE;
use pulmo_ct::{CtVolume, LabelMap};
use rayon::prelude::*;

use super::profile::side_of;

/// From this HU on it is metal (or the end of a 12-bit range, 3071 HU, which only metal reaches).
pub(super) const METAL_HU: f32 = 3000.0;

/// Facts of all voxels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Values {
    pub(super) lowest_hu: f32,
    pub(super) highest_hu: f32,
    /// At or above [`METAL_HU`].
    pub(super) metal_voxels: u64,
    /// Voxels of lung at or below the HU that stands for "not measured".
    pub(super) unmeasured_lung_voxels: u64,
    pub(super) are_hu: bool,
}

impl Values {
    const NONE: Self = Self {
        lowest_hu: f32::INFINITY,
        highest_hu: f32::NEG_INFINITY,
        metal_voxels: 0,
        unmeasured_lung_voxels: 0,
        are_hu: false,
    };

    /// Reads all voxels once.
    pub(super) fn of(ct: &CtVolume, lungs: Option<&LabelMap>, known_not_hu: bool) -> Self {
        const CHUNK: usize = 1 << 16;
        let chunks = ct.hu().par_chunks(CHUNK).enumerate();
        let facts = chunks.map(|(at, hu)| {
            let mut facts = Self::NONE;
            for &hu in hu {
                facts.lowest_hu = facts.lowest_hu.min(hu);
                facts.highest_hu = facts.highest_hu.max(hu);
                facts.metal_voxels += u64::from(hu >= METAL_HU);
            }
            if let Some(lungs) = lungs {
                let labels = &lungs.labels()[at * CHUNK..][..hu.len()];
                let missing =
                    labels.iter().zip(hu).filter(|&(&label, &hu)| hu <= CtVolume::AIR_HU && side_of(label).is_some());
                facts.unmeasured_lung_voxels = missing.count() as u64;
            }
            facts
        });
        let mut facts = facts.reduce(|| Self::NONE, Self::join);
        facts.are_hu = !known_not_hu && facts.lowest_hu <= NOT_HU_ABOVE;
        facts
    }

    fn join(self, other: Self) -> Self {
        Self {
            lowest_hu: self.lowest_hu.min(other.lowest_hu),
            highest_hu: self.highest_hu.max(other.highest_hu),
            metal_voxels: self.metal_voxels + other.metal_voxels,
            unmeasured_lung_voxels: self.unmeasured_lung_voxels + other.unmeasured_lung_voxels,
            are_hu: false,
        }
    }
}
