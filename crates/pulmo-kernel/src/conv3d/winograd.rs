//! Convolutions with three taps along a line, by minimal filtering: half of the products fall away.
//!
//! Of every line the input is turned into six points per four outputs (`simd/filtering.rs`). At each point what is left
//! is a convolution over depth and height only, which the ordinary tiles compute; their sums are turned into outputs. The
//! points are kept for a few planes at a time, in a ring, so that they never take more than a small part of the input.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::aligned::{Aligned, Lent, Use};
use super::lines::Lines;
use super::tiles::{Block, PANEL_BYTES, Shared, blocks};
use super::{Conv3d, passes, weights};
use crate::simd::filtering::{OUTPUTS, POINTS, WEIGHTS};
use crate::simd::{CollectJob, DotJob, KernelSet, MAX_ROWS, SpreadJob, Stored, Tap, TileJob};
use crate::view::{View, read_line};

/// Fewest output voxels for which turning the weights pays.
const LEAST_VOXELS: usize = 1500;
/// Fewest channels on either side.
const LEAST_CHANNELS: usize = 8;
/// Bytes of the ring of planes, where more than the fewest planes fit.
const RING_BYTES: usize = 24 << 20;
/// Tiles of a task.
const TASK_TILES: usize = 16;
/// Tasks there should be, where channel blocks allow splitting.
const MIN_TASKS: usize = 16;

/// Whether a convolution is to be computed this way.
pub(super) fn pays(conv: &Conv3d) -> bool {
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
    weights::run(set, &passes::of_points(conv, steps(conv)), lines, dy, dw);
}

/// Steps of an output line.
fn steps(conv: &Conv3d) -> usize {
    conv.output()[2].div_ceil(OUTPUTS)
}

/// Sizes of the points.
#[derive(Clone, Copy)]
struct Layout {
    /// Steps of a line.
    steps: usize,
    /// Floats of a line of one point, of all lines of one point, of a plane with all its points.
    line: usize,
    point: usize,
    plane: usize,
    /// Output planes that are computed at a time.
    chunk: usize,
    /// Planes of the ring.
    ring: usize,
}

impl Layout {
    fn new(conv: &Conv3d) -> Self {
        let steps = steps(conv);
        let line = steps * conv.in_channels;
        let point = conv.input[1] * line;
        let plane = POINTS * point;
        let planes = RING_BYTES / (plane * size_of::<f32>()).max(1);
        let chunk = (planes + 1).saturating_sub(conv.kernel[0]).clamp(1, conv.output()[0].max(1));
        Self { steps, line, point, plane, chunk, ring: chunk + conv.kernel[0] - 1 }
    }

    /// Voxels of a line with zeros around.
    fn padded(&self) -> usize {
        self.steps * OUTPUTS + 2
    }
}

/// Bytes of the ring of planes.
pub(super) fn ring_bytes(conv: &Conv3d) -> usize {
    let layout = Layout::new(conv);
    layout.ring * layout.plane * size_of::<f32>()
}

/// Bytes of the weights at all points.
pub(super) fn weight_bytes(conv: &Conv3d) -> usize {
    let channels = conv.out_channels.next_multiple_of(16);
    POINTS * conv.kernel[0] * conv.kernel[1] * conv.in_channels.next_multiple_of(16) * channels * size_of::<f32>()
}

/// Bytes that every thread allocates.
pub(super) fn thread_bytes(conv: &Conv3d) -> usize {
    let sums = TASK_TILES * POINTS * MAX_ROWS * conv.out_channels.next_multiple_of(16) + 16;
    (Layout::new(conv).padded() * conv.in_channels + sums) * size_of::<f32>()
}

/// The weights at all points: `[block][point][tap of depth and height][in][width]`; for a block of dot products
/// `[block][point][tap][width][in, filled up with zeros]`.
struct Points<'a> {
    values: &'a [f32],
    /// Where each block begins, and the end of the last.
    starts: Vec<usize>,
}

/// Where each block begins, and the end of the last; whole cache lines.
fn starts_of_points(set: &KernelSet, conv: &Conv3d, blocks: &[Block]) -> Vec<usize> {
    let of_block = |block| (POINTS * conv.kernel[0] * conv.kernel[1] * tap_len(set, conv, block)).next_multiple_of(16);
    let ends = blocks.iter().scan(0, |end, block| {
        *end += of_block(block);
        Some(*end)
    });
    [0].into_iter().chain(ends).collect()
}

/// Floats of one tap of a block.
fn tap_len(set: &KernelSet, conv: &Conv3d, block: &Block) -> usize {
    match block.vectors {
        0 => block.width * conv.in_channels.next_multiple_of(set.lanes),
        vectors => conv.in_channels * vectors * set.lanes,
    }
}

fn weights_at_points<'a>(
    set: &KernelSet,
    conv: &Conv3d,
    (w, blocks): (&[f32], &[Block]),
    (starts, values): (Vec<usize>, &'a mut [f32]),
) -> Points<'a> {
    let taps = conv.kernel[0] * conv.kernel[1];
    let mut rest = &mut values[..];
    let mut parts = Vec::new();
    for (block, ends) in blocks.iter().zip(starts.windows(2)) {
        let tap = tap_len(set, conv, block);
        let part;
        (part, rest) = rest.split_at_mut(ends[1] - ends[0]);
        let chunks = part[..POINTS * taps * tap].chunks_mut(tap).enumerate();
        parts.extend(chunks.map(|(index, chunk)| (*block, index / taps, index % taps, chunk)));
    }
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    parts.into_par_iter().for_each(|(block, point, tap, to)| {
        let [first, second, third] = WEIGHTS[point];
        // What fills up vectors is added and multiplied too.
        to.fill(0.0);
        for channel in 0..cin {
            let row = |along: usize| &w[((tap * 3 + along) * cin + channel) * cout + block.first..][..block.width];
            let at = row(0)
                .iter()
                .zip(row(1))
                .zip(row(2))
                .map(|((&x, &y), &z)| (first * f64::from(x) + second * f64::from(y) + third * f64::from(z)) as f32);
            match block.vectors {
                0 => at.enumerate().for_each(|(dot, value)| to[dot * (to.len() / block.width) + channel] = value),
                vectors => to[channel * vectors * set.lanes..].iter_mut().zip(at).for_each(|(to, value)| *to = value),
            }
        }
    });
    Points { values, starts }
}

/// Everything that the tasks of a call share.
struct Run<'a, E> {
    set: &'static KernelSet,
    conv: &'a Conv3d,
    layout: Layout,
    output: [usize; 3],
    points: &'a Points<'a>,
    blocks: &'a [Block],
    bias: Option<&'a [f32]>,
    ring: *const f32,
    zeros: &'a [f32],
    y: Shared<E>,
}
// SAFETY: tasks only read through `ring`, and write to disjoint outputs.
unsafe impl<E: Send> Sync for Run<'_, E> {}

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
    (w, bias): (&[f32], Option<&[f32]>),
    y: Shared<E>,
) {
    let layout = Layout::new(conv);
    let blocks = blocks(set, &passes::forward(conv));
    let zeros = vec![0.0; conv.in_channels.max(32)];
    let starts = starts_of_points(set, conv, &blocks);
    let of_points = starts.last().copied().unwrap_or(0);
    let mut buffer = Lent::of(Use::Work, of_points + layout.ring * layout.plane);
    let (values, ring) = buffer.as_mut().split_at_mut(of_points);
    let points = weights_at_points(set, conv, (w, &blocks), (starts, values));
    let output = conv.output();
    for volume in 0..conv.batch {
        let mut ready = 0;
        for first in (0..output[0]).step_by(layout.chunk) {
            let last = (first + layout.chunk).min(output[0]);
            let needed = input_planes(conv, first..last);
            spread_planes(set, conv, &layout, (x, volume, ready.max(needed.start)..needed.end), ring);
            ready = needed.end;
            let ring = ring.as_ptr();
            let run = Run { set, conv, layout, output, points: &points, blocks: &blocks, bias, ring, zeros: &zeros, y };
            run.planes(volume, first..last);
        }
    }
}

/// The input planes that some output planes read.
fn input_planes(conv: &Conv3d, planes: Range<usize>) -> Range<usize> {
    let end = (planes.end + conv.kernel[0] - 1).saturating_sub(conv.padding[0]).min(conv.input[0]);
    planes.start.saturating_sub(conv.padding[0]).min(end)..end
}

/// Turns some input planes of a volume into points, at their places of the ring.
fn spread_planes<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    layout: &Layout,
    (x, volume, planes): (&View<'_, E>, usize, Range<usize>),
    ring: &mut [f32],
) {
    let [depth, height, width] = conv.input;
    let channels = conv.in_channels;
    let to = Shared(ring.as_mut_ptr());
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
            let at = d % layout.ring * layout.plane + h * layout.line;
            let job = SpreadJob {
                from: padded.as_ptr(),
                voxel: channels,
                channels,
                steps: layout.steps,
                // SAFETY: inside the ring, whose planes and lines belong to one task each.
                to: unsafe { to.get().add(at) },
                point_pitch: layout.point,
                step_pitch: channels,
            };
            // SAFETY: the padded line holds four voxels a step and two more; the kernels suit this processor.
            unsafe { (set.spread)(&job) };
        });
    });
}

/// Some neighbouring steps of a plane.
struct Tile {
    rows: usize,
    bases: [*const f32; MAX_ROWS],
    /// Place of each row's first output in a plane, in voxels, and how many outputs lie inside the line.
    outputs: [(usize, usize); MAX_ROWS],
    /// All rows, then for every tap of the height which rows find a line.
    masks: Vec<u16>,
}

impl<E: Stored> Run<'_, E> {
    /// Computes some output planes, whose inputs lie in the ring.
    fn planes(&self, volume: usize, planes: Range<usize>) {
        let steps = self.output[1] * self.layout.steps;
        let tiles = steps.div_ceil(self.set.rows);
        let runs = tiles.div_ceil(TASK_TILES);
        let parts = MIN_TASKS.div_ceil(runs * planes.len()).clamp(1, self.blocks.len());
        let tasks = planes.len() * runs * parts;
        (0..tasks).into_par_iter().with_max_len(1).for_each(|task| {
            let (part, run, plane) = (task % parts, task / parts % runs, planes.start + task / parts / runs);
            let own: Vec<Tile> = (run * tiles / runs..(run + 1) * tiles / runs)
                .map(|index| self.tile(index * steps / tiles, (index + 1) * steps / tiles))
                .collect();
            let range = part * self.blocks.len() / parts..(part + 1) * self.blocks.len() / parts;
            SCRATCH.with_borrow_mut(|scratch| self.blocks_of(range, (volume, plane), &own, scratch));
        });
    }

    fn tile(&self, start: usize, end: usize) -> Tile {
        let [_, kernel_h, _] = self.conv.kernel;
        let mut tile = Tile {
            rows: end - start,
            bases: [self.ring; MAX_ROWS],
            outputs: [(0, 0); MAX_ROWS],
            masks: vec![0; 1 + kernel_h],
        };
        for row in 0..end - start {
            let (h, step) = ((start + row) / self.layout.steps, (start + row) % self.layout.steps);
            tile.masks[0] |= 1 << row;
            for tap in 0..kernel_h {
                tile.masks[1 + tap] |= u16::from(self.conv.source(1, h, tap).is_some()) << row;
            }
            // May lie outside the ring; only ever read through taps that lead back inside.
            tile.bases[row] = self.ring.wrapping_add(h * self.layout.line + step * self.conv.in_channels);
            let w = step * OUTPUTS;
            tile.outputs[row] = (h * self.output[2] + w, OUTPUTS.min(self.output[2] - w));
        }
        tile
    }

    /// The taps of an output plane at one point, from the first of the depth that lies inside; and their index.
    fn taps(&self, plane: usize, point: usize) -> (usize, Vec<Tap>) {
        let [kernel_d, kernel_h, _] = self.conv.kernel;
        let mut first = None;
        let mut taps = Vec::with_capacity(kernel_d * kernel_h);
        for d in 0..kernel_d {
            let Some(source) = self.conv.source(0, plane, d) else { continue };
            first.get_or_insert(d * kernel_h);
            let start = source % self.layout.ring * self.layout.plane + point * self.layout.point;
            for h in 0..kernel_h {
                let line = (h as isize - self.conv.padding[1] as isize) * self.layout.line as isize;
                taps.push(Tap { masks: [0, 0, 1 + h], offset: start as isize + line });
            }
        }
        (first.unwrap_or(0), taps)
    }

    /// Some blocks of channels for some tiles of a plane.
    ///
    /// The inputs of one point stay in the second-level cache for all blocks; so the sums of all of them are kept.
    fn blocks_of(&self, range: Range<usize>, (volume, plane): (usize, usize), tiles: &[Tile], scratch: &mut Scratch) {
        let all_taps = self.conv.kernel[0] * self.conv.kernel[1];
        let widths = self.blocks[range.clone()].iter().map(|block| self.row_len(block));
        let starts: Vec<usize> =
            widths.clone().scan(0, |sum, width| Some(std::mem::replace(sum, *sum + width))).collect();
        // Of a tile: the sums of all points of one block behind those of the block before.
        let tile_len = widths.sum::<usize>() * POINTS * self.set.rows;
        let sums = scratch.sums.reserve(tiles.len() * tile_len + 16).as_mut_ptr();
        for point in 0..POINTS {
            let (first, taps) = self.taps(plane, point);
            for (index, &start) in range.clone().zip(&starts) {
                let block = &self.blocks[index];
                let tap = tap_len(self.set, self.conv, block);
                let panel = &self.points.values[self.points.starts[index] + (point * all_taps + first) * tap..];
                let at = (start * POINTS + point * self.row_len(block)) * self.set.rows;
                // SAFETY: the buffer holds `tile_len` floats for every tile.
                let sums = (unsafe { sums.add(at) }, tile_len);
                match block.vectors {
                    0 => self.dots(block, tiles, (&taps, panel), sums),
                    _ => self.sum(block, tiles, (&taps, panel), sums),
                }
            }
        }
        for (index, start) in range.zip(starts) {
            // SAFETY: as above.
            let sums = (unsafe { sums.add(start * POINTS * self.set.rows) }, tile_len);
            self.collect(&self.blocks[index], (volume, plane), tiles, sums, &mut scratch.start);
        }
    }

    /// Floats that a row of sums takes.
    fn row_len(&self, block: &Block) -> usize {
        if block.vectors == 0 { block.width } else { block.vectors * self.set.lanes }
    }

    /// Turns the sums of a block into outputs.
    fn collect(
        &self,
        block: &Block,
        (volume, plane): (usize, usize),
        tiles: &[Tile],
        (sums, tile_len): (*mut f32, usize),
        start: &mut Aligned,
    ) {
        let row_len = self.row_len(block);
        let start = start.reserve(row_len.next_multiple_of(16));
        start.fill(0.0);
        if let Some(bias) = self.bias {
            start[..block.width].copy_from_slice(&bias[block.first..][..block.width]);
        }
        let plane = (volume * self.output[0] + plane) * self.output[1] * self.output[2];
        for (number, tile) in tiles.iter().enumerate() {
            for (row, &(voxel, outputs)) in tile.outputs.iter().enumerate().take(tile.rows) {
                let job = CollectJob {
                    // SAFETY: the buffer holds `tile_len` floats for every tile.
                    sums: unsafe { sums.add(number * tile_len + row * row_len) },
                    point_pitch: self.set.rows * row_len,
                    start: start.as_ptr(),
                    to: self.y.get().wrapping_add((plane + voxel) * self.conv.out_channels + block.first),
                    voxel: self.conv.out_channels,
                    outputs,
                    width: block.width,
                };
                // SAFETY: the outputs lie inside `y` and belong to this task alone; the sums are followed by slack.
                unsafe { E::collector(self.set)(&job) };
            }
        }
    }

    /// The sums of a point for some tiles, the weights of a few taps at a time.
    fn sum(&self, block: &Block, tiles: &[Tile], (taps, panel): (&[Tap], &[f32]), (sums, tile_len): (*mut f32, usize)) {
        let width = block.vectors * self.set.lanes;
        let depth = self.conv.in_channels;
        let group = (PANEL_BYTES / (depth * width * size_of::<f32>())).clamp(1, taps.len().max(1));
        let groups = taps.len().div_ceil(group).max(1);
        for index in 0..groups {
            let some = index * taps.len() / groups..(index + 1) * taps.len() / groups;
            for (number, tile) in tiles.iter().enumerate() {
                let job = TileJob {
                    bases: &tile.bases,
                    outputs: &[std::ptr::null_mut(); MAX_ROWS],
                    masks: &tile.masks,
                    taps: &taps[some.clone()],
                    zeros: self.zeros.as_ptr(),
                    depth,
                    panel: panel[some.start * depth * width..].as_ptr(),
                    start: if index == 0 { self.zeros.as_ptr() } else { std::ptr::null() },
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

    /// The sums of a point for some tiles, by dot products.
    fn dots(
        &self,
        block: &Block,
        tiles: &[Tile],
        (taps, panel): (&[Tap], &[f32]),
        (sums, tile_len): (*mut f32, usize),
    ) {
        for (number, tile) in tiles.iter().enumerate() {
            let job = DotJob {
                bases: &tile.bases,
                outputs: &std::array::from_fn(|row| sums.wrapping_add(number * tile_len + row * block.width)),
                masks: &tile.masks,
                taps,
                zeros: self.zeros.as_ptr(),
                depth: self.conv.in_channels,
                panel: panel.as_ptr(),
                start: self.zeros.as_ptr(),
                rows: tile.rows,
            };
            // SAFETY: as in `sum`.
            unsafe { (self.set.dot[block.width - 1])(&job) };
        }
    }
}
