//! A volume in small: some slices of 64x64 means, along the patient's axes.

use rayon::prelude::*;

use crate::volume::{CtVolume, LabelMap};

/// Rows and columns of a small slice.
pub const SIDE: usize = 64;
/// The most slices that are kept.
const SLICES: usize = 48;

/// Means of 64x64 fields of evenly spread slices, at most 48.
#[derive(Debug, Clone)]
pub struct Small {
    /// The stored slices that it shows.
    pub slices: Vec<usize>,
    /// The means, (slice, row, column).
    pub means: Vec<f32>,
    /// Whether rows and columns are equally many, so that a quarter turn fits.
    pub square: bool,
}

impl Small {
    /// Makes the small picture of a volume in patient orientation.
    #[must_use]
    pub fn of(volume: &CtVolume) -> Self {
        let shape = volume.grid().shape();
        let count = shape[0].min(SLICES);
        let slices: Vec<usize> = (0..count).map(|k| (2 * k + 1) * shape[0] / (2 * count)).collect();
        // Whatever lies outside what tissue and air have says little and would outweigh the rest.
        let means = means(shape, volume.hu(), &slices, |hu| hu.clamp(-1024.0, 1500.0));
        Self { slices, means, square: shape[1] == shape[2] }
    }

    /// The share of drawn voxels in each field of the same slices of a mask on the same grid.
    #[must_use]
    pub fn of_mask(&self, map: &LabelMap) -> Vec<f32> {
        means(map.grid().shape(), map.labels(), &self.slices, |label| if label > 0 { 1.0 } else { 0.0 })
    }

    /// Its slices.
    pub fn each(&self) -> impl Iterator<Item = &[f32]> {
        self.means.chunks(SIDE * SIDE)
    }

    /// The value that parts the means best into two classes (Otsu, 1979): air and tissue, in a CT.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        let held: Vec<f32> = self.means.iter().map(|x| x.min(300.0)).collect();
        let (low, high) = held.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let width = ((high - low) / 256.0).max(f32::MIN_POSITIVE);
        let mut bins = [0.0_f64; 256];
        held.iter().for_each(|x| bins[(((x - low) / width) as usize).min(255)] += 1.0);
        let total: f64 = bins.iter().sum();
        let sum: f64 = bins.iter().enumerate().map(|(k, n)| k as f64 * n).sum();
        let (mut below, mut below_sum, mut best, mut cut) = (0.0, 0.0, -1.0, 128);
        for (k, n) in bins.iter().enumerate() {
            below += n;
            below_sum += k as f64 * n;
            if below > 0.0 && below < total {
                let apart = below_sum / below - (sum - below_sum) / (total - below);
                let between = below * (total - below) * apart * apart;
                if between > best {
                    (best, cut) = (between, k + 1);
                }
            }
        }
        low + cut as f32 * width
    }
}

fn means<T: Copy + Sync>(shape: [usize; 3], values: &[T], slices: &[usize], of: impl Fn(T) -> f32 + Sync) -> Vec<f32> {
    let bounds = |axis: usize| -> Vec<std::ops::Range<usize>> {
        let n = shape[axis];
        let range = |k: usize| {
            let start = (k * n / SIDE).min(n - 1);
            start..((k + 1) * n / SIDE).clamp(start + 1, n)
        };
        (0..SIDE).map(range).collect()
    };
    let (rows, columns) = (bounds(1), bounds(2));
    let small = |&slice: &usize| {
        let plane = &values[slice * shape[1] * shape[2]..][..shape[1] * shape[2]];
        let mut out = Vec::with_capacity(SIDE * SIDE);
        for rows in &rows {
            for columns in &columns {
                let lines = plane[rows.start * shape[2]..rows.end * shape[2]].chunks(shape[2]);
                let sum: f32 = lines.map(|line| line[columns.clone()].iter().map(|&x| of(x)).sum::<f32>()).sum();
                out.push(sum / (rows.len() * columns.len()) as f32);
            }
        }
        out
    };
    slices.par_iter().flat_map_iter(small).collect()
}

/// The eight ways in which a slice can be turned over, as words and as places in a square slice.
pub const TURNS: [(&str, bool, bool, bool); 8] = [
    ("as stored", false, false, false),
    ("rows flipped", false, true, false),
    ("columns flipped", false, false, true),
    ("turned by 180 degrees", false, true, true),
    ("rows and columns exchanged", true, false, false),
    ("turned by 90 degrees", true, true, false),
    ("turned by 270 degrees", true, false, true),
    ("rows and columns exchanged and both flipped", true, true, true),
];

/// Turns a square slice over.
#[must_use]
pub fn turned<T: Copy>(slice: &[T], side: usize, turn: usize) -> Vec<T> {
    let (_, exchanged, rows, columns) = TURNS[turn];
    let at = |row: usize, column: usize| {
        let row = if rows { side - 1 - row } else { row };
        let column = if columns { side - 1 - column } else { column };
        if exchanged { slice[column * side + row] } else { slice[row * side + column] }
    };
    (0..side * side).map(|k| at(k / side, k % side)).collect()
}
