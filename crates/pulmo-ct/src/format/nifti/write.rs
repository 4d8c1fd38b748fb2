//! Writing: header, grid and voxels of one NIfTI-1 file.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{HEADER_BYTES, LONGEST_AXIS};
use crate::atomic;
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::volume::{CtVolume, LabelMap};

/// Where the voxels begin: the header and four bytes that say "no extensions".
const VOXELS_AT: usize = 352;

/// qform and sform codes: coordinates of the scanner.
const SCANNER: i16 = 1;

/// Writes labels as uint8.
pub(crate) fn write_label_map(path: &Path, labels: &LabelMap) -> Result<()> {
    write(path, labels.grid(), (2, 8), &mut |out| out.write_all(labels.labels()))
}

/// Writes HU as int16 where that loses nothing, else as float32.
pub(crate) fn write_volume(path: &Path, volume: &CtVolume) -> Result<()> {
    let fits = |x: f32| x.fract() == 0.0 && (f32::from(i16::MIN)..=f32::from(i16::MAX)).contains(&x);
    if volume.hu().iter().all(|&x| fits(x)) {
        write(path, volume.grid(), (4, 16), &mut |out| write_values(out, volume.hu(), |x| (x as i16).to_le_bytes()))
    } else {
        write(path, volume.grid(), (16, 32), &mut |out| write_values(out, volume.hu(), f32::to_le_bytes))
    }
}

/// Converts and writes a few thousand values at a time.
fn write_values<const BYTES: usize>(
    out: &mut dyn Write,
    values: &[f32],
    convert: impl Fn(f32) -> [u8; BYTES],
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for chunk in values.chunks(1 << 16) {
        bytes.clear();
        bytes.extend(chunk.iter().flat_map(|&x| convert(x)));
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn write(
    path: &Path,
    grid: &Grid,
    (data_type, bits): (i16, i16),
    voxels: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if grid.shape().iter().any(|&n| n > LONGEST_AXIS) {
        let problem = format!("{:?} voxels: NIfTI-1 allows {LONGEST_AXIS} along an axis", grid.shape());
        return Err(Error::unsupported(path, problem, "crop or split the volume"));
    }
    let header = header(grid, data_type, bits);
    let compressed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    atomic::write_with(path, |out| {
        if compressed {
            let mut out = GzEncoder::new(out, Compression::default());
            out.write_all(&header)?;
            voxels(&mut out)?;
            out.finish().map(|_| ())
        } else {
            out.write_all(&header)?;
            voxels(out)
        }
    })
}

/// The header in little endian, with sform and qform of the same grid.
fn header(grid: &Grid, data_type: i16, bits: i16) -> [u8; VOXELS_AT] {
    let mut bytes = [0; VOXELS_AT];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &(HEADER_BYTES as i32).to_le_bytes());
    let [slices, rows, columns] = grid.shape().map(|n| n as i16);
    for (i, n) in [3, columns, rows, slices, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * i, &n.to_le_bytes());
    }
    put(70, &data_type.to_le_bytes());
    put(72, &bits.to_le_bytes());

    // Back to RAS and (i, j, k).
    let turn = |[l, p, s]: [f64; 3]| [-l, -p, s];
    let [k, j, i] = grid.affine().columns.map(turn);
    let origin = turn(grid.affine().origin_mm);
    let (quaternion, qfac) = quaternion([i, j, k]);
    let [dk, dj, di] = grid.spacing().mm();
    for (n, size) in [qfac, di, dj, dk, 1.0].into_iter().enumerate() {
        put(76 + 4 * n, &(size as f32).to_le_bytes());
    }
    put(108, &(VOXELS_AT as f32).to_le_bytes());
    put(112, &1.0_f32.to_le_bytes());
    // Millimetres and seconds.
    put(123, &[2 | 8]);
    put(148, b"pulmo");
    put(252, &SCANNER.to_le_bytes());
    put(254, &SCANNER.to_le_bytes());
    for (n, value) in quaternion.into_iter().chain(origin).enumerate() {
        put(256 + 4 * n, &(value as f32).to_le_bytes());
    }
    for row in 0..3 {
        for (column, value) in [i[row], j[row], k[row], origin[row]].into_iter().enumerate() {
            put(280 + 16 * row + 4 * column, &(value as f32).to_le_bytes());
        }
    }
    put(344, b"n+1\0");
    bytes
}

/// Quaternion (b, c, d) and qfac of RAS columns that are at right angles up to rounding.
fn quaternion(columns: [[f64; 3]; 3]) -> ([f64; 3], f64) {
    let i = unit(columns[0]);
    let j = unit(subtract(columns[1], i, dot(columns[1], i)));
    let right = cross(i, j);
    let qfac = if dot(right, columns[2]) < 0.0 { -1.0 } else { 1.0 };
    let k = right;
    let trace = i[0] + j[1] + k[2];
    // The largest of the four components is computed first, so that nothing is divided by a small number.
    let (a, b, c, d) = if trace > 0.0 {
        let a = (1.0 + trace).sqrt() / 2.0;
        (a, (j[2] - k[1]) / (4.0 * a), (k[0] - i[2]) / (4.0 * a), (i[1] - j[0]) / (4.0 * a))
    } else if i[0] >= j[1] && i[0] >= k[2] {
        let b = (1.0 + i[0] - j[1] - k[2]).max(0.0).sqrt() / 2.0;
        ((j[2] - k[1]) / (4.0 * b), b, (i[1] + j[0]) / (4.0 * b), (k[0] + i[2]) / (4.0 * b))
    } else if j[1] >= k[2] {
        let c = (1.0 + j[1] - i[0] - k[2]).max(0.0).sqrt() / 2.0;
        ((k[0] - i[2]) / (4.0 * c), (i[1] + j[0]) / (4.0 * c), c, (j[2] + k[1]) / (4.0 * c))
    } else {
        let d = (1.0 + k[2] - i[0] - j[1]).max(0.0).sqrt() / 2.0;
        ((i[1] - j[0]) / (4.0 * d), (k[0] + i[2]) / (4.0 * d), (j[2] + k[1]) / (4.0 * d), d)
    };
    // NIfTI stores no `a`: it is taken as not negative.
    let sign = if a < 0.0 { -1.0 } else { 1.0 };
    ([b * sign, c * sign, d * sign], qfac)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn subtract(a: [f64; 3], b: [f64; 3], times: f64) -> [f64; 3] {
    std::array::from_fn(|n| a[n] - b[n] * times)
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
