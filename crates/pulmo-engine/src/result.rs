//! What is written beside a mask: `result.json`, one case, every number with its unit in its name.

use std::time::Duration;

use pulmo_ct::Grid;
use pulmo_ct::format::Origin;
use pulmo_ct::format::warning::without_names;
use pulmo_net::Precision;
use serde::{Deserialize, Serialize};

use crate::model::{DataSource, Model};
use crate::segment::Segmentation;

/// The sentence that stands wherever a result is shown.
pub const NOTICE: &str = "Research software. Not a medical device, not CE-marked or FDA-cleared. \
                          Not for diagnosis or treatment decisions.";

/// Everything about one segmented case. Holds nothing that names a patient or a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// [`CaseResult::SCHEMA`]; empty in results of earlier versions.
    #[serde(default)]
    pub schema: String,
    /// The case key.
    pub case: String,
    /// How much was found.
    pub infiltrate: Infiltrate,
    /// How much of each class of the model was found; absent in results of earlier versions.
    #[serde(default)]
    pub classes: Vec<ClassVolume>,
    /// What a reader must know before using these numbers, one sentence each.
    pub warnings: Vec<String>,
    /// The mask's grid, which is the input's.
    pub grid: GridNote,
    /// What the input was.
    pub input: InputNote,
    /// Which network, and what it learnt from.
    pub model: ModelNote,
    /// How the network went over the CT; absent in results of earlier versions.
    #[serde(default)]
    pub inference: Option<InferenceNote>,
    /// Wall-clock time by stage.
    pub seconds: Seconds,
    /// The most memory this process ever held up to this case, in bytes; absent where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// The program's version.
    pub pulmo_version: String,
    /// [`NOTICE`].
    pub notice: String,
}

/// What a case is called and known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The case key.
    pub case: String,
    /// As [`InputNote::source`].
    pub source: String,
}

/// How much infiltrate was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Infiltrate {
    /// Voxels of the mask.
    pub voxels: u64,
    /// Their volume in mL.
    pub volume_ml: f64,
    /// Their share of all voxels of the CT (not of the lungs), 0 to 1.
    pub share_of_volume: f64,
}

/// How much of one class was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassVolume {
    /// Its value in the mask.
    pub value: u8,
    /// Its name, by which lung is told from infiltrate ([`crate::model::is_lung`]).
    pub name: String,
    /// Voxels of the mask.
    pub voxels: u64,
    /// Their volume in mL.
    pub volume_ml: f64,
}

/// Shape and place of a mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridNote {
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// Distances of voxel centres along the same axes in mm.
    pub spacing_mm: [f64; 3],
    /// Unit vectors of the same axes in patient space (LPS+).
    pub direction: [[f64; 3]; 3],
    /// Patient position (LPS+) of the first voxel's centre in mm.
    pub origin_mm: [f64; 3],
}

/// What a case was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputNote {
    /// By what the input is known again: a keyed hash of its series UID, or of the file's content.
    pub source: String,
    /// The format by name.
    pub format: String,
    /// How voxels are stored there.
    pub encoding: String,
    /// Files read.
    pub files: usize,
    /// Share of the voxels that the scanner did not measure, 0 to 1.
    pub padding_share: f64,
    /// `intensity`, or `intensity_of_hu` where the network learnt from other than HU and the input is in HU.
    pub intensity: String,
}

/// Which network made a mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelNote {
    /// The recipe's name.
    pub recipe: String,
    /// SHA-256 of the model file.
    pub sha256: String,
    /// What it learnt from, with licences and notes.
    pub data: Vec<DataSource>,
    /// Cases it was trained on.
    pub training_cases: usize,
    /// Probability from which a voxel is infiltrate.
    pub threshold: f64,
}

/// How a network went over a CT, and what was known of it before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InferenceNote {
    /// Voxels of a window along (slice, row, column) of the network's grid.
    pub window: [usize; 3],
    /// The share of a window that its neighbour covers too, where there is more than one.
    pub overlap: f64,
    /// The window that the recipe gives where memory is no matter; another one means that the limit made it smaller.
    pub window_without_limit: [usize; 3],
    /// In which numbers activations were held.
    #[serde(default)]
    pub precision: Precision,
    /// The limit that was set, in bytes.
    pub max_bytes: Option<u64>,
    /// The most memory that this case was predicted to take, the reading of the CT left out, in bytes.
    pub predicted_peak_bytes: u64,
}

/// Wall-clock seconds by stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Reading the CT.
    pub read: f64,
    /// Turning, resampling and intensities.
    pub prepare: f64,
    /// The network.
    pub network: f64,
    /// Probabilities back to the CT's grid, and labels.
    pub restore: f64,
    /// Writing the mask (and pictures).
    pub write: f64,
}

impl Seconds {
    /// All stages together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.read + self.prepare + self.network + self.restore + self.write
    }
}

/// Rounds to milliseconds: more digits would be noise.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

impl CaseResult {
    /// The form of these data, as `docs/schemas/result.schema.json` describes it; another number means other fields.
    pub const SCHEMA: &'static str = "pulmo.result.1";

    /// Puts together what is known of a case; `write` is still 0 in its times.
    ///
    /// The warnings are those of reading, without names of files, then those of segmenting.
    #[must_use]
    pub fn new(identity: Identity, opened: (&Origin, &[String]), model: &Model, found: &Segmentation) -> Self {
        let (origin, read_warnings) = opened;
        let read = read_warnings.iter().map(|warning| without_names(warning));
        let warnings = read.chain(found.warnings.iter().cloned()).collect();
        Self {
            schema: Self::SCHEMA.to_owned(),
            case: identity.case,
            infiltrate: found.infiltrate,
            classes: found.classes.clone(),
            warnings,
            grid: GridNote::from(found.labels.grid()),
            input: InputNote {
                source: identity.source,
                format: origin.format.to_owned(),
                encoding: origin.encoding.clone(),
                files: origin.files,
                padding_share: origin.padding_share,
                intensity: if found.used_intensity_of_hu { "intensity_of_hu" } else { "intensity" }.to_owned(),
            },
            model: ModelNote {
                recipe: model.recipe.name.clone(),
                sha256: model.sha256.clone(),
                data: model.provenance.data.clone(),
                training_cases: model.provenance.training_cases,
                threshold: model.recipe.training.threshold,
            },
            inference: Some(found.inference),
            seconds: found.seconds,
            peak_memory_bytes: peak_memory_bytes(),
            pulmo_version: env!("CARGO_PKG_VERSION").to_owned(),
            notice: NOTICE.to_owned(),
        }
    }
}

impl From<&Grid> for GridNote {
    fn from(grid: &Grid) -> Self {
        Self {
            shape: grid.shape(),
            spacing_mm: grid.spacing().mm(),
            direction: grid.affine().direction(),
            origin_mm: grid.affine().origin_mm,
        }
    }
}

/// The most memory this process has held at once, in bytes: `VmHWM` of Linux; `None` elsewhere.
#[must_use]
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_grows_with_what_is_held() {
        let before = peak_memory_bytes().unwrap();
        let held = vec![1_u8; before as usize + (64 << 20)];
        assert!(peak_memory_bytes().unwrap() >= before + (60 << 20), "{}", held.len());
    }

    #[test]
    fn times_add_up() {
        let seconds = Seconds { read: 1.0, prepare: 0.5, network: 2.0, restore: 0.25, write: 0.25 };
        assert_eq!(seconds.total(), 4.0);
    }
}
