//! The pixels of a Segmentation object, frame by frame.

use std::io::Read;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;

use super::super::super::codec::{self, Frame};
use super::super::super::pixel_data::PixelData;
use super::super::bits::for_each_set;
use super::{HINT, Layout};
use crate::error::{Error, Result};

/// Each frame is a deflated stream of its own (Supplement 244 of 2024).
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";

/// Where the pixels are and how they are stored.
#[derive(Debug)]
pub(in super::super) struct Pixels {
    stored: Stored,
    rows: usize,
    columns: usize,
    frames: usize,
    /// 1, 8 or 16.
    bits: u16,
}

enum Stored {
    /// All frames, one after the other.
    Native(Vec<u8>),
    /// A code stream for each frame.
    Encapsulated { pixel_data: PixelData, syntax: String },
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native(_) => "Native",
            Self::Encapsulated { .. } => "Encapsulated",
        })
    }
}

/// Why pixels cannot be read.
pub(super) enum Problem {
    Invalid(String),
    Unsupported(String),
}

impl Problem {
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Invalid(problem) => Error::invalid(path, problem, HINT),
            Self::Unsupported(problem) => {
                Error::unsupported(path, problem, "export it uncompressed (Explicit VR Little Endian)")
            }
        }
    }
}

impl Pixels {
    /// Checks how the pixels are stored, and that there are as many as the frames need.
    pub(super) fn of(
        object: &DefaultDicomObject,
        pixel_data: PixelData,
        layout: &Layout,
        frames: usize,
    ) -> std::result::Result<Self, Problem> {
        let field = |tag: Tag| object.get(tag).and_then(|element| element.to_int::<i64>().ok());
        let allocated = field(tags::BITS_ALLOCATED).unwrap_or(0);
        let stored = field(tags::BITS_STORED).unwrap_or(0);
        let samples = field(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        let sign = field(tags::PIXEL_REPRESENTATION).unwrap_or(0);
        if ![1, 8, 16].contains(&allocated) || stored != allocated || samples != 1 || sign != 0 {
            let problem = format!(
                "{samples} samples of {allocated} bits, {stored} stored, PixelRepresentation {sign}: expected 1 of 1, 8 or 16 \
                 bits, all stored, unsigned"
            );
            return Err(Problem::Unsupported(problem));
        }
        let bits = allocated as u16;
        let Layout { rows, columns, .. } = *layout;
        let syntax = object.meta().transfer_syntax().to_owned();
        let stored = if pixel_data.is_encapsulated() {
            let is_known = syntax == DEFLATED_FRAMES || bits > 1 && codec::can_decode(&syntax);
            if !is_known {
                let name = codec::transfer_syntax_name(&syntax);
                return Err(Problem::Unsupported(format!("{bits} bit pixels compressed as {name}")));
            }
            let pixel_data = pixel_data.inflated().map_err(Problem::Invalid)?;
            Stored::Encapsulated { pixel_data, syntax }
        } else {
            let pixels = rows.checked_mul(columns).and_then(|n| n.checked_mul(frames));
            let length = pixels.and_then(|n| n.checked_mul(usize::from(bits))).map(|n| n.div_ceil(8));
            let length = length.ok_or_else(|| Problem::Invalid("its frames cannot be counted".to_owned()))?;
            // All frames as one: they are not padded to bytes.
            Stored::Native(pixel_data.native_frame(0, 1, length).map_err(Problem::Invalid)?)
        };
        Ok(Self { stored, rows, columns, frames, bits })
    }

    /// Calls `see(pixel, value)` for each pixel of a frame that is not 0, in the order of rows.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the frame cannot be decoded.
    pub(in super::super) fn for_each(&self, path: &Path, frame: usize, mut see: impl FnMut(usize, u16)) -> Result<()> {
        let count = self.rows * self.columns;
        let decoded;
        let (bytes, begin) = match &self.stored {
            Stored::Native(bytes) => (bytes.as_slice(), frame * count),
            Stored::Encapsulated { pixel_data, syntax } => {
                let failed = |problem: String| Error::invalid(path, format!("frame {}: {problem}", frame + 1), HINT);
                let stream = pixel_data.encapsulated_frame(frame, self.frames).map_err(failed)?;
                decoded = self.decode(syntax, &stream).map_err(failed)?;
                (decoded.as_slice(), 0)
            }
        };
        match self.bits {
            1 => for_each_set(bytes, begin, count, |pixel| see(pixel, 1)),
            8 => {
                let frame = bytes.get(begin..begin + count).unwrap_or_default();
                frame.iter().enumerate().filter(|(_, value)| **value != 0).for_each(|(n, &value)| see(n, value.into()));
            }
            _ => {
                let frame = bytes.get(2 * begin..2 * (begin + count)).unwrap_or_default();
                let values = frame.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
                values.enumerate().filter(|(_, value)| *value != 0).for_each(|(n, value)| see(n, value));
            }
        }
        Ok(())
    }

    /// The bytes of a frame as they would be without compression.
    fn decode(&self, syntax: &str, stream: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let Self { rows, columns, bits, .. } = *self;
        if syntax == DEFLATED_FRAMES {
            let length = (rows * columns * usize::from(bits)).div_ceil(8);
            let mut bytes = Vec::new();
            let decoder = flate2::read::DeflateDecoder::new(stream);
            decoder.take(length as u64 + 2).read_to_end(&mut bytes).map_err(|e| format!("it is damaged ({e})"))?;
            if bytes.len() < length {
                return Err(format!("it has {} bytes, expected {length}", bytes.len()));
            }
            return Ok(bytes);
        }
        let frame = Frame { rows, columns, bits_allocated: bits, bits_stored: bits, is_signed: false };
        let words = codec::decode(syntax, stream, frame)?.words;
        Ok(match bits {
            8 => words.into_iter().map(|word| word as u8).collect(),
            _ => words.into_iter().flat_map(u16::to_le_bytes).collect(),
        })
    }
}
