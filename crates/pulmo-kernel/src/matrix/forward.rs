//! Passes on tiles: the forward pass and the data gradient.
//!
//! Input channels that are stored on different grids are summed one after the other, in float32.
//!
//! Planes of inputs are packed into a ring; tasks own some tiles of 16 outputs and some channels, and add up a few products of all of them
//! before the next few, so that these weights stay in the first-level cache and the sums in the second.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::layout::Layout;
use super::planes::Packer;
use super::sizes::{AllSizes, CHUNK_STEPS, Sizes, TASK_COLUMNS, is_empty};
use super::source::{Class, Source};
use super::unit::{DEPTH, Job, Row, SIDE, Step, Sums, Unit};
use super::weights::{self, Weights};
use super::{Reader, add, rows_of};
use crate::conv3d::aligned::{Lent, Use};
use crate::conv3d::passes::Pass;
use crate::conv3d::tiles::Shared;
use crate::element::{Element, narrow_to};
use crate::simd::for_vectors;

/// Tasks there should be, where the channels allow splitting.
const MIN_TASKS: usize = 16;

/// Buffers of a thread; they stay from task to task.
#[derive(Default)]
struct Scratch {
    sums: Vec<Sums>,
    /// Weights of a chunk of steps, where tasks pack them.
    weights: Vec<Row>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Some input channels, all that is summed of them, and their weights.
pub(super) struct Input<'a, R> {
    pub(super) source: &'a Source,
    pub(super) read: &'a R,
    pub(super) weights: Given<'a>,
}

/// Weights as a call is given them.
pub(super) enum Given<'a> {
    /// As they are.
    Plain(Weights<'a>),
    /// As [`weights::pack`] has packed them.
    Packed(&'a [Row]),
}

/// Everything that the tasks of a chunk of planes share.
struct Run<'a, U, E> {
    unit: U,
    source: &'a Source,
    pass: &'a Pass,
    sizes: &'a Sizes,
    ring: &'a [Row],
    weights: Factors<'a>,
    to: To<'a, E>,
}

/// The factors on the right.
#[derive(Clone, Copy)]
enum Factors<'a> {
    /// All of them.
    Packed(&'a [Row]),
    /// Tasks pack what they use, a chunk of steps at a time.
    Own(&'a Weights<'a>),
}

/// Where the sums of a source go.
#[derive(Clone, Copy)]
struct To<'a, E> {
    bias: Option<&'a [f32]>,
    y: Shared<E>,
    /// Sums of the sources before, which the next one adds its own to.
    waiting: Shared<f32>,
    is_first: bool,
    is_last: bool,
}

/// Computes every output once: what is summed of all inputs, `+ bias`.
pub(super) fn run<U: Unit, E: Element<Scalar = f32>, R: Reader>(
    unit: U,
    inputs: &[Input<'_, R>],
    bias: Option<&[f32]>,
    y: Shared<E>,
) {
    let pass = &inputs[0].source.pass;
    if is_empty(pass) {
        return fill(pass, bias, y);
    }
    let sources: Vec<&Source> = inputs.iter().map(|input| input.source).collect();
    let packed = inputs.iter().all(|input| matches!(input.weights, Given::Packed(_)));
    let sizes = AllSizes::new(unit, &sources, packed);
    let mut buffer = Lent::of(Use::Work, sizes.rows() * SIDE);
    let (waiting, mut rest) = rows_of(buffer.as_mut()).split_at_mut(sizes.waiting);
    let waiting = Shared(waiting.as_mut_ptr().cast::<f32>());
    let mut sets = Vec::new();
    for (input, sizes) in inputs.iter().zip(&sizes.each) {
        let [ring, narrow, packed];
        (ring, rest) = rest.split_at_mut(sizes.rows[0]);
        (narrow, rest) = rest.split_at_mut(sizes.rows[1]);
        (packed, rest) = rest.split_at_mut(sizes.rows[2]);
        let factors = match &input.weights {
            Given::Packed(rows) => Factors::Packed(rows),
            Given::Plain(weights) if packed.is_empty() => Factors::Own(weights),
            Given::Plain(weights) => {
                weights::pack(&input.source.pass, &sizes.layout, weights, packed);
                Factors::Packed(packed)
            }
        };
        let packer = Packer { layout: &sizes.layout, pass: &input.source.pass, read: input.read, ring: sizes.ring };
        sets.push((sizes, packer, ring, narrow, factors));
    }
    for volume in 0..pass.batch {
        let mut ready = vec![0; inputs.len()];
        for first in (0..pass.axes[0].count).step_by(sizes.chunk) {
            let planes = first..(first + sizes.chunk).min(pass.axes[0].count);
            for (index, (sizes, packer, ring, narrow, factors)) in sets.iter_mut().enumerate() {
                let source = inputs[index].source;
                let missing = source.needed(planes.clone(), ready[index]);
                packer.pack(volume, &missing, ring, narrow);
                ready[index] = missing.last().map_or(ready[index], |last| last + 1);
                let to = To { bias, y, waiting, is_first: index == 0, is_last: index + 1 == inputs.len() };
                let run = Run { unit, source, pass: &source.pass, sizes, ring, weights: *factors, to };
                source.classes.iter().for_each(|class| run.planes(class, volume, planes.clone()));
            }
        }
    }
}

/// The outputs of a pass that sums nothing.
fn fill<E: Element<Scalar = f32>>(pass: &Pass, bias: Option<&[f32]>, y: Shared<E>) {
    let [depth, height, width] = [0, 1, 2].map(|axis| pass.axes[axis].count);
    for index in 0..pass.batch * depth * height * width {
        let plane = (index / (depth * height * width), index / (height * width) % depth);
        let voxel = voxel(pass, plane, index / width % height, index % width);
        for channel in 0..pass.channels {
            let value = E::narrow(bias.map_or(0.0, |bias| bias[channel]));
            // SAFETY: the outputs of a pass lie inside `y`.
            unsafe { *y.get().add(voxel * pass.channels + channel) = value };
        }
    }
}

/// Index of the output voxel of a volume and plane of a pass, at a line and column of it.
#[inline(always)]
fn voxel(pass: &Pass, (volume, plane): (usize, usize), line: usize, column: usize) -> usize {
    let [d, h, w] = &pass.axes;
    let plane = volume * pass.output[0] + d.first + d.step * plane;
    (plane * pass.output[1] + h.first + h.step * line) * pass.output[2] + w.first + w.step * column
}

/// The products of some output planes, some at a time.
struct Tables {
    steps: Vec<Step>,
    /// Of every chunk of steps and plane.
    ranges: Vec<Range<usize>>,
    /// Of every chunk the first and last step, as the weights count them.
    chunks: Vec<[usize; 2]>,
}

/// Pairs of tiles of some output planes, those left out that hold no line of a class.
struct Tiles {
    first_plane: usize,
    /// The first output of each, in a plane.
    firsts: Vec<usize>,
    count: usize,
}

impl Tiles {
    fn new(layout: &Layout, class: &Class, planes: Range<usize>) -> Self {
        let holds = |&first: &usize| {
            let last = (first + 2 * SIDE).min(layout.outputs) - 1;
            (first / layout.pitch..=last / layout.pitch).any(|slot| class.lines[slot].is_some())
        };
        let firsts: Vec<usize> = (0..layout.outputs).step_by(2 * SIDE).filter(holds).collect();
        Self { first_plane: planes.start, count: planes.len() * firsts.len(), firsts }
    }

    /// Plane, by its place among those computed, and first output of a pair of tiles.
    fn at(&self, index: usize) -> (usize, usize) {
        (index / self.firsts.len(), self.firsts[index % self.firsts.len()])
    }
}

impl<U: Unit, E: Element<Scalar = f32>> Run<'_, U, E> {
    /// Computes the lines of a class in some output planes, whose inputs lie in the ring.
    fn planes(&self, class: &Class, volume: usize, planes: Range<usize>) {
        let tables = self.tables(class, planes.clone());
        let tiles = Tiles::new(&self.sizes.layout, class, planes);
        let [most_tiles, most_columns] = self.sizes.task;
        let runs = tiles.count.div_ceil(most_tiles);
        let pairs = weights::pairs(self.pass);
        let parts = MIN_TASKS.div_ceil(runs.max(1)).max(pairs.div_ceil(most_columns)).clamp(1, pairs);
        (0..runs * parts).into_par_iter().with_max_len(1).for_each(|task| {
            let (part, run) = (task % parts, task / parts);
            let columns = part * pairs / parts..(part + 1) * pairs / parts;
            let own = run * tiles.count / runs..(run + 1) * tiles.count / runs;
            SCRATCH.with_borrow_mut(|Scratch { sums, weights }| {
                let len = own.len() * columns.len() * 4;
                if sums.len() < len {
                    // The old ones are freed first, and no more are taken than needed.
                    *sums = Vec::new();
                    *sums = vec![Sums::ZERO; len];
                }
                self.unit.session(|| self.sum((&tables, &tiles), (own.clone(), columns.clone()), (sums, weights)));
                self.write((class, &tiles), volume, own, columns, sums);
            });
        });
    }

    /// The steps of all chunks and planes by which the lines of a class are read.
    fn tables(&self, class: &Class, planes: Range<usize>) -> Tables {
        let layout = &self.sizes.layout;
        let sets: Vec<bool> = (0..self.pass.kernel[1]).map(|set| class.sets.contains(&set)).collect();
        let is_read =
            |step: &usize| layout.height_tap(&layout.entries[step % layout.entries.len()]).is_none_or(|set| sets[set]);
        let all: Vec<usize> = (0..weights::steps(self.pass, layout)).filter(is_read).collect();
        let count = all.len().div_ceil(CHUNK_STEPS).max(1);
        let (mut steps, mut ranges, mut chunks) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in 0..count {
            let own = &all[chunk * all.len() / count..(chunk + 1) * all.len() / count];
            let ends = [own.first(), own.last()].map(|end| end.copied().unwrap_or(0));
            chunks.push(ends);
            for plane in planes.clone() {
                let start = steps.len();
                for &step in own {
                    let set = step / layout.entries.len();
                    let Some((_, plane)) = self.source.planes[plane].iter().find(|read| read.0 == set) else {
                        continue;
                    };
                    let entry = &layout.entries[step % layout.entries.len()];
                    let row = plane % self.sizes.ring * layout.plane + entry.base + entry.offset;
                    let [left, right] = [row, (step - ends[0]) * 2 * SIDE].map(|rows| rows * size_of::<Row>());
                    steps.push(Step { left, right, pairs: layout.held(entry).div_ceil(2) });
                }
                ranges.push(start..steps.len());
            }
        }
        Tables { steps, ranges, chunks }
    }

    /// Rows of tiles that hold outputs, of the pair that begins with one.
    fn rows(&self, first: usize) -> usize {
        if first + SIDE < self.sizes.layout.outputs { 2 } else { 1 }
    }

    /// Whether the second half of a pair of channel tiles holds channels.
    fn halves(&self, pair: usize) -> usize {
        if pair * 2 * SIDE + SIDE < self.pass.channels { 2 } else { 1 }
    }

    /// Sums some pairs of tiles for some pairs of channel tiles: `[pair of tiles][pair of channel tiles][tile]`.
    fn sum(
        &self,
        (tables, tiles): (&Tables, &Tiles),
        (own, columns): (Range<usize>, Range<usize>),
        (sums, packed): (&mut [Sums], &mut Vec<Row>),
    ) {
        let planes = tables.ranges.len() / tables.chunks.len();
        for (chunk, &ends) in tables.chunks.iter().enumerate() {
            for (column, pair) in columns.clone().enumerate() {
                let right = self.factors(pair, ends, packed).as_ptr();
                for (index, tile) in own.clone().enumerate() {
                    let (plane, first) = tiles.at(tile);
                    let range = tables.ranges[chunk * planes + plane].clone();
                    if chunk > 0 && range.is_empty() {
                        continue;
                    }
                    let left = self.ring[first..].as_ptr();
                    let job = Job {
                        left: [left, left.wrapping_add(SIDE)],
                        right: [right, right.wrapping_add(SIDE)],
                        steps: &tables.steps[range],
                        sums: sums[(index * columns.len() + column) * 4..][..4].as_mut_ptr(),
                        fresh: chunk == 0,
                        wanted: self.sizes.layout.outputs - first,
                    };
                    // SAFETY: inside a session. Blocks of the layout have room for 32 outputs behind the last one's first, at every offset; the weights have
                    // two tiles a step; four tiles of sums are lent.
                    unsafe { self.unit.multiply([self.rows(first), self.halves(pair)], &job) };
                }
            }
        }
    }

    /// The weights of a pair of channel tiles, from the first step of a chunk to its last.
    fn factors<'b>(&'b self, pair: usize, [first, last]: [usize; 2], packed: &'b mut Vec<Row>) -> &'b [Row] {
        let layout = &self.sizes.layout;
        match self.weights {
            Factors::Packed(rows) => &rows[(pair * weights::steps(self.pass, layout) + first) * 2 * SIDE..],
            Factors::Own(weights) => {
                packed.resize(CHUNK_STEPS * 2 * SIDE, Row::ZERO);
                for (step, tiles) in (first..=last).zip(packed.chunks_exact_mut(2 * SIDE)) {
                    weights::pack_step(self.pass, layout, weights, [pair, step], tiles);
                }
                packed
            }
        }
    }

    /// Writes the sums of a task.
    fn write(
        &self,
        (class, tiles): (&Class, &Tiles),
        volume: usize,
        own: Range<usize>,
        columns: Range<usize>,
        sums: &[Sums],
    ) {
        let layout = &self.sizes.layout;
        for (tile, sums) in own.zip(sums.chunks_exact(columns.len() * 4)) {
            let (plane, first) = tiles.at(tile);
            let rows = self.rows(first);
            let mut row = 0;
            // One line after the other, as far as the tile reaches; places between lines are left out.
            while row < rows * SIDE && first + row < layout.outputs {
                let (slot, column) = ((first + row) / layout.pitch, (first + row) % layout.pitch);
                let run = (layout.pitch - column).min(rows * SIDE - row);
                if let Some(line) = class.lines[slot] {
                    let first_voxel = voxel(self.pass, (volume, tiles.first_plane + plane), line, column);
                    let waiting = voxel(self.pass, (0, plane), line, column);
                    for place in 0..run.min(layout.counts[1].saturating_sub(column)) {
                        let step = place * self.pass.axes[2].step;
                        self.write_voxel([first_voxel + step, waiting + step], &columns, (row + place, sums));
                    }
                }
                row += run;
            }
        }
    }

    /// Writes a task's channels of a voxel, from a row of its pair of tiles; `waiting` counts voxels from the first plane that is
    /// computed.
    #[inline(always)]
    fn write_voxel(&self, [voxel, waiting]: [usize; 2], columns: &Range<usize>, (row, sums): (usize, &[Sums])) {
        let mut values = [0.0; TASK_COLUMNS * 2 * SIDE];
        let (places, _) = values.as_chunks_mut::<SIDE>();
        for ((pair, tiles), places) in columns.clone().zip(sums.chunks_exact(4)).zip(places.chunks_exact_mut(2)) {
            let halves = self.halves(pair);
            for (half, place) in places.iter_mut().enumerate().take(halves) {
                *place = tiles[row / SIDE * halves + half].0[row % SIDE];
            }
        }
        let first = columns.start * 2 * SIDE;
        let held = (self.pass.channels - first).min(columns.len() * 2 * SIDE);
        let To { bias, y, waiting: sums, is_first, is_last } = self.to;
        if !(is_first && is_last) {
            // SAFETY: the planes that are computed have room; these values belong to this task.
            let sums =
                unsafe { std::slice::from_raw_parts_mut(sums.get().add(waiting * self.pass.channels + first), held) };
            if !is_first {
                add(&mut values[..held], sums);
            }
            if !is_last {
                return sums.copy_from_slice(&values[..held]);
            }
        }
        let bias = bias.map_or(&[][..], |bias| &bias[first..][..held]);
        // SAFETY: the outputs of a pass lie inside `y`, and these belong to this task.
        let to = unsafe { std::slice::from_raw_parts_mut(y.get().add(voxel * self.pass.channels + first), held) };
        store(&mut values[..held], bias, to);
    }
}

for_vectors! {
    /// Stores sums, with the bias unless it is empty.
    fn store<E: [Element<Scalar = f32>]>(sums: &mut [f32], bias: &[f32], to: &mut [E]) {
        sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
        narrow_to(sums, to);
    }
}

const _: () = assert!(DEPTH == 2 * SIDE, "blocks of a layout are multiples of a pair of tiles");
