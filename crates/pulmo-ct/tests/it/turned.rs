//! One small volume in all 48 orders and directions of its axes, upright, oblique and sheared.

use pulmo_ct::{Affine, CtVolume, Grid, LabelMap};

/// A volume whose values say where in the patient a voxel lies.
pub(crate) struct Turned {
    /// Rotation, order and directions, as a file stem.
    pub(crate) name: String,
    /// 24 HU, all different.
    pub(crate) volume: CtVolume,
    /// 24 labels, all different.
    pub(crate) labels: LabelMap,
}

/// The vectors (x, y, z from voxel to voxel) before axes are exchanged: slice, row, column.
fn rotations() -> [[[f64; 3]; 3]; 5] {
    let small = turned([0.05, -0.03, 0.08]);
    let large = turned([0.9, 2.2, -1.3]);
    let shear = |[slice, row, column]: [[f64; 3]; 3]| {
        let tilted = std::array::from_fn(|n| slice[n] + 0.3 * row[n]);
        [tilted, row, column]
    };
    [turned([0.0; 3]), small, large, shear(turned([0.0; 3])), shear(large)]
}

/// Axes turned about x, y and z by angles in radians, 2.5 x 0.8 x 0.7 mm.
fn turned(angles: [f64; 3]) -> [[f64; 3]; 3] {
    let [(s1, c1), (s2, c2), (s3, c3)] = angles.map(f64::sin_cos);
    let axes = [
        [c1 * s2 * c3 + s1 * s3, s1 * s2 * c3 - c1 * s3, c2 * c3],
        [c1 * s2 * s3 - s1 * c3, s1 * s2 * s3 + c1 * c3, c2 * s3],
        [c1 * c2, s1 * c2, -s2],
    ];
    let spacing = [2.5, 0.8, 0.7];
    std::array::from_fn(|n| axes[n].map(|x| x * spacing[n]))
}

/// Voxels before axes are exchanged.
const SHAPE: [usize; 3] = [2, 3, 4];

/// All 48 orders times five rotations; `float` makes HU that int16 does not hold.
pub(crate) fn all(float: bool) -> Vec<Turned> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut all = Vec::new();
    for (rotation, base) in rotations().into_iter().enumerate() {
        for order in orders {
            for flips in 0..8 {
                let flipped: [bool; 3] = std::array::from_fn(|axis| flips >> axis & 1 == 1);
                let shape = order.map(|axis| SHAPE[axis]);
                let mut origin_mm = [-101.3, 55.7, -912.25];
                let mut columns = [[0.0; 3]; 3];
                for (new, old) in order.into_iter().enumerate() {
                    let last = (SHAPE[old] - 1) as f64;
                    for n in 0..3 {
                        origin_mm[n] += if flipped[new] { base[old][n] * last } else { 0.0 };
                        columns[new][n] = if flipped[new] { -base[old][n] } else { base[old][n] };
                    }
                }
                let grid = Grid::new(shape, Affine { columns, origin_mm }).unwrap();
                let labels: Vec<u8> = (0..24).map(|at| label(shape, order, flipped, at)).collect();
                let offset = if float { 0.25 } else { 0.0 };
                let hu = labels.iter().map(|&label| f32::from(label) * 37.0 - 1000.0 + offset).collect();
                all.push(Turned {
                    name: format!("{rotation}_{}{}{}_{flips}", order[0], order[1], order[2]),
                    volume: CtVolume::new(grid, hu).unwrap(),
                    labels: LabelMap::new(grid, labels).unwrap(),
                });
            }
        }
    }
    all
}

/// The place of voxel `at` in the volume before axes were exchanged, from 1.
fn label(shape: [usize; 3], order: [usize; 3], flipped: [bool; 3], at: usize) -> u8 {
    let index = [at / (shape[1] * shape[2]), at / shape[2] % shape[1], at % shape[2]];
    let mut old = [0; 3];
    for new in 0..3 {
        old[order[new]] = if flipped[new] { shape[new] - 1 - index[new] } else { index[new] };
    }
    ((old[0] * SHAPE[1] + old[1]) * SHAPE[2] + old[2]) as u8 + 1
}

/// Every way to write a volume.
pub(crate) const ENDINGS: [&str; 6] = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"];

/// Whether a kind of file can hold a grid.
pub(crate) fn holds(ending: &str, grid: &Grid) -> bool {
    !(grid.is_sheared() && ending.starts_with(".mh"))
}
