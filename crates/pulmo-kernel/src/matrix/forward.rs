//! Passes on tiles: the forward pass and the data gradient.
//!
//! Planes of inputs are packed into a ring; tasks own some tiles of 16 outputs and some channels, and add up a few products of all of them
//! before the next few, so that these weights stay in the first-level cache and the sums in the second.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::layout::Layout;
use super::planes::{Packer, narrow_plane, needed, ring_planes};
use super::unit::{DEPTH, Job, Row, SIDE, Step, Sums, Unit};
use super::weights::{self, Weights};
use super::{Reader, rows_of};
use crate::conv3d::aligned::{Lent, Use};
use crate::conv3d::passes::Pass;
use crate::conv3d::tiles::Shared;
use crate::element::{Element, narrow_to};
use crate::simd::for_vectors;

/// Bytes of the ring of planes, where more than the fewest planes fit.
const RING_BYTES: usize = 24 << 20;
/// Products that are added up before the next outputs: 24 KB of weights for a pair of channel tiles.
const CHUNK_STEPS: usize = 12;
/// Pairs of tiles of a task, and pairs of channel tiles that are kept at a time: 512 KB of sums.
const TASK_PAIRS: usize = 16;
const TASK_COLUMNS: usize = 8;
/// Tasks there should be, where the channels allow splitting.
const MIN_TASKS: usize = 16;

thread_local! {
    /// Sums of a task; they stay from task to task.
    static SUMS: RefCell<Vec<Sums>> = RefCell::default();
}

/// Sizes of a pass.
struct Sizes {
    layout: Layout,
    /// Output planes that are computed at a time, and planes of the ring.
    chunk: usize,
    ring: usize,
    /// Rows of the ring, of the lines to be merged, and of the weights.
    rows: [usize; 3],
}

impl Sizes {
    fn new(unit: impl Unit, pass: &Pass) -> Self {
        let layout = Layout::new(pass, unit.granule(), false);
        let room = RING_BYTES / (layout.plane * size_of::<Row>()).max(1);
        let chunk = (1..=pass.axes[0].count).take_while(|&chunk| ring_planes(pass, chunk) <= room).last().unwrap_or(1);
        let ring = ring_planes(pass, chunk);
        let rows = [ring * layout.plane, ring * narrow_plane(&layout), weights::rows(pass, &layout)];
        Self { layout, chunk, ring, rows }
    }
}

/// Bytes that a pass allocates besides what every thread does, and bytes of a thread: its sums, and a line as read and rounded.
pub(super) fn bytes(unit: impl Unit, pass: &Pass) -> [usize; 2] {
    if is_empty(pass) {
        return [0, 0];
    }
    let sizes = Sizes::new(unit, pass);
    let tables = sizes.chunk * weights::steps(pass, &sizes.layout) * size_of::<Step>() * 2;
    let sums = TASK_PAIRS * TASK_COLUMNS.min(weights::pairs(pass)) * 4 * size_of::<Sums>();
    [
        sizes.rows.iter().sum::<usize>() * size_of::<Row>() + tables,
        sums + pass.axes[2].extent * pass.depth * 3 * size_of::<f32>(),
    ]
}

/// Whether nothing is summed.
fn is_empty(pass: &Pass) -> bool {
    pass.depth == 0 || pass.channels == 0 || pass.axes.iter().any(|axis| axis.taps.is_empty() || axis.count == 0)
}

/// Everything that the tasks of a chunk of planes share.
struct Run<'a, U, E> {
    unit: U,
    pass: &'a Pass,
    sizes: &'a Sizes,
    ring: &'a [Row],
    weights: &'a [Row],
    bias: Option<&'a [f32]>,
    y: Shared<E>,
}

/// Computes a pass: every output of it once, `sum + bias`.
pub(super) fn run<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    (pass, read): (&Pass, &impl Reader),
    (weights, bias): (Weights<'_>, Option<&[f32]>),
    y: Shared<E>,
) {
    if is_empty(pass) {
        return fill(pass, bias, y);
    }
    let sizes = Sizes::new(unit, pass);
    let mut buffer = Lent::of(Use::Work, sizes.rows.iter().sum::<usize>() * SIDE);
    let (ring, rest) = rows_of(buffer.as_mut()).split_at_mut(sizes.rows[0]);
    let (narrow, packed) = rest.split_at_mut(sizes.rows[1]);
    weights::pack(pass, &sizes.layout, weights, packed);
    let packer = Packer { layout: &sizes.layout, pass, read, ring: sizes.ring };
    for volume in 0..pass.batch {
        let mut ready = 0;
        for first in (0..pass.axes[0].count).step_by(sizes.chunk) {
            let planes = first..(first + sizes.chunk).min(pass.axes[0].count);
            let missing = needed(pass, planes.clone(), ready);
            packer.pack(volume, &missing, ring, narrow);
            ready = missing.last().map_or(ready, |last| last + 1);
            let run = Run { unit, pass, sizes: &sizes, ring, weights: packed, bias, y };
            run.planes(volume, planes);
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
    chunks: usize,
}

impl<U: Unit, E: Element<Scalar = f32>> Run<'_, U, E> {
    /// Computes some output planes, whose inputs lie in the ring.
    fn planes(&self, volume: usize, planes: Range<usize>) {
        let tables = self.tables(planes.clone());
        let tiles = self.sizes.layout.outputs.div_ceil(2 * SIDE);
        let runs = (planes.len() * tiles).div_ceil(TASK_PAIRS);
        let pairs = weights::pairs(self.pass);
        let parts = MIN_TASKS.div_ceil(runs).max(pairs.div_ceil(TASK_COLUMNS)).clamp(1, pairs);
        (0..runs * parts).into_par_iter().with_max_len(1).for_each(|task| {
            let (part, run) = (task % parts, task / parts);
            let columns = part * pairs / parts..(part + 1) * pairs / parts;
            let all = planes.len() * tiles;
            let own = run * all / runs..(run + 1) * all / runs;
            SUMS.with_borrow_mut(|sums| {
                let len = own.len() * columns.len() * 4;
                if sums.len() < len {
                    sums.resize(len, Sums::ZERO);
                }
                self.unit.session(|| self.sum(&tables, own.clone(), columns.clone(), sums));
                self.write((volume, planes.start), own, columns, sums);
            });
        });
    }

    /// The steps of all chunks and planes.
    fn tables(&self, planes: Range<usize>) -> Tables {
        let (axis, layout) = (&self.pass.axes[0], &self.sizes.layout);
        let all = weights::steps(self.pass, layout);
        let chunks = all.div_ceil(CHUNK_STEPS);
        let (mut steps, mut ranges) = (Vec::new(), Vec::new());
        for chunk in 0..chunks {
            for plane in planes.clone() {
                let start = steps.len();
                for step in chunk * all / chunks..(chunk + 1) * all / chunks {
                    let (_, shift) = axis.taps[step / layout.entries.len()];
                    let Some(source) = axis.source(plane, shift) else { continue };
                    let entry = &layout.entries[step % layout.entries.len()];
                    let row = source % self.sizes.ring * layout.plane + entry.base + entry.offset;
                    let (left, right) = (row * size_of::<Row>(), step * 2 * SIDE * size_of::<Row>());
                    steps.push(Step { left, right, pairs: layout.held(entry).div_ceil(2) });
                }
                ranges.push(start..steps.len());
            }
        }
        Tables { steps, ranges, chunks }
    }

    /// The plane, by its place among those computed, and the first output of a pair of tiles; and how many of them hold outputs.
    fn tile(&self, index: usize) -> (usize, usize, usize) {
        let tiles = self.sizes.layout.outputs.div_ceil(2 * SIDE);
        let first = index % tiles * 2 * SIDE;
        (index / tiles, first, if first + SIDE < self.sizes.layout.outputs { 2 } else { 1 })
    }

    /// Whether the second half of a pair of channel tiles holds channels.
    fn halves(&self, pair: usize) -> usize {
        if pair * 2 * SIDE + SIDE < self.pass.channels { 2 } else { 1 }
    }

    /// Sums some pairs of tiles for some pairs of channel tiles: `[pair of tiles][pair of channel tiles][tile]`.
    fn sum(&self, tables: &Tables, own: Range<usize>, columns: Range<usize>, sums: &mut [Sums]) {
        let planes = tables.ranges.len() / tables.chunks;
        let steps = weights::steps(self.pass, &self.sizes.layout);
        for chunk in 0..tables.chunks {
            for (column, pair) in columns.clone().enumerate() {
                let right = self.weights[pair * steps * 2 * SIDE..].as_ptr();
                for (index, tile) in own.clone().enumerate() {
                    let (plane, first, rows) = self.tile(tile);
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
                    };
                    // SAFETY: inside a session. Blocks of the layout have room for 32 outputs behind the last one's first, at every offset; the weights have
                    // two tiles a step; four tiles of sums are lent.
                    unsafe { self.unit.multiply([rows, self.halves(pair)], &job) };
                }
            }
        }
    }

    /// Writes the sums of a task, with the bias.
    fn write(&self, (volume, first_plane): (usize, usize), own: Range<usize>, columns: Range<usize>, sums: &[Sums]) {
        let layout = &self.sizes.layout;
        for (tile, sums) in own.zip(sums.chunks_exact(columns.len() * 4)) {
            let (plane, first, rows) = self.tile(tile);
            let mut row = 0;
            // One line after the other, as far as the tile reaches; places between lines are left out.
            while row < rows * SIDE && first + row < layout.outputs {
                let (line, column) = ((first + row) / layout.pitch, (first + row) % layout.pitch);
                let run = (layout.pitch - column).min(rows * SIDE - row);
                let first_voxel = voxel(self.pass, (volume, first_plane + plane), line, column);
                for place in 0..run.min(layout.counts[1].saturating_sub(column)) {
                    self.write_voxel(first_voxel + place * self.pass.axes[2].step, &columns, (row + place, sums));
                }
                row += run;
            }
        }
    }

    /// Writes a task's channels of a voxel, from a row of its pair of tiles.
    #[inline(always)]
    fn write_voxel(&self, voxel: usize, columns: &Range<usize>, (row, sums): (usize, &[Sums])) {
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
        let bias = self.bias.map_or(&[][..], |bias| &bias[first..][..held]);
        // SAFETY: the outputs of a pass lie inside `y`, and these belong to this task.
        let to = unsafe { std::slice::from_raw_parts_mut(self.y.get().add(voxel * self.pass.channels + first), held) };
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
