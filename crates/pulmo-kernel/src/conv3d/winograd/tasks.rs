//! Computes some output planes whose inputs lie in the rings as points: tiles of neighbouring steps times blocks of output
//! channels, at one point after the other.

use std::ops::Range;

use rayon::prelude::*;

use super::layout::Layout;
use super::points::{self, Maker, Points, point_len, tap_len};
use super::step::{Filtering, Step};
use super::{SCRATCH, Scratch};
use crate::conv3d::Conv3d;
use crate::conv3d::aligned::Aligned;
use crate::conv3d::tiles::{Block, PANEL_BYTES, Shared};
use crate::simd::{CollectJob, DotJob, Filter, KernelSet, MAX_ROWS, Stored, Tap, TileJob};

/// Tiles of a task, whose sums at all points are kept.
pub(super) fn task_tiles(step: Step) -> usize {
    match step {
        Step::Line => 16,
        Step::Square(Filter::Four) => 8,
        Step::Square(Filter::Seven) => 4,
    }
}

/// Tasks there should be, where channel blocks allow splitting.
const MIN_TASKS: usize = 16;

/// Everything that the tasks of a call share.
pub(super) struct Run<'a> {
    pub(super) set: &'static KernelSet,
    pub(super) conv: &'a Conv3d,
    pub(super) filtering: &'a Filtering,
    pub(super) layout: &'a Layout,
    pub(super) weights: &'a Weights<'a>,
    pub(super) blocks: &'a [Block],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) rings: *const f32,
    pub(super) zeros: &'a [f32],
    /// Rows of steps of an output plane in the order in which they are computed, and the one with which the rings begin.
    pub(super) rows: &'a [usize],
    pub(super) first_row: usize,
}
// SAFETY: tasks only read through `rings`.
unsafe impl Sync for Run<'_> {}

/// Where outputs go.
#[derive(Clone, Copy)]
pub(super) struct Outputs<E> {
    /// Where the first line of the first plane lies, or would lie.
    pub(super) first: Shared<E>,
    /// Lines from a plane to the next.
    pub(super) plane: usize,
}

/// The weights of a call.
pub(super) enum Weights<'a> {
    /// At all points.
    Made(Points<'a>),
    /// To be made by every task.
    Making(Maker<'a>),
}

/// The order of rows of steps in which those that read by the same sets of taps come together, as a tile skips the sets that
/// none of its rows needs; as they lie where every row reads by all.
pub(super) fn rows_by_reach(filtering: &Filtering) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..filtering.planes_and_rows()[1]).collect();
    let adding = || filtering.parts.iter().map(|part| &part.reach[1]).filter(|reach| reach.adds_taps());
    let sets_of = |row: &usize| -> Vec<usize> {
        adding().flat_map(|reach| reach.reads[*row].iter().map(|&(set, _)| set)).collect()
    };
    rows.sort_by_cached_key(sets_of);
    rows
}

/// Some neighbouring steps of a plane.
struct Tile {
    rows: usize,
    /// For every part, where the rows' own places lie at the first point of the ring's first plane.
    bases: Vec<[*const f32; MAX_ROWS]>,
    /// Of each row: the place of its first output, in voxels, and how many lines and outputs of a line lie inside.
    outputs: [(usize, [usize; 2]); MAX_ROWS],
    /// All rows, then for every part which rows read by each set of taps along the depth, and by each along the height.
    masks: Vec<u16>,
}

/// Neighbouring sets of taps along the depth by which some output planes read a part.
struct Planes {
    part: usize,
    /// The first of the sets.
    first: usize,
    /// With all sets along the height, at the first point.
    taps: Vec<Tap>,
}

impl Run<'_> {
    /// Computes some output planes, whose inputs lie in the rings.
    pub(super) fn planes<E: Stored>(&self, planes: Range<usize>, to: Outputs<E>) {
        let at_once = self.layout.at_once;
        // Planes that share their tiles.
        let of_tile = if at_once { planes.len() } else { 1 };
        let steps = of_tile * self.rows.len() * self.layout.steps;
        let tiles = steps.div_ceil(self.set.rows);
        let runs = if at_once { 1 } else { tiles.div_ceil(task_tiles(self.layout.step)) };
        let groups = planes.len() / of_tile;
        let parts = MIN_TASKS.div_ceil(runs * groups).clamp(1, self.blocks.len());
        let blocks: Vec<Range<usize>> = match at_once {
            true => points::groups(self.blocks),
            false => (0..parts)
                .map(|part| part * self.blocks.len() / parts..(part + 1) * self.blocks.len() / parts)
                .collect(),
        };
        (0..groups * runs * blocks.len()).into_par_iter().with_max_len(1).for_each(|task| {
            let (range, run) = (&blocks[task % blocks.len()], task / blocks.len() % runs);
            let plane = planes.start + task / blocks.len() / runs;
            let own: Vec<Tile> = (run * tiles / runs..(run + 1) * tiles / runs)
                .map(|index| self.tile((plane, to.plane), index * steps / tiles..(index + 1) * steps / tiles))
                .collect();
            SCRATCH.with_borrow_mut(|scratch| self.blocks_of(range.clone(), plane, &own, (scratch, to.first)));
        });
    }

    /// The tile of some steps, counted from a plane's first on; with the lines from an output plane to the next.
    fn tile(&self, (plane, plane_lines): (usize, usize), range: Range<usize>) -> Tile {
        let parts = &self.filtering.parts;
        let sets: usize = parts.iter().flat_map(|part| &part.reach).map(|reach| reach.sets.len()).sum();
        let mut tile = Tile {
            rows: range.len(),
            bases: vec![[self.rings; MAX_ROWS]; parts.len()],
            outputs: [(0, [0; 2]); MAX_ROWS],
            masks: vec![0; 1 + sets],
        };
        let [height, width] = [self.filtering.planes_and_lines(self.conv)[1], self.conv.output()[2]];
        for (row, place) in range.enumerate() {
            let (line, step) = (place / self.layout.steps, place % self.layout.steps);
            let (plane, line) = (plane + line / self.rows.len(), self.rows[line % self.rows.len()]);
            tile.masks[0] |= 1 << row;
            let mut first = 1;
            for (index, (part, ring)) in parts.iter().zip(&self.layout.rings).enumerate() {
                for (reach, place) in part.reach.iter().zip([plane, line]) {
                    for &(set, _) in &reach.reads[place] {
                        tile.masks[first + set] |= 1 << row;
                    }
                    first += reach.sets.len();
                }
                // May lie outside the ring; only ever read through sets that lead back inside.
                let [depth, rows] = &part.reach;
                let line = (rows.anchors[line] as isize - self.first_row as isize) * ring.line as isize;
                let plane = if self.layout.at_once { depth.anchors[plane] * ring.plane } else { 0 };
                let at = line + (ring.first + plane + step * ring.step) as isize;
                tile.bases[index][row] = self.rings.wrapping_offset(at);
            }
            let voxel = step * self.layout.step.outputs();
            let line = line * self.layout.step.lines();
            let lines = self.layout.step.lines().min(height - line);
            tile.outputs[row] =
                ((plane * plane_lines + line) * width + voxel, [lines, self.layout.step.outputs().min(width - voxel)]);
        }
        tile
    }

    /// What the tiles of an output plane read, or all tiles of a volume.
    fn reads(&self, plane: usize) -> Vec<Planes> {
        let mut all: Vec<Planes> = Vec::new();
        let mut first_mask = 1;
        for (index, (part, ring)) in self.filtering.parts.iter().zip(&self.layout.rings).enumerate() {
            let [depth, height] = &part.reach;
            let of_height = first_mask + depth.sets.len();
            let taps = |mask: usize, start: isize| {
                height.sets.iter().enumerate().map(move |(number, set)| Tap {
                    masks: [0, mask, of_height + number],
                    offset: start + set.offset * ring.line as isize,
                })
            };
            if self.layout.at_once {
                // Planes lie one after the other: a set is one offset for all of them.
                let sets = depth.sets.iter().enumerate();
                let taps = sets.flat_map(|(number, set)| taps(first_mask + number, set.offset * ring.plane as isize));
                all.push(Planes { part: index, first: 0, taps: taps.collect() });
            } else {
                let mut next = None;
                for &(set, place) in &depth.reads[plane] {
                    if next != Some(set) {
                        all.push(Planes { part: index, first: set, taps: Vec::new() });
                    }
                    next = Some(set + 1);
                    let start = (place % ring.planes * ring.plane) as isize;
                    all.last_mut().expect("one was pushed").taps.extend(taps(first_mask + set, start));
                }
            }
            first_mask = of_height + height.sets.len();
        }
        all
    }

    /// The same at another point than the first.
    fn reads_at(&self, reads: &[Planes], along: usize, across: usize) -> Vec<Planes> {
        let moved = |Planes { part, first, taps }: &Planes| {
            let further = self.layout.rings[*part].point(along, across) as isize;
            let taps = taps.iter().map(|tap| Tap { offset: tap.offset + further, ..*tap }).collect();
            Planes { part: *part, first: *first, taps }
        };
        reads.iter().map(moved).collect()
    }

    /// Some blocks of channels for some tiles.
    ///
    /// The inputs of one point stay in the second-level cache for all blocks; so the sums of all of them are kept.
    fn blocks_of<E: Stored>(
        &self,
        range: Range<usize>,
        plane: usize,
        tiles: &[Tile],
        (scratch, y): (&mut Scratch, Shared<E>),
    ) {
        let Scratch { sums, start: first, made, .. } = scratch;
        let widths = self.blocks[range.clone()].iter().map(|block| self.row_len(block));
        let starts: Vec<usize> =
            widths.clone().scan(0, |sum, width| Some(std::mem::replace(sum, *sum + width))).collect();
        let (points, across) = (self.layout.step.points(), self.layout.step.across());
        // Of a tile: the sums of all points of one block behind those of the block before.
        let tile_len = widths.sum::<usize>() * points * self.set.rows;
        let sums = sums.reserve(tiles.len() * tile_len + 16).as_mut_ptr();
        let reads = self.reads(plane);
        for along in 0..self.layout.step.along() {
            let here;
            let (weights, first_block, first_point) = match self.weights {
                Weights::Made(all) => (all, 0, along * across),
                Weights::Making(maker) => {
                    here = maker.points_along(&self.blocks[range.clone()], along, made);
                    (&here, range.start, 0)
                }
            };
            for across_lines in 0..across {
                let reads = self.reads_at(&reads, along, across_lines);
                for (index, &start) in range.clone().zip(&starts) {
                    let block = &self.blocks[index];
                    let at = (start * points + (along * across + across_lines) * self.row_len(block)) * self.set.rows;
                    // SAFETY: the buffer holds `tile_len` floats for every tile.
                    let sums = (unsafe { sums.add(at) }, tile_len);
                    if reads.is_empty() {
                        self.add((block, 0), tiles, (&[], &[]), sums, true);
                    }
                    for (number, planes) in reads.iter().enumerate() {
                        let part = &self.filtering.parts[planes.part];
                        let tap = tap_len(self.set, part.channels.len(), block);
                        let before = planes.first * part.reach[1].sets.len() * tap;
                        let point = (first_point + across_lines) * point_len(self.set, part, block);
                        let panel = &weights.of(index - first_block, planes.part)[point + before..];
                        self.add((block, planes.part), tiles, (&planes.taps, panel), sums, number == 0);
                    }
                }
            }
        }
        for (index, start) in range.zip(starts) {
            // SAFETY: as above.
            let sums = (unsafe { sums.add(start * points * self.set.rows) }, tile_len);
            self.collect(&self.blocks[index], tiles, sums, (first, y));
        }
    }

    /// Floats that a row of sums takes.
    fn row_len(&self, block: &Block) -> usize {
        if block.vectors == 0 { block.width } else { block.vectors * self.set.lanes }
    }

    /// Adds what a point's taps of one part give to the sums of some tiles; from zero on if they are the first.
    fn add(
        &self,
        (block, part): (&Block, usize),
        tiles: &[Tile],
        (taps, panel): (&[Tap], &[f32]),
        sums: (*mut f32, usize),
        is_first: bool,
    ) {
        let start = if is_first { self.zeros.as_ptr() } else { std::ptr::null() };
        match block.vectors {
            0 => self.dots((block, part), tiles, (taps, panel), sums, start),
            _ => self.products((block, part), tiles, (taps, panel), sums, start),
        }
    }

    /// [`add`](Self::add), the weights of a few taps at a time.
    fn products(
        &self,
        (block, part): (&Block, usize),
        tiles: &[Tile],
        (taps, panel): (&[Tap], &[f32]),
        (sums, tile_len): (*mut f32, usize),
        start: *const f32,
    ) {
        let width = block.vectors * self.set.lanes;
        let depth = self.layout.rings[part].channels;
        let group = (PANEL_BYTES / (depth * width * size_of::<f32>())).clamp(1, taps.len().max(1));
        let groups = taps.len().div_ceil(group).max(1);
        for index in 0..groups {
            let some = index * taps.len() / groups..(index + 1) * taps.len() / groups;
            for (number, tile) in tiles.iter().enumerate() {
                let job = TileJob {
                    bases: &tile.bases[part],
                    outputs: &[std::ptr::null_mut(); MAX_ROWS],
                    masks: &tile.masks,
                    taps: &taps[some.clone()],
                    zeros: self.zeros.as_ptr(),
                    depth,
                    panel: panel[some.start * depth * width..].as_ptr(),
                    start: if index == 0 { start } else { std::ptr::null() },
                    // SAFETY: the buffer holds `tile_len` floats for every tile.
                    sums: unsafe { sums.add(number * tile_len) },
                    last: false,
                    width,
                };
                // SAFETY: masks say which rows find a line; the panel holds these taps; the kernels suit this processor.
                unsafe { (self.set.tile[block.vectors - 1][tile.rows - 1])(&job) };
            }
        }
    }

    /// [`add`](Self::add) by dot products.
    fn dots(
        &self,
        (block, part): (&Block, usize),
        tiles: &[Tile],
        (taps, panel): (&[Tap], &[f32]),
        (sums, tile_len): (*mut f32, usize),
        start: *const f32,
    ) {
        for (number, tile) in tiles.iter().enumerate() {
            let job = DotJob {
                bases: &tile.bases[part],
                outputs: &std::array::from_fn(|row| sums.wrapping_add(number * tile_len + row * block.width)),
                masks: &tile.masks,
                taps,
                zeros: self.zeros.as_ptr(),
                depth: self.layout.rings[part].channels,
                panel: panel.as_ptr(),
                start,
                rows: tile.rows,
            };
            // SAFETY: as in `products`.
            unsafe { (self.set.dot[block.width - 1])(&job) };
        }
    }

    /// Turns the sums of a block into outputs.
    fn collect<E: Stored>(
        &self,
        block: &Block,
        tiles: &[Tile],
        (sums, tile_len): (*mut f32, usize),
        (start, y): (&mut Aligned, Shared<E>),
    ) {
        let row_len = self.row_len(block);
        let start = start.reserve(row_len.next_multiple_of(16));
        start.fill(0.0);
        if let Some(bias) = self.bias {
            start[..block.width].copy_from_slice(&bias[block.first..][..block.width]);
        }
        let transforms = self.set.transforms(self.layout.step.filter());
        let line = self.conv.output()[2] * self.conv.out_channels;
        for (number, tile) in tiles.iter().enumerate() {
            for (row, &(voxel, [lines, outputs])) in tile.outputs.iter().enumerate().take(tile.rows) {
                let job = CollectJob {
                    // SAFETY: the buffer holds `tile_len` floats for every tile.
                    sums: unsafe { sums.add(number * tile_len + row * row_len) },
                    point_pitch: self.set.rows * row_len,
                    start: start.as_ptr(),
                    to: y.get().wrapping_add(voxel * self.conv.out_channels + block.first),
                    voxel: self.conv.out_channels,
                    outputs,
                    width: block.width,
                    lines: match self.layout.step {
                        Step::Line => None,
                        Step::Square(_) => Some((lines, line)),
                    },
                };
                // SAFETY: the outputs lie inside `y` and belong to this task alone; the sums are followed by slack.
                unsafe { E::collector(transforms)(&job) };
            }
        }
    }
}
