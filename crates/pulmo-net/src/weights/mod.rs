//! Weights in and out: files to named tensors, foreign names to ours.
//!
//! Read `.safetensors` and PyTorch's `.pth` (both serialisations, without executing pickle code); write safetensors.
//! [`transfer`] puts a file's tensors into a network's. Not here: any download.

mod elements;
pub mod keys;
mod pytorch;
mod safetensors;
mod source;
mod transfer;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use self::keys::KeyTable;
pub use self::safetensors::{SafetensorsStream, TensorsF64, Width, read_f64, write_safetensors};
pub use self::source::{KINETICS_R3D18_FILE, KINETICS_R3D18_SHA256_BEGIN, file_sha256};
pub use self::transfer::{Fate, TransferEntry, TransferReport, transfer};

use crate::{Error, Result, Weights};

/// What a weight file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsFile {
    /// The tensors by the names in the file, as float32.
    pub tensors: Weights,
    /// The file's own notes (safetensors' `__metadata__`); empty for PyTorch files.
    pub metadata: BTreeMap<String, String>,
}

/// Reads a weight file; the kind is found from its content, never from its extension.
///
/// Safetensors, and PyTorch checkpoints in ZIP, legacy and older form. Values of any element type become float32.
/// Weights below `state_dict`, `model_state_dict`, `model` or `net` are taken from there; a `module.` before every
/// name is removed. Nothing in a file is executed.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read, [`Error::WeightFile`] where it is damaged, cut short, holds no tensors
/// or is of another kind.
///
/// # Agreement
/// Equal to torch 2.0.1 to the bit: `oracles/torchvision_weights`.
pub fn read_weights_file(path: impl AsRef<Path>) -> Result<WeightsFile> {
    let path = path.as_ref();
    let mut begin = Vec::new();
    File::open(path).and_then(|file| file.take(512).read_to_end(&mut begin)).map_err(|source| Error::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    if begin.is_empty() {
        return Err(unusable(path, "the file is empty", "copy or download it again"));
    }
    let file =
        if safetensors::is_safetensors(&begin) { safetensors::read(path)? } else { pytorch::read(path, &begin)? };
    if file.tensors.is_empty() {
        return Err(unusable(path, "it holds no tensors", "expected a state dict: names with tensors"));
    }
    Ok(file)
}

fn unusable(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::WeightFile { path: path.to_path_buf(), problem: problem.into(), hint: hint.into() }
}
