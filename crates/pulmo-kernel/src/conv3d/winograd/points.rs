//! The weights of a convolution at all points, added up for taps that read the same line.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::step::{Filtering, Step};
use crate::conv3d::Conv3d;
use crate::conv3d::aligned::Aligned;
use crate::conv3d::parts::Part;
use crate::conv3d::tiles::{Block, Shared};
use crate::simd::{KernelSet, for_vectors};

/// Input channels whose weights a task makes.
const TASK_CHANNELS: usize = 8;

/// Most output channels of a block.
pub(super) const MOST: usize = 32;

/// Makes the weights of a convolution at its points.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) set: &'static KernelSet,
    pub(super) conv: &'a Conv3d,
    pub(super) filtering: &'a Filtering,
    pub(super) w: &'a [f32],
}

/// The weights at all points: `[block][part][point][set of depth][set of height][in][width]`, points across lines fastest; for a
/// block of dot products `[width][in, filled up with zeros]` last.
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
    /// Of so many points.
    pub(super) fn new(set: &KernelSet, parts: &[Part], blocks: &[Block], points: usize) -> Self {
        let mut len = 0;
        let mut place = |part: &Part, block: &Block| {
            let first = len;
            // Whole cache lines.
            len += (points * point_len(set, part, block)).next_multiple_of(16);
            first
        };
        let firsts = blocks.iter().map(|block| parts.iter().map(|part| place(part, block)).collect()).collect();
        Self { firsts, len }
    }
}

/// Floats of a block's and part's weights at one point.
pub(super) fn point_len(set: &KernelSet, part: &Part, block: &Block) -> usize {
    part.tap_sets() * tap_len(set, part.channels.len(), block)
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
    pub(super) fn new(maker: Maker<'_>, blocks: &[Block], places: Places, values: &'a mut [f32]) -> Self {
        assert_eq!(values.len(), places.len);
        let Filtering { step, parts, .. } = maker.filtering;
        maker.clear_dots(blocks, &places, step.points(), values);
        // Some channels of all blocks, as their weights lie side by side.
        let channels = |part: &Part| {
            let count = part.channels.len();
            (0..count).step_by(TASK_CHANNELS).map(move |first| first..(first + TASK_CHANNELS).min(count))
        };
        let tasks: Vec<_> = parts
            .iter()
            .enumerate()
            .flat_map(|(number, part)| channels(part).map(move |some| (number, some)))
            .collect();
        let (to, groups) = (Shared(values.as_mut_ptr()), groups(blocks));
        tasks.into_par_iter().with_max_len(1).for_each(|(number, channels)| {
            for channel in channels {
                for group in &groups {
                    for along in 0..step.along() {
                        let place = |block: usize| {
                            let len = point_len(maker.set, &parts[number], &blocks[block]);
                            to.get().wrapping_add(places.firsts[block][number] + along * step.across() * len)
                        };
                        // SAFETY: inside the weights of these blocks and this part, of which a channel's belong to one task.
                        unsafe { maker.make((blocks, group, number), along, channel..channel + 1, place) };
                    }
                }
            }
        });
        Self { values, places }
    }

    /// The weights of one block and part, all points.
    pub(super) fn of(&self, block: usize, part: usize) -> &[f32] {
        &self.values[self.places.firsts[block][part]..]
    }
}

impl Maker<'_> {
    /// Makes the weights of some blocks at the points across lines of one along them.
    pub(super) fn points_along<'a>(&self, blocks: &[Block], along: usize, values: &'a mut Aligned) -> Points<'a> {
        let Filtering { step, parts, .. } = self.filtering;
        let places = Places::new(self.set, parts, blocks, step.across());
        let values = values.reserve(places.len);
        self.clear_dots(blocks, &places, step.across(), values);
        let to = values.as_mut_ptr();
        for group in groups(blocks) {
            for (number, part) in parts.iter().enumerate() {
                let place = |block: usize| to.wrapping_add(places.firsts[block][number]);
                // SAFETY: inside the weights of these blocks and this part.
                unsafe { self.make((blocks, &group, number), along, 0..part.channels.len(), place) };
            }
        }
        Points { values, places }
    }

    /// Dot products read whole vectors of channels: zeros behind the last.
    fn clear_dots(&self, blocks: &[Block], places: &Places, points: usize, values: &mut [f32]) {
        for (block, firsts) in blocks.iter().zip(&places.firsts).filter(|(block, _)| block.vectors == 0) {
            for (part, &first) in self.filtering.parts.iter().zip(firsts) {
                values[first..][..points * point_len(self.set, part, block)].fill(0.0);
            }
        }
    }

    /// Makes the weights of a group of blocks and some channels of a part at the points across lines of one along them.
    ///
    /// # Safety
    /// What `place` gives for a block is writable for [`point_len`] floats at each of those points, and nobody else writes or reads the
    /// channels'.
    unsafe fn make(
        &self,
        (blocks, group, number): (&[Block], &Range<usize>, usize),
        along: usize,
        channels: Range<usize>,
        place: impl Fn(usize) -> *mut f32,
    ) {
        let Self { set, conv, filtering: Filtering { step, parts, .. }, w } = *self;
        let (part, own) = (&parts[number], &blocks[group.clone()]);
        let first = own[0].first;
        let outputs = first..own[own.len() - 1].first + own[own.len() - 1].width;
        let kernel_height = step.height(conv.kernel[1]);
        let sets = part.tap_sets();
        MAKING.with_borrow_mut(|Making { of_taps, at_point, rows }| {
            of_taps.resize(conv.kernel[0] * conv.kernel[1], [0.0; MOST]);
            at_point.resize(conv.kernel[0] * kernel_height, [0.0; MOST]);
            rows.resize(sets, [0.0; MOST]);
            for channel in channels {
                along_lines(
                    conv,
                    (w, part.channels.start + channel),
                    &outputs,
                    step.filter().weights()[along],
                    of_taps,
                );
                for (across, factors) in step.filter().weights().iter().enumerate().take(step.across()) {
                    match step {
                        Step::Line => rows_of_sets(part, (of_taps, kernel_height), rows),
                        Step::Square(_) => {
                            across_lines(of_taps, *factors, at_point);
                            rows_of_sets(part, (at_point, kernel_height), rows);
                        }
                    }
                    for (index, block) in group.clone().zip(own) {
                        let (len, tap) = (point_len(set, part, block), tap_len(set, part.channels.len(), block));
                        let to = place(index).wrapping_add(across * len);
                        for (set_pair, row) in rows.iter().enumerate() {
                            let row = &row[block.first - first..];
                            // SAFETY: the caller's promise.
                            unsafe { write(block, (set.lanes, tap), row, channel, to.add(set_pair * tap)) };
                        }
                    }
                }
            }
        });
    }
}

/// Writes the weights of an input channel to their places in a block.
///
/// # Safety
/// All of them are writable, and nobody else writes or reads there.
unsafe fn write(block: &Block, (lanes, tap): (usize, usize), weights: &[f32], channel: usize, to: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        match block.vectors {
            0 => {
                let dots = weights.iter().take(block.width).enumerate();
                dots.for_each(|(dot, &weight)| *to.add(dot * (tap / block.width) + channel) = weight);
            }
            vectors => {
                let width = vectors * lanes;
                std::ptr::copy_nonoverlapping(weights[..width].as_ptr(), to.add(channel * width), width);
            }
        }
    }
}

/// Neighbouring blocks whose weights are made together, as ranges of their numbers.
pub(super) fn groups(blocks: &[Block]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut width = 0;
    for (index, block) in blocks.iter().enumerate() {
        width += block.width;
        match groups.last_mut().filter(|_| width <= MOST && block.vectors > 0) {
            Some(last) => last.end = index + 1,
            None => {
                groups.push(index..index + 1);
                width = block.width;
            }
        }
    }
    groups
}

/// Weights of some output channels.
#[derive(Default)]
struct Making {
    /// Of all taps of depth and height, at a point along lines; and at one across them too, of those that are left.
    of_taps: Vec<[f64; MOST]>,
    at_point: Vec<[f64; MOST]>,
    /// Of every set of depth and of height.
    rows: Vec<[f32; MOST]>,
}

thread_local! {
    static MAKING: RefCell<Making> = RefCell::default();
}

for_vectors! {
    /// The weights of one input channel and some output channels at a point along lines, for all taps along depth and height; zeros
    /// behind the last.
    fn along_lines<>(
        conv: &Conv3d,
        of_channel: (&[f32], usize),
        outputs: &Range<usize>,
        factors: [f64; 3],
        taps: &mut [[f64; MOST]],
    ) {
        let (w, channel) = of_channel;
        let [first, second, third] = factors;
        for (tap, at) in taps.iter_mut().enumerate() {
            let start = (tap * 3 * conv.in_channels + channel) * conv.out_channels + outputs.start;
            let next = conv.in_channels * conv.out_channels;
            let rows = [start, start + next, start + 2 * next].map(|start| &w[start..][..outputs.len()]);
            if let [Some(x), Some(y), Some(z)] = rows.map(|row| row.first_chunk::<MOST>()) {
                for index in 0..MOST {
                    at[index] = first * f64::from(x[index]) + second * f64::from(y[index]) + third * f64::from(z[index]);
                }
            } else {
                at.fill(0.0);
                for (((at, &x), &y), &z) in at.iter_mut().zip(rows[0]).zip(rows[1]).zip(rows[2]) {
                    *at = first * f64::from(x) + second * f64::from(y) + third * f64::from(z);
                }
            }
        }
    }

    /// The same at a point across lines as well, for all taps along the depth.
    fn across_lines<>(of_taps: &[[f64; MOST]], factors: [f64; 3], at_point: &mut [[f64; MOST]]) {
        let [first, second, third] = factors;
        for (at, taps) in at_point.iter_mut().zip(of_taps.as_chunks::<3>().0) {
            let [x, y, z] = taps;
            for index in 0..MOST {
                at[index] = first * x[index] + second * y[index] + third * z[index];
            }
        }
    }

    /// What the taps of every set of depth and one of height add up to, in float32.
    fn rows_of_sets<>(part: &Part, taps: (&[[f64; MOST]], usize), rows: &mut [[f32; MOST]]) {
        let (taps, kernel_height) = taps;
        let [depths, heights] = &part.reach;
        let mut number = 0;
        for depth in &depths.sets {
            for height in &heights.sets {
                let mut total = [0.0; MOST];
                for d in depth.taps.0..depth.taps.1 {
                    for of_tap in &taps[d * kernel_height + height.taps.0..d * kernel_height + height.taps.1] {
                        for index in 0..MOST {
                            total[index] += of_tap[index];
                        }
                    }
                }
                for index in 0..MOST {
                    rows[number][index] = total[index] as f32;
                }
                number += 1;
            }
        }
    }
}
