//! Safetensors files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use tempfile::NamedTempFile;

use super::elements::{Element, to_f32};
use super::{WeightsFile, unusable};
use crate::{Error, Result, Tensor, Weights};

/// Longest header the format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

pub(super) fn is_safetensors(begin: &[u8]) -> bool {
    let length = begin.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length <= LONGEST_HEADER) && begin.get(8) == Some(&b'{')
}

pub(super) fn read(path: &Path) -> Result<WeightsFile> {
    let bytes = read_bytes(path)?;
    let metadata = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(path, &error))?.1;
    let metadata = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut tensors = Weights::new();
    for (name, view) in SafeTensors::deserialize(&bytes).map_err(|error| damaged(path, &error))?.tensors() {
        let element = element(view.dtype()).ok_or_else(|| {
            let problem = format!("`{name}` has element type {:?}", view.dtype());
            unusable(path, problem, "expected floating-point or integer tensors of 8 to 64 bits")
        })?;
        tensors.insert(name, Tensor { shape: view.shape().to_vec(), values: to_f32(element, view.data()) });
    }
    Ok(WeightsFile { tensors, metadata })
}

/// Tensors in float64 by name: shape and values.
pub type TensorsF64 = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// Reads a safetensors file of float64 or float32 tensors without rounding: name, shape and values.
///
/// # Errors
/// [`Error::Io`] and [`Error::WeightFile`], as for weights; also where a tensor is neither float64 nor float32.
pub fn read_f64(path: impl AsRef<Path>) -> Result<TensorsF64> {
    let path = path.as_ref();
    let bytes = read_bytes(path)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(&bytes).map_err(|error| damaged(path, &error))?.tensors() {
        let values = match view.dtype() {
            Dtype::F64 => view.data().as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect(),
            Dtype::F32 => {
                view.data().as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk).into()).collect()
            }
            other => return Err(unusable(path, format!("`{name}` is {other:?}"), "expected F64 or F32")),
        };
        tensors.insert(name, (view.shape().to_vec(), values));
    }
    Ok(tensors)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_path_buf(), source })
}

fn damaged(path: &Path, error: &safetensors::SafeTensorError) -> Error {
    let hint = "the file seems cut short or damaged; copy or download it again and compare its size and SHA-256";
    unusable(path, format!("safetensors: {error}"), hint)
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U64 => Element::U64,
        Dtype::U32 => Element::U32,
        Dtype::U16 => Element::U16,
        Dtype::U8 => Element::U8,
        Dtype::BOOL => Element::Bool,
        _ => return None,
    })
}

/// Writes float32 tensors and notes as a safetensors file, replacing an older one only when all is written.
///
/// The same tensors and notes give the same bytes.
///
/// # Errors
/// [`Error::Io`] where the folder or file cannot be written; [`Error::WeightFile`] where a tensor's values do not fill
/// its shape.
pub fn write_safetensors(path: impl AsRef<Path>, weights: &Weights, metadata: &BTreeMap<String, String>) -> Result<()> {
    let shapes: Vec<_> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    let mut stream = SafetensorsStream::create(path.as_ref(), &shapes, Width::F32, metadata)?;
    for tensor in weights.values() {
        stream.write(&tensor.values)?;
    }
    stream.finish()
}

/// Float width of a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Four bytes.
    F32,
    /// Eight bytes.
    F64,
}

/// A safetensors file written tensor by tensor, so that not all need be in memory at once.
#[derive(Debug)]
pub struct SafetensorsStream {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    width: Width,
    /// Names and numbers of values still to come, last first.
    pending: Vec<(String, usize)>,
}

impl SafetensorsStream {
    /// Opens a temporary file beside `path` and writes the header for these names and shapes.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be written.
    pub fn create(
        path: &Path,
        shapes: &[(String, Vec<usize>)],
        width: Width,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|source| write_error(path, source))?;
        let (dtype, bytes) = if width == Width::F32 { ("F32", 4) } else { ("F64", 8) };
        let mut header = serde_json::Map::new();
        if !metadata.is_empty() {
            header.insert("__metadata__".into(), serde_json::json!(metadata));
        }
        let (mut begin, mut pending) = (0, Vec::new());
        for (name, shape) in shapes {
            let count: usize = shape.iter().product();
            let end = begin + count * bytes;
            header.insert(
                name.clone(),
                serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}),
            );
            pending.push((name.clone(), count));
            begin = end;
        }
        pending.reverse();
        let mut text = serde_json::Value::Object(header).to_string();
        // Values begin at a multiple of eight bytes, as the format asks.
        text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
        let mut stream =
            Self { path: path.to_path_buf(), file: BufWriter::with_capacity(1 << 20, file), width, pending };
        stream.put(&(text.len() as u64).to_le_bytes())?;
        stream.put(text.as_bytes())?;
        Ok(stream)
    }

    /// Writes the next tensor's values, in the order of the names given at the start.
    ///
    /// # Errors
    /// [`Error::WeightFile`] where the number of values is not the announced one; [`Error::Io`] where writing fails.
    pub fn write<T: Copy + Into<f64>>(&mut self, values: &[T]) -> Result<()> {
        let Some((name, count)) = self.pending.pop() else {
            return Err(unusable(&self.path, "more tensors were written than announced", ""));
        };
        if count != values.len() {
            let problem = format!("`{name}` has {} values, its shape needs {count}", values.len());
            return Err(unusable(&self.path, problem, ""));
        }
        for &value in values {
            let value: f64 = value.into();
            match self.width {
                #[expect(clippy::cast_possible_truncation, reason = "the caller chose float32")]
                Width::F32 => self.put(&(value as f32).to_le_bytes())?,
                Width::F64 => self.put(&value.to_le_bytes())?,
            }
        }
        Ok(())
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`Error::WeightFile`] where a tensor is missing; [`Error::Io`] where writing fails.
    pub fn finish(self) -> Result<()> {
        if let Some((name, _)) = self.pending.last() {
            return Err(unusable(&self.path, format!("`{name}` was announced but not written"), ""));
        }
        let path = self.path;
        let file = self.file.into_inner().map_err(|error| write_error(&path, error.into_error()))?;
        make_readable(file.as_file()).map_err(|source| write_error(&path, source))?;
        file.persist(&path).map_err(|error| write_error(&path, error.error))?;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| write_error(&self.path, source))
    }
}

/// Temporary files are for their owner alone; a finished model is as readable as any other file.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

fn write_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { action: "write", path: path.to_path_buf(), source }
}
