//! BatchNorm over channels-last tensors: statistics and gradients.
//!
//! Sums are taken in float64 over a fixed number of chunks of lines, added in order: results do not
//! depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use crate::Scalar;
use crate::element::{Change, Element, change_widened};
use crate::simd::{ByChannels, block, block_mut, by_channels, for_vectors, lanes};
use crate::view::View;

/// Chunks of lines that a reduction is split into, whatever the number of threads.
const CHUNKS: usize = 32;

/// What a BatchNorm of one step needs to be read through and differentiated, per channel.
#[derive(Debug, Clone, Copy)]
pub struct Coefficients<'a, T> {
    /// Mean of the batch.
    pub mean: &'a [T],
    /// 1 / √(biased variance + ε).
    pub inverse_deviation: &'a [T],
    /// weight · inverse deviation.
    pub scale: &'a [T],
    /// bias − mean · scale.
    pub shift: &'a [T],
}

impl<'a, T> Coefficients<'a, T> {
    /// Reads the four runs of a buffer of 4 · channels values.
    ///
    /// # Panics
    /// If the length is not a multiple of four.
    #[must_use]
    pub fn of(buffer: &'a [T]) -> Self {
        assert_eq!(buffer.len() % 4, 0, "four values per channel");
        let mut runs = buffer.chunks(buffer.len() / 4);
        let mut next = || runs.next().expect("a non-empty buffer has four runs");
        Self { mean: next(), inverse_deviation: next(), scale: next(), shift: next() }
    }
}

/// Mean and biased variance of each channel, in float64, by two passes.
#[must_use]
pub fn channel_statistics<E: Element>(x: &View<'_, E>) -> (Vec<f64>, Vec<f64>) {
    let count = (x.lines() * x.size[2]) as f64;
    let mut mean = reduce(x, &Values);
    mean.iter_mut().for_each(|m| *m /= count);
    let mut variance = reduce(x, &SquaresAround(&mean));
    variance.iter_mut().for_each(|v| *v /= count);
    (mean, variance)
}

/// Sum of each channel in float64: the gradient of a convolution's bias.
#[must_use]
pub fn channel_sums<E: Element>(x: &View<'_, E>) -> Vec<f64> {
    reduce(x, &Values)
}

/// What is summed of each channel's values. A trait and no closure, for that the compiler must inline it.
trait Summed<T>: Sync {
    /// What is added for each of the values of the channels from `first` on.
    fn of<const N: usize>(&self, first: usize, values: &[T; N]) -> [f64; N];
}

struct Values;

impl<T: Scalar> Summed<T> for Values {
    #[inline(always)]
    fn of<const N: usize>(&self, _first: usize, values: &[T; N]) -> [f64; N] {
        lanes(|i| values[i].to_f64())
    }
}

/// Squared differences from the means.
struct SquaresAround<'a>(&'a [f64]);

impl<T: Scalar> Summed<T> for SquaresAround<'_> {
    #[inline(always)]
    fn of<const N: usize>(&self, first: usize, values: &[T; N]) -> [f64; N] {
        let means = block::<N, _>(self.0, first);
        lanes(|i| {
            let off = values[i].to_f64() - means[i];
            off * off
        })
    }
}

/// Turns the gradient of a BatchNorm's output into that of its input, in place.
///
/// With `relu` the gradient is that of the ReLU behind the BatchNorm. Returns the gradients of weight and
/// bias.
///
/// # Shapes
/// `gradient` and `x` are (batch, depth, height, width, channels).
/// # Panics
/// If the lengths differ.
pub fn batch_norm_gradient_assign<E: Element>(
    gradient: &mut [E],
    x: &View<'_, E>,
    coefficients: Coefficients<'_, E::Scalar>,
    relu: bool,
) -> (Vec<f64>, Vec<f64>) {
    let channels = x.channels();
    let line_len = x.line_len();
    assert_eq!(gradient.len(), x.lines() * line_len, "values of gradient and input");
    let per_chunk = lines_per_chunk(x.lines());
    let chunks = gradient.par_chunks_mut(per_chunk * line_len).enumerate().map(|(chunk, gradient)| {
        let mut sums = vec![0.0; 2 * channels];
        add_gradients(gradient, (x, chunk * per_chunk), coefficients, relu, &mut sums);
        sums
    });
    let sums = add_in_order(chunks.collect(), 2 * channels);
    let (of_weight, of_bias) = sums.split_at(channels);
    let count = (x.lines() * x.size[2]) as f64;
    let mean_product: Vec<E::Scalar> = of_weight.iter().map(|&s| E::Scalar::from_f64(s / count)).collect();
    let mean_gradient: Vec<E::Scalar> = of_bias.iter().map(|&s| E::Scalar::from_f64(s / count)).collect();
    gradient.par_chunks_mut(line_len).enumerate().for_each_init(
        || (vec![E::Scalar::ZERO; line_len], Vec::new()),
        |(line, buffer), (index, gradient)| {
            let means = [mean_product.as_slice(), mean_gradient.as_slice()];
            line_to_input(gradient, (x, index), (coefficients, means), line, buffer);
        },
    );
    (of_weight.to_vec(), of_bias.to_vec())
}

for_vectors! {
    /// Closes the ReLU, where there is one, in some lines of a gradient from a line of `x` on, and adds up the gradients and their
    /// products with the normalised input.
    fn add_gradients<E: [Element]>(
        gradient: &mut [E],
        from: (&View<'_, E>, usize),
        of: Coefficients<'_, E::Scalar>,
        relu: bool,
        sums: &mut [f64],
    ) {
        let (x, first) = from;
        let (mut line, mut buffer) = (vec![E::Scalar::ZERO; x.line_len()], Vec::new());
        for (index, gradient) in gradient.chunks_mut(x.line_len()).enumerate() {
            x.read_line(first + index, &mut line);
            change_widened(gradient, &mut buffer, CloseAndAdd { line: &line, of, relu, sums });
        }
    }

    /// Turns a line of the gradient into that of the input; the buffers are for scalars.
    fn line_to_input<E: [Element]>(
        gradient: &mut [E],
        from: (&View<'_, E>, usize),
        of: (Coefficients<'_, E::Scalar>, [&[E::Scalar]; 2]),
        line: &mut [E::Scalar],
        buffer: &mut Vec<E::Scalar>,
    ) {
        let (x, index) = from;
        x.read_line(index, line);
        change_widened(gradient, buffer, ToInput { line, of: of.0, means: of.1 });
    }

    /// Adds up some lines.
    fn add_lines<E: [Element], S: [Summed<E::Scalar>]>(
        x: &View<'_, E>,
        lines: Range<usize>,
        summed: &S,
        sums: &mut [f64],
    ) {
        let mut line = vec![E::Scalar::ZERO; x.line_len()];
        for index in lines {
            x.read_line(index, &mut line);
            by_channels(sums.len(), AddUp { line: &line, summed, sums });
        }
    }
}

struct AddUp<'a, T, S> {
    line: &'a [T],
    summed: &'a S,
    sums: &'a mut [f64],
}

impl<T: Scalar, S: Summed<T>> ByChannels for AddUp<'_, T, S> {
    #[inline(always)]
    fn channels<const N: usize>(&mut self, first: usize) {
        let mut sums = *block::<N, _>(self.sums, first);
        for voxel in self.line.chunks_exact(self.sums.len()) {
            let added = self.summed.of(first, block::<N, _>(voxel, first));
            sums = lanes(|i| sums[i] + added[i]);
        }
        *block_mut(self.sums, first) = sums;
    }
}

/// Sets the gradient to zero where the ReLU behind the BatchNorm lets nothing through; adds up the gradients, and
/// their products with the normalised input.
struct CloseAndAdd<'a, T> {
    line: &'a [T],
    of: Coefficients<'a, T>,
    relu: bool,
    sums: &'a mut [f64],
}

impl<T: Scalar> Change<T> for CloseAndAdd<'_, T> {
    #[inline(always)]
    fn change(self, values: &mut [T]) {
        let channels = self.of.mean.len();
        if self.relu {
            for (gradient, voxel) in values.chunks_exact_mut(channels).zip(self.line.chunks_exact(channels)) {
                close_where_negative(gradient, voxel, self.of);
            }
        }
        by_channels(channels, OnGradient { gradient: values, and: self });
    }
}

/// Sets the gradient to zero where the ReLU behind the BatchNorm lets nothing through. Not in blocks: the compiler would
/// choose one by one.
#[inline(always)]
fn close_where_negative<T: Scalar>(gradient: &mut [T], voxel: &[T], of: Coefficients<'_, T>) {
    let coefficients = of.scale.iter().zip(of.shift);
    for ((gradient, &x), (&scale, &shift)) in gradient.iter_mut().zip(voxel).zip(coefficients) {
        *gradient = if x * scale + shift <= T::ZERO { T::ZERO } else { *gradient };
    }
}

/// The gradient of the input, from that of the output and the means over the batch.
struct ToInput<'a, T> {
    line: &'a [T],
    of: Coefficients<'a, T>,
    /// Over the batch: of the products of gradient and normalised input, and of the gradient.
    means: [&'a [T]; 2],
}

impl<T: Scalar> Change<T> for ToInput<'_, T> {
    #[inline(always)]
    fn change(self, values: &mut [T]) {
        by_channels(self.of.mean.len(), OnGradient { gradient: values, and: self });
    }
}

/// A line of the gradient, and what is to be done with it and a line of the input.
struct OnGradient<'a, T, A> {
    gradient: &'a mut [T],
    and: A,
}

impl<T: Scalar> ByChannels for OnGradient<'_, T, CloseAndAdd<'_, T>> {
    #[inline(always)]
    fn channels<const N: usize>(&mut self, first: usize) {
        let of = self.and.of;
        let (mean, inverse) = (*block::<N, _>(of.mean, first), *block::<N, _>(of.inverse_deviation, first));
        let (of_products, of_gradients) = self.and.sums.split_at_mut(of.mean.len());
        let (of_products, of_gradients) = (block_mut(of_products, first), block_mut(of_gradients, first));
        let (mut products, mut gradients): ([f64; N], [f64; N]) = (*of_products, *of_gradients);
        let voxels = self.and.line.chunks_exact(of.mean.len());
        for (gradient, voxel) in self.gradient.chunks_exact(of.mean.len()).zip(voxels) {
            let (gradient, x) = (block::<N, _>(gradient, first), block::<N, _>(voxel, first));
            let normalised: [T; N] = lanes(|i| (x[i] - mean[i]) * inverse[i]);
            products = lanes(|i| products[i] + gradient[i].to_f64() * normalised[i].to_f64());
            gradients = lanes(|i| gradients[i] + gradient[i].to_f64());
        }
        (*of_products, *of_gradients) = (products, gradients);
    }
}

impl<T: Scalar> ByChannels for OnGradient<'_, T, ToInput<'_, T>> {
    #[inline(always)]
    fn channels<const N: usize>(&mut self, first: usize) {
        let ToInput { line, of, means: [mean_product, mean_gradient] } = self.and;
        let channels = of.mean.len();
        let [mean, inverse, scale, product, sum] =
            [of.mean, of.inverse_deviation, of.scale, mean_product, mean_gradient]
                .map(|values| *block::<N, _>(values, first));
        for (gradient, voxel) in self.gradient.chunks_exact_mut(channels).zip(line.chunks_exact(channels)) {
            let (gradient, x) = (block_mut::<N, _>(gradient, first), block::<N, _>(voxel, first));
            let normalised: [T; N] = lanes(|i| (x[i] - mean[i]) * inverse[i]);
            *gradient = lanes(|i| scale[i] * (gradient[i] - sum[i] - normalised[i] * product[i]));
        }
    }
}

/// Lines that one chunk of a reduction holds.
fn lines_per_chunk(lines: usize) -> usize {
    lines.div_ceil(CHUNKS).max(1)
}

fn add_in_order(partial: Vec<Vec<f64>>, len: usize) -> Vec<f64> {
    let mut total = vec![0.0; len];
    for sums in partial {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    total
}

/// Sums over all voxels, per channel.
fn reduce<E: Element>(x: &View<'_, E>, summed: &impl Summed<E::Scalar>) -> Vec<f64> {
    let (channels, per_chunk) = (x.channels(), lines_per_chunk(x.lines()));
    let partial = (0..x.lines().div_ceil(per_chunk)).into_par_iter().map(|chunk| {
        let mut sums = vec![0.0; channels];
        add_lines(x, chunk * per_chunk..((chunk + 1) * per_chunk).min(x.lines()), summed, &mut sums);
        sums
    });
    add_in_order(partial.collect(), channels)
}
