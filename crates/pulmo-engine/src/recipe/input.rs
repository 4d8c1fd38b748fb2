//! The `[input]` table: from a CT to what the network sees.

use pulmo_ct::intensity::Intensity;
use pulmo_ct::orient::Orientation;
use pulmo_ct::resample::LabelResize;
use serde::{Deserialize, Serialize};

/// How a CT becomes the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// `stored` leaves the axes as the file has them (the paper); `patient` turns every volume to one
    /// orientation first.
    pub orientation: Orientation,
    /// How a reference is brought to the network's grid in mode `whole`: `nearest`; `index_based` and
    /// `trilinear_truncate` as the paper's library did at times.
    pub mask_resize: LabelResize,
    /// Labels of the reference that count as the infiltrate; if empty, labels are classes as they are.
    pub foreground_labels: Vec<u8>,
    /// Whole volumes or patches.
    pub grid: GridMode,
    /// The transform of the intensities, applied to the volume on the network's grid and before patches are
    /// cut; a transform of slices (`slice_min_max_clahe`) is applied to the slices as scanned.
    pub intensity: Intensity,
    /// From HU to what the network saw in training, where the training data was not in HU (eight-bit
    /// pictures); used by segmentation for input in HU. Absent: `intensity` is made for HU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intensity_of_hu: Option<Intensity>,
    /// Rows and columns to which slices in HU are resized (bicubic) before `intensity_of_hu`: the size that the
    /// training slices had when they were made. Absent: as scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice_size_of_hu: Option<[usize; 2]>,
}

impl Input {
    /// The transform for voxels of this kind, and the size its slices are brought to first.
    #[must_use]
    pub fn appearance(&self, voxels: Voxels) -> (&Intensity, Option<[usize; 2]>) {
        match (voxels, &self.intensity_of_hu) {
            (Voxels::Hu, Some(of_hu)) => (of_hu, self.slice_size_of_hu),
            _ => (&self.intensity, None),
        }
    }
}

/// What the voxels of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voxels {
    /// What the training data held, HU or not.
    AsInTraining,
    /// HU, whatever the training data held.
    Hu,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            orientation: Orientation::Stored,
            mask_resize: LabelResize::Nearest,
            foreground_labels: Vec::new(),
            grid: GridMode::Whole { size: [20, 224, 224] },
            intensity: Intensity::MinMax {},
            intensity_of_hu: None,
            slice_size_of_hu: None,
        }
    }
}

/// Whole volumes or patches. Sizes are (slices, rows, columns).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum GridMode {
    /// The whole volume is resized to one size, whatever its spacing.
    Whole {
        /// Voxels of the network's grid.
        size: [usize; 3],
    },
    /// Patches of one size are cut from the volume; a prediction slides over it.
    Patches {
        /// Voxels of a patch.
        size: [usize; 3],
        /// Spacing to which the volume is resampled first, in mm (slice, row, column); absent: as scanned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spacing_mm: Option<[f64; 3]>,
        /// Overlap of neighbouring windows of a prediction, as a share of the patch, in [0, 1).
        #[serde(default = "half")]
        overlap: f64,
        /// Share of the training patches that is centred on a voxel of the infiltrate, in [0, 1].
        #[serde(default = "half")]
        foreground_share: f64,
        /// Patches drawn from each case in an epoch.
        #[serde(default = "two")]
        patches_per_case: usize,
    },
}

impl GridMode {
    /// The size of one network input (slices, rows, columns).
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        match self {
            Self::Whole { size } | Self::Patches { size, .. } => *size,
        }
    }

    /// Sets the size of one network input (slices, rows, columns).
    pub fn set_size(&mut self, to: [usize; 3]) {
        match self {
            Self::Whole { size } | Self::Patches { size, .. } => *size = to,
        }
    }
}

fn half() -> f64 {
    0.5
}

fn two() -> usize {
    2
}
