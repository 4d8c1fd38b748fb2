//! Reading: what the fields say, and where the voxels lie.

use std::path::Path;

use super::header::Fields;
use crate::error::{Error, Result};
use crate::format::table::is_gzip;
use crate::format::text::{numbers, three};
use crate::format::voxels::{Number, Packing, Section, Stored, Unread};
use crate::format::warning;
use crate::geometry::{Affine, Grid};

/// How far a row of `TransformMatrix` may be from length one.
const UNIT_WITHIN: f64 = 1e-3;

/// Parses the header of a `.mha` or `.mhd` file.
pub(super) fn open(path: &Path) -> Result<Unread> {
    let fields = Fields::parse(path)?;
    refuse_what_is_no_volume(&fields)?;
    let number = number(&fields)?;
    let big_endian = fields.flag(&["ElementByteOrderMSB", "BinaryDataByteOrderMSB"])?;
    let mut warnings = Vec::new();
    let grid = grid(&fields, &mut warnings)?;
    let bytes = (grid.voxels() as u64).saturating_mul(number.bytes() as u64);
    let section = section(&fields, bytes)?;
    let stored = Stored::plain(number, big_endian);
    Ok(Unread { path: path.to_owned(), format: "MetaImage", grid, stored, section, warnings })
}

fn refuse_what_is_no_volume(fields: &Fields<'_>) -> Result<()> {
    let refuse = |problem: String, hint: &str| Err(Error::unsupported(fields.path, problem, hint));
    if let Some(other) = fields.get(&["ObjectType"]).filter(|kind| *kind != "Image") {
        return refuse(format!("ObjectType {other}, expected Image"), "give a volume");
    }
    let dimensions = fields.need(&["NDims"])?;
    if dimensions != "3" {
        return refuse(format!("NDims is {dimensions}, expected 3"), "save one volume of three dimensions per file");
    }
    if let Some(channels) = fields.get(&["ElementNumberOfChannels"]).filter(|n| *n != "1") {
        return refuse(format!("ElementNumberOfChannels is {channels}, expected 1"), "save one value per voxel");
    }
    for (key, neutral) in [("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)] {
        if let Some(text) = fields.get(&[key]).filter(|text| text.parse() != Ok(neutral)) {
            let problem = format!("{key} is {text}, which ITK ignores and other readers apply");
            return refuse(problem, "save the values themselves, with slope 1 and offset 0");
        }
    }
    Ok(())
}

fn number(fields: &Fields<'_>) -> Result<Number> {
    Ok(match fields.need(&["ElementType"])? {
        "MET_CHAR" => Number::Int8,
        "MET_UCHAR" => Number::Uint8,
        "MET_SHORT" => Number::Int16,
        "MET_USHORT" => Number::Uint16,
        // MetaIO keeps four bytes for a long, whatever the machine.
        "MET_INT" | "MET_LONG" => Number::Int32,
        "MET_UINT" | "MET_ULONG" => Number::Uint32,
        "MET_LONG_LONG" => Number::Int64,
        "MET_ULONG_LONG" => Number::Uint64,
        "MET_FLOAT" => Number::Float32,
        "MET_DOUBLE" => Number::Float64,
        other => {
            let problem = format!("ElementType {other}");
            return Err(Error::unsupported(fields.path, problem, "convert it to integers or floats"));
        }
    })
}

/// The grid in (slice, row, column) order; MetaImage is LPS already.
fn grid(fields: &Fields<'_>, warnings: &mut Vec<String>) -> Result<Grid> {
    let sizes: [usize; 3] = numbers(fields.need(&["DimSize"])?)
        .and_then(|sizes: Vec<usize>| sizes.try_into().ok())
        .filter(|sizes: &[usize; 3]| sizes.iter().all(|&n| n > 0))
        .ok_or_else(|| fields.invalid("field DimSize holds no three positive numbers".to_owned()))?;
    let spacing = fields.need(&["ElementSpacing", "ElementSize"])?;
    let spacing = three(spacing).filter(|mm| mm.iter().all(|&mm| mm > 0.0)).ok_or_else(|| {
        fields.invalid(format!("field ElementSpacing is `{spacing}`, expected three positive numbers"))
    })?;
    let matrix = match fields.get(&["TransformMatrix", "Rotation", "Orientation"]) {
        Some(text) => numbers(text)
            .and_then(|numbers: Vec<f64>| <[f64; 9]>::try_from(numbers).ok())
            .ok_or_else(|| fields.invalid(format!("field TransformMatrix is `{text}`, expected nine numbers")))?,
        None => {
            warnings.push(warning::NO_MATRIX.say(&[]));
            [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        }
    };
    let origin_mm = match fields.get(&["Offset", "Position", "Origin"]) {
        Some(text) => {
            three(text).ok_or_else(|| fields.invalid(format!("field Offset is `{text}`, expected three numbers")))?
        }
        None => {
            warnings.push(warning::NO_OFFSET.say(&[]));
            [0.0; 3]
        }
    };
    let mut columns = [[0.0; 3]; 3];
    for (axis, row) in matrix.as_chunks::<3>().0.iter().enumerate() {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if length.is_nan() || (length - 1.0).abs() > UNIT_WITHIN {
            let problem = format!("row {axis} of TransformMatrix has length {length}, expected 1");
            return Err(fields.invalid(problem));
        }
        columns[2 - axis] = row.map(|x| x * spacing[axis]);
    }
    let [i, j, k] = sizes;
    Grid::new([k, j, i], Affine { columns, origin_mm }).map_err(|e| fields.invalid(e.to_string()))
}

/// The file with the voxels and their place in it; `bytes` is how many they are, unpacked.
fn section(fields: &Fields<'_>, bytes: u64) -> Result<Section> {
    let name = fields.need(&["ElementDataFile"])?;
    let is_local = ["LOCAL", "Local", "local"].contains(&name);
    let first = name.split_whitespace().next().unwrap_or_default();
    if first == "LIST" || name.contains('%') {
        let problem = format!("its voxels lie in several files (ElementDataFile = {first})");
        return Err(Error::unsupported(fields.path, problem, "save it with all voxels in one file"));
    }
    let file = if is_local { fields.path.to_owned() } else { fields.path.parent().unwrap_or(Path::new("")).join(name) };
    if !file.is_file() {
        let problem = format!("its voxels are not there: ElementDataFile names `{name}`");
        return Err(Error::invalid(fields.path, problem, "both files must lie where the header says"));
    }
    let header: i64 = fields
        .get(&["HeaderSize"])
        .unwrap_or("0")
        .parse()
        .ok()
        .filter(|&n| n >= -1)
        .ok_or_else(|| fields.invalid("field HeaderSize is no number of bytes".to_owned()))?;
    let is_packed = fields.flag(&["CompressedData"])?;
    let is_binary = fields.get(&["BinaryData"]).is_none() || fields.flag(&["BinaryData"])?;
    if header == -1 && is_binary && !is_packed {
        return Section::last(&file, bytes);
    }
    let start = match (header, is_local) {
        (-1, _) => {
            let problem = "HeaderSize -1 with voxels that are compressed or text";
            return Err(Error::unsupported(fields.path, problem, "save it with HeaderSize 0"));
        }
        (0, true) => fields.end,
        (bytes, _) => bytes as u64,
    };
    let packing = match (is_packed, is_binary) {
        // MetaIO unpacks gzip under this name too; at the start of a data file the two cannot be confused.
        (true, true) if start == 0 && is_gzip(&file)? => Packing::Gzip,
        (true, true) => Packing::Zlib,
        (false, true) => Packing::Raw,
        (false, false) => Packing::Text,
        (true, false) => return Err(fields.invalid("CompressedData with BinaryData = False".to_owned())),
    };
    let mut section = Section::from(&file, start, packing)?;
    if is_packed && let Some(text) = fields.get(&["CompressedDataSize"]) {
        let size: u64 = text
            .parse()
            .map_err(|_| fields.invalid(format!("field CompressedDataSize is `{text}`, expected a number of bytes")))?;
        if size > section.length {
            let problem = format!("{} compressed bytes, expected {size} (CompressedDataSize)", section.length);
            return Err(Error::invalid(&file, problem, "the file is cut off: copy it again"));
        }
        // Zero stands for "not known".
        section.length = if size == 0 { section.length } else { size };
    }
    Ok(section)
}
