//! From a network that knows one size to probabilities of a volume of any size.
//!
//! Two ways: the whole volume squeezed into the network's grid (the paper's), and a sliding window with
//! Gaussian blending. Neither knows the network: it is a function from a block of intensities to the
//! probabilities of each class but the background, one block after another. [`Axes`] carries them back to the
//! CT's own grid.
//!
//! Everything is deterministic: windows are added in a fixed order, and each output voxel is computed by
//! one thread.

use rayon::prelude::*;

use pulmo_ct::Grid;

/// The windows of a prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Voxels along (slice, row, column).
    pub size: [usize; 3],
    /// The share of a window that its neighbour covers too, in [0, 1); half is usual.
    pub overlap: f64,
}

impl Window {
    /// The window for a volume: up to an eighth larger where that covers an axis at once.
    ///
    /// A volume of 129 voxels and a window of 128 would otherwise take two windows along that axis, and a network
    /// without dense layers takes any size.
    #[must_use]
    pub fn fitted_to(self, shape: [usize; 3]) -> Self {
        let fit = |size: usize, whole: usize| if whole > size && whole - size <= size / 8 { whole } else { size };
        Self { size: std::array::from_fn(|axis| fit(self.size[axis], shape[axis])), ..self }
    }
}

/// The Gaussian's standard deviation as a share of the window's side: nnU-Net's value.
pub const SIGMA_SHARE: f64 = 1.0 / 8.0;

/// A block of values in C order (slice, row, column).
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// As many values as the shape has voxels.
    pub values: Vec<f32>,
}

impl Block {
    /// Puts values into a shape.
    ///
    /// # Panics
    /// If there are not as many values as voxels: a caller's mistake.
    #[must_use]
    pub fn new(shape: [usize; 3], values: Vec<f32>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values of a block of shape {shape:?}");
        Self { shape, values }
    }

    /// The block cut out at `start`, with the edge voxel repeated where it reaches beyond this one.
    fn cut(&self, start: [isize; 3], shape: [usize; 3]) -> Self {
        let [_, rows, columns] = self.shape;
        let clamped = |axis: usize| -> Vec<usize> {
            let last = self.shape[axis] as isize - 1;
            (0..shape[axis] as isize).map(|i| (start[axis] + i).clamp(0, last) as usize).collect()
        };
        let (slice_at, row_at, column_at) = (clamped(0), clamped(1), clamped(2));
        let mut values = Vec::with_capacity(shape.iter().product());
        for &slice in &slice_at {
            for &row in &row_at {
                let line = &self.values[(slice * rows + row) * columns..][..columns];
                values.extend(column_at.iter().map(|&column| line[column]));
            }
        }
        Self { shape, values }
    }
}

/// Probabilities of a volume by windows of one size, blended with a Gaussian: one block for each class but the
/// background.
///
/// Windows overlap by their share or a little more, so that they end exactly at the volume's edges, and
/// weigh most in their middle ([`SIGMA_SHARE`]). A volume smaller than the window is padded by its edge
/// voxels, half on either side, and cropped back.
///
/// `infer` gets a block of the window's size and returns as many probabilities for each class, class after class;
/// `done` is told after each window how many of how many are finished.
///
/// # Errors
/// Only what `infer` returns.
///
/// # Panics
/// If `infer` returns a number of values that is no multiple of those it was given, or another number than before.
///
/// # Agreement
/// Positions are those of nnU-Net v2 `compute_steps_for_sliding_window`; its importance map is this one
/// up to the truncation of scipy's `gaussian_filter` at four standard deviations.
pub fn sliding_window<E>(
    volume: &Block,
    window: Window,
    mut infer: impl FnMut(&Block) -> Result<Vec<f32>, E>,
    mut done: impl FnMut(usize, usize),
) -> Result<Vec<Block>, E> {
    let Window { size: window, overlap } = window;
    let padded: [usize; 3] = std::array::from_fn(|axis| volume.shape[axis].max(window[axis]));
    let margin: [isize; 3] = std::array::from_fn(|axis| ((padded[axis] - volume.shape[axis]) / 2) as isize);
    let starts: [Vec<usize>; 3] = std::array::from_fn(|axis| window_starts(padded[axis], window[axis], overlap));
    let importance: [Vec<f32>; 3] = std::array::from_fn(|axis| gaussian(window[axis]));
    let windows = starts.iter().map(Vec::len).product();

    let window_voxels: usize = window.iter().product();
    let mut sums: Vec<Block> = Vec::new();
    let mut finished = 0;
    for &slice in &starts[0] {
        for &row in &starts[1] {
            for &column in &starts[2] {
                let at = [slice, row, column];
                let start: [isize; 3] = std::array::from_fn(|axis| at[axis] as isize - margin[axis]);
                let probabilities = infer(&volume.cut(start, window))?;
                let classes = probabilities.len() / window_voxels;
                assert_eq!(classes * window_voxels, probabilities.len(), "probabilities of a window {window:?}");
                if sums.is_empty() {
                    sums = vec![Block::new(volume.shape, vec![0.0; volume.values.len()]); classes];
                }
                assert_eq!(sums.len(), classes, "classes of every window");
                for (sum, class) in sums.iter_mut().zip(probabilities.chunks_exact(window_voxels)) {
                    add_weighted(sum, start, (window, class), &importance);
                }
                finished += 1;
                done(finished, windows);
            }
        }
    }
    // The windows lie on a lattice and the Gaussian is a product of one factor per axis, so the sum of
    // weights is one as well: three short lists instead of a second volume.
    let weight: [Vec<f32>; 3] =
        std::array::from_fn(|axis| weight_sums(&starts[axis], &importance[axis], margin[axis], volume.shape[axis]));
    sums.iter_mut().for_each(|sum| divide(sum, &weight));
    Ok(sums)
}

/// Where windows begin along an axis: evenly, the last one ending at the edge.
fn window_starts(size: usize, window: usize, overlap: f64) -> Vec<usize> {
    let room = size - window;
    let step = (window as f64 * (1.0 - overlap)).max(1.0);
    let steps = (room as f64 / step).ceil() as usize;
    (0..=steps).map(|i| if steps == 0 { 0 } else { (room as f64 * i as f64 / steps as f64).round() as usize }).collect()
}

/// One axis's factor of the importance map: 1 in the middle, `exp(-8)` at the ends.
fn gaussian(window: usize) -> Vec<f32> {
    let sigma = (window as f64 * SIGMA_SHARE).max(f64::MIN_POSITIVE);
    let middle = (window as f64 - 1.0) / 2.0;
    (0..window).map(|i| (-0.5 * ((i as f64 - middle) / sigma).powi(2)).exp() as f32).collect()
}

fn weight_sums(starts: &[usize], importance: &[f32], margin: isize, size: usize) -> Vec<f32> {
    let mut sums = vec![0.0; size];
    for &start in starts {
        for (i, &weight) in importance.iter().enumerate() {
            let at = (start + i) as isize - margin;
            if (0..size as isize).contains(&at) {
                sums[at as usize] += weight;
            }
        }
    }
    sums
}

fn add_weighted(
    sum: &mut Block,
    start: [isize; 3],
    (window, probabilities): ([usize; 3], &[f32]),
    importance: &[Vec<f32>; 3],
) {
    let [slices, rows, columns] = sum.shape.map(|n| n as isize);
    let [depth, height, width] = window;
    for d in 0..depth {
        for h in 0..height {
            let (slice, row) = (start[0] + d as isize, start[1] + h as isize);
            if !(0..slices).contains(&slice) || !(0..rows).contains(&row) {
                continue;
            }
            let weight = importance[0][d] * importance[1][h];
            let from = &probabilities[(d * height + h) * width..][..width];
            let line = ((slice * rows + row) * columns) as usize;
            let first = (-start[2]).max(0) as usize;
            let last = (columns - start[2]).clamp(0, width as isize) as usize;
            for w in first..last {
                sum.values[line + (start[2] + w as isize) as usize] += weight * importance[2][w] * from[w];
            }
        }
    }
}

fn divide(sum: &mut Block, weight: &[Vec<f32>; 3]) {
    let [_, rows, columns] = sum.shape;
    sum.values.par_chunks_mut(rows * columns).zip(&weight[0]).for_each(|(plane, slice_weight)| {
        for (line, row_weight) in plane.chunks_mut(columns).zip(&weight[1]) {
            for (value, column_weight) in line.iter_mut().zip(&weight[2]) {
                *value = (*value / (slice_weight * row_weight * column_weight)).clamp(0.0, 1.0);
            }
        }
    });
}

/// How a target's voxel indices lie in a source, axis by axis: `source = scale * target + offset`.
///
/// Enough for grids that share their axes, which is all that resampling inside this program makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axes {
    scale: [f64; 3],
    offset: [f64; 3],
}

impl Axes {
    /// The map of a resize: both shapes cover the same box (half-voxel centres).
    ///
    /// # Agreement
    /// PyTorch `interpolate(mode="trilinear", align_corners=False)`.
    #[must_use]
    pub fn resize(source: [usize; 3], target: [usize; 3]) -> Self {
        let scale: [f64; 3] = std::array::from_fn(|axis| source[axis] as f64 / target[axis] as f64);
        Self { scale, offset: scale.map(|s| 0.5 * s - 0.5) }
    }

    /// The map between two grids that have the same directions.
    #[must_use]
    pub fn between(source: &Grid, target: &Grid) -> Self {
        let (from, to) = (source.spacing().mm(), target.spacing().mm());
        let direction = source.affine().direction();
        let origins = (source.affine().origin_mm, target.affine().origin_mm);
        let offset = std::array::from_fn(|axis| {
            let along: f64 = (0..3).map(|k| (origins.1[k] - origins.0[k]) * direction[axis][k]).sum();
            along / from[axis]
        });
        Self { scale: std::array::from_fn(|axis| to[axis] / from[axis]), offset }
    }

    /// For each target index of an axis: the two source indices around it and the second one's share.
    fn neighbours(&self, axis: usize, source: usize, target: usize) -> Vec<(usize, usize, f32)> {
        let last = (source - 1) as f64;
        let at = |i: usize| (self.scale[axis] * i as f64 + self.offset[axis]).clamp(0.0, last);
        (0..target)
            .map(|i| {
                let low = at(i).floor();
                (low as usize, (low as usize + 1).min(source - 1), (at(i) - low) as f32)
            })
            .collect()
    }

    /// Trilinear values of all `sources`, which have one shape, at every voxel of `target`, each voxel's given to
    /// `convert`; outside, the edge continues.
    ///
    /// With `convert` a threshold or the largest class, probabilities become labels without a second volume of
    /// floats.
    pub fn interpolate<T: Copy + Default + Send>(
        &self,
        sources: &[Block],
        target: [usize; 3],
        convert: impl Fn(&[f32]) -> T + Sync,
    ) -> Vec<T> {
        let mut values = vec![T::default(); target.iter().product()];
        let Some(shape) = sources.first().map(|source| source.shape) else { return values };
        let [slices, rows, columns]: [Vec<_>; 3] =
            std::array::from_fn(|axis| self.neighbours(axis, shape[axis], target[axis]));
        let [_, height, width] = shape;
        values.par_chunks_mut(target[1] * target[2]).zip(&slices).for_each(|(plane, &(low, high, share))| {
            // One blended plane per source and target slice; rows and columns are then bilinear in it.
            let blend = |source: &Block| -> Vec<f32> {
                let (below, above) = (&source.values[low * height * width..], &source.values[high * height * width..]);
                below[..height * width].iter().zip(above).map(|(a, b)| a + share * (b - a)).collect()
            };
            let planes: Vec<Vec<f32>> = sources.iter().map(blend).collect();
            let mut voxel = vec![0.0; planes.len()];
            for (line, &(top, bottom, down)) in plane.chunks_mut(target[2]).zip(&rows) {
                for (value, &(left, right, along)) in line.iter_mut().zip(&columns) {
                    for (at, plane) in voxel.iter_mut().zip(&planes) {
                        let (top, bottom) = (&plane[top * width..][..width], &plane[bottom * width..][..width]);
                        let upper = top[left] + along * (top[right] - top[left]);
                        let lower = bottom[left] + along * (bottom[right] - bottom[left]);
                        *at = upper + down * (lower - upper);
                    }
                    *value = convert(&voxel);
                }
            }
        });
        values
    }
}

/// Softmax probabilities of every class but the background (class 0), class after class.
///
/// # Shapes
/// - logits: (voxels, classes), channels last
/// - result: (classes - 1, voxels)
///
/// # Edge cases
/// Two classes: 1 minus the background's probability, to the bit.
#[must_use]
pub fn foreground(logits: &[f32], classes: usize) -> Vec<f32> {
    let of_class = |voxel: &[f32], class: usize| {
        let highest = voxel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = voxel.iter().map(|logit| (logit - highest).exp()).sum();
        (voxel[class] - highest).exp() / total
    };
    let voxels = logits.par_chunks(classes.max(1)).with_min_len(4096);
    if classes == 2 {
        return voxels.map(|voxel| 1.0 - of_class(voxel, 0)).collect();
    }
    let field = |class| voxels.clone().map(move |voxel| of_class(voxel, class)).collect::<Vec<f32>>();
    (1..classes).flat_map(field).collect()
}

/// The class of the largest probability, given those of every class but the background; of equal ones the lower.
#[must_use]
pub fn largest_class(probabilities: &[f32]) -> u8 {
    let background = 1.0 - probabilities.iter().sum::<f32>();
    let first = (0, background);
    let best = (1..).zip(probabilities).fold(first, |best, (class, &p)| if p > best.1 { (class, p) } else { best });
    best.0
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use pulmo_ct::{Affine, Spacing};

    use super::*;

    fn ramp(shape: [usize; 3]) -> Block {
        let voxels: usize = shape.iter().product();
        Block::new(shape, (0..voxels).map(|i| (i as f32 * 0.618).fract()).collect())
    }

    fn half(size: [usize; 3]) -> Window {
        Window { size, overlap: 0.5 }
    }

    fn identity(block: &Block) -> Result<Vec<f32>, Infallible> {
        Ok(block.values.clone())
    }

    #[test]
    fn a_constant_stays_constant_for_any_size() {
        for shape in [[1, 1, 1], [3, 17, 8], [16, 16, 16], [9, 33, 40]] {
            let voxels: usize = shape.iter().product();
            let volume = Block::new(shape, vec![0.25; voxels]);
            let found = sliding_window(&volume, half([8, 16, 12]), identity, |_, _| {}).unwrap();
            assert!(found[0].values.iter().all(|p| (p - 0.25).abs() < 1e-6), "{shape:?}");
        }
    }

    #[test]
    fn an_identity_network_gives_the_volume_back() {
        // Blends values that agree, wherever they lie: a shift of one window by one voxel would show.
        for shape in [[5, 20, 9], [12, 16, 31], [2, 3, 4]] {
            let volume = ramp(shape);
            let found = sliding_window(&volume, half([4, 8, 8]), identity, |_, _| {}).unwrap();
            for (a, b) in volume.values.iter().zip(&found[0].values) {
                assert!((a - b).abs() < 1e-5, "{shape:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn windows_reach_both_ends_and_overlap_by_half() {
        assert_eq!(window_starts(16, 16, 0.5), [0]);
        assert_eq!(window_starts(17, 16, 0.5), [0, 1]);
        // nnU-Net v2: compute_steps_for_sliding_window((162,), (64,), 0.5) is [[0, 25, 49, 74, 98]]: its
        // rounding of 24.5 is to even, ours away from zero; positions of the others agree.
        assert_eq!(window_starts(162, 64, 0.5), [0, 25, 49, 74, 98]);
        assert_eq!(window_starts(110, 64, 0.5), [0, 23, 46]);
    }

    #[test]
    fn a_window_grows_by_an_eighth_where_that_spares_a_second_one() {
        assert_eq!(half([16, 128, 128]).fitted_to([40, 129, 144]).size, [16, 129, 144]);
        assert_eq!(half([16, 128, 128]).fitted_to([18, 145, 100]).size, [18, 128, 128]);
    }

    #[test]
    fn the_middle_of_a_window_weighs_more_than_its_edge() {
        // The second window claims foreground, the first does not; at the first one's end it is the second's word.
        let volume = Block::new([1, 1, 24], vec![0.0; 24]);
        let mut call = 0;
        let infer = |block: &Block| {
            call += 1;
            Ok::<_, Infallible>(vec![if call == 2 { 1.0 } else { 0.0 }; block.values.len()])
        };
        let found = sliding_window(&volume, half([1, 1, 16]), infer, |_, _| {}).unwrap().remove(0);
        assert_eq!(call, 2);
        assert_eq!(found.values[0], 0.0);
        assert!(found.values[10] < 0.1 && found.values[13] > 0.9, "{:?}", found.values);
        assert!((found.values[11] + found.values[12] - 1.0).abs() < 1e-5, "symmetric about the seam");
    }

    #[test]
    fn errors_of_the_network_pass_through_and_progress_is_told() {
        let volume = ramp([8, 8, 8]);
        let failed = sliding_window(&volume, half([4, 4, 4]), |_| Err::<Vec<f32>, _>("no"), |_, _| {});
        assert_eq!(failed.unwrap_err(), "no");
        let mut seen = Vec::new();
        sliding_window(&volume, half([4, 4, 8]), identity, |done, of| seen.push((done, of))).unwrap();
        assert_eq!(seen.len(), 9);
        assert_eq!(seen.last(), Some(&(9, 9)));
    }

    #[test]
    fn resize_agrees_with_pytorch() {
        // torch 2.0.1: interpolate(arange(3.), size=6, mode="linear", align_corners=False)
        let source = Block::new([1, 1, 3], vec![0.0, 1.0, 2.0]);
        let found = Axes::resize([1, 1, 3], [2, 1, 6]).interpolate(&[source], [2, 1, 6], |x| x[0]);
        assert_eq!(found[..6], [0.0, 0.25, 0.75, 1.25, 1.75, 2.0]);
        assert_eq!(found[6..], found[..6]);
        // ... and size=2 of arange(6.): [1.0, 4.0]
        let source = Block::new([1, 6, 1], (0..6).map(|x| x as f32).collect());
        assert_eq!(Axes::resize([1, 6, 1], [1, 2, 1]).interpolate(&[source], [1, 2, 1], |x| x[0]), [1.0, 4.0]);
    }

    #[test]
    fn grids_that_share_axes_map_by_millimetres() {
        let coarse = Affine::axial(Spacing::new([2.0, 2.0, 2.0]).unwrap(), [10.0, 20.0, 30.0]);
        let fine = Affine::axial(Spacing::new([1.0, 2.0, 0.5]).unwrap(), [12.0, 20.0, 30.0]);
        let axes = Axes::between(&Grid::new([4, 4, 4], coarse).unwrap(), &Grid::new([4, 4, 4], fine).unwrap());
        assert_eq!(axes.scale, [0.5, 1.0, 0.25]);
        assert_eq!(axes.offset, [0.0, 0.0, 1.0]);
    }

    #[test]
    fn foreground_is_the_softmax_of_class_one() {
        let found = foreground(&[0.0, 0.0, 1.0, 3.0, 500.0, -500.0], 2);
        for (found, expected) in found.iter().zip([0.5, 1.0 / (1.0 + (-2.0_f32).exp()), 0.0]) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn several_classes_come_one_after_another() {
        let found = foreground(&[0.0, 0.0, 0.0, 0.0, 2.0, 1.0], 3);
        let total = 1.0 + 1.0_f32.exp() + 2.0_f32.exp();
        for (found, expected) in found.iter().zip([1.0 / 3.0, 2.0_f32.exp() / total, 1.0 / 3.0, 1.0_f32.exp() / total])
        {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let twice =
            |block: &Block| Ok::<_, Infallible>([block.values.clone(), vec![0.125; block.values.len()]].concat());
        let volume = ramp([5, 20, 9]);
        let blocks = sliding_window(&volume, half([4, 8, 8]), twice, |_, _| {}).unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks[0].values.iter().zip(&volume.values).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(blocks[1].values.iter().all(|p| (p - 0.125).abs() < 1e-6));
        let labels = Axes::resize([1, 1, 2], [1, 1, 2]).interpolate(
            &[Block::new([1, 1, 2], vec![0.2, 0.5]), Block::new([1, 1, 2], vec![0.7, 0.1])],
            [1, 1, 2],
            largest_class,
        );
        assert_eq!(labels, [2, 1]);
        assert_eq!([largest_class(&[0.25, 0.25]), largest_class(&[0.4, 0.4])], [0, 1], "the lower one of equals");
    }
}
