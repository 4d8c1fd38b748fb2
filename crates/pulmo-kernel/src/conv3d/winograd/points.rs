//! The weights of a convolution at all points, added up for taps that read the same line.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::step::{Filtering, Step};
use crate::conv3d::Conv3d;
use crate::conv3d::aligned::Aligned;
use crate::conv3d::parts::Part;
use crate::conv3d::reach::TapSet;
use crate::conv3d::tiles::{Block, Shared};
use crate::simd::filtering::{POINTS, WEIGHTS};
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
        let Filtering { step, parts } = maker.filtering;
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
        let to = Shared(values.as_mut_ptr());
        tasks.into_par_iter().with_max_len(1).for_each(|(number, channels)| {
            for channel in channels {
                for (block, firsts) in blocks.iter().zip(&places.firsts) {
                    for along in 0..POINTS {
                        let len = point_len(maker.set, &parts[number], block);
                        let to = to.get().wrapping_add(firsts[number] + along * step.across() * len);
                        // SAFETY: inside the weights of this block and part, of which a channel's belong to one task.
                        unsafe { maker.make((block, number), along, channel..channel + 1, to) };
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
        let Filtering { step, parts } = self.filtering;
        let places = Places::new(self.set, parts, blocks, step.across());
        let values = values.reserve(places.len);
        self.clear_dots(blocks, &places, step.across(), values);
        let to = values.as_mut_ptr();
        for (block, firsts) in blocks.iter().zip(&places.firsts) {
            for (number, (part, &first)) in parts.iter().zip(firsts).enumerate() {
                // SAFETY: inside the weights of this block and part.
                unsafe { self.make((block, number), along, 0..part.channels.len(), to.wrapping_add(first)) };
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

    /// Makes the weights of a block and some channels of a part at the points across lines of one along them.
    ///
    /// # Safety
    /// `to` is writable for [`point_len`] floats at each of those points, and nobody else writes or reads the channels'.
    pub(super) unsafe fn make(
        &self,
        (block, number): (&Block, usize),
        along: usize,
        channels: Range<usize>,
        to: *mut f32,
    ) {
        let Self { set, conv, filtering: Filtering { step, parts }, w } = *self;
        let part = &parts[number];
        let (len, tap) = (point_len(set, part, block), tap_len(set, part.channels.len(), block));
        let kernel_height = step.height(conv.kernel[1]);
        TAPS.with_borrow_mut(|(of_taps, at_point)| {
            of_taps.resize(conv.kernel[0] * conv.kernel[1], [0.0; MOST]);
            at_point.resize(conv.kernel[0] * kernel_height, [0.0; MOST]);
            for channel in channels {
                along_lines(conv, (w, part.channels.start + channel), block, WEIGHTS[along], of_taps);
                let lies = match block.vectors {
                    0 => Lies { first: channel, count: block.width, step: tap / block.width, tap },
                    vectors => {
                        let count = vectors * set.lanes;
                        Lies { first: channel * count, count, step: 1, tap }
                    }
                };
                for across in 0..step.across() {
                    let taps = match step {
                        Step::Line => &of_taps,
                        Step::Square => {
                            across_lines(of_taps, WEIGHTS[across], at_point);
                            &at_point
                        }
                    };
                    // SAFETY: the caller's promise.
                    unsafe { write_sets(part, (taps, kernel_height), &lies, to.add(across * len)) };
                }
            }
        });
    }
}

/// Weights of some taps, and of those that are left at a point, by output channel.
type Taps = (Vec<[f64; MOST]>, Vec<[f64; MOST]>);

thread_local! {
    static TAPS: RefCell<Taps> = RefCell::default();
}

for_vectors! {
    /// The weights of one input channel and a block of output channels at a point along lines, for all taps along depth and
    /// height; zeros behind the block.
    fn along_lines<>(
        conv: &Conv3d,
        of_channel: (&[f32], usize),
        block: &Block,
        factors: [f64; 3],
        taps: &mut [[f64; MOST]],
    ) {
        let (w, channel) = of_channel;
        let [first, second, third] = factors;
        for (tap, at) in taps.iter_mut().enumerate() {
            let start = (tap * 3 * conv.in_channels + channel) * conv.out_channels + block.first;
            let next = conv.in_channels * conv.out_channels;
            let rows: [&[f32]; 3] = [&w[start..][..block.width], &w[start + next..][..block.width], &w[start + 2 * next..][..block.width]];
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

    /// What the taps of a set of depth and one of height add up to, in float32.
    fn sum_of_sets<>(taps: (&[[f64; MOST]], usize), sets: [&TapSet; 2], sums: &mut [f32; MOST]) {
        let ((taps, kernel_height), [depth, height]) = (taps, sets);
        let mut total = [0.0; MOST];
        for d in depth.taps.0..depth.taps.1 {
            for of_tap in &taps[d * kernel_height + height.taps.0..d * kernel_height + height.taps.1] {
                for index in 0..MOST {
                    total[index] += of_tap[index];
                }
            }
        }
        for index in 0..MOST {
            sums[index] = total[index] as f32;
        }
    }
}

/// Where the weights of an input channel lie: the first one, how many, how far apart neighbours are, and how far those of the
/// next sets.
struct Lies {
    first: usize,
    count: usize,
    step: usize,
    tap: usize,
}

/// Writes what the taps of every two sets add up to.
///
/// # Safety
/// All places are writable, and nobody else writes or reads there.
unsafe fn write_sets(part: &Part, taps: (&[[f64; MOST]], usize), lies: &Lies, to: *mut f32) {
    let mut sums = [0.0; MOST];
    for (number, sets) in part.pairs_of_sets().enumerate() {
        sum_of_sets(taps, sets, &mut sums);
        // SAFETY: the caller's promise.
        unsafe {
            let at = to.add(lies.first + number * lies.tap);
            if lies.step == 1 {
                std::ptr::copy_nonoverlapping(sums.as_ptr(), at, lies.count);
            } else {
                sums.iter().take(lies.count).enumerate().for_each(|(index, &sum)| *at.add(index * lies.step) = sum);
            }
        }
    }
}
