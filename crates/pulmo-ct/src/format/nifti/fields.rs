//! The fields of a header at their fixed places, version 1 and 2, either byte order.

use std::path::Path;

use super::not_nifti;
use crate::error::{Error, Result};

/// Bytes of the headers, which are also their first fields.
pub(super) const HEADER_BYTES: [usize; 2] = [348, 540];

/// Bytes to read to have either header.
pub(super) const MOST_HEADER_BYTES: usize = HEADER_BYTES[1];

/// A header as it stands in the file, nothing checked but what it is.
#[derive(Debug)]
pub(super) struct Fields {
    /// 1 or 2.
    pub(super) version: u8,
    pub(super) big_endian: bool,
    /// Whether the voxels are in a file of their own (`.img`).
    pub(super) is_pair: bool,
    pub(super) dim: [i64; 8],
    pub(super) data_type: i16,
    pub(super) bits: i16,
    pub(super) pixdim: [f64; 8],
    pub(super) voxels_at: f64,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// The byte `xyzt_units`.
    pub(super) units: i32,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    /// `quatern_b`, `c`, `d`.
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) srow: [[f64; 4]; 3],
}

/// Which header the bytes begin with: version and whether big endian.
pub(super) fn version(head: &[u8]) -> Option<(u8, bool)> {
    let size = head.first_chunk::<4>()?;
    match (i32::from_le_bytes(*size), i32::from_be_bytes(*size)) {
        (348, _) => Some((1, false)),
        (_, 348) => Some((1, true)),
        (540, _) => Some((2, false)),
        (_, 540) => Some((2, true)),
        _ => None,
    }
}

impl Fields {
    /// Reads the header that `bytes` begin with.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let (version, big_endian) = version(bytes).ok_or_else(|| not_nifti(path))?;
        let length = HEADER_BYTES[usize::from(version) - 1];
        if bytes.len() < length {
            return Err(not_nifti(path));
        }
        let at = Places { bytes, big_endian };
        let is_pair = match (version, &bytes[344..348], &bytes[4..12]) {
            (1, b"n+1\0", _) | (2, _, b"n+2\0\r\n\x1a\n") => false,
            (1, b"ni1\0", _) | (2, _, b"ni2\0\r\n\x1a\n") => true,
            (1, ..) => {
                let problem = "an Analyze 7.5 header (no NIfTI magic), which does not say how the patient lies";
                return Err(Error::unsupported(path, problem, "save it as NIfTI-1"));
            }
            _ => {
                let problem = "the magic of NIfTI-2 is missing or damaged";
                return Err(Error::invalid(path, problem, "a transfer as text changes it: copy the file again"));
            }
        };
        Ok(if version == 1 { Self::first(&at, is_pair) } else { Self::second(&at, is_pair) })
    }

    fn first(at: &Places<'_>, is_pair: bool) -> Self {
        Self {
            version: 1,
            big_endian: at.big_endian,
            is_pair,
            dim: std::array::from_fn(|n| i64::from(at.i16(40 + 2 * n))),
            data_type: at.i16(70),
            bits: at.i16(72),
            pixdim: at.floats(76),
            voxels_at: at.f32(108),
            slope: at.f32(112),
            intercept: at.f32(116),
            units: i32::from(at.bytes[123]),
            qform_code: i32::from(at.i16(252)),
            sform_code: i32::from(at.i16(254)),
            quaternion: at.floats(256),
            qoffset: at.floats(268),
            srow: std::array::from_fn(|row| at.floats(280 + 16 * row)),
        }
    }

    fn second(at: &Places<'_>, is_pair: bool) -> Self {
        Self {
            version: 2,
            big_endian: at.big_endian,
            is_pair,
            dim: std::array::from_fn(|n| at.i64(16 + 8 * n)),
            data_type: at.i16(12),
            bits: at.i16(14),
            pixdim: at.doubles(104),
            voxels_at: at.i64(168) as f64,
            slope: at.f64(176),
            intercept: at.f64(184),
            units: at.i32(500),
            qform_code: at.i32(344),
            sform_code: at.i32(348),
            quaternion: at.doubles(352),
            qoffset: at.doubles(376),
            srow: std::array::from_fn(|row| at.doubles(400 + 32 * row)),
        }
    }
}

/// Numbers at byte offsets; the caller has checked the length.
struct Places<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Places<'_> {
    fn field<const BYTES: usize>(&self, at: usize) -> [u8; BYTES] {
        let mut field: [u8; BYTES] = std::array::from_fn(|n| self.bytes[at + n]);
        if self.big_endian {
            field.reverse();
        }
        field
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.field(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.field(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.field(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.field(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.field(at))
    }

    fn floats<const COUNT: usize>(&self, at: usize) -> [f64; COUNT] {
        std::array::from_fn(|n| self.f32(at + 4 * n))
    }

    fn doubles<const COUNT: usize>(&self, at: usize) -> [f64; COUNT] {
        std::array::from_fn(|n| self.f64(at + 8 * n))
    }
}
