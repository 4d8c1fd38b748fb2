//! The coarse copy of a CT on which shapes are found: block means of about 2.5 mm, in HU or something like it.

use rayon::prelude::*;

use crate::volume::CtVolume;

/// Blocks are as close to this as whole voxels allow; coarser voxels stay as they are.
const BLOCK_MM: f64 = 2.3;
/// A volume without a voxel of at most this many HU is not in HU.
const AIR_SEEN_HU: f32 = -500.0;
/// What the dark class of a volume that is not in HU becomes.
const DARK_HU: f32 = -850.0;
/// What its bright class becomes.
const BRIGHT_HU: f32 = 40.0;
/// Slices that differ by less than this share of what blocks in a slice differ by are averaged.
const NEAR_SHARE: f64 = 0.67;

/// The coarse volume; arrays are in C order (slice, row, column) along patient axes.
#[derive(Debug, Clone)]
pub(super) struct Coarse {
    /// Blocks along each axis.
    pub(super) shape: [usize; 3],
    /// Voxels in a block along each axis.
    pub(super) factor: [usize; 3],
    /// Distance of block centres in mm.
    pub(super) spacing_mm: [f64; 3],
    /// Volume of a block in mL.
    pub(super) block_ml: f64,
    /// Means of the blocks.
    pub(super) hu: Vec<f32>,
    /// Blocks that the scanner did not measure.
    pub(super) padding: Vec<bool>,
    /// Whether the values are HU; otherwise their two classes were laid at -850 and 40.
    pub(super) calibrated: bool,
}

#[cfg(test)]
impl Coarse {
    /// Blocks of one voxel in HU, all of them measured.
    pub(super) fn of_blocks(shape: [usize; 3], spacing_mm: [f64; 3], hu: Vec<f32>) -> Self {
        let (padding, block_ml) = (vec![false; hu.len()], spacing_mm.iter().product::<f64>() / 1000.0);
        Self { shape, factor: [1; 3], spacing_mm, block_ml, hu, padding, calibrated: true }
    }
}

impl Coarse {
    /// The block means of a volume that lies along patient axes.
    pub(super) fn of(volume: &CtVolume) -> Self {
        let spacing = volume.grid().spacing().mm();
        let full = volume.grid().shape();
        let mut factor: [usize; 3] = std::array::from_fn(|axis| (BLOCK_MM / spacing[axis]).round().max(1.0) as usize);
        let calibrated = volume.hu().iter().any(|&hu| hu <= AIR_SEEN_HU);
        // The distance of exported slices is often not the true one.
        if !calibrated && !slices_are_near(volume, factor[1]) {
            factor[0] = 1;
        }
        let shape: [usize; 3] = std::array::from_fn(|axis| full[axis].div_ceil(factor[axis]));
        let plane = shape[1] * shape[2];
        let mut hu = vec![0.0_f32; shape[0] * plane];
        let mut padding = vec![false; hu.len()];
        hu.par_chunks_mut(plane).zip(padding.par_chunks_mut(plane)).enumerate().for_each(|(slice, (hu, padding))| {
            let slices = slice * factor[0]..((slice + 1) * factor[0]).min(full[0]);
            block_means(volume.hu(), (full, factor), slices, (hu, padding));
        });
        let mut coarse = Self {
            shape,
            factor,
            spacing_mm: std::array::from_fn(|axis| spacing[axis] * factor[axis] as f64),
            block_ml: volume.grid().voxel_ml() * factor.iter().product::<usize>() as f64,
            hu,
            padding,
            calibrated,
        };
        if !calibrated {
            coarse.calibrate();
        }
        coarse
    }

    /// Blocks in a slice.
    pub(super) fn plane(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// The block that holds a voxel, by the voxel's slice, row and column.
    pub(super) fn block(&self, voxel: [usize; 3]) -> usize {
        let [slice, row, column]: [usize; 3] = std::array::from_fn(|axis| voxel[axis] / self.factor[axis]);
        (slice * self.shape[1] + row) * self.shape[2] + column
    }

    /// Row and column spacing in mm.
    pub(super) fn plane_mm(&self) -> [f64; 2] {
        [self.spacing_mm[1], self.spacing_mm[2]]
    }

    /// Volume of so many blocks in mL.
    pub(super) fn ml(&self, blocks: usize) -> f64 {
        blocks as f64 * self.block_ml
    }

    /// Lays values that are not HU onto the HU of lung and soft tissue, by the two classes of every slice.
    fn calibrate(&mut self) {
        self.padding.fill(false);
        // Such exports are often scaled slice by slice.
        let plane = self.plane();
        self.hu.par_chunks_mut(plane).for_each(lay_classes);
        // Contrast equalisation makes coarse grain of noise.
        let columns = self.shape[2];
        self.hu.par_chunks_mut(plane).for_each(|slice| {
            let smooth = medians(slice, columns);
            slice.copy_from_slice(&smooth);
        });
    }
}

/// Lays the two classes of a slice onto the HU of lung and soft tissue; a slice of one value stays.
pub(super) fn lay_classes(slice: &mut [f32]) {
    let Some((dark, bright)) = classes(slice) else { return };
    let scale = (BRIGHT_HU - DARK_HU) / (bright - dark);
    slice.iter_mut().for_each(|hu| *hu = DARK_HU + (*hu - dark) * scale);
}

/// Whether slices are as near to each other as blocks of so many voxels are in a slice, judged by how much they differ.
fn slices_are_near(volume: &CtVolume, factor: usize) -> bool {
    let [slices, rows, columns] = volume.grid().shape();
    let [tall, wide] = [rows / factor, columns / factor];
    let block = |slice: usize, row: usize, column: usize| -> f32 {
        let lines = (row * factor..(row + 1) * factor).map(|row| (slice * rows + row) * columns + column * factor);
        lines.flat_map(|start| &volume.hu()[start..start + factor]).sum()
    };
    let differ = |slice: usize| {
        let (mut along, mut within) = (0.0, 0.0);
        for (row, column) in (1..tall).flat_map(|row| (1..wide).map(move |column| (row, column))) {
            let here = block(slice, row, column);
            along += f64::from((here - block(slice - 1, row, column)).abs());
            within += f64::from((here - block(slice, row - 1, column)).abs());
            within += f64::from((here - block(slice, row, column - 1)).abs());
        }
        [along, 0.5 * within]
    };
    let sums: Vec<[f64; 2]> = (1..slices).into_par_iter().map(differ).collect();
    let [along, within] = sums.iter().fold([0.0; 2], |[a, w], [along, within]| [a + along, w + within]);
    along < NEAR_SHARE * within
}

/// The median of each block and the 8 around it.
fn medians(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns;
    let mut around = Vec::with_capacity(9);
    let mut result = Vec::with_capacity(values.len());
    for row in 0..rows {
        for column in 0..columns {
            around.clear();
            for line in row.saturating_sub(1)..(row + 2).min(rows) {
                let start = line * columns;
                around.extend_from_slice(&values[start + column.saturating_sub(1)..start + (column + 2).min(columns)]);
            }
            let middle = around.len() / 2;
            result.push(*around.select_nth_unstable_by(middle, f32::total_cmp).1);
        }
    }
    result
}

/// Means of one slice of blocks, and which of them hold padding only.
fn block_means(
    voxels: &[f32],
    (full, factor): ([usize; 3], [usize; 3]),
    slices: std::ops::Range<usize>,
    (hu, padding): (&mut [f32], &mut [bool]),
) {
    let columns = full[2].div_ceil(factor[2]);
    let mut counts = vec![0_u32; hu.len()];
    padding.fill(true);
    for slice in slices {
        for row in 0..full[1] {
            let line = &voxels[(slice * full[1] + row) * full[2]..][..full[2]];
            let blocks = row / factor[1] * columns;
            for (column, &value) in line.iter().enumerate() {
                let block = blocks + column / factor[2];
                hu[block] += value;
                counts[block] += 1;
                padding[block] &= value <= CtVolume::AIR_HU;
            }
        }
    }
    hu.iter_mut().zip(counts).for_each(|(hu, count)| *hu /= count.max(1) as f32);
}

/// Means of the dark and the bright class that Otsu's threshold makes; `None` if all values are equal.
fn classes(values: &[f32]) -> Option<(f32, f32)> {
    let (low, high) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    if high <= low {
        return None;
    }
    let threshold = otsu(values, low, high);
    let mean = |bright: bool| {
        let (sum, count) = values
            .iter()
            .filter(|&&value| (value > threshold) == bright)
            .fold((0.0_f64, 0_usize), |(sum, count), &value| (sum + f64::from(value), count + 1));
        (sum / count.max(1) as f64) as f32
    };
    Some((mean(false), mean(true)))
}

/// Otsu's threshold over a histogram of 256 bins: the border between two classes that differ most.
fn otsu(values: &[f32], low: f32, high: f32) -> f32 {
    const BINS: usize = 256;
    let width = (high - low) / BINS as f32;
    let mut histogram = [0.0_f64; BINS];
    for &value in values {
        histogram[(((value - low) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let total: f64 = histogram.iter().sum();
    let moment: f64 = histogram.iter().enumerate().map(|(bin, n)| bin as f64 * n).sum();
    let (mut below, mut below_moment, mut best, mut threshold) = (0.0, 0.0, -1.0, 0);
    for (bin, n) in histogram.iter().enumerate().take(BINS - 1) {
        below += n;
        below_moment += bin as f64 * n;
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = below_moment / below - (moment - below_moment) / above;
        let between = below * above * apart * apart;
        if between > best {
            (best, threshold) = (between, bin);
        }
    }
    low + (threshold + 1) as f32 * width
}
