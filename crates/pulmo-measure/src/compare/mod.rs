//! How well a prediction agrees with a reference: one metric per file, all of them in [`ALL`].
//!
//! To add one, copy `dice.rs`, add its `mod` line and its entry in [`ALL`]; tables, CSV, JSON and help are made
//! from that list.

use serde::Serialize;

pub mod calibration;
pub mod dice;
pub mod false_positive;
pub mod hd95_pooled;
pub mod hd95_surface;
pub mod hd95_voxels;
pub mod jaccard;
pub mod lesion_f1;
pub mod lesion_precision;
pub mod lesion_sensitivity;
mod lesions;
pub mod mean_surface_distance;
mod pair;
pub mod precision;
pub mod sensitivity;
mod settings;
mod surface;
pub mod surface_dice;
pub mod volume_error;
pub mod volume_error_percent;

pub use lesions::Lesions;
pub use pair::MaskPair;
pub use settings::{LesionRule, Settings};
pub use surface::{Element, Surface, Surfaces};

/// Every metric, in the order of the tables.
pub const ALL: &[&dyn Metric] = &[
    &dice::Dice,
    &jaccard::Jaccard,
    &sensitivity::Sensitivity,
    &precision::Precision,
    &volume_error::VolumeError,
    &volume_error_percent::VolumeErrorPercent,
    &surface_dice::SurfaceDice,
    &hd95_surface::Hd95Surface,
    &hd95_voxels::Hd95Voxels,
    &hd95_pooled::Hd95Pooled,
    &mean_surface_distance::MeanSurfaceDistance,
    &lesion_sensitivity::LesionSensitivity,
    &lesion_precision::LesionPrecision,
    &lesion_f1::LesionF1,
    &false_positive::FalsePositive,
];

/// One number that says how well a prediction agrees with a reference.
pub trait Metric: std::fmt::Debug + Sync {
    /// The identifier in tables and files, unit last where there is one: `dice`, `volume_error_ml`.
    fn name(&self) -> &'static str;

    /// The unit: `mL`, `mm` or `%`, or `1` for a ratio.
    fn unit(&self) -> &'static str;

    /// What it is, for the reader of a table: a formula or a phrase in which `P` is the prediction, `R` the reference and
    /// `|…|` counts voxels.
    fn formula(&self) -> &'static str;

    /// Whether it needs true lengths and is therefore measured on the grid of the files only, never on a resized one:
    /// whatever has a unit, and ratios that depend on mm or mL.
    fn native_only(&self) -> bool {
        self.unit() != "1"
    }

    /// Which values are good ones.
    fn better(&self) -> Better;

    /// What an empty mask gives, as a sentence for the reader of a table.
    fn empty_rule(&self) -> &'static str;

    /// The value, or `None` where it is not defined (see [`empty_rule`](Self::empty_rule)); such a case is left
    /// out of means and counted.
    fn compute(&self, pair: &MaskPair) -> Option<f64>;

    /// The value for the voxels of all cases pooled ("micro"), or `None` where it is not defined or makes no sense.
    fn pooled(&self, total: &Overlap) -> Option<f64> {
        let _ = total;
        None
    }
}

/// Which values of a metric are good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher the better.
    Higher,
    /// The lower the better.
    Lower,
    /// The nearer to zero the better; the sign says which way it is off.
    NearZero,
}

/// Voxel counts of two masks and of what they share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// Voxels of the reference.
    pub reference: u64,
    /// Voxels of the prediction.
    pub prediction: u64,
    /// Voxels in both.
    pub both: u64,
}

impl Overlap {
    /// Counts the voxels that carry `label` in labels of equal length.
    #[must_use]
    fn count(reference: &[u8], prediction: &[u8], label: u8) -> Self {
        debug_assert_eq!(reference.len(), prediction.len(), "both lie on one grid");
        let mut overlap = Self::default();
        for (&r, &p) in reference.iter().zip(prediction) {
            let (r, p) = (r == label, p == label);
            overlap.reference += u64::from(r);
            overlap.prediction += u64::from(p);
            overlap.both += u64::from(r && p);
        }
        overlap
    }

    /// Voxels in either mask.
    #[must_use]
    pub fn either(&self) -> u64 {
        self.reference + self.prediction - self.both
    }

    /// `numerator / denominator`, or `None` if the denominator is 0.
    pub(crate) fn ratio(numerator: u64, denominator: u64) -> Option<f64> {
        (denominator > 0).then(|| numerator as f64 / denominator as f64)
    }
}

impl std::ops::AddAssign for Overlap {
    fn add_assign(&mut self, other: Self) {
        self.reference += other.reference;
        self.prediction += other.prediction;
        self.both += other.both;
    }
}

#[cfg(test)]
mod tests;
