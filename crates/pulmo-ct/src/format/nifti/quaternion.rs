//! A rotation as NIfTI's qform holds it.

use crate::geometry::{cross, dot};

/// Quaternion (b, c, d) and qfac of RAS columns that are at right angles up to rounding.
pub(super) fn quaternion(columns: [[f64; 3]; 3]) -> ([f64; 3], f64) {
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

fn subtract(a: [f64; 3], b: [f64; 3], times: f64) -> [f64; 3] {
    std::array::from_fn(|n| a[n] - b[n] * times)
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
