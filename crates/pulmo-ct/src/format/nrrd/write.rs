//! Writing: NRRD0004 in the space left-posterior-superior, voxels with gzip.

use std::path::Path;

use crate::atomic;
use crate::error::{Error, Result};
use crate::format::table::{has_ending, stem};
use crate::format::voxels::{Number, Values, Wrapper, pack};
use crate::geometry::Grid;

/// Writes a `.nrrd`, or a `.nhdr` with a `.raw.gz` of the same name beside it.
pub(super) fn write(path: &Path, grid: &Grid, values: &Values<'_>) -> Result<()> {
    if !has_ending(path, &[".nhdr"]) {
        let header = header(grid, values.number(), None);
        return atomic::write_with(path, |out| {
            out.write_all(header.as_bytes())?;
            pack(out, Wrapper::Gzip, &[], values).map(|_| ())
        });
    }
    let data = format!("{}.raw.gz", stem(path).unwrap_or_default());
    if data.contains(['%', '\n', '\r']) || data.starts_with("LIST") || data.trim() != data {
        let problem = "its name cannot stand in the header (`%`, a line end, `LIST`, spaces around it)";
        return Err(Error::unsupported(path, problem, "choose another name, or one that ends in .nrrd"));
    }
    // The header comes last: it must never name voxels that are not there yet.
    atomic::write_with(&path.with_file_name(&data), |out| pack(out, Wrapper::Gzip, &[], values).map(|_| ()))?;
    atomic::write(path, header(grid, values.number(), Some(&data)).as_bytes())
}

fn header(grid: &Grid, number: Number, data: Option<&str>) -> String {
    let name = match number {
        Number::Uint8 => "unsigned char",
        Number::Int16 => "short",
        // The third and last type that is written.
        _ => "float",
    };
    let [slices, rows, columns] = grid.shape();
    // The shortest text that gives the same float64 again.
    let vector = |[x, y, z]: [f64; 3]| format!("({x},{y},{z})");
    let [slice, row, column] = grid.affine().columns.map(vector);
    let mut header = format!(
        "NRRD0004\ntype: {name}\ndimension: 3\nspace: left-posterior-superior\nsizes: {columns} {rows} {slices}\n\
         space directions: {column} {row} {slice}\nkinds: domain domain domain\nendian: little\nencoding: gzip\n\
         space origin: {}\n",
        vector(grid.affine().origin_mm)
    );
    match data {
        Some(file) => header.push_str(&format!("data file: {file}\n")),
        // A blank line ends a header with voxels behind it.
        None => header.push('\n'),
    }
    header
}
