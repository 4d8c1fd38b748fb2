//! The weights of a convolution at all points, added up for taps that read the same line.

use rayon::prelude::*;

use super::step::{Filtering, Step};
use crate::conv3d::Conv3d;
use crate::conv3d::parts::Part;
use crate::conv3d::reach::TapSet;
use crate::conv3d::tiles::Block;
use crate::simd::filtering::{POINTS, WEIGHTS};
use crate::simd::{KernelSet, for_vectors};

/// Most output channels of a block.
const MOST: usize = 32;

/// The weights at all points: `[block][part][point][set of depth][set of height][in][width]`, points along a line fastest; for a block of dot products
/// `[width][in, filled up with zeros]` last.
pub(super) struct Points<'a> {
    values: &'a [f32],
    places: Places,
}

/// Where the weights of every block and part begin.
pub(super) struct Places {
    /// `[block][part]`.
    firsts: Vec<Vec<usize>>,
    /// Floats of all.
    pub(super) len: usize,
}

impl Places {
    pub(super) fn new(set: &KernelSet, Filtering { step, parts }: &Filtering, blocks: &[Block]) -> Self {
        let mut len = 0;
        let mut place = |part: &Part, block: &Block| {
            let first = len;
            // Whole cache lines.
            len += (step.points() * part.tap_sets() * tap_len(set, part.channels.len(), block)).next_multiple_of(16);
            first
        };
        let firsts = blocks.iter().map(|block| parts.iter().map(|part| place(part, block)).collect()).collect();
        Self { firsts, len }
    }
}

/// Floats of one tap of a block, for some input channels.
pub(super) fn tap_len(set: &KernelSet, channels: usize, block: &Block) -> usize {
    match block.vectors {
        0 => block.width * channels.next_multiple_of(set.lanes),
        vectors => channels * vectors * set.lanes,
    }
}

impl<'a> Points<'a> {
    /// Fills `values`, which are as many as `places` counts.
    pub(super) fn new(
        (set, conv): (&KernelSet, &Conv3d),
        w: &[f32],
        (Filtering { step, parts }, blocks): (&Filtering, &[Block]),
        (places, values): (Places, &'a mut [f32]),
    ) -> Self {
        let mut rest = &mut values[..];
        let mut tasks = Vec::new();
        for block in blocks {
            for part in parts {
                let len = part.tap_sets() * tap_len(set, part.channels.len(), block);
                let own;
                (own, rest) = rest.split_at_mut((step.points() * len).next_multiple_of(16));
                // A task makes the points across lines of one point along them.
                let mut of_point = [const { Vec::new() }; POINTS];
                own.chunks_mut(len).take(step.points()).enumerate().for_each(|(p, to)| of_point[p % POINTS].push(to));
                tasks.extend(of_point.into_iter().enumerate().map(|(along, to)| (block, part, along, to)));
            }
        }
        tasks.into_par_iter().for_each(|(block, part, along, mut points)| {
            // What fills up vectors is added and multiplied too.
            points.iter_mut().for_each(|to| to.fill(0.0));
            let tap = tap_len(set, part.channels.len(), block);
            let kernel_height = step.height(conv.kernel[1]);
            let mut of_taps = vec![[0.0; MOST]; conv.kernel[0] * conv.kernel[1]];
            let mut at_point = vec![[0.0; MOST]; conv.kernel[0] * kernel_height];
            for channel in 0..part.channels.len() {
                along_lines(conv, (w, part.channels.start + channel), block, WEIGHTS[along], &mut of_taps);
                for (across, to) in points.iter_mut().enumerate() {
                    let taps = match step {
                        Step::Line => &of_taps,
                        Step::Square => {
                            across_lines(&of_taps, WEIGHTS[across], &mut at_point);
                            &at_point
                        }
                    };
                    for (sets, to) in part.pairs_of_sets().zip(to.chunks_exact_mut(tap)) {
                        let sums = sum_of_taps(kernel_height, sets, taps);
                        let sums = sums.iter().take(block.width).map(|&sum| sum as f32);
                        match block.vectors {
                            0 => sums.enumerate().for_each(|(dot, sum)| to[dot * (tap / block.width) + channel] = sum),
                            vectors => {
                                to[channel * vectors * set.lanes..].iter_mut().zip(sums).for_each(|(to, sum)| *to = sum)
                            }
                        }
                    }
                }
            }
        });
        Self { values, places }
    }

    /// The weights of one block and part, from a point's sets on.
    pub(super) fn of(&self, block: usize, part: usize) -> &[f32] {
        &self.values[self.places.firsts[block][part]..]
    }
}

for_vectors! {
    /// The weights of one input channel and a block of output channels at a point along lines, for all taps along depth and height.
    fn along_lines<>(conv: &Conv3d, of_channel: (&[f32], usize), block: &Block, factors: [f64; 3], taps: &mut [[f64; MOST]]) {
        let (w, channel) = of_channel;
        let [first, second, third] = factors;
        for (tap, at) in taps.iter_mut().enumerate() {
            let row = |along: usize| {
                &w[((tap * 3 + along) * conv.in_channels + channel) * conv.out_channels + block.first..][..block.width]
            };
            for (((at, &x), &y), &z) in at.iter_mut().zip(row(0)).zip(row(1)).zip(row(2)) {
                *at = first * f64::from(x) + second * f64::from(y) + third * f64::from(z);
            }
        }
    }

    /// The same at a point across lines as well, for all taps along the depth.
    fn across_lines<>(of_taps: &[[f64; MOST]], factors: [f64; 3], at_point: &mut [[f64; MOST]]) {
        let [first, second, third] = factors;
        for (at, taps) in at_point.iter_mut().zip(of_taps.chunks_exact(3)) {
            for (((at, &x), &y), &z) in at.iter_mut().zip(&taps[0]).zip(&taps[1]).zip(&taps[2]) {
                *at = first * x + second * y + third * z;
            }
        }
    }
}

/// Adds up what was found for the taps of two sets.
fn sum_of_taps(kernel_height: usize, [depth, height]: [&TapSet; 2], taps: &[[f64; MOST]]) -> [f64; MOST] {
    let mut sums = [0.0; MOST];
    for d in depth.taps.0..depth.taps.1 {
        for of_tap in &taps[d * kernel_height + height.taps.0..d * kernel_height + height.taps.1] {
            for (sum, &at) in sums.iter_mut().zip(of_tap) {
                *sum += at;
            }
        }
    }
    sums
}
