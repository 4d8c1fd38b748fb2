//! Reading: what the fields say, and where the voxels lie.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::header::Fields;
use super::place;
use crate::error::{Error, Result};
use crate::format::voxels::{Number, Packing, Section, Stored, Unread};

/// Parses the header of a `.nrrd` or `.nhdr` file.
pub(super) fn open(path: &Path) -> Result<Unread> {
    let fields = Fields::parse(path)?;
    let number = number(&fields)?;
    let packing = packing(&fields)?;
    let stored = Stored::plain(number, is_big_endian(&fields, number, packing)?);
    let mut warnings = Vec::new();
    let grid = place::grid(&fields, &mut warnings)?;
    let bytes = (grid.voxels() as u64).saturating_mul(number.bytes() as u64);
    let section = section(&fields, packing, bytes)?;
    Ok(Unread { path: path.to_owned(), format: "NRRD", grid, stored, section, warnings })
}

fn number(fields: &Fields<'_>) -> Result<Number> {
    let name = fields.need("type")?.to_ascii_lowercase();
    Ok(match name.as_str() {
        "signed char" | "int8" | "int8_t" => Number::Int8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Number::Uint8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Number::Int16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Number::Uint16,
        "int" | "signed int" | "int32" | "int32_t" => Number::Int32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Number::Uint32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Number::Int64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Number::Uint64,
        "float" => Number::Float32,
        "double" => Number::Float64,
        _ => {
            let problem = format!("type `{name}`");
            return Err(Error::unsupported(fields.path, problem, "convert it to integers or floats"));
        }
    })
}

fn packing(fields: &Fields<'_>) -> Result<Packing> {
    let name = fields.need("encoding")?.to_ascii_lowercase();
    match name.as_str() {
        "raw" => Ok(Packing::Raw),
        "gzip" | "gz" => Ok(Packing::Gzip),
        "ascii" | "text" | "txt" => Ok(Packing::Text),
        _ => {
            let problem = format!("encoding `{name}`, expected raw, gzip or ascii");
            Err(Error::unsupported(fields.path, problem, "save it with encoding gzip"))
        }
    }
}

fn is_big_endian(fields: &Fields<'_>, number: Number, packing: Packing) -> Result<bool> {
    match fields.get(&["endian"]).map(str::to_ascii_lowercase).as_deref() {
        Some("little") => Ok(false),
        Some("big") => Ok(true),
        None if number.bytes() == 1 || packing == Packing::Text => Ok(false),
        None => Err(fields.invalid("field `endian` is missing".to_owned())),
        Some(other) => Err(fields.invalid(format!("field `endian` is `{other}`, expected little or big"))),
    }
}

/// The file with the voxels and their place in it; `bytes` is how many they are, unpacked.
fn section(fields: &Fields<'_>, packing: Packing, bytes: u64) -> Result<Section> {
    let (file, mut start) = match fields.get(&["datafile"]) {
        Some(name) => (data_file(fields, name)?, 0),
        None => (fields.path.to_owned(), fields.end),
    };
    let skip = |names: &[&str]| -> Result<i64> {
        let text = fields.get(names).unwrap_or("0");
        text.parse()
            .ok()
            .filter(|&n| n >= -1)
            .ok_or_else(|| fields.invalid(format!("field `{}` is `{text}`", names[0])))
    };
    let (lines, skipped) = (skip(&["lineskip"])?, skip(&["byteskip"])?);
    // Checks that it is a plain file before anything is read from it.
    Section::from(&file, start, packing)?;
    match lines {
        0.. => start = behind_lines(&file, start, lines)?,
        _ => return Err(fields.invalid("field `line skip` is -1".to_owned())),
    }
    match (skipped, packing) {
        (-1, Packing::Raw) => {
            let section = Section::last(&file, bytes)?;
            if section.start < start {
                let problem = format!("`byte skip` -1 and {bytes} bytes of voxels reach into its header");
                return Err(fields.invalid(problem));
            }
            Ok(section)
        }
        (-1, _) => {
            let problem = "`byte skip` -1 with an encoding other than raw";
            Err(Error::unsupported(fields.path, problem, "save it without `byte skip`"))
        }
        (skip, Packing::Text) => Section::from(&file, start.saturating_add(skip as u64), packing),
        (skip, _) => Ok(Section { skip: skip as u64, ..Section::from(&file, start, packing)? }),
    }
}

/// The one data file that the header names.
fn data_file(fields: &Fields<'_>, name: &str) -> Result<PathBuf> {
    let first = name.split_whitespace().next().unwrap_or_default();
    if first == "LIST" || name.contains('%') {
        let problem = format!("its voxels lie in several files (`data file: {first}`)");
        return Err(Error::unsupported(fields.path, problem, "save it with all voxels in one file"));
    }
    let file = fields.path.parent().unwrap_or(Path::new("")).join(name);
    if !file.is_file() {
        let problem = format!("its voxels are not there: `data file` names `{name}`");
        return Err(Error::invalid(fields.path, problem, "both files must lie where the header says"));
    }
    Ok(file)
}

/// The position behind that many lines from `start`.
fn behind_lines(file: &Path, start: u64, lines: i64) -> Result<u64> {
    if lines == 0 {
        return Ok(start);
    }
    let failed = |e| Error::read(file, e);
    let mut reader = BufReader::new(File::open(file).map_err(failed)?);
    reader.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut position = start;
    for line in 0..lines {
        // Lines are left out piece by piece: a line may be as long as the file.
        loop {
            let (used, done) = {
                let buffer = reader.fill_buf().map_err(failed)?;
                if buffer.is_empty() {
                    let problem = format!("it has {line} lines before its voxels, expected {lines}");
                    return Err(Error::invalid(file, problem, "the file is cut off or its header is damaged"));
                }
                match buffer.iter().position(|&byte| byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (buffer.len(), false),
                }
            };
            reader.consume(used);
            position += used as u64;
            if done {
                break;
            }
        }
    }
    Ok(position)
}
