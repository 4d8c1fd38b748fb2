//! The weight gradient on tiles: for every tap, sums over voxels of inputs times output gradients.
//!
//! Inputs and output gradients of a few planes are packed once, by all threads; then every task adds up the products of one tap of the depth,
//! one block of summed channels and one pair of tiles of output channels. Some hundred voxels at a time are multiplied for all taps, so that the inputs
//! stay in the first-level cache. Where there are few weights, tasks also share the voxels, in a fixed number of parts.

use rayon::prelude::*;

use super::layout::{Entry, Layout};
use super::pairs::Pairs;
use super::planes::{Packer, narrow_plane};
use super::source::Source;
use super::unit::{DEPTH, Job, Row, SIDE, Step, Sums, Unit};
use super::{Reader, rows_of, turning};
use crate::conv3d::aligned::{Lent, Use};
use crate::conv3d::passes::Pass;
use crate::conv3d::tiles::Shared;

/// Bytes of packed planes, where more than the fewest planes fit.
const PLANE_BYTES: usize = 24 << 20;
/// Products that are added up for one tap before the next: 256 voxels, 16 KB of inputs.
const CHUNK_STEPS: usize = 8;
/// Tasks there should be, and most parts of the voxels.
const MIN_TASKS: usize = 16;
const MAX_PARTS: usize = 8;

/// Sizes of a weight gradient.
struct Sizes {
    layout: Layout,
    pairs: Pairs,
    /// Output planes that are packed at a time, and planes of the ring of inputs.
    chunk: usize,
    ring: usize,
    /// Rows of the ring, of the lines to be merged, of the output gradients.
    rows: [usize; 3],
    /// Parts of the voxels.
    parts: usize,
}

impl Sizes {
    fn new(source: &Source) -> Self {
        let pass = &source.pass;
        let layout = Layout::new(source, SIDE, true);
        let pairs = Pairs::new(&layout, pass.channels);
        let room = PLANE_BYTES / size_of::<Row>();
        let fits = |&chunk: &usize| source.ring_planes(chunk) * layout.plane + chunk * pairs.plane <= room;
        let chunk = (1..=pass.axes[0].count).take_while(fits).last().unwrap_or(1);
        let ring = source.ring_planes(chunk);
        let rows = [ring * layout.plane, ring * narrow_plane(&layout), chunk * pairs.plane];
        let units = layout.blocks + layout.merged;
        let tasks = pass.axes[0].taps.len() * units * pass.channels.div_ceil(2 * SIDE);
        let parts = MIN_TASKS.div_ceil(tasks.max(1)).min(MAX_PARTS);
        Self { layout, pairs, chunk, ring, rows, parts }
    }

    /// Tiles of the sums of one part.
    fn tiles(&self, pass: &Pass) -> usize {
        pass.axes[0].taps.len() * self.layout.entries.len() * pass.channels.div_ceil(2 * SIDE) * 4
    }
}

/// Bytes that a call allocates besides what every thread does, and bytes of a thread.
pub(super) fn bytes(pass: &Pass) -> [usize; 2] {
    let sizes = Sizes::new(&Source::of_pass(pass));
    let rows = sizes.rows.iter().sum::<usize>() + sizes.parts * sizes.tiles(pass) * SIDE;
    let steps = pass.axes[0].taps.len() * sizes.chunk * sizes.layout.block / DEPTH * size_of::<Step>() * 2;
    let lists = sizes.parts * sizes.tiles(pass) * size_of::<Task>() + steps;
    let line = pass.axes[2].extent.max(pass.axes[2].count) * (pass.depth + 2 * (pass.channels + SIDE));
    [rows * size_of::<Row>() + lists, line * 2 * size_of::<f32>()]
}

/// What one task adds up.
struct Task<'a> {
    /// Tap of the depth, by its index; entries of one block; pair of tiles of output channels; part of the voxels.
    depth: usize,
    entries: &'a [Entry],
    pair: usize,
    part: usize,
    /// Four tiles for every entry.
    sums: &'a mut [Sums],
}

/// Splits the sums among tasks: parts of one task lie side by side.
fn tasks<'a>(pass: &Pass, sizes: &'a Sizes, mut sums: &'a mut [Sums]) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for depth in 0..pass.axes[0].taps.len() {
        for entries in sizes.layout.entries.chunk_by(|one, next| one.unit == next.unit) {
            for pair in 0..pass.channels.div_ceil(2 * SIDE) {
                for part in 0..sizes.parts {
                    let own;
                    (own, sums) = sums.split_at_mut(entries.len() * 4);
                    tasks.push(Task { depth, entries, pair, part, sums: own });
                }
            }
        }
    }
    tasks
}

/// Computes `dw[tap][in][out]`: for every tap, the sum over voxels of inputs times output gradients.
pub(super) fn run<U: Unit>(unit: U, pass: &Pass, (x, dy): (&impl Reader, &impl Reader), dw: &mut [f32]) {
    let source = Source::of_pass(pass);
    let sizes = Sizes::new(&source);
    let tiles = sizes.parts * sizes.tiles(pass);
    let mut buffer = Lent::of(Use::Work, (sizes.rows.iter().sum::<usize>() + tiles * SIDE) * SIDE);
    let (ring, rest) = rows_of(buffer.as_mut()).split_at_mut(sizes.rows[0]);
    let (narrow, rest) = rest.split_at_mut(sizes.rows[1]);
    let (gradients, rest) = rest.split_at_mut(sizes.rows[2]);
    let sums = super::sums_of(rest);
    sums.par_iter_mut().with_min_len(64).for_each(|sums| *sums = Sums::ZERO);
    let mut tasks = tasks(pass, &sizes, sums);
    let packer = Packer { layout: &sizes.layout, pass, read: x, ring: sizes.ring };
    let count = pass.axes[0].count;
    for volume in 0..pass.batch {
        let mut ready = 0;
        for first in (0..count).step_by(sizes.chunk) {
            let planes = first..(first + sizes.chunk).min(count);
            let missing = source.needed(planes.clone(), ready);
            packer.pack(volume, &missing, ring, narrow);
            for plane in &missing {
                turning::turn(&mut ring[plane % sizes.ring * sizes.layout.plane..][..sizes.layout.plane]);
            }
            ready = missing.last().map_or(ready, |last| last + 1);
            let first_line = (volume * count + first) * pass.axes[1].count;
            sizes.pairs.pack(&sizes.layout, dy, (first_line, planes.len()), gradients);
            let run = Run { unit, sizes: &sizes, channels: pass.channels, ring, gradients };
            let of_tap = |tap| {
                [sizes.layout.block, sizes.layout.merged_rows]
                    .map(|rows| steps(pass, &sizes, (tap, rows), planes.clone()))
            };
            let steps: Vec<[Vec<Step>; 2]> = (0..pass.axes[0].taps.len()).map(of_tap).collect();
            tasks.par_iter_mut().with_max_len(1).for_each(|task| {
                let steps = &steps[task.depth][usize::from(task.entries[0].unit >= sizes.layout.blocks)];
                let part = |part: usize| part * steps.len() / sizes.parts;
                run.add(&steps[part(task.part)..part(task.part + 1)], task);
            });
        }
    }
    write(pass, &sizes, &tasks, dw);
}

/// 32 voxels at a time of some output planes, with the inputs that a tap of the depth leads to, in blocks of some rows.
fn steps(pass: &Pass, sizes: &Sizes, (tap, rows): (usize, usize), planes: std::ops::Range<usize>) -> Vec<Step> {
    let (layout, axis) = (&sizes.layout, &pass.axes[0]);
    let mut steps = Vec::new();
    for (place, plane) in planes.enumerate() {
        let Some(source) = axis.source(plane, axis.taps[tap].1) else { continue };
        for group in 0..rows / DEPTH {
            let left = source % sizes.ring * layout.plane + group * DEPTH;
            let right = place * sizes.pairs.plane + group * SIDE;
            steps.push(Step { left: left * size_of::<Row>(), right: right * size_of::<Row>(), pairs: SIDE });
        }
    }
    steps
}

/// What the tasks of some planes share.
struct Run<'a, U> {
    unit: U,
    sizes: &'a Sizes,
    channels: usize,
    ring: &'a [Row],
    gradients: &'a [Row],
}

impl<U: Unit> Run<'_, U> {
    /// Adds the products of some steps to the sums of a task.
    fn add(&self, steps: &[Step], task: &mut Task<'_>) {
        let (layout, pairs) = (&self.sizes.layout, &self.sizes.pairs);
        let columns = if task.pair * 2 * SIDE + SIDE < self.channels { 2 } else { 1 };
        self.unit.session(|| {
            for steps in steps.chunks(CHUNK_STEPS) {
                for (entry, sums) in task.entries.iter().zip(task.sums.chunks_exact_mut(4)) {
                    let left = self.ring[entry.base..].as_ptr();
                    let right = self.gradients[2 * task.pair * pairs.rows + pairs.start(entry.offset)..].as_ptr();
                    let job = Job {
                        left: [left, left.wrapping_add(SIDE)],
                        right: [right, right.wrapping_add(pairs.rows)],
                        steps,
                        sums: sums.as_mut_ptr(),
                        fresh: false,
                    };
                    // SAFETY: inside a session. Blocks are groups of 32 rows; pairs have rows for every group at every offset;
                    // four tiles of sums are this task's.
                    unsafe { self.unit.multiply([layout.halves(entry), columns], &job) };
                }
            }
        });
    }
}

/// Adds up the parts and writes the sums where the weights lie.
fn write(pass: &Pass, sizes: &Sizes, tasks: &[Task<'_>], dw: &mut [f32]) {
    let layout = &sizes.layout;
    let taps = pass.kernel[1] * pass.kernel[2];
    let to = Shared(dw.as_mut_ptr());
    tasks.par_chunks(sizes.parts).for_each(|parts| {
        let Task { depth, entries, pair, .. } = parts[0];
        let (depth, _) = pass.axes[0].taps[depth];
        let held = (pass.channels - pair * 2 * SIDE).min(2 * SIDE);
        let columns = held.div_ceil(SIDE);
        for (index, entry) in entries.iter().enumerate() {
            for value in 0..DEPTH {
                let Some((tap, channel)) = layout.source(entry, value) else { continue };
                let first = ((depth * taps + tap) * pass.depth + channel) * pass.channels + pair * 2 * SIDE;
                // SAFETY: inside `dw`; every weight belongs to one task.
                let to = unsafe { std::slice::from_raw_parts_mut(to.get().add(first), held) };
                for (column, to) in to.iter_mut().enumerate() {
                    let tile = index * 4 + value / SIDE * columns + column / SIDE;
                    *to = parts.iter().map(|part| part.sums[tile].0[value % SIDE][column % SIDE]).sum();
                }
            }
        }
    });
}
