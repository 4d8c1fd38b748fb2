//! How much surface passes between eight voxels.

/// The ways in which a surface can pass between the 2 × 2 × 2 voxels around a corner, up to turning, mirroring and
/// swapping inside and outside: which voxels are inside, and the triangles between them (marching cubes).
///
/// Bit `128 >> (4·slice + 2·row + column)` stands for a voxel. A triangle is the size of its normal along (slice, row,
/// column) in eighths of the face of a voxel; the signs do not matter for its area.
const WAYS: [(u8, &[[u8; 3]]); 14] = [
    (0b0000_0000, &[]),
    (0b0000_0001, &[[1, 1, 1]]),
    (0b0000_0011, &[[2, 2, 0], [2, 2, 0]]),
    (0b0000_0110, &[[1, 1, 1], [1, 1, 1]]),
    (0b0001_1000, &[[1, 1, 1], [1, 1, 1]]),
    (0b0000_0111, &[[1, 1, 1], [2, 2, 2], [4, 0, 0]]),
    (0b0001_1001, &[[0, 2, 2], [0, 2, 2], [1, 1, 1]]),
    (0b0001_0110, &[[1, 1, 1], [1, 1, 1], [1, 1, 1]]),
    (0b0000_1111, &[[4, 0, 0], [4, 0, 0]]),
    (0b0001_0111, &[[1, 1, 1], [1, 1, 1], [2, 2, 2], [2, 2, 2]]),
    (0b0001_1011, &[[0, 2, 2], [1, 1, 1], [2, 0, 2], [3, 3, 3]]),
    (0b0011_1100, &[[2, 2, 0], [2, 2, 0], [2, 2, 0], [2, 2, 0]]),
    (0b0001_1110, &[[1, 1, 1], [1, 1, 1], [2, 2, 2], [4, 0, 0]]),
    (0b0110_1001, &[[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]),
];

const TURNS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// The area in mm² of the surface between eight voxels, for each of the 256 codes.
///
/// # Agreement
/// The table `create_table_neighbour_code_to_surface_area` of surface-distance 0.1 within 1e-12:
/// `oracles/surface_distance`.
pub(super) fn areas_mm2(spacing_mm: [f64; 3]) -> [f64; 256] {
    let [slice, row, column] = spacing_mm;
    let faces_mm2 = [row * column, slice * column, slice * row];
    let mut areas = [0.0; 256];
    for (code, triangles) in WAYS {
        for turn in TURNS {
            for mirror in 0..8 {
                let turned = moved(code, turn, mirror);
                let area: f64 = triangles.iter().map(|triangle| size(triangle, turn, faces_mm2)).sum();
                areas[usize::from(turned)] = area;
                areas[usize::from(!turned)] = area;
            }
        }
    }
    areas
}

fn size(triangle: &[u8; 3], turn: [usize; 3], faces_mm2: [f64; 3]) -> f64 {
    let along = |axis: usize| f64::from(triangle[turn[axis]]) / 8.0 * faces_mm2[axis];
    (along(0) * along(0) + along(1) * along(1) + along(2) * along(2)).sqrt()
}

/// The code of the same voxels after exchanging axes (new axis `k` is the old `turn[k]`) and mirroring some of them.
fn moved(code: u8, turn: [usize; 3], mirror: usize) -> u8 {
    let bit = |place: [usize; 3]| 128_u8 >> (4 * place[0] + 2 * place[1] + place[2]);
    let mut found = 0;
    for corner in 0..8_usize {
        let new = [corner >> 2, corner >> 1 & 1, corner & 1];
        let mut old = [0; 3];
        for axis in 0..3 {
            old[turn[axis]] = new[axis] ^ (mirror >> axis & 1);
        }
        if code & bit(old) != 0 {
            found |= bit(new);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voxel alone has eight corners, each cut by a triangle; a flat face has the area of a face.
    #[test]
    fn by_hand() {
        let areas = areas_mm2([2.0, 3.0, 5.0]);
        let corner = (15.0_f64.powi(2) + 10.0_f64.powi(2) + 6.0_f64.powi(2)).sqrt() / 8.0;
        assert!((areas[1] - corner).abs() < 1e-12 && (areas[254] - corner).abs() < 1e-12);
        assert_eq!(areas[0b0000_1111], 15.0, "slices above each other share a face of 3 by 5 mm");
        assert_eq!(areas[0b0011_0011], 10.0, "rows share a face of 2 by 5 mm");
        assert_eq!(areas[0b0101_0101], 6.0);
        assert_eq!((areas[0], areas[255]), (0.0, 0.0));
        assert!(areas[1..255].iter().all(|&area| area > 0.0), "every mixed code has a surface");
    }
}
