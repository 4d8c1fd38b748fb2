//! Two masks on one grid, and what several metrics need of them, computed once.

use pulmo_ct::{LabelMap, Result};

use super::{Overlap, Settings};

/// The masks of one label in a reference and a prediction that lie on the same grid.
#[derive(Debug, Clone)]
pub struct MaskPair<'a> {
    reference: &'a LabelMap,
    prediction: &'a LabelMap,
    label: u8,
    overlap: Overlap,
    settings: Settings,
}

impl<'a> MaskPair<'a> {
    /// Pairs the masks of `label`, to be measured with the [default settings](Settings::default).
    ///
    /// # Errors
    /// [`pulmo_ct::Error::GridMismatch`] if the two label maps are not on the same grid.
    pub fn new(reference: &'a LabelMap, prediction: &'a LabelMap, label: u8) -> Result<Self> {
        reference.grid().must_equal(prediction.grid())?;
        let overlap = Overlap::count(reference.labels(), prediction.labels(), label);
        Ok(Self { reference, prediction, label, overlap, settings: Settings::default() })
    }

    /// The same masks, measured with other settings.
    #[must_use]
    pub fn with(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// What the metrics are set to.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Voxel counts.
    #[must_use]
    pub fn overlap(&self) -> &Overlap {
        &self.overlap
    }

    /// The label map of the reference.
    #[must_use]
    pub fn reference(&self) -> &'a LabelMap {
        self.reference
    }

    /// The label map of the prediction.
    #[must_use]
    pub fn prediction(&self) -> &'a LabelMap {
        self.prediction
    }

    /// The label that makes a mask of a label map.
    #[must_use]
    pub fn label(&self) -> u8 {
        self.label
    }

    /// Volume of the reference's mask in mL.
    #[must_use]
    pub fn reference_ml(&self) -> f64 {
        self.overlap.reference as f64 * self.reference.grid().voxel_ml()
    }

    /// Volume of the prediction's mask in mL, with the reference's voxel size.
    #[must_use]
    pub fn prediction_ml(&self) -> f64 {
        self.overlap.prediction as f64 * self.reference.grid().voxel_ml()
    }
}
