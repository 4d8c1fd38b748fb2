//! The affine that a header describes, in LPS and (slice, row, column) order.

use std::path::Path;

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::format::warning;
use crate::geometry::{Affine, Grid};

/// The grid of `shape` voxels: by the sform if its code is set, else the qform, else the voxel sizes alone.
pub(super) fn grid(path: &Path, fields: &Fields, shape: [usize; 3], warnings: &mut Vec<String>) -> Result<Grid> {
    let mm = match fields.units & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    };
    let affine = match (fields.sform_code > 0, fields.qform_code > 0) {
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
            warnings.push(warning::NO_FORM.say(&[]));
            let [i, j, k] = [1, 2, 3].map(|n| fields.pixdim[n].abs() * mm);
            lps([[i, 0.0, 0.0], [0.0, j, 0.0], [0.0, 0.0, k]], [0.0; 3])
        }
    };
    let lengths = affine.spacing_mm();
    if !lengths.iter().all(|x| x.is_finite() && *x > 0.0) {
        let problem = format!("voxel sizes (slice, row, column) are {lengths:?} mm: each must be positive and finite");
        return Err(Error::invalid(path, problem, "check sform, qform and pixdim in the header"));
    }
    Grid::new(shape, affine).map_err(|e| Error::invalid(path, e.to_string(), "check the header"))
}

/// From RAS columns (i, j, k) to LPS columns (slice, row, column). Only signs change, so a matrix comes back to
/// the bit when written.
fn lps([i, j, k]: [[f64; 3]; 3], origin: [f64; 3]) -> Affine {
    let turn = |[r, a, s]: [f64; 3]| [-r, -a, s];
    Affine { columns: [turn(k), turn(j), turn(i)], origin_mm: turn(origin) }
}

fn sform(fields: &Fields, mm: f64) -> Affine {
    let column = |c: usize| [0, 1, 2].map(|row: usize| fields.srow[row][c] * mm);
    lps([column(0), column(1), column(2)], column(3))
}

/// The quaternion form; a `qfac` (`pixdim[0]`) of 0 counts as +1, as in the NIfTI C library and ITK.
fn qform(path: &Path, fields: &Fields, mm: f64) -> Result<Affine> {
    let [b, c, d] = fields.quaternion;
    let squares = b * b + c * c + d * d;
    // Quaternions of half turns come with rounding errors of float32.
    if !squares.is_finite() || squares > 1.0 + 1e-5 {
        let problem =
            format!("quatern_b, c, d are {b}, {c}, {d}: their squares add up to {squares}, expected at most 1");
        return Err(Error::invalid(path, problem, "the header is damaged"));
    }
    let a = (1.0 - squares).max(0.0).sqrt();
    let qfac = if fields.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let [di, dj, dk] = [1, 2, 3].map(|n| fields.pixdim[n].abs() * mm);
    let i = [a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)].map(|x| x * di);
    let j = [2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)].map(|x| x * dj);
    let k = [2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c].map(|x| x * dk * qfac);
    Ok(lps([i, j, k], fields.qoffset.map(|x| x * mm)))
}

/// A qform that says another place than the sform is not taken, but said, with the distance.
fn warn_if_apart(sform: &Affine, qform: &Affine, shape: [usize; 3], warnings: &mut Vec<String>) {
    if let (Ok(taken), Ok(other)) = (Grid::new(shape, *sform), Grid::new(shape, *qform))
        && let Err(apart) = taken.must_equal(&other)
    {
        warnings.push(warning::FORMS_DISAGREE.say(&[&apart]));
    }
}
