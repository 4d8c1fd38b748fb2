//! The voxels: decompressed and converted in one pass, a chunk at a time.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::header::{DataType, Header};
use super::{HEADER_BYTES, not_nifti};
use crate::error::{Error, Result};
use crate::format::{Opened, Origin, table};
use crate::volume::{CtVolume, LabelMap};

/// Bytes decoded at a time: large enough for speed, small beside any volume.
const CHUNK_BYTES: usize = 1 << 18;

/// How far a float mask may miss an integer.
const LABEL_WITHIN: f64 = 1e-3;

/// Opens a NIfTI CT. NaN voxels, which resampling tools leave outside the field of view, become air with a
/// warning; infinite ones are an error.
pub(crate) fn open_ct(path: &Path) -> Result<Opened> {
    let mut file = NiftiFile::open(path)?;
    let shape = file.header.grid.shape();
    let mut hu = reserve::<f32>(path, file.header.grid.voxels())?;
    let mut padding = 0_usize;
    file.for_each_value(path, |value| {
        let value = value as f32;
        if value.is_finite() {
            hu.push(value);
        } else if value.is_nan() {
            padding += 1;
            hu.push(CtVolume::AIR_HU);
        } else {
            return Err(format!("voxel {} holds {value}, not a finite HU", index(shape, hu.len())));
        }
        Ok(())
    })?;
    let Header { grid, data_type, mut warnings, .. } = file.header;
    if padding > 0 {
        warnings.push(format!("{padding} voxels hold NaN and are taken as air ({} HU)", CtVolume::AIR_HU));
    }
    let volume = CtVolume::new(grid, hu)?;
    let origin = Origin {
        format: "NIfTI-1",
        file_stem: table::stem(path),
        encoding: data_type.name().to_owned(),
        files: 1,
        slices: grid.shape()[0],
        padding_share: padding as f64 / grid.voxels() as f64,
        ..Origin::default()
    };
    Ok(Opened { volume, origin, warnings })
}

/// Opens a NIfTI label map.
pub(crate) fn open_label_map(path: &Path) -> Result<LabelMap> {
    let mut file = NiftiFile::open(path)?;
    let shape = file.header.grid.shape();
    let mut labels = reserve::<u8>(path, file.header.grid.voxels())?;
    file.for_each_value(path, |value| {
        let label = value.round();
        if (value - label).abs() <= LABEL_WITHIN && (0.0..=255.0).contains(&label) {
            labels.push(label as u8);
            Ok(())
        } else {
            let at = index(shape, labels.len());
            Err(format!("voxel {at} holds {value}, expected labels: integers from 0 to 255"))
        }
    })?;
    LabelMap::new(file.header.grid, labels)
}

/// The (slice, row, column) of the voxel that comes next, for messages.
fn index([_, rows, columns]: [usize; 3], at: usize) -> String {
    format!("({}, {}, {})", at / (rows * columns), at / columns % rows, at % columns)
}

/// Room for `voxels` values. Pages are only used once written, so a header that lies costs nothing.
fn reserve<T>(path: &Path, voxels: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(voxels).map_err(|_| {
        Error::invalid(path, format!("{voxels} voxels do not fit into memory"), "the header may be damaged")
    })?;
    Ok(values)
}

/// A header and the stream behind it.
struct NiftiFile {
    header: Header,
    stream: Box<dyn Read>,
}

impl NiftiFile {
    fn open(path: &Path) -> Result<Self> {
        let failed = |e| Error::read(path, e);
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut magic = [0; 2];
        let compressed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
        io::Seek::rewind(&mut file).map_err(failed)?;
        let file = BufReader::with_capacity(CHUNK_BYTES, file);
        let mut stream: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };

        let mut bytes = [0; HEADER_BYTES];
        stream.read_exact(&mut bytes).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => not_nifti(path),
            _ => damaged(path, &e),
        })?;
        let header = Header::parse(path, &bytes)?;
        if !compressed {
            let expected = header.voxels_at + (header.grid.voxels() as u64) * header.data_type.bytes() as u64;
            if length < expected {
                let problem = format!("{length} bytes long, expected {expected}");
                return Err(Error::invalid(path, problem, "the file is cut off: copy it again"));
            }
        }
        skip(path, &mut stream, header.voxels_at - HEADER_BYTES as u64)?;
        Ok(Self { header, stream })
    }

    /// Calls `take` with every value in file order, scaled, and then checks the rest of a compressed file.
    fn for_each_value(&mut self, path: &Path, take: impl FnMut(f64) -> std::result::Result<(), String>) -> Result<()> {
        let big = self.header.big_endian;
        macro_rules! decode {
            ($number:ty) => {
                if big {
                    self.decode(path, |x| <$number>::from_be_bytes(x) as f64, take)
                } else {
                    self.decode(path, |x| <$number>::from_le_bytes(x) as f64, take)
                }
            };
        }
        match self.header.data_type {
            DataType::Uint8 => decode!(u8),
            DataType::Int8 => decode!(i8),
            DataType::Int16 => decode!(i16),
            DataType::Uint16 => decode!(u16),
            DataType::Int32 => decode!(i32),
            DataType::Uint32 => decode!(u32),
            DataType::Int64 => decode!(i64),
            DataType::Uint64 => decode!(u64),
            DataType::Float32 => decode!(f32),
            DataType::Float64 => decode!(f64),
        }
    }

    fn decode<const BYTES: usize>(
        &mut self,
        path: &Path,
        number: impl Fn([u8; BYTES]) -> f64,
        mut take: impl FnMut(f64) -> std::result::Result<(), String>,
    ) -> Result<()> {
        let (slope, intercept, unscaled) = (self.header.slope, self.header.intercept, self.header.is_unscaled());
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut left = self.header.grid.voxels();
        while left > 0 {
            let now = left.min(CHUNK_BYTES / BYTES);
            let bytes = &mut chunk[..now * BYTES];
            self.stream.read_exact(bytes).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => {
                    let problem = format!("its voxels are cut off: {left} of {} missing", self.header.grid.voxels());
                    Error::invalid(path, problem, "copy the file again")
                }
                _ => damaged(path, &e),
            })?;
            for field in bytes.as_chunks::<BYTES>().0 {
                let stored = number(*field);
                let value = if unscaled { stored } else { stored * slope + intercept };
                take(value).map_err(|problem| Error::invalid(path, problem, "check how the file was made"))?;
            }
            left -= now;
        }
        // The checksum of a gzip member stands at its end: what is not read is not checked.
        io::copy(&mut self.stream, &mut io::sink()).map_err(|e| damaged(path, &e))?;
        Ok(())
    }
}

fn skip(path: &Path, stream: &mut dyn Read, bytes: u64) -> Result<()> {
    let skipped = io::copy(&mut stream.take(bytes), &mut io::sink()).map_err(|e| damaged(path, &e))?;
    if skipped < bytes {
        let problem = format!("it ends before vox_offset {}", bytes + HEADER_BYTES as u64);
        return Err(Error::invalid(path, problem, "the file is cut off: copy it again"));
    }
    Ok(())
}

/// What gzip found wrong with a file, or the disk with reading it.
fn damaged(path: &Path, error: &io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::read(path, io::Error::new(error.kind(), error.to_string()));
    }
    Error::invalid(path, format!("its gzip stream is damaged ({error})"), "copy the file again")
}
