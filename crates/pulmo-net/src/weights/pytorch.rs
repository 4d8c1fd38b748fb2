//! PyTorch checkpoints, read without executing anything.

use std::collections::BTreeMap;
use std::path::Path;

use pytorch_reader::{DType, PytorchError, PytorchReader};

use super::elements::{Element, to_f32};
use super::{WeightsFile, unusable};
use crate::{Error, Result, Tensor, Weights};

/// Keys under which training scripts keep the weights beside other things.
const WRAPPERS: [&str; 5] = ["state_dict", "model_state_dict", "model_state", "model", "net"];

/// What `DataParallel` puts before every name.
const PARALLEL: &str = "module.";

pub(super) fn read(path: &Path, begin: &[u8]) -> Result<WeightsFile> {
    refuse_other_kinds(path, begin)?;
    let whole = PytorchReader::new(path).map_err(|error| problem(path, error))?;
    let mut reader = None;
    for wrapper in WRAPPERS {
        // Opening again costs only the pickle; that the root really has this key is what prevents a module called
        // `model` inside a flat state dict from being taken for a wrapper.
        if whole.tensors().keys().any(|name| name.starts_with(&format!("{wrapper}."))) {
            reader = PytorchReader::with_top_level_key(path, wrapper).ok();
        }
        if reader.is_some() {
            break;
        }
    }
    let found: BTreeMap<_, _> = reader.unwrap_or(whole).into_tensors().into_iter().collect();
    let mut tensors = Weights::new();
    for (name, tensor) in found {
        tensors.insert(name, convert(path, &tensor)?);
    }
    if tensors.keys().all(|name| name.starts_with(PARALLEL)) {
        tensors = tensors.into_iter().map(|(name, tensor)| (name[PARALLEL.len()..].to_owned(), tensor)).collect();
    }
    Ok(WeightsFile { tensors, metadata: BTreeMap::new() })
}

fn convert(path: &Path, tensor: &pytorch_reader::Tensor) -> Result<Tensor> {
    let bytes = tensor.read().map_err(|error| problem(path, PytorchError::Io(error)))?;
    let element = match tensor.dtype() {
        DType::F64 => Element::F64,
        DType::F32 => Element::F32,
        DType::F16 => Element::F16,
        DType::BF16 => Element::Bf16,
        DType::I64 => Element::I64,
        DType::I32 => Element::I32,
        DType::I16 => Element::I16,
        DType::I8 => Element::I8,
        DType::U64 => Element::U64,
        DType::U32 => Element::U32,
        DType::U16 => Element::U16,
        DType::U8 => Element::U8,
        DType::Bool => Element::Bool,
    };
    let bytes = native_to_little_endian(bytes, element.bytes());
    Ok(Tensor { shape: tensor.shape().to_vec(), values: to_f32(element, &bytes) })
}

/// The reader hands out the machine's own byte order; elements are decoded from little-endian.
fn native_to_little_endian(mut bytes: Vec<u8>, width: usize) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    bytes
}

fn refuse_other_kinds(path: &Path, begin: &[u8]) -> Result<()> {
    let kind = if begin.starts_with(&[0x1f, 0x8b]) {
        "a gzip archive (a NIfTI volume?)"
    } else if begin.get(128..132) == Some(b"DICM") {
        "a DICOM file"
    } else if begin.starts_with(b"\x89HDF") {
        "an HDF5 file"
    } else if begin.starts_with(b"\x08\x07") || begin.starts_with(b"\x08\x08") {
        "probably an ONNX model"
    } else if begin.first() == Some(&b'<') || begin.starts_with(b"version https://git-lfs") {
        "text, such as a web page or a Git LFS pointer"
    } else {
        return Ok(());
    };
    let hint = "expected .safetensors or a PyTorch .pth; if it was downloaded, download the file itself again";
    Err(unusable(path, format!("it is {kind}"), hint))
}

fn problem(path: &Path, error: PytorchError) -> Error {
    if let PytorchError::Io(source) = &error
        && !matches!(source.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
        && source.raw_os_error().is_some()
    {
        return Error::Io { action: "read", path: path.to_path_buf(), source: std::io::Error::from(source.kind()) };
    }
    let hint = match &error {
        PytorchError::InvalidFormat(text) if text.starts_with("not a PyTorch") => {
            "expected .safetensors or a PyTorch .pth (zip or legacy)"
        }
        PytorchError::Pickle(_) => {
            "expected a state dict (`torch.save(model.state_dict(), ...)`); or the file is cut short"
        }
        _ => "the file seems cut short or damaged; copy or download it again and compare its size and SHA-256",
    };
    unusable(path, error.to_string(), hint)
}
