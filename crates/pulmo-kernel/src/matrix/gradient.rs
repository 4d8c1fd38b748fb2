//! The weight gradient on tiles: for every tap, sums over voxels of inputs times output gradients.
//!
//! Inputs and output gradients of a few planes are packed once, by all threads; then every task adds up the products of one tap of the depth,
//! one block of summed channels and one pair of tiles of output channels. Some hundred voxels at a time are multiplied for all taps, so that the inputs
//! stay in the first-level cache. Where there are few weights, tasks also share the voxels, in a fixed number of parts. Where all
//! planes are packed at once, a task writes its weights while their sums lie in its cache.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::layout::{Entry, Layout};
use super::pairs::Pairs;
use super::planes::{Packer, narrow_plane};
use super::source::{Class, Source};
use super::unit::{DEPTH, Job, Row, SIDE, Step, Sums, Unit};
use super::{Reader, rows_of, turning};
use crate::conv3d::aligned::{Aligned, Lent, Use};
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
    /// Whether a task adds up all that its weights are made of at once.
    at_once: bool,
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
        let at_once = parts * pass.batch * source.classes.len() == 1 && chunk == pass.axes[0].count;
        Self { layout, pairs, chunk, ring, rows, parts, at_once }
    }

    /// Tiles of all sums of one part.
    fn tiles(&self, pass: &Pass) -> usize {
        pass.axes[0].taps.len() * self.layout.entries.len() * pass.channels.div_ceil(2 * SIDE) * TILES
    }

    /// Tiles that are kept until all is added up.
    fn kept_tiles(&self, pass: &Pass) -> usize {
        if self.at_once { 0 } else { self.parts * self.tiles(pass) }
    }

    /// Most tiles of a task.
    fn task_tiles(&self) -> usize {
        let of_units = self.layout.entries.chunk_by(|one, next| one.unit == next.unit).map(<[Entry]>::len);
        of_units.max().unwrap_or(0) * TILES
    }
}

/// Tiles of sums of an entry.
const TILES: usize = 4;

thread_local! {
    /// The sums of a task that does not keep them.
    static SUMS: RefCell<Aligned> = RefCell::default();
}

/// Bytes that a call allocates besides what every thread does, and bytes of a thread.
pub(super) fn bytes(source: &Source) -> [usize; 2] {
    let (pass, sizes) = (&source.pass, Sizes::new(source));
    let rows = sizes.rows.iter().sum::<usize>() + sizes.kept_tiles(pass) * SIDE;
    let sets = pass.axes[0].taps.len() * pass.axes[1].taps.len();
    let steps = sets * sizes.chunk * sizes.layout.block / DEPTH * size_of::<Step>() * 2;
    let lists = sizes.parts * sizes.tiles(pass) * size_of::<Task>() + steps;
    let line = pass.axes[2].extent.max(pass.axes[2].count) * (pass.depth + 2 * (pass.channels + SIDE));
    let sums = if sizes.at_once { sizes.task_tiles() * size_of::<Sums>() } else { 0 };
    [rows * size_of::<Row>() + lists, line * 2 * size_of::<f32>() + sums]
}

/// What one task adds up.
struct Task<'a> {
    /// Tap of the depth, by its index; entries of one block; pair of tiles of output channels; part of the voxels.
    depth: usize,
    entries: &'a [Entry],
    pair: usize,
    part: usize,
}

/// All tasks: parts of one lie side by side.
fn tasks<'a>(pass: &Pass, sizes: &'a Sizes) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for depth in 0..pass.axes[0].taps.len() {
        for entries in sizes.layout.entries.chunk_by(|one, next| one.unit == next.unit) {
            for pair in 0..pass.channels.div_ceil(2 * SIDE) {
                tasks.extend((0..sizes.parts).map(|part| Task { depth, entries, pair, part }));
            }
        }
    }
    tasks
}

/// Computes `dw[tap][in][out]`: for every tap, the sum over voxels of inputs times output gradients.
pub(super) fn run<U: Unit>(unit: U, source: &Source, (x, dy): (&impl Reader, &impl Reader), dw: &mut [f32]) {
    let (pass, sizes) = (&source.pass, Sizes::new(source));
    let tiles = sizes.kept_tiles(pass);
    let mut buffer = Lent::of(Use::Work, (sizes.rows.iter().sum::<usize>() + tiles * SIDE) * SIDE);
    let (ring, rest) = rows_of(buffer.as_mut()).split_at_mut(sizes.rows[0]);
    let (narrow, rest) = rest.split_at_mut(sizes.rows[1]);
    let (gradients, rest) = rest.split_at_mut(sizes.rows[2]);
    let mut rest = super::sums_of(rest);
    rest.par_iter_mut().with_min_len(64).for_each(|sums| *sums = Sums::ZERO);
    let tasks = tasks(pass, &sizes);
    // Those of each task, where they are kept.
    let mut kept: Vec<&mut [Sums]> = Vec::with_capacity(tasks.len());
    for task in tasks.iter().filter(|_| !sizes.at_once) {
        let own;
        (own, rest) = rest.split_at_mut(task.entries.len() * TILES);
        kept.push(own);
    }
    let to = Shared(dw.as_mut_ptr());
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
            for class in &source.classes {
                let first_line = (volume * count + first) * pass.output[1];
                sizes.pairs.pack(
                    &sizes.layout,
                    &class.lines,
                    dy,
                    (first_line, pass.output[1], planes.len()),
                    gradients,
                );
                let run = Run { unit, source, sizes: &sizes, class, ring, gradients };
                let steps = run.all_steps(planes.clone());
                if sizes.at_once {
                    tasks.par_iter().with_max_len(1).for_each(|task| run.write_at_once(&steps, task, to));
                } else {
                    let both = tasks.par_iter().zip(&mut kept).with_max_len(1);
                    both.for_each(|(task, sums)| run.add(&steps, task, sums));
                }
            }
        }
    }
    let parts = tasks.par_chunks(sizes.parts).zip(kept.par_chunks(sizes.parts));
    parts.for_each(|(tasks, sums)| write(pass, &sizes.layout, &tasks[0], sums, to));
}

/// What the tasks of some planes and a class share.
struct Run<'a, U> {
    unit: U,
    source: &'a Source,
    sizes: &'a Sizes,
    class: &'a Class,
    ring: &'a [Row],
    gradients: &'a [Row],
}

/// The steps of a set of the depth: of every set of the height, and of merged rows.
struct Steps {
    of_sets: Vec<Vec<Step>>,
    of_merged: Vec<Step>,
}

impl<U: Unit> Run<'_, U> {
    /// The steps of every set of the depth through some output planes.
    fn all_steps(&self, planes: Range<usize>) -> Vec<Steps> {
        let layout = &self.sizes.layout;
        let groups = |rows: usize, set: Option<usize>| -> Vec<usize> {
            let offsets =
                || layout.entries.iter().filter(|entry| layout.height_tap(entry) == set).map(|entry| entry.offset);
            let (nearest, farthest) = (offsets().min().unwrap_or(0), offsets().max().unwrap_or(0));
            // The outputs that any tap of the set leads to from 32 places.
            let meets = |&group: &usize| {
                let end = ((group + 1) * DEPTH).saturating_sub(nearest).min(layout.outputs);
                let outputs = (group * DEPTH).saturating_sub(farthest)..end;
                !outputs.is_empty()
                    && (outputs.start / layout.pitch..=(outputs.end - 1) / layout.pitch)
                        .any(|slot| self.class.lines[slot].is_some())
            };
            (0..rows / DEPTH).filter(meets).collect()
        };
        let sets = 0..self.source.pass.kernel[1];
        let of_sets: Vec<Vec<usize>> = sets
            .map(|set| if self.class.sets.contains(&set) { groups(layout.block, Some(set)) } else { Vec::new() })
            .collect();
        let of_merged = if layout.merged > 0 { groups(layout.merged_rows, None) } else { Vec::new() };
        (0..self.source.pass.axes[0].taps.len())
            .map(|depth| Steps {
                of_sets: of_sets.iter().map(|groups| self.steps(depth, groups, planes.clone())).collect(),
                of_merged: self.steps(depth, &of_merged, planes.clone()),
            })
            .collect()
    }

    /// Groups of 32 places of some output planes, with the inputs that a set of the depth leads to.
    fn steps(&self, depth: usize, groups: &[usize], planes: Range<usize>) -> Vec<Step> {
        let Sizes { layout, pairs, ring, .. } = self.sizes;
        let mut steps = Vec::new();
        for (place, plane) in planes.enumerate() {
            let Some((_, source)) = self.source.planes[plane].iter().find(|read| read.0 == depth) else { continue };
            for group in groups {
                let left = source % ring * layout.plane + group * DEPTH;
                let right = place * pairs.plane + group * SIDE;
                steps.push(Step { left: left * size_of::<Row>(), right: right * size_of::<Row>(), pairs: SIDE });
            }
        }
        steps
    }

    /// Adds up all products of a task and writes its weights.
    fn write_at_once(&self, steps: &[Steps], task: &Task<'_>, to: Shared) {
        SUMS.with_borrow_mut(|buffer| {
            let tiles = task.entries.len() * TILES;
            let sums = super::sums_of(rows_of(buffer.reserve(tiles * SIDE * SIDE)));
            sums.fill(Sums::ZERO);
            self.add(steps, task, sums);
            write(&self.source.pass, &self.sizes.layout, task, &[sums], to);
        });
    }

    /// Adds a task's share of the products to its sums.
    fn add(&self, steps: &[Steps], task: &Task<'_>, sums: &mut [Sums]) {
        let (Sizes { layout, pairs, parts, .. }, channels) = (self.sizes, self.source.pass.channels);
        let columns = if task.pair * 2 * SIDE + SIDE < channels { 2 } else { 1 };
        let of_depth = &steps[task.depth];
        let shares: Vec<&[Step]> = task
            .entries
            .iter()
            .map(|entry| {
                let all = layout.height_tap(entry).map_or(&of_depth.of_merged, |set| &of_depth.of_sets[set]);
                &all[task.part * all.len() / parts..(task.part + 1) * all.len() / parts]
            })
            .collect();
        let longest = shares.iter().map(|share| share.len()).max().unwrap_or(0);
        self.unit.session(|| {
            for first in (0..longest).step_by(CHUNK_STEPS) {
                for ((entry, share), sums) in task.entries.iter().zip(&shares).zip(sums.chunks_exact_mut(TILES)) {
                    let steps = &share[first.min(share.len())..(first + CHUNK_STEPS).min(share.len())];
                    if steps.is_empty() {
                        continue;
                    }
                    let left = self.ring[entry.base..].as_ptr();
                    let right = self.gradients[2 * task.pair * pairs.rows + pairs.start(entry.offset)..].as_ptr();
                    let job = Job {
                        left: [left, left.wrapping_add(SIDE)],
                        right: [right, right.wrapping_add(pairs.rows)],
                        steps,
                        sums: sums.as_mut_ptr(),
                        fresh: false,
                        wanted: 2 * SIDE,
                    };
                    // SAFETY: inside a session. Blocks are groups of 32 rows; pairs have rows for every group at every offset;
                    // four tiles of sums are this task's.
                    unsafe { self.unit.multiply([layout.halves(entry), columns], &job) };
                }
            }
        });
    }
}

/// Adds up the parts of a task and writes the sums where the weights lie.
fn write(pass: &Pass, layout: &Layout, task: &Task<'_>, parts: &[&mut [Sums]], to: Shared) {
    let taps = pass.kernel[1] * pass.kernel[2];
    let &Task { depth, entries, pair, .. } = task;
    let (depth, _) = pass.axes[0].taps[depth];
    let held = (pass.channels - pair * 2 * SIDE).min(2 * SIDE);
    let columns = held.div_ceil(SIDE);
    for (index, entry) in entries.iter().enumerate() {
        for value in 0..DEPTH {
            let Some((tap, channel)) = layout.source(entry, value) else { continue };
            let first = ((depth * taps + tap) * pass.depth + channel) * pass.channels + pair * 2 * SIDE;
            // SAFETY: inside the weights; every weight belongs to one task.
            let to = unsafe { std::slice::from_raw_parts_mut(to.get().add(first), held) };
            for (column, to) in to.chunks_mut(SIDE).enumerate() {
                let tile = index * TILES + value / SIDE * columns + column;
                let rows = parts.iter().map(|sums| &sums[tile].0[value % SIDE]);
                // Whole rows are a move each.
                match to.first_chunk_mut() {
                    Some(to) => add_rows(rows, to),
                    None => {
                        let mut all = [0.0; SIDE];
                        add_rows(rows, &mut all);
                        to.copy_from_slice(&all[..to.len()]);
                    }
                }
            }
        }
    }
}

/// What the rows of all parts add up to.
fn add_rows<'a>(rows: impl Iterator<Item = &'a [f32; SIDE]>, to: &mut [f32; SIDE]) {
    *to = [0.0; SIDE];
    for row in rows {
        for (to, sum) in to.iter_mut().zip(row) {
            *to += sum;
        }
    }
}
