//! The 348 bytes before the voxels: parsing, and the affine they describe.

use std::path::Path;

use super::{HEADER_BYTES, not_nifti};
use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid};

/// How far the cosine between two axes may lie from zero.
const ORTHOGONAL_WITHIN: f64 = 1e-3;

/// How a voxel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataType {
    Uint8,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Float32,
    Float64,
}

impl DataType {
    fn from_code(code: i16) -> std::result::Result<Self, &'static str> {
        Ok(match code {
            2 => Self::Uint8,
            4 => Self::Int16,
            8 => Self::Int32,
            16 => Self::Float32,
            64 => Self::Float64,
            256 => Self::Int8,
            512 => Self::Uint16,
            768 => Self::Uint32,
            1024 => Self::Int64,
            1280 => Self::Uint64,
            1 => return Err("binary (1 bit)"),
            32 | 1792 | 2048 => return Err("complex"),
            128 | 2304 => return Err("RGB"),
            1536 => return Err("float128"),
            _ => return Err("unknown"),
        })
    }

    /// The name nibabel and NumPy give it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "uint8",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// Bytes of one voxel.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }
}

/// What the header says, checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) grid: Grid,
    pub(super) data_type: DataType,
    pub(super) big_endian: bool,
    /// First byte of the voxels.
    pub(super) voxels_at: u64,
    /// Stored value times `slope` plus `intercept`; 1 and 0 where the file has no scaling.
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) warnings: Vec<String>,
}

/// Whether the bytes could be the header of a NIfTI or Analyze file, of any version and byte order.
pub(crate) fn looks_like_header(head: &[u8]) -> bool {
    let Some(size) = head.first_chunk::<4>() else { return false };
    [348, 540].iter().any(|&known| i32::from_le_bytes(*size) == known || i32::from_be_bytes(*size) == known)
}

/// Reads fields at their fixed places.
struct Fields<'a> {
    bytes: &'a [u8; HEADER_BYTES],
    big_endian: bool,
}

impl Fields<'_> {
    fn four(&self, at: usize) -> [u8; 4] {
        let mut field = [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]];
        if self.big_endian {
            field.reverse();
        }
        field
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.four(at)))
    }

    fn i16(&self, at: usize) -> i16 {
        let field = [self.bytes[at], self.bytes[at + 1]];
        if self.big_endian { i16::from_be_bytes(field) } else { i16::from_le_bytes(field) }
    }

    fn three(&self, at: usize) -> [f64; 3] {
        [self.f32(at), self.f32(at + 4), self.f32(at + 8)]
    }
}

impl Header {
    /// Parses and checks the first 348 bytes of `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8; HEADER_BYTES]) -> Result<Self> {
        let big_endian = byte_order(path, bytes)?;
        let fields = Fields { bytes, big_endian };
        let shape = shape(path, &fields)?;
        let data_type = DataType::from_code(fields.i16(70)).map_err(|name| {
            Error::unsupported(
                path,
                format!("datatype {} ({name} values)", fields.i16(70)),
                "convert it to integers or floats",
            )
        })?;
        let bits = usize::from(fields.i16(72).unsigned_abs());
        if bits != data_type.bytes() * 8 {
            let problem = format!("bitpix {bits} contradicts datatype {}", data_type.name());
            return Err(Error::invalid(path, problem, "the header is damaged"));
        }
        let mut warnings = Vec::new();
        let affine = affine(path, &fields, &shape, &mut warnings)?;
        let grid = Grid::new(shape, affine).map_err(|e| Error::invalid(path, e.to_string(), "check the header"))?;
        let (slope, intercept) = scaling(&fields);
        Ok(Self { grid, data_type, big_endian, voxels_at: voxels_at(path, &fields)?, slope, intercept, warnings })
    }

    /// Whether stored values are the values.
    pub(super) fn is_unscaled(&self) -> bool {
        self.slope == 1.0 && self.intercept == 0.0
    }
}

fn byte_order(path: &Path, bytes: &[u8; HEADER_BYTES]) -> Result<bool> {
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let big_endian = match (i32::from_le_bytes(size), i32::from_be_bytes(size)) {
        (348, _) => false,
        (_, 348) => true,
        (540, _) | (_, 540) => {
            return Err(Error::unsupported(path, "a NIfTI-2 file", "save it as NIfTI-1"));
        }
        _ => return Err(not_nifti(path)),
    };
    match &bytes[344..348] {
        b"n+1\0" => Ok(big_endian),
        b"ni1\0" => Err(Error::unsupported(path, "a NIfTI .hdr/.img pair", "save it as one .nii or .nii.gz file")),
        _ => Err(Error::unsupported(path, "an Analyze 7.5 header (no NIfTI magic)", "save it as NIfTI-1")),
    }
}

/// Voxels along (slice, row, column).
fn shape(path: &Path, fields: &Fields<'_>) -> Result<[usize; 3]> {
    let dims: [i16; 8] = std::array::from_fn(|i| fields.i16(40 + 2 * i));
    let rank = match dims[0] {
        rank @ 1..=7 => rank as usize,
        other => {
            return Err(Error::invalid(path, format!("dim[0] is {other}, expected 3"), "the header is damaged"));
        }
    };
    let used = &dims[1..=rank];
    if let Some(bad) = used.iter().find(|&&d| d < 1) {
        let problem = format!("dim is {used:?}: {bad} voxels along an axis");
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    if rank < 3 || used[3..].iter().any(|&d| d != 1) {
        let problem = format!("{rank}-dimensional ({used:?} voxels), expected 3 dimensions");
        return Err(Error::unsupported(path, problem, "save one volume per file"));
    }
    Ok([used[2] as usize, used[1] as usize, used[0] as usize])
}

fn voxels_at(path: &Path, fields: &Fields<'_>) -> Result<u64> {
    let offset = fields.f32(108);
    // Some writers leave 0, which every reader takes as "right after the header".
    if offset == 0.0 {
        return Ok(352);
    }
    if offset.fract() != 0.0 || !(348.0..=1e9).contains(&offset) {
        let problem = format!("vox_offset is {offset}, expected 352 or more");
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    Ok(offset as u64)
}

/// NIfTI says that a slope of 0 means no scaling; NaN and infinity are written by tools that mean the same.
fn scaling(fields: &Fields<'_>) -> (f64, f64) {
    let (slope, intercept) = (fields.f32(112), fields.f32(116));
    if slope == 0.0 || !slope.is_finite() {
        (1.0, 0.0)
    } else {
        (slope, if intercept.is_finite() { intercept } else { 0.0 })
    }
}

/// The affine of the file in LPS and (slice, row, column) order.
fn affine(path: &Path, fields: &Fields<'_>, shape: &[usize; 3], warnings: &mut Vec<String>) -> Result<Affine> {
    let mm = match fields.bytes[123] & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    let (qform_code, sform_code) = (fields.i16(252), fields.i16(254));
    let affine = match (sform_code > 0, qform_code > 0) {
        (true, false) => sform(fields, mm),
        (false, true) => qform(path, fields, mm)?,
        (true, true) => {
            let affine = sform(fields, mm);
            if let Ok(other) = qform(path, fields, mm) {
                warn_if_apart(&affine, &other, shape, warnings);
            }
            affine
        }
        (false, false) => {
            warnings.push(
                "neither qform nor sform is set: only the voxel sizes are known, orientation and origin are guessed"
                    .to_owned(),
            );
            let [i, j, k] = fields.three(80).map(|x| x.abs() * mm);
            lps([[i, 0.0, 0.0], [0.0, j, 0.0], [0.0, 0.0, k]], [0.0; 3])
        }
    };
    must_be_orthogonal(path, &affine)?;
    Ok(affine)
}

/// From RAS columns (i, j, k) to LPS columns (slice, row, column). Only signs change, so a float32 matrix
/// comes back to the bit when written.
fn lps([i, j, k]: [[f64; 3]; 3], origin: [f64; 3]) -> Affine {
    let turn = |[r, a, s]: [f64; 3]| [-r, -a, s];
    Affine { columns: [turn(k), turn(j), turn(i)], origin_mm: turn(origin) }
}

fn sform(fields: &Fields<'_>, mm: f64) -> Affine {
    let rows: [[f64; 4]; 3] =
        std::array::from_fn(|row| std::array::from_fn(|column| fields.f32(280 + 16 * row + 4 * column) * mm));
    let column = |c: usize| [rows[0][c], rows[1][c], rows[2][c]];
    lps([column(0), column(1), column(2)], column(3))
}

/// The quaternion form; a `qfac` (`pixdim[0]`) of 0 counts as +1, as in the NIfTI C library and ITK.
fn qform(path: &Path, fields: &Fields<'_>, mm: f64) -> Result<Affine> {
    let [b, c, d] = fields.three(256);
    let squares = b * b + c * c + d * d;
    // Quaternions of half turns come with rounding errors of float32.
    if !squares.is_finite() || squares > 1.0 + 1e-5 {
        let problem =
            format!("quatern_b, c, d are {b}, {c}, {d}: their squares add up to {squares}, expected at most 1");
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    let a = (1.0 - squares).max(0.0).sqrt();
    let qfac = if fields.f32(76) < 0.0 { -1.0 } else { 1.0 };
    let [di, dj, dk] = fields.three(80).map(|x| x.abs() * mm);
    let i = [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)].map(|x| x * di);
    let j = [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)].map(|x| x * dj);
    let k = [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c].map(|x| x * dk * qfac);
    Ok(lps([i, j, k], fields.three(268).map(|x| x * mm)))
}

fn warn_if_apart(sform: &Affine, qform: &Affine, shape: &[usize; 3], warnings: &mut Vec<String>) {
    if let (Ok(taken), Ok(other)) = (Grid::new(*shape, *sform), Grid::new(*shape, *qform))
        && let Err(apart) = taken.must_equal(&other)
    {
        warnings.push(format!("qform and sform disagree ({apart}): the sform is taken"));
    }
}

fn must_be_orthogonal(path: &Path, affine: &Affine) -> Result<()> {
    let lengths = affine.spacing_mm();
    if !lengths.iter().all(|x| x.is_finite() && *x > 0.0) {
        let problem = format!("voxel sizes (slice, row, column) are {lengths:?} mm: each must be positive and finite");
        return Err(Error::invalid(path, problem, "check sform, qform and pixdim in the header"));
    }
    let axes = affine.direction();
    let worst = [(0, 1), (0, 2), (1, 2)]
        .map(|(one, two)| (0..3).map(|x| axes[one][x] * axes[two][x]).sum::<f64>().abs())
        .into_iter()
        .fold(0.0, f64::max);
    if worst > ORTHOGONAL_WITHIN {
        let problem = format!(
            "its axes are sheared: the cosine between two of them is {worst:.4}, expected at most {ORTHOGONAL_WITHIN} \
             ({:.2} degrees from a right angle)",
            worst.min(1.0).asin().to_degrees()
        );
        return Err(Error::unsupported(path, problem, "resample it to a grid with right angles first"));
    }
    Ok(())
}
