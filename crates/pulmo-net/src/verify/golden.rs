//! A folder of golden numbers: `golden.json` and two NumPy files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::npy;
use crate::{Error, Result};

/// What `golden.json` holds; keys are those of faimed3d's modules and parameters.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    /// Items in the batch.
    pub batch: usize,
    /// Distinct channels of the input: 3, or 1 to be repeated on 3.
    pub channels: usize,
    /// Depth, height, width of the input.
    pub size: [usize; 3],
    /// Text that goes into the formula of all values.
    pub salt: String,
    /// Number of trained parameters.
    pub parameters: usize,
    /// Voxels labelled 1, to check the formula with.
    pub target_voxels: usize,
    /// Deviation of PyTorch's float32 logits.
    pub logits: LogitDeviation,
    /// Outputs of modules in evaluation mode.
    pub activations_eval: BTreeMap<String, Summary>,
    /// Loss before the first step.
    pub loss: GoldenLoss,
    /// Gradients of that loss by every parameter, nothing frozen.
    pub gradients: BTreeMap<String, Summary>,
    /// Running statistics after one training-mode pass minus before.
    #[serde(rename = "running_statistics_increment_of_one_forward")]
    pub running_increment: BTreeMap<String, Summary>,
    /// First optimiser step, encoder frozen.
    pub step_1_frozen: GoldenStep,
    /// Second optimiser step, nothing frozen.
    pub step_2_unfrozen: GoldenStep,
    /// fastai's curve.
    pub one_cycle: GoldenCycle,
    /// Shapes of the whole state dict.
    pub keys: BTreeMap<String, Vec<usize>>,
}

/// Largest difference of PyTorch's float32 logits over the largest logit.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct LogitDeviation {
    /// In evaluation mode.
    pub eval_f32_max_over_max: f64,
    /// In training mode.
    pub train_f32_max_over_max: f64,
}

/// A tensor in a few numbers, from a float64 run.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Euclidean length.
    pub l2: f64,
    /// Mean.
    pub mean: f64,
    /// Root of the mean square.
    pub rms: f64,
    /// Some values by their flat index in C order.
    pub samples: BTreeMap<usize, f64>,
    /// Relative L2 deviation of PyTorch's float32 over the whole tensor.
    pub f32_rel: f64,
    /// Largest absolute deviation of PyTorch's float32 among the samples.
    pub f32_max_sample: f64,
}

/// The two parts of the loss, and both in PyTorch's float32.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct GoldenLoss {
    /// Soft Dice loss.
    pub dice_loss: f64,
    /// Cross-entropy.
    pub cross_entropy: f64,
    /// Both, as float32 found them.
    #[serde(default)]
    pub f32: Option<[f64; 2]>,
}

/// One optimiser step.
#[derive(Debug, Clone, Deserialize)]
pub struct GoldenStep {
    /// Learning rate of both groups.
    pub lr: f64,
    /// Momentum.
    pub mom: f64,
    /// Decay of the squared average; as in the first step where absent.
    pub sqr_mom: Option<f64>,
    /// Epsilon; as in the first step where absent.
    pub eps: Option<f64>,
    /// Weight decay; as in the first step where absent.
    pub wd: Option<f64>,
    /// Loss before the step, where recorded.
    pub loss_before: Option<GoldenLoss>,
    /// The loss in PyTorch's float32.
    pub f32: Option<[f64; 2]>,
    /// Parameters after minus before.
    #[serde(rename = "updates_after_minus_before")]
    pub updates: BTreeMap<String, Summary>,
}

/// Recorded positions of the one-cycle curve.
#[derive(Debug, Clone, Deserialize)]
pub struct GoldenCycle {
    /// Highest learning rate.
    pub lr_max: f64,
    /// Number of steps.
    pub steps: usize,
    /// Learning rate before each step.
    pub lr: Vec<f64>,
    /// Momentum before each step.
    pub mom: Vec<f64>,
}

impl Golden {
    /// Reads `golden.json` of a folder.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read; [`Error::WeightFile`] where it has another form.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("golden.json");
        let text =
            fs::read_to_string(&path).map_err(|source| Error::Io { action: "read", path: path.clone(), source })?;
        let golden: Self = serde_json::from_str(&text).map_err(|error| unusable(&path, error.to_string()))?;
        if golden.channels != 1 && golden.channels != 3 {
            return Err(unusable(&path, format!("`channels` is {}, expected 1 or 3", golden.channels)));
        }
        if golden.batch == 0 || golden.size.contains(&0) {
            return Err(unusable(&path, "`batch` or `size` is zero".to_owned()));
        }
        let summaries = [
            &golden.activations_eval,
            &golden.gradients,
            &golden.running_increment,
            &golden.step_1_frozen.updates,
            &golden.step_2_unfrozen.updates,
        ];
        for (key, summary) in summaries.into_iter().flatten() {
            if summary.samples.keys().any(|&index| index >= summary.n) {
                return Err(unusable(&path, format!("`{key}` has a sample beyond its {} values", summary.n)));
            }
        }
        Ok(golden)
    }

    /// Reads `logits_eval.npy` or `logits_train.npy`: N, C, D, H, W with two classes.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read; [`Error::WeightFile`] where it is no float array of the expected shape.
    pub fn read_logits(&self, folder: &Path, name: &str) -> Result<Vec<f64>> {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|source| Error::Io { action: "read", path: path.clone(), source })?;
        let array = npy::parse(&bytes).map_err(|problem| unusable(&path, problem))?;
        let [depth, height, width] = self.size;
        let expected = [self.batch, 2, depth, height, width];
        if array.shape != expected {
            return Err(unusable(&path, format!("shape {:?}, expected {expected:?}", array.shape)));
        }
        Ok(array.values)
    }
}

fn unusable(path: &Path, problem: String) -> Error {
    let hint = "expected a folder of golden numbers: golden.json, logits_eval.npy, logits_train.npy".to_owned();
    Error::WeightFile { path: path.to_path_buf(), problem, hint }
}
