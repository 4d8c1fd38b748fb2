//! Reading: the header checked, and where the voxels lie.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::affine;
use super::fields::{Fields, HEADER_BYTES, MOST_HEADER_BYTES};
use crate::error::{Error, Result};
use crate::format::table::{has_ending, is_gzip};
use crate::format::voxels::{Number, Packing, Section, Stored, Unread};

/// Parses the header of a `.nii`, of a pair by either name, packed with gzip or not.
pub(super) fn open(path: &Path) -> Result<Unread> {
    let header_file = header_of(path).unwrap_or_else(|| path.to_owned());
    let fields = Fields::parse(&header_file, &head(&header_file)?)?;
    let shape = shape(&header_file, &fields)?;
    let number = number(&header_file, &fields)?;
    let mut warnings = Vec::new();
    let grid = affine::grid(&header_file, &fields, shape, &mut warnings)?;
    let file = match (fields.is_pair, header_file == path) {
        (false, _) => header_file.clone(),
        (true, true) => voxels_of(path)?,
        (true, false) => path.to_owned(),
    };
    let packing = if is_gzip(&file)? { Packing::Gzip } else { Packing::Raw };
    let mut section = Section::from(&file, 0, packing)?;
    section.skip = voxels_at(&header_file, &fields)?;
    let (slope, intercept) = scaling(&fields);
    let stored = Stored { number, big_endian: fields.big_endian, slope, intercept };
    let format = if fields.version == 1 { "NIfTI-1" } else { "NIfTI-2" };
    Ok(Unread { path: path.to_owned(), format, grid, stored, section, warnings })
}

/// The first bytes of a header file, unpacked.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(MOST_HEADER_BYTES);
    let file = File::open(path).map_err(|e| Error::read(path, e))?;
    let packed = is_gzip(path)?;
    let limit = MOST_HEADER_BYTES as u64;
    let read = if packed {
        MultiGzDecoder::new(io::BufReader::new(file)).take(limit).read_to_end(&mut bytes)
    } else {
        file.take(limit).read_to_end(&mut bytes)
    };
    match read {
        // A version 1 header in a damaged or short stream may still be whole; the voxels will tell.
        Err(_) if packed && bytes.len() >= HEADER_BYTES[0] => Ok(bytes),
        Err(e) if packed => {
            Err(Error::invalid(path, format!("its gzip stream is damaged ({e})"), "copy the file again"))
        }
        Err(e) => Err(Error::read(path, e)),
        Ok(_) => Ok(bytes),
    }
}

/// The file next to `path` with the other ending of a pair, in the same case, packed or not.
fn sibling(path: &Path, from: &str, to: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let bare = if has_ending(path, &[".gz"]) { &name[..name.len() - 3] } else { name };
    let stem = bare.get(..bare.len().checked_sub(from.len())?)?;
    let ending = &bare[stem.len()..];
    if !ending.eq_ignore_ascii_case(from) {
        return None;
    }
    let to = if ending.chars().any(char::is_uppercase) { to.to_uppercase() } else { to.to_owned() };
    let names = [format!("{stem}{to}"), format!("{stem}{to}.gz")];
    names.into_iter().map(|name| path.with_file_name(name)).find(|file| file.is_file())
}

/// The header beside an `.img` file: the one format whose voxels have nothing to be known by.
pub(super) fn header_of(path: &Path) -> Option<PathBuf> {
    sibling(path, ".img", ".hdr")
}

fn voxels_of(header: &Path) -> Result<PathBuf> {
    sibling(header, ".hdr", ".img").ok_or_else(|| {
        let problem = "the header of a NIfTI pair without its .img file";
        Error::invalid(header, problem, "both files must lie in one folder, as x.hdr and x.img")
    })
}

fn number(path: &Path, fields: &Fields) -> Result<Number> {
    let number = match fields.data_type {
        2 => Ok(Number::Uint8),
        4 => Ok(Number::Int16),
        8 => Ok(Number::Int32),
        16 => Ok(Number::Float32),
        64 => Ok(Number::Float64),
        256 => Ok(Number::Int8),
        512 => Ok(Number::Uint16),
        768 => Ok(Number::Uint32),
        1024 => Ok(Number::Int64),
        1280 => Ok(Number::Uint64),
        1 => Err("binary (1 bit)"),
        32 | 1792 | 2048 => Err("complex"),
        128 | 2304 => Err("RGB"),
        1536 => Err("float128"),
        _ => Err("unknown"),
    };
    let number = number.map_err(|name| {
        let problem = format!("datatype {} ({name} values)", fields.data_type);
        Error::unsupported(path, problem, "convert it to integers or floats")
    })?;
    let bits = usize::from(fields.bits.unsigned_abs());
    if bits != number.bytes() * 8 {
        let problem = format!("bitpix {bits} contradicts datatype {}", number.name());
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    Ok(number)
}

/// Voxels along (slice, row, column).
fn shape(path: &Path, fields: &Fields) -> Result<[usize; 3]> {
    let damaged = |problem| Err(Error::invalid(path, problem, "the header is damaged"));
    let rank = match fields.dim[0] {
        rank @ 1..=7 => rank as usize,
        other => return damaged(format!("dim[0] is {other}, expected 3")),
    };
    let used = &fields.dim[1..=rank];
    if let Some(bad) = used.iter().find(|&&d| d < 1) {
        return damaged(format!("dim is {used:?}: {bad} voxels along an axis"));
    }
    if rank < 3 || used[3..].iter().any(|&d| d != 1) {
        let problem = format!("{rank}-dimensional ({used:?} voxels), expected 3 dimensions");
        return Err(Error::unsupported(path, problem, "save one volume per file"));
    }
    match [2, 1, 0].map(|n| usize::try_from(used[n]).ok()) {
        [Some(slices), Some(rows), Some(columns)] => Ok([slices, rows, columns]),
        _ => damaged(format!("dim is {used:?}: no volume has it")),
    }
}

fn voxels_at(path: &Path, fields: &Fields) -> Result<u64> {
    let offset = fields.voxels_at;
    let header = HEADER_BYTES[usize::from(fields.version) - 1];
    // Some writers leave 0, which every reader takes as "right after the header" and its four flags.
    if offset == 0.0 {
        return Ok(if fields.is_pair { 0 } else { header as u64 + 4 });
    }
    let first = if fields.is_pair { 0.0 } else { header as f64 };
    if offset.fract() != 0.0 || !(first..=1e15).contains(&offset) {
        let problem =
            format!("vox_offset is {offset}, expected {} or more", if fields.is_pair { 0 } else { header + 4 });
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    Ok(offset as u64)
}

/// NIfTI says that a slope of 0 means no scaling; NaN and infinity are written by tools that mean the same.
fn scaling(fields: &Fields) -> (f64, f64) {
    if fields.slope == 0.0 || !fields.slope.is_finite() {
        (1.0, 0.0)
    } else {
        (fields.slope, if fields.intercept.is_finite() { fields.intercept } else { 0.0 })
    }
}
