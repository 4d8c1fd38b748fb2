//! What the metrics of a label may be set to: tolerance of surfaces, rules for lesions.

use pulmo_ct::components::Connectivity;
use serde::Serialize;

/// Settings of the metrics that have any, for one label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settings {
    /// How far two surfaces may be apart and still count as the same, in mm.
    pub tolerance_mm: f64,
    /// What a lesion is and when it counts as found.
    pub lesions: LesionRule,
}

impl Settings {
    /// For lungs: surfaces within 1 mm, as Ma et al. (Medical Physics 2021, doi:10.1002/mp.14676) judge them.
    pub const LUNG: Self = Self { tolerance_mm: 1.0, lesions: LesionRule::DEFAULT };
    /// For lesions: surfaces within 3 mm, as Ma et al. judge them.
    pub const LESION: Self = Self { tolerance_mm: 3.0, lesions: LesionRule::DEFAULT };
}

impl Default for Settings {
    /// [`Settings::LESION`].
    fn default() -> Self {
        Self::LESION
    }
}

/// What a lesion is and when it counts as found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LesionRule {
    /// Which voxels hang together: a lesion is a connected component of a mask.
    pub connectivity: Connectivity,
    /// Components below this volume in mL are taken out of both masks before anything is counted.
    pub least_ml: f64,
    /// Share of a lesion's voxels that the other mask must cover, 0 to 1; at least one voxel in any case.
    pub overlap: f64,
}

impl LesionRule {
    /// 26 neighbours, 0.1 mL (a ball of 5.8 mm), one shared voxel.
    pub const DEFAULT: Self = Self { connectivity: Connectivity::Corners, least_ml: 0.1, overlap: 0.0 };
}
