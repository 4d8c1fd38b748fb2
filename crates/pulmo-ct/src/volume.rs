//! Values on a grid: CT volumes in HU and label maps.

use crate::error::{Error, Result};
use crate::geometry::Grid;

/// Hounsfield units on a grid, in C order (slice, row, column).
///
/// Voxels outside the scanned field (DICOM padding) hold [`CtVolume::AIR_HU`], so that no consumer has to
/// know of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CtVolume {
    grid: Grid,
    hu: Vec<f32>,
}

impl CtVolume {
    /// The HU given to voxels that the scanner did not measure.
    pub const AIR_HU: f32 = -1024.0;

    /// Puts HU on a grid.
    ///
    /// # Errors
    /// [`Error::Value`] if there are not as many values as voxels, or one is not finite.
    pub fn new(grid: Grid, hu: Vec<f32>) -> Result<Self> {
        if hu.len() != grid.voxels() {
            return Err(Error::Value { problem: format!("{} values for {} voxels", hu.len(), grid.voxels()) });
        }
        if let Some(at) = hu.iter().position(|x| !x.is_finite()) {
            return Err(Error::Value { problem: format!("voxel {at} holds {}, not a finite HU", hu[at]) });
        }
        Ok(Self { grid, hu })
    }

    /// Shape and place.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The values in HU, C order (slice, row, column).
    #[must_use]
    pub fn hu(&self) -> &[f32] {
        &self.hu
    }

    /// Gives the values away.
    #[must_use]
    pub fn into_hu(self) -> Vec<f32> {
        self.hu
    }
}

/// One label per voxel on a grid, in C order (slice, row, column); 0 is background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap {
    grid: GridEq,
    labels: Vec<u8>,
}

/// A grid is compared exactly here; its numbers are never NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
struct GridEq(Grid);
impl Eq for GridEq {}

impl LabelMap {
    /// Puts labels on a grid.
    ///
    /// # Errors
    /// [`Error::Value`] if there are not as many labels as voxels.
    pub fn new(grid: Grid, labels: Vec<u8>) -> Result<Self> {
        if labels.len() == grid.voxels() {
            Ok(Self { grid: GridEq(grid), labels })
        } else {
            Err(Error::Value { problem: format!("{} labels for {} voxels", labels.len(), grid.voxels()) })
        }
    }

    /// Shape and place.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid.0
    }

    /// The labels, C order (slice, row, column).
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Voxels that carry `label`.
    #[must_use]
    pub fn count(&self, label: u8) -> usize {
        self.labels.iter().filter(|&&l| l == label).count()
    }

    /// Volume of `label` in mL.
    #[must_use]
    pub fn volume_ml(&self, label: u8) -> f64 {
        self.count(label) as f64 * self.grid.0.voxel_ml()
    }
}
