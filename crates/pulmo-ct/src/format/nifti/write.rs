//! Writing: header, grid and voxels of one NIfTI file.

use std::path::Path;

use super::fields::HEADER_BYTES;
use super::quaternion::quaternion;
use crate::atomic;
use crate::error::Result;
use crate::format::table::has_ending;
use crate::format::voxels::{Number, Values, Wrapper, pack};
use crate::geometry::Grid;

/// The largest number of voxels along an axis of version 1, whose dimensions are int16.
const LONGEST_AXIS: usize = i16::MAX as usize;

/// qform and sform codes: coordinates of the scanner.
const SCANNER: i16 = 1;

/// Writes version 1, or version 2 if an axis is too long for it.
pub(super) fn write(path: &Path, grid: &Grid, values: &Values<'_>) -> Result<()> {
    write_scaled(path, grid, values, 1.0)
}

/// [`write`] with a slope: a reader multiplies what is stored by it.
pub(super) fn write_scaled(path: &Path, grid: &Grid, values: &Values<'_>, slope: f64) -> Result<()> {
    let long = grid.shape().iter().any(|&n| n > LONGEST_AXIS);
    let header = if long { second(grid, values.number(), slope) } else { first(grid, values.number(), slope) };
    let wrapper = if has_ending(path, &[".gz"]) { Wrapper::Gzip } else { Wrapper::None };
    atomic::write_with(path, |out| pack(out, wrapper, &header, values).map(|_| ()))
}

/// The code and the bits of a data type.
fn data_type(number: Number) -> (i16, i16) {
    match number {
        Number::Uint8 => (2, 8),
        Number::Int16 => (4, 16),
        // The third and last type that is written.
        _ => (16, 32),
    }
}

/// The grid in the words of a header: RAS, columns (i, j, k).
struct Place {
    columns: [[f64; 3]; 3],
    origin: [f64; 3],
    quaternion: [f64; 3],
    /// `pixdim[0..4]`: qfac and the voxel sizes.
    sizes: [f64; 4],
    /// 0 for sheared axes, which a quaternion cannot hold; readers then go by the sform.
    qform_code: i16,
}

impl Place {
    fn of(grid: &Grid) -> Self {
        let turn = |[l, p, s]: [f64; 3]| [-l, -p, s];
        let [k, j, i] = grid.affine().columns.map(turn);
        let (quaternion, qfac) = quaternion([i, j, k]);
        let [dk, dj, di] = grid.spacing().mm();
        Self {
            columns: [i, j, k],
            origin: turn(grid.affine().origin_mm),
            quaternion,
            sizes: [qfac, di, dj, dk],
            qform_code: if grid.is_sheared() { 0 } else { SCANNER },
        }
    }

    /// The rows of the sform.
    fn rows(&self) -> impl Iterator<Item = f64> {
        let [i, j, k] = self.columns;
        (0..3).flat_map(move |row| [i[row], j[row], k[row], self.origin[row]])
    }
}

/// Bytes put at their places.
struct Header(Vec<u8>);

impl Header {
    /// An empty header with the four bytes behind it that say "no extensions".
    fn of(length: usize) -> Self {
        let mut header = Self(vec![0; length + 4]);
        header.put(0, &(length as i32).to_le_bytes());
        header
    }

    fn put(&mut self, at: usize, field: &[u8]) {
        self.0[at..at + field.len()].copy_from_slice(field);
    }

    fn floats(&mut self, at: usize, values: impl IntoIterator<Item = f64>) {
        for (n, value) in values.into_iter().enumerate() {
            self.put(at + 4 * n, &(value as f32).to_le_bytes());
        }
    }

    fn doubles(&mut self, at: usize, values: impl IntoIterator<Item = f64>) {
        for (n, value) in values.into_iter().enumerate() {
            self.put(at + 8 * n, &value.to_le_bytes());
        }
    }
}

fn first(grid: &Grid, number: Number, slope: f64) -> Vec<u8> {
    let mut header = Header::of(HEADER_BYTES[0]);
    let [slices, rows, columns] = grid.shape().map(|n| n as i16);
    for (i, n) in [3, columns, rows, slices, 1, 1, 1, 1].into_iter().enumerate() {
        header.put(40 + 2 * i, &n.to_le_bytes());
    }
    let (code, bits) = data_type(number);
    header.put(70, &code.to_le_bytes());
    header.put(72, &bits.to_le_bytes());
    let place = Place::of(grid);
    header.floats(76, place.sizes.into_iter().chain([1.0]));
    header.floats(108, [(HEADER_BYTES[0] + 4) as f64, slope]);
    // Millimetres and seconds.
    header.put(123, &[2 | 8]);
    header.put(148, b"pulmo");
    header.put(252, &place.qform_code.to_le_bytes());
    header.put(254, &SCANNER.to_le_bytes());
    header.floats(256, place.quaternion.into_iter().chain(place.origin));
    header.floats(280, place.rows());
    header.put(344, b"n+1\0");
    header.0
}

fn second(grid: &Grid, number: Number, slope: f64) -> Vec<u8> {
    let mut header = Header::of(HEADER_BYTES[1]);
    header.put(4, b"n+2\0\r\n\x1a\n");
    let (code, bits) = data_type(number);
    header.put(12, &code.to_le_bytes());
    header.put(14, &bits.to_le_bytes());
    let [slices, rows, columns] = grid.shape().map(|n| n as i64);
    for (i, n) in [3, columns, rows, slices, 1, 1, 1, 1].into_iter().enumerate() {
        header.put(16 + 8 * i, &n.to_le_bytes());
    }
    let place = Place::of(grid);
    header.doubles(104, place.sizes.into_iter().chain([1.0]));
    header.put(168, &((HEADER_BYTES[1] + 4) as i64).to_le_bytes());
    header.doubles(176, [slope]);
    header.put(240, b"pulmo");
    header.put(344, &i32::from(place.qform_code).to_le_bytes());
    header.put(348, &i32::from(SCANNER).to_le_bytes());
    header.doubles(352, place.quaternion.into_iter().chain(place.origin));
    header.doubles(400, place.rows());
    header.put(500, &10_i32.to_le_bytes());
    header.0
}
