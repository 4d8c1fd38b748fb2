//! Convolutions with three taps along a line, by minimal filtering: half of the products fall away.
//!
//! Of every line the input is turned into six points per four outputs (`simd/filtering.rs`). At each point what is left
//! is a convolution over depth and height only, which the ordinary tiles compute ([`tasks`]); their sums are turned into
//! outputs. The points are kept for a few planes at a time, in rings ([`layout`]), so that they never take more than a small
//! part of the input.
//!
//! Channels that are read through a nearest resize are turned into points on the smaller grid on which they are stored, and
//! the weights of taps that read the same line are added up beforehand (`reach.rs`, `parts.rs`, [`points`]): of three taps
//! along an axis that is twice as long two are left.

mod layout;
mod points;
mod tasks;

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use self::layout::{Layout, Ring};
use self::points::{Places, Points};
use self::tasks::{Run, TASK_TILES, lines_by_reach};
use super::aligned::{Aligned, Lent, Use};
use super::lines::Lines;
use super::parts::{self, Costs, Part};
use super::tiles::{Shared, blocks};
use super::{Conv3d, passes, weights};
use crate::simd::filtering::{OUTPUTS, POINTS};
use crate::simd::{KernelSet, MAX_ROWS, SpreadJob, Stored};
use crate::view::{Grid, View, read_line};

/// Fewest output voxels for which turning the weights pays.
const LEAST_VOXELS: usize = 1500;
/// Fewest channels on either side.
const LEAST_CHANNELS: usize = 8;

/// Whether a convolution is to be computed this way.
pub(crate) fn pays(conv: &Conv3d) -> bool {
    let output = conv.output();
    fits(conv)
        && conv.in_channels.min(conv.out_channels) >= LEAST_CHANNELS
        && output.iter().product::<usize>() >= LEAST_VOXELS
        // Lines are filled up to whole steps: up to a fifth may be wasted.
        && output[2].next_multiple_of(OUTPUTS) * 5 <= output[2] * 6
}

/// Whether it can be.
pub(super) fn fits(conv: &Conv3d) -> bool {
    conv.stride == [1; 3] && conv.kernel[2] == 3 && conv.output_len() > 0 && conv.input_len() > 0
}

/// Computes the weight gradient of a convolution that [`fits`].
pub(super) fn weight_gradient<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, dy): (&View<'_, E>, &[E]),
    dw: &mut [f32],
) {
    let lines = Lines::Points { padding: conv.padding[2], voxels: conv.input[2], x };
    weights::run(
        set,
        (&passes::of_points(conv, steps(conv)), &parts::parts(conv, &x.grids(), Costs::of_filtering(conv))),
        lines,
        dy,
        dw,
    );
}

/// Steps of an output line.
pub(super) fn steps(conv: &Conv3d) -> usize {
    conv.output()[2].div_ceil(OUTPUTS)
}

/// Planes of the output, and lines of a plane.
fn planes_and_lines(parts: &[Part]) -> [usize; 2] {
    parts.first().map_or([0; 2], |part| part.reach.each_ref().map(|reach| reach.reads.len()))
}

/// Bytes of the rings and of the weights at all points, and those that every thread allocates, of [`run`] on input channels
/// that lie on the given grids.
pub(super) fn bytes(conv: &Conv3d, grids: &[Grid]) -> [usize; 2] {
    bytes_of(conv, &parts::parts(conv, grids, Costs::of_filtering(conv)))
}

/// The same of [`sums`].
pub(super) fn bytes_of_sums(conv: &Conv3d, size: [usize; 3]) -> [usize; 2] {
    bytes_of(conv, &parts::of_sums(conv, size))
}

fn bytes_of(conv: &Conv3d, parts: &[Part]) -> [usize; 2] {
    let layout = Layout::new(conv, parts);
    let channels = conv.out_channels.next_multiple_of(16);
    let weights =
        parts.iter().map(|part| POINTS * part.tap_sets() * part.channels.len().next_multiple_of(16) * channels);
    let of_thread = layout.padded() * conv.in_channels + TASK_TILES * POINTS * MAX_ROWS * channels + 16;
    [layout.len + weights.sum::<usize>(), of_thread].map(|floats| floats * size_of::<f32>())
}

/// Whether [`run`] adds up weights of several taps.
#[cfg(test)]
pub(super) fn adds_taps(conv: &Conv3d, grids: &[Grid]) -> bool {
    use super::reach::Reach;
    parts::parts(conv, grids, Costs::of_filtering(conv)).iter().any(|part| part.reach.iter().any(Reach::adds_taps))
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    line: Aligned,
    sums: Aligned,
    start: Aligned,
}

thread_local! {
    /// They stay from task to task: tasks are short.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Computes `y = conv(x, w) + bias` for a convolution that [`fits`].
pub(super) fn run<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    x: &View<'_, E>,
    weights: (&[f32], Option<&[f32]>),
    y: Shared<E>,
) {
    compute((set, conv), &parts::parts(conv, &x.grids(), Costs::of_filtering(conv)), x, weights, y);
}

/// Computes sums of neighbouring outputs of `conv(x, w)`: those that a nearest resize of a tensor of `size`, as wide as the
/// output, would repeat.
pub(super) fn sums<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    size: [usize; 3],
    (x, w): (&View<'_, E>, &[f32]),
    y: Shared<E>,
) {
    compute((set, conv), &parts::of_sums(conv, size), x, (w, None), y);
}

fn compute<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    parts: &[Part],
    x: &View<'_, E>,
    (w, bias): (&[f32], Option<&[f32]>),
    y: Shared<E>,
) {
    let layout = Layout::new(conv, parts);
    let blocks = blocks(set, &passes::forward(conv));
    let zeros = vec![0.0; conv.in_channels.max(32)];
    let places = Places::new(set, parts, &blocks);
    let of_points = places.len;
    let mut buffer = Lent::of(Use::Work, of_points + layout.len);
    let (values, rings) = buffer.as_mut().split_at_mut(of_points);
    let points = Points::new((set, conv), w, (parts, &blocks), (places, values));
    let lines = lines_by_reach(parts);
    let sources: Vec<View<'_, E>> = parts.iter().map(|part| part.view(x, part.channels.clone())).collect();
    let depth = planes_and_lines(parts)[0];
    for volume in 0..conv.batch {
        let mut ready = vec![0; parts.len()];
        for first in (0..depth).step_by(layout.chunk) {
            let planes = first..(first + layout.chunk).min(depth);
            for (index, part) in parts.iter().enumerate() {
                let needed = part.reach[0].places(planes.clone());
                let missing = ready[index].max(needed.start)..needed.end;
                ready[index] = ready[index].max(needed.end);
                let ring = &layout.rings[index];
                spread_planes((set, conv), (&layout, ring), (&sources[index], volume, missing), rings);
            }
            let rings = rings.as_ptr();
            let (layout, points, blocks) = (&layout, &points, blocks.as_slice());
            let run = Run { set, conv, parts, layout, points, blocks, bias, rings, zeros: &zeros, lines: &lines, y };
            run.planes(volume, planes);
        }
    }
}

/// Turns some input planes of a volume into points, at their places of a ring.
fn spread_planes<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    (layout, ring): (&Layout, &Ring),
    (x, volume, planes): (&View<'_, E>, usize, Range<usize>),
    rings: &mut [f32],
) {
    let [depth, height, width] = x.size;
    let channels = ring.channels;
    let to = Shared(rings.as_mut_ptr());
    let lines = planes.start * height..planes.end * height;
    lines.into_par_iter().with_min_len(4).for_each(|line| {
        SCRATCH.with_borrow_mut(|scratch| {
            let (d, h) = (line / height, line % height);
            let padded = scratch.line.reserve(layout.padded() * channels);
            let (before, behind) = (conv.padding[2] * channels, (conv.padding[2] + width) * channels);
            padded[..before].fill(0.0);
            padded[behind..].fill(0.0);
            let voxels = &mut padded[before..behind];
            read_line(x, (volume * depth + d) * height + h, voxels);
            let at = ring.first + d % ring.planes * ring.plane + h * ring.line;
            let job = SpreadJob {
                from: padded.as_ptr(),
                voxel: channels,
                channels,
                steps: layout.steps,
                // SAFETY: inside the ring, whose planes and lines belong to one task each.
                to: unsafe { to.get().add(at) },
                point_pitch: ring.point,
                step_pitch: channels,
            };
            // SAFETY: the padded line holds four voxels a step and two more; the kernels suit this processor.
            unsafe { (set.spread)(&job) };
        });
    });
}
