//! Two masks on one grid, and what several metrics need of them, computed once.

use std::sync::OnceLock;

use pulmo_ct::distance::Lattice;
use pulmo_ct::{LabelMap, Result};

use super::{Lesions, Overlap, Settings, Surfaces};

/// The masks of one label in a reference and a prediction that lie on the same grid.
#[derive(Debug, Clone)]
pub struct MaskPair<'a> {
    reference: &'a LabelMap,
    prediction: &'a LabelMap,
    label: u8,
    overlap: Overlap,
    settings: Settings,
    surfaces: OnceLock<Option<Surfaces>>,
    lesions: OnceLock<Lesions>,
}

impl<'a> MaskPair<'a> {
    /// Pairs the masks of `label`, to be measured with the [default settings](Settings::default).
    ///
    /// # Errors
    /// [`pulmo_ct::Error::GridMismatch`] if the two label maps are not on the same grid.
    pub fn new(reference: &'a LabelMap, prediction: &'a LabelMap, label: u8) -> Result<Self> {
        reference.grid().must_equal(prediction.grid())?;
        let overlap = Overlap::count(reference.labels(), prediction.labels(), label);
        Ok(Self {
            reference,
            prediction,
            label,
            overlap,
            settings: Settings::default(),
            surfaces: OnceLock::new(),
            lesions: OnceLock::new(),
        })
    }

    /// The same masks, measured with other settings.
    #[must_use]
    pub fn with(self, settings: Settings) -> Self {
        Self { settings, lesions: OnceLock::new(), ..self }
    }

    /// The surfaces of both masks and their distances, computed when first asked for.
    ///
    /// `None` if one mask is empty or [there are no distances](Self::no_distances).
    #[must_use]
    pub fn surfaces(&self) -> Option<&Surfaces> {
        if self.overlap.reference == 0 || self.overlap.prediction == 0 {
            return None;
        }
        self.surfaces.get_or_init(|| Surfaces::of(self)).as_ref()
    }

    /// Why this grid has no distances in mm, if it has none: it is sheared, or too large to count.
    #[must_use]
    pub fn no_distances(&self) -> Option<String> {
        Lattice::of(self.reference.grid()).err().map(|error| error.to_string())
    }

    /// The lesions of both masks, counted when first asked for.
    #[must_use]
    pub fn lesions(&self) -> &Lesions {
        self.lesions.get_or_init(|| Lesions::of(self))
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
