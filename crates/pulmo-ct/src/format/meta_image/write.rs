//! Writing: LPS, voxels with zlib, in the words and the order of fields that MetaIO uses.

use std::path::Path;

use crate::atomic;
use crate::error::{Error, Result};
use crate::format::table::{has_ending, stem};
use crate::format::voxels::{Number, Values, Wrapper, pack};
use crate::geometry::Grid;

/// Writes a `.mha`, or a `.mhd` with a `.zraw` of the same name beside it.
pub(super) fn write(path: &Path, grid: &Grid, values: &Values<'_>) -> Result<()> {
    if grid.is_sheared() {
        let problem =
            format!("its axes are {:.2} degrees off a right angle, which MetaImage cannot hold", grid.shear_degrees());
        return Err(Error::unsupported(path, problem, "write .nii.gz or .nrrd, or resample it to right angles"));
    }
    if !has_ending(path, &[".mhd"]) {
        // The header says how long the voxels are, so they are packed first.
        let mut voxels = Vec::new();
        pack(&mut voxels, Wrapper::Zlib, &[], values).map_err(|e| Error::write(path, e))?;
        let header = header(grid, values.number(), voxels.len() as u64, "LOCAL");
        return atomic::write_with(path, |out| {
            out.write_all(header.as_bytes())?;
            out.write_all(&voxels)
        });
    }
    let data = format!("{}.zraw", stem(path).unwrap_or_default());
    if data.contains(['%', '\n', '\r']) || data.starts_with("LIST") || data.trim() != data {
        let problem = "its name cannot stand in the header (`%`, a line end, `LIST`, spaces around it)";
        return Err(Error::unsupported(path, problem, "choose another name, or one that ends in .mha"));
    }
    let mut size = 0;
    // The header comes last: it must never name voxels that are not there yet.
    atomic::write_with(&path.with_file_name(&data), |out| {
        size = pack(out, Wrapper::Zlib, &[], values)?;
        Ok(())
    })?;
    atomic::write(path, header(grid, values.number(), size, &data).as_bytes())
}

fn header(grid: &Grid, number: Number, bytes: u64, data: &str) -> String {
    let name = match number {
        Number::Uint8 => "MET_UCHAR",
        Number::Int16 => "MET_SHORT",
        // The third and last type that is written.
        _ => "MET_FLOAT",
    };
    // The shortest texts that give the same float64 again.
    let words = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let [slices, rows, columns] = grid.shape();
    let [slice, row, column] = grid.affine().direction();
    let [dk, dj, di] = grid.spacing().mm();
    format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n\
         CompressedDataSize = {bytes}\nTransformMatrix = {}\nOffset = {}\nCenterOfRotation = 0 0 0\n\
         ElementSpacing = {}\nDimSize = {columns} {rows} {slices}\nElementType = {name}\nElementDataFile = {data}\n",
        words(&[column, row, slice].concat()),
        words(&grid.affine().origin_mm),
        words(&[di, dj, dk]),
    )
}
