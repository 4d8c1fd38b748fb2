//! The weights of a convolution at all points, added up for taps that read the same line.

use rayon::prelude::*;

use super::parts::Part;
use super::reach::TapSet;
use crate::conv3d::Conv3d;
use crate::conv3d::tiles::Block;
use crate::simd::KernelSet;
use crate::simd::filtering::{POINTS, WEIGHTS};

/// Most output channels of a block.
const MOST: usize = 32;

/// The weights at all points: `[block][part][point][set of depth][set of height][in][width]`; for a block of dot products
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
    pub(super) fn new(set: &KernelSet, parts: &[Part], blocks: &[Block]) -> Self {
        let mut len = 0;
        let mut place = |part: &Part, block: &Block| {
            let first = len;
            // Whole cache lines.
            len += (POINTS * part.tap_sets() * tap_len(set, part.channels.len(), block)).next_multiple_of(16);
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
        (parts, blocks): (&[Part], &[Block]),
        (places, values): (Places, &'a mut [f32]),
    ) -> Self {
        let mut rest = &mut values[..];
        let mut taps = Vec::new();
        for (block, firsts) in blocks.iter().zip(&places.firsts) {
            for (index, part) in parts.iter().enumerate() {
                let len = tap_len(set, part.channels.len(), block);
                let own;
                (own, rest) = rest.split_at_mut((POINTS * part.tap_sets() * len).next_multiple_of(16));
                debug_assert!(firsts[index].is_multiple_of(16));
                let chunks = own[..POINTS * part.tap_sets() * len].chunks_mut(len).enumerate();
                taps.extend(chunks.map(|(number, to)| (block, part, number, to)));
            }
        }
        taps.into_par_iter().for_each(|(block, part, number, to)| {
            let [depth, height] = &part.reach;
            let (number, of_height) = (number / height.sets.len(), &height.sets[number % height.sets.len()]);
            let (point, of_depth) = (number / depth.sets.len(), &depth.sets[number % depth.sets.len()]);
            // What fills up vectors is added and multiplied too.
            to.fill(0.0);
            for channel in 0..part.channels.len() {
                let mut sums = [0.0; MOST];
                let sums = &mut sums[..block.width];
                add_at_point(conv, (w, part.channels.start + channel, block), [of_depth, of_height], point, sums);
                let at = sums.iter().map(|&sum| sum as f32);
                match block.vectors {
                    0 => at.enumerate().for_each(|(dot, value)| to[dot * (to.len() / block.width) + channel] = value),
                    vectors => to[channel * vectors * set.lanes..].iter_mut().zip(at).for_each(|(to, at)| *to = at),
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

/// Adds up the weights of some taps along depth and height at a point, for one input channel and a block of output channels.
fn add_at_point(
    conv: &Conv3d,
    (w, channel, block): (&[f32], usize, &Block),
    [depth, height]: [&TapSet; 2],
    point: usize,
    sums: &mut [f64],
) {
    let [first, second, third] = WEIGHTS[point];
    for d in depth.taps.0..depth.taps.1 {
        for h in height.taps.0..height.taps.1 {
            let tap = (d * conv.kernel[1] + h) * 3;
            let row = |along: usize| {
                &w[((tap + along) * conv.in_channels + channel) * conv.out_channels + block.first..][..block.width]
            };
            for (((sum, &x), &y), &z) in sums.iter_mut().zip(row(0)).zip(row(1)).zip(row(2)) {
                *sum += first * f64::from(x) + second * f64::from(y) + third * f64::from(z);
            }
        }
    }
}
