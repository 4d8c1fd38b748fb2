//! Where in which file the voxels lie, and whether they can be there at all.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use super::number::Number;
use crate::error::{Error, Result};

/// Bytes read from the disk at a time.
const READ_BYTES: usize = 1 << 18;

/// Deflate gives at most 258 bytes for two bits.
const DEFLATE_AT_MOST: u64 = 1032;

/// How the voxels are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Packing {
    Raw,
    /// One or more gzip members.
    Gzip,
    Zlib,
    /// Numbers as text with white space between them.
    Text,
}

/// A part of a file that holds voxels.
#[derive(Debug, Clone)]
pub(in crate::format) struct Section {
    /// The file that holds them: the header's own or another.
    pub(in crate::format) file: PathBuf,
    /// First byte.
    pub(in crate::format) start: u64,
    /// Bytes from there; the file is at least that long.
    pub(in crate::format) length: u64,
    pub(in crate::format) packing: Packing,
    /// Bytes to leave out after unpacking.
    pub(in crate::format) skip: u64,
}

impl Section {
    /// The file from `start` to its end. It must be a plain file.
    pub(in crate::format) fn from(file: &Path, start: u64, packing: Packing) -> Result<Self> {
        let kind = std::fs::metadata(file).map_err(|e| Error::read(file, e))?;
        if !kind.is_file() {
            return Err(Error::invalid(file, "not a plain file", "the header must name the file with the voxels"));
        }
        let length = kind.len().saturating_sub(start);
        Ok(Self { file: file.to_owned(), start, length, packing, skip: 0 })
    }

    /// The last `bytes` bytes of the file.
    pub(in crate::format) fn last(file: &Path, bytes: u64) -> Result<Self> {
        let mut section = Self::from(file, 0, Packing::Raw)?;
        if section.length < bytes {
            return Err(section.too_short(bytes));
        }
        section.start = section.length - bytes;
        section.length = bytes;
        Ok(section)
    }

    /// Refuses a claim that the file cannot keep, before memory is asked for.
    pub(super) fn must_hold(&self, voxels: usize, number: Number) -> Result<()> {
        let bytes = (voxels as u64).saturating_mul(number.bytes() as u64).saturating_add(self.skip);
        let possible = match self.packing {
            Packing::Raw => self.length,
            Packing::Gzip | Packing::Zlib => self.length.saturating_mul(DEFLATE_AT_MOST),
            // Every number is a digit and, but for the last, a space.
            Packing::Text => {
                return if self.length.saturating_add(1) / 2 < voxels as u64 {
                    Err(self.too_short((voxels as u64).saturating_mul(2) - 1))
                } else {
                    Ok(())
                };
            }
        };
        if possible >= bytes {
            Ok(())
        } else if self.packing == Packing::Raw {
            Err(self.too_short(bytes))
        } else {
            let problem =
                format!("{} compressed bytes, which cannot hold the {bytes} bytes that the header says", self.length);
            Err(Error::invalid(&self.file, problem, "the file is cut off or its header is damaged"))
        }
    }

    fn too_short(&self, bytes: u64) -> Error {
        let expected = self.start.saturating_add(bytes);
        let problem = format!("{} bytes long, expected {expected}", self.start.saturating_add(self.length));
        Error::invalid(&self.file, problem, "the file is cut off: copy it again")
    }

    /// The unpacked bytes, still with those to skip.
    pub(super) fn open(&self, voxels: usize) -> Result<Box<dyn Read + Send>> {
        let failed = |e| Error::read(&self.file, e);
        let mut file = File::open(&self.file).map_err(failed)?;
        file.seek(SeekFrom::Start(self.start)).map_err(failed)?;
        let file = BufReader::with_capacity(READ_BYTES, file.take(self.length));
        Ok(match self.packing {
            Packing::Raw => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Zlib => Box::new(ZlibDecoder::new(file)),
            Packing::Text => Box::new(Cursor::new(self.numbers(file, voxels)?)),
        })
    }

    /// Text as float64 in little endian.
    fn numbers(&self, mut file: impl Read, voxels: usize) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|e| Error::read(&self.file, e))?;
        let mut bytes = Vec::new();
        let words = text.split(|byte| byte.is_ascii_whitespace() || *byte == b',').filter(|word| !word.is_empty());
        for (at, word) in words.take(voxels).enumerate() {
            let number: Option<f64> = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
            let Some(number) = number else {
                let problem = format!("value {} of its text is not a number", at + 1);
                return Err(Error::invalid(&self.file, problem, "the file is damaged"));
            };
            bytes.extend(number.to_le_bytes());
        }
        Ok(bytes)
    }

    /// What the unpacking found wrong, or the disk with reading.
    pub(super) fn damaged(&self, error: &io::Error) -> Error {
        if error.raw_os_error().is_some() {
            return Error::read(&self.file, io::Error::new(error.kind(), error.to_string()));
        }
        let packing = if self.packing == Packing::Zlib { "zlib" } else { "gzip" };
        Error::invalid(&self.file, format!("its {packing} stream is damaged ({error})"), "copy the file again")
    }
}
