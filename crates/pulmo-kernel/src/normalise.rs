//! BatchNorm over channels-last tensors: statistics and gradients.
//!
//! Sums are taken in float64 over a fixed number of chunks of lines, added in order: results do not
//! depend on the number of threads.

use rayon::prelude::*;

use crate::Scalar;
use crate::element::{Element, change_widened};
use crate::simd::wide;
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
    let channels = x.channels();
    let count = (x.lines() * x.size[2]) as f64;
    let mut mean = reduce(x, channels, |line, sums| {
        for voxel in line.chunks_exact(channels) {
            sums.iter_mut().zip(voxel).for_each(|(sum, x)| *sum += x.to_f64());
        }
    });
    mean.iter_mut().for_each(|m| *m /= count);
    let mut variance = reduce(x, channels, |line, sums| {
        for voxel in line.chunks_exact(channels) {
            for ((sum, x), mean) in sums.iter_mut().zip(voxel).zip(&mean) {
                let off = x.to_f64() - mean;
                *sum += off * off;
            }
        }
    });
    variance.iter_mut().for_each(|v| *v /= count);
    (mean, variance)
}

/// Sum of each channel in float64: the gradient of a convolution's bias.
#[must_use]
pub fn channel_sums<E: Element>(x: &View<'_, E>) -> Vec<f64> {
    let channels = x.channels();
    reduce(x, channels, |line, sums| {
        for voxel in line.chunks_exact(channels) {
            sums.iter_mut().zip(voxel).for_each(|(sum, x)| *sum += x.to_f64());
        }
    })
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
    let sums = reduce_assign(gradient, x, 2 * channels, |gradient, line, sums| {
        let (of_products, of_gradients) = sums.split_at_mut(channels);
        for (gradient, voxel) in gradient.chunks_exact_mut(channels).zip(line.chunks_exact(channels)) {
            if relu {
                close_where_negative(gradient, voxel, coefficients);
            }
            add_products(gradient, voxel, coefficients, (of_products, of_gradients));
        }
    });
    let (of_weight, of_bias) = sums.split_at(channels);
    let count = (x.lines() * x.size[2]) as f64;
    let mean_product: Vec<E::Scalar> = of_weight.iter().map(|&s| E::Scalar::from_f64(s / count)).collect();
    let mean_gradient: Vec<E::Scalar> = of_bias.iter().map(|&s| E::Scalar::from_f64(s / count)).collect();
    gradient.par_chunks_mut(line_len).enumerate().for_each_init(
        || (vec![E::Scalar::ZERO; line_len], Vec::new()),
        |(line, buffer), (index, gradient)| {
            wide(|| {
                x.read_line(index, line);
                change_widened(gradient, buffer, |gradient| {
                    for (gradient, voxel) in gradient.chunks_exact_mut(channels).zip(line.chunks_exact(channels)) {
                        to_input(gradient, voxel, coefficients, (&mean_product, &mean_gradient));
                    }
                });
            });
        },
    );
    (of_weight.to_vec(), of_bias.to_vec())
}

/// Sets the gradient to zero where the ReLU behind the BatchNorm lets nothing through.
#[inline(always)]
fn close_where_negative<T: Scalar>(gradient: &mut [T], voxel: &[T], of: Coefficients<'_, T>) {
    let coefficients = of.scale.iter().zip(of.shift);
    for ((gradient, &x), (&scale, &shift)) in gradient.iter_mut().zip(voxel).zip(coefficients) {
        *gradient = if x * scale + shift <= T::ZERO { T::ZERO } else { *gradient };
    }
}

/// Adds a voxel's gradients, and their products with the normalised input.
#[inline(always)]
fn add_products<T: Scalar>(
    gradient: &[T],
    voxel: &[T],
    of: Coefficients<'_, T>,
    (products, gradients): (&mut [f64], &mut [f64]),
) {
    let coefficients = of.mean.iter().zip(of.inverse_deviation);
    let sums = products.iter_mut().zip(gradients);
    for (((&gradient, &x), (&mean, &inverse)), (product, sum)) in gradient.iter().zip(voxel).zip(coefficients).zip(sums)
    {
        let normalised = (x - mean) * inverse;
        *product += gradient.to_f64() * normalised.to_f64();
        *sum += gradient.to_f64();
    }
}

/// The gradient of the input, from that of the output and the means over the batch.
#[inline(always)]
fn to_input<T: Scalar>(
    gradient: &mut [T],
    voxel: &[T],
    of: Coefficients<'_, T>,
    (mean_product, mean_gradient): (&[T], &[T]),
) {
    let coefficients = of.mean.iter().zip(of.inverse_deviation).zip(of.scale);
    let means = mean_product.iter().zip(mean_gradient);
    let values = gradient.iter_mut().zip(voxel);
    for (((gradient, &x), ((&mean, &inverse), &scale)), (&product, &sum)) in values.zip(coefficients).zip(means) {
        let normalised = (x - mean) * inverse;
        *gradient = scale * (*gradient - sum - normalised * product);
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

fn reduce<E: Element>(x: &View<'_, E>, len: usize, add: impl Fn(&[E::Scalar], &mut [f64]) + Sync) -> Vec<f64> {
    let per_chunk = lines_per_chunk(x.lines());
    let partial = (0..x.lines().div_ceil(per_chunk)).into_par_iter().map(|chunk| {
        let mut line = vec![E::Scalar::ZERO; x.line_len()];
        let mut sums = vec![0.0; len];
        wide(|| {
            for index in chunk * per_chunk..((chunk + 1) * per_chunk).min(x.lines()) {
                x.read_line(index, &mut line);
                add(&line, &mut sums);
            }
        });
        sums
    });
    add_in_order(partial.collect(), len)
}

fn reduce_assign<E: Element>(
    out: &mut [E],
    x: &View<'_, E>,
    len: usize,
    apply: impl Fn(&mut [E::Scalar], &[E::Scalar], &mut [f64]) + Sync,
) -> Vec<f64> {
    let per_chunk = lines_per_chunk(x.lines());
    let line_len = x.line_len();
    let partial = out.par_chunks_mut(per_chunk * line_len).enumerate().map(|(chunk, out)| {
        let (mut line, mut buffer) = (vec![E::Scalar::ZERO; line_len], Vec::new());
        let mut sums = vec![0.0; len];
        wide(|| {
            for (index, out) in out.chunks_mut(line_len).enumerate() {
                x.read_line(chunk * per_chunk + index, &mut line);
                change_widened(out, &mut buffer, |out| apply(out, &line, &mut sums));
            }
        });
        sums
    });
    add_in_order(partial.collect(), len)
}
