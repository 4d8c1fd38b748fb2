//! Convolutions with three taps along a line, by minimal filtering: half of the products fall away, or three quarters and more
//! where there are three taps along the height too.
//!
//! Of every line the input is turned into six points per four outputs (`simd/filter.rs`), or of every plane into 36 per square of
//! sixteen ([`squares`]), in bfloat16 also 81 per square of 49. At each point what is left is a convolution over depth and height,
//! or depth only, which the ordinary tiles compute ([`tasks`]); their sums are turned into outputs, some of which are added up again
//! ([`added`]). The points are kept for a few planes at a time, in rings ([`layout`]), so that they never take more than a small part
//! of the input.
//!
//! Channels that are read through a nearest resize are turned into points on the smaller grid on which they are stored, and
//! the weights of taps that read the same line are added up beforehand (`reach.rs`, `parts.rs`, [`points`]): of three taps
//! along an axis that is twice as long two are left.

mod added;
mod layout;
mod points;
pub(super) mod squares;
pub(crate) mod step;
mod tasks;

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use self::added::Added;
use self::layout::{Layout, Ring};
use self::points::{MOST, Maker, Places, Points};
use self::squares::{Row, Strip};
use self::step::{Filtering, Step};
use self::tasks::{Outputs, Run, Weights, rows_by_reach, task_tiles};
use super::aligned::{Aligned, Lent, Use};
use super::lines::Lines;
use super::parts::Part;
use super::tiles::{Shared, blocks};
use super::{Conv3d, passes, weights};
use crate::simd::{Filter, KernelSet, MAX_ROWS, SpreadJob, Stored};
use crate::view::{View, read_line};

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
        && output[2].next_multiple_of(Filter::Four.outputs()) * 5 <= output[2] * 6
}

/// Whether it can be.
pub(crate) fn fits(conv: &Conv3d) -> bool {
    conv.stride == [1; 3] && conv.kernel[2] == 3 && conv.output_len() > 0 && conv.input_len() > 0
}

/// Computes the weight gradient of a convolution that [`fits`].
pub(super) fn weight_gradient<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, dy): (&View<'_, E>, &[E]),
    dw: &mut [f32],
) {
    weight_gradient_by(set, conv, &Filtering::of_weights::<E>(conv, &x.grids()), (x, dy), dw);
}

/// The same by some kind of steps.
pub(crate) fn weight_gradient_by<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    filtering: &Filtering,
    (x, dy): (&View<'_, E>, &[E]),
    dw: &mut [f32],
) {
    let pass = passes::of_points(conv, filtering.step);
    let lines = Lines::Points { conv: *conv, step: filtering.step, x };
    weights::run(set, (&pass, &filtering.parts), lines, dy, dw);
}

/// Bytes of the rings and of the weights at all points, and those that every thread allocates, of [`run`].
pub(super) fn bytes(conv: &Conv3d, filtering: &Filtering) -> [usize; 2] {
    let layout = Layout::new(conv, filtering);
    let step = filtering.step;
    // Weights of all points or of those across lines, for all channels or those of a block.
    let weights = |points: usize, channels: usize| {
        let of_part = |part: &Part| part.tap_sets() * part.channels.len().next_multiple_of(16) * channels + 16;
        points * filtering.parts.iter().map(of_part).sum::<usize>()
    };
    let channels = conv.out_channels.next_multiple_of(16);
    let (shared, made, sums) = if layout.at_once {
        let rows = filtering.planes_and_rows().iter().product::<usize>() * layout.steps + MAX_ROWS;
        (0, weights(step.across(), MOST), rows * step.points() * MOST)
    } else {
        (weights(step.points(), channels), 0, task_tiles(step) * step.points() * MAX_ROWS * channels)
    };
    let strip = layout.rings.iter().map(|ring| row(conv, &layout, ring).strip()).max().unwrap_or(0);
    let of_thread = layout.padded() * conv.in_channels + made + sums + 32 + strip;
    [layout.len + layout.lines + shared, of_thread].map(|floats| floats * size_of::<f32>())
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    line: Aligned,
    strip: Strip,
    sums: Aligned,
    start: Aligned,
    /// Weights at some points, where a task makes them itself.
    made: Aligned,
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
    compute((set, conv), &Filtering::of_input::<E>(conv, &x.grids()), x, weights, y);
}

/// Computes sums of neighbouring outputs of `conv(x, w)`: those that a nearest resize of a tensor of `size`, as wide as the
/// output, would repeat.
pub(super) fn sums<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    size: [usize; 3],
    (x, w): (&View<'_, E>, &[f32]),
    y: Shared<E>,
) {
    compute((set, conv), &Filtering::of_sums::<E>(conv, size), x, (w, None), y);
}

/// Either, by some kind of steps.
pub(crate) fn compute<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    filtering: &Filtering,
    x: &View<'_, E>,
    (w, bias): (&[f32], Option<&[f32]>),
    y: Shared<E>,
) {
    let layout = Layout::new(conv, filtering);
    let blocks = blocks(set, &passes::forward(conv));
    let zeros = vec![0.0; conv.in_channels.max(32)];
    let maker = Maker { set, conv, filtering, w };
    let places = (!layout.at_once).then(|| Places::new(set, &filtering.parts, &blocks, filtering.step.points()));
    let of_weights = places.as_ref().map_or(0, |places| places.len);
    let mut buffer = Lent::of(Use::Work, of_weights + layout.len + layout.lines);
    let (values, rest) = buffer.as_mut().split_at_mut(of_weights);
    let (rings, lines) = rest.split_at_mut(layout.len);
    let weights = match places {
        Some(places) => Weights::Made(Points::new(maker, &blocks, places, values)),
        None => Weights::Making(maker),
    };
    let rows = rows_by_reach(filtering);
    let parts = &filtering.parts;
    let sources: Vec<View<'_, E>> = parts.iter().map(|part| part.view(x, part.channels.clone())).collect();
    let [depth, height] = filtering.planes_and_lines(conv);
    let line = conv.output()[2] * conv.out_channels;
    if let Some(wanted_lines) = filtering.added {
        let len = conv.batch * depth * wanted_lines * line;
        // SAFETY: the outputs are the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(y.get(), len) }.fill(E::narrow(0.0));
    }
    for volume in 0..conv.batch {
        for band in &layout.bands {
            let mut ready = vec![0; parts.len()];
            for first in (0..depth).step_by(layout.chunk) {
                let planes = first..(first + layout.chunk).min(depth);
                for (index, part) in parts.iter().enumerate() {
                    let needed = part.reach[0].places(planes.clone());
                    let missing = ready[index].max(needed.start)..needed.end;
                    ready[index] = ready[index].max(needed.end);
                    let ring = &layout.rings[index];
                    let input = (&sources[index], volume, missing);
                    match layout.step {
                        Step::Line => spread_lines((set, conv), (&layout, ring), input, rings),
                        Step::Square(_) => spread_squares((set, conv), (&layout, ring, band), input, rings),
                    }
                }
                let rings = rings.as_ptr();
                let (layout, weights, blocks) = (&layout, &weights, blocks.as_slice());
                let (rows, first_row) = (&rows[band.clone()], band.start);
                let zeros = &zeros;
                let run = Run { set, conv, filtering, layout, weights, blocks, bias, rings, zeros, rows, first_row };
                match filtering.added {
                    None => {
                        let first = Shared(y.get().wrapping_add(volume * depth * height * line));
                        run.planes(planes, Outputs { first, plane: height });
                    }
                    Some(wanted) => {
                        let lines = Added::new(conv, filtering, (&planes, band), lines);
                        run.planes(planes.clone(), lines.outputs());
                        lines.add((volume * depth, wanted), y);
                    }
                }
            }
        }
    }
}

/// Turns the lines of some input planes of a volume into points, at their places of a ring.
fn spread_lines<E: Stored>(
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
                point_pitch: ring.pitches[1],
                step_pitch: ring.step,
            };
            // SAFETY: the padded line holds all voxels of every step and two more; the kernels suit this processor.
            unsafe { (set.transforms(layout.step.filter()).spread)(&job) };
        });
    });
}

/// A row of squares of a ring.
fn row(conv: &Conv3d, layout: &Layout, ring: &Ring) -> Row {
    Row {
        filter: layout.step.filter(),
        steps: layout.steps,
        channels: ring.channels,
        pitch: ring.step,
        width: conv.input[2],
        padding: conv.padding[2],
        point_pitch: ring.pitches[0],
    }
}

/// Rows of squares that a task turns into points: the next one has two lines in common with each.
const ROWS_AT_A_TIME: usize = 7;

/// The same for the squares of a band.
fn spread_squares<E: Stored>(
    (set, conv): (&'static KernelSet, &Conv3d),
    (layout, ring, band): (&Layout, &Ring, &Range<usize>),
    (x, volume, planes): (&View<'_, E>, usize, Range<usize>),
    rings: &mut [f32],
) {
    let [depth, height, _] = x.size;
    let to = Shared(rings.as_mut_ptr());
    let groups = band.len().div_ceil(ROWS_AT_A_TIME);
    let row = row(conv, layout, ring);
    (planes.start * groups..planes.end * groups).into_par_iter().with_max_len(1).for_each(|task| {
        SCRATCH.with_borrow_mut(|Scratch { strip, .. }| {
            let (d, group) = (task / groups, task % groups);
            strip.clear();
            for index in group * band.len() / groups..(group + 1) * band.len() / groups {
                let read = |h: usize, to: &mut [f32]| read_line(x, (volume * depth + d) * height + h, to);
                let at = ring.first + d % ring.planes * ring.plane + index * ring.line;
                let place = (d, band.start + index);
                // SAFETY: inside the ring, whose rows of squares belong to one task each.
                unsafe { strip.spread_inputs((set, conv), &row, place, read, to.get().add(at)) };
            }
        });
    });
}
