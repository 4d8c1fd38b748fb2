//! Runs a pass: tiles of output voxels times blocks of output channels, each summed over all taps in one fixed order.
//!
//! Tasks own a run of tiles and some channel blocks. For a block, the weights of a few taps at a time are copied into
//! a panel that stays in the second-level cache while all tiles of the task use it. The input is read where it lies.

use std::cell::RefCell;

use rayon::prelude::*;

use super::aligned::Aligned;
use super::passes::Pass;
use super::turned::{Sizes, Weights};
use crate::simd::{DotJob, KernelSet, MAX_DOTS, MAX_ROWS, Tap, TileJob};

/// Tiles of a task.
pub(super) const TASK_TILES: usize = 32;
/// Tasks there should be, where channel blocks allow splitting.
const MIN_TASKS: usize = 32;
/// Bytes of the weight panel.
pub(super) const PANEL_BYTES: usize = 192 << 10;

/// A pointer that tasks writing to different elements may share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<E = f32>(pub(crate) *mut E);
// SAFETY: the tasks write to disjoint elements (every output element belongs to one task), and nobody reads.
unsafe impl<E: Send> Send for Shared<E> {}
// SAFETY: as above.
unsafe impl<E: Send> Sync for Shared<E> {}

impl<E> Shared<E> {
    /// The pointer; by a method, so that closures capture the whole wrapper.
    pub(crate) fn get(self) -> *mut E {
        self.0
    }
}

/// Some neighbouring output channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub(super) first: usize,
    pub(super) width: usize,
    /// Vectors in a row of a tile; 0 for a block computed by dot products along the input channels.
    pub(super) vectors: usize,
}

/// Whether a few last channels are cheaper by dot products over `depth` than as a partly filled vector.
pub(super) fn dots_pay(lanes: usize, depth: usize, width: usize) -> bool {
    width <= MAX_DOTS && width * depth.div_ceil(lanes) * 2 <= depth
}

/// Splits the output channels into blocks.
pub(super) fn blocks(set: &KernelSet, pass: &Pass) -> Vec<Block> {
    let tail = pass.channels % set.lanes;
    let dots = tail > 0 && dots_pay(set.lanes, pass.depth, tail);
    let in_vectors = if dots { pass.channels - tail } else { pass.channels };
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < in_vectors {
        let vectors = (in_vectors - first).div_ceil(set.lanes).min(set.vectors);
        let width = (in_vectors - first).min(vectors * set.lanes);
        blocks.push(Block { first, width, vectors });
        first += width;
    }
    if dots {
        blocks.push(Block { first: in_vectors, width: tail, vectors: 0 });
    }
    blocks
}

/// Some neighbouring output voxels of a pass, in the order of memory.
struct Tile {
    rows: usize,
    bases: [*const f32; MAX_ROWS],
    /// Floats to the first output channel of every row.
    outputs: [usize; MAX_ROWS],
    /// For every tap of the depth, then height, then width axis: which rows find an input voxel.
    masks: Vec<u16>,
}

impl Tile {
    /// Where the rows' outputs of a block lie. A loop: `map` is not always inlined.
    #[inline(always)]
    fn outputs_in(&self, y: Shared, block: &Block) -> [*mut f32; MAX_ROWS] {
        let mut outputs = [y.get(); MAX_ROWS];
        for (to, output) in outputs.iter_mut().zip(self.outputs) {
            *to = y.get().wrapping_add(output + block.first);
        }
        outputs
    }
}

/// For every place along the axes of a pass, the taps that find no input voxel there.
struct Gaps([Vec<Vec<usize>>; 3]);

impl Gaps {
    fn of(pass: &Pass) -> Self {
        Self(pass.axes.each_ref().map(|axis| {
            let missing = |at: usize| {
                let taps = axis.taps.iter().enumerate();
                taps.filter(|&(_, &(_, shift))| axis.source(at, shift).is_none()).map(|(tap, _)| tap).collect()
            };
            (0..axis.count).map(missing).collect()
        }))
    }
}

/// The tile of the voxels from `start` to `end`.
fn tile((pass, gaps): (&Pass, &Gaps), x: *const f32, start: usize, end: usize) -> Tile {
    let [axis_d, axis_h, axis_w] = &pass.axes;
    let taps = pass.axes.each_ref().map(|axis| axis.taps.len());
    let all = (1 << (end - start)) - 1;
    let masks = vec![all; taps.iter().sum()];
    let mut tile = Tile { rows: end - start, bases: [x; MAX_ROWS], outputs: [0; MAX_ROWS], masks };
    let mut voxel = [0; 4];
    let mut rest = start;
    for (at, count) in voxel.iter_mut().rev().zip([axis_w.count, axis_h.count, axis_d.count, pass.batch]) {
        (*at, rest) = (rest % count, rest / count);
    }
    for row in 0..end - start {
        let [n, place @ ..] = voxel;
        let mut first = 0;
        let mut base = n * pass.volume;
        let mut output = n;
        for axis in 0..3 {
            let (along, at) = (&pass.axes[axis], place[axis]);
            for &tap in &gaps.0[axis][at] {
                tile.masks[first + tap] &= !(1 << row);
            }
            first += taps[axis];
            base += at * along.advance * pass.pitches[axis];
            output = output * pass.output[axis] + along.first + along.step * at;
        }
        // May lie outside the input; only ever read through taps that lead back inside.
        tile.bases[row] = x.wrapping_add(base);
        tile.outputs[row] = output * pass.channels;
        next(&mut voxel, [usize::MAX, axis_d.count, axis_h.count, axis_w.count]);
    }
    tile
}

/// The next voxel in the order of memory.
fn next(place: &mut [usize; 4], counts: [usize; 4]) {
    for (at, count) in place.iter_mut().zip(counts).rev() {
        *at += 1;
        if *at < count {
            return;
        }
        *at = 0;
    }
}

/// The taps of a pass in the order of summation, each with its index in the weights.
fn taps(pass: &Pass) -> Vec<(usize, Tap)> {
    let [axis_d, axis_h, axis_w] = &pass.axes;
    let mut taps = Vec::new();
    for (mask_d, &(d, shift_d)) in axis_d.taps.iter().enumerate() {
        for (mask_h, &(h, shift_h)) in axis_h.taps.iter().enumerate() {
            for (mask_w, &(w, shift_w)) in axis_w.taps.iter().enumerate() {
                let shifts = [shift_d, shift_h, shift_w];
                let offset = shifts.iter().zip(&pass.pitches).map(|(shift, &pitch)| shift * pitch as isize).sum();
                let masks = [mask_d, axis_d.taps.len() + mask_h, axis_d.taps.len() + axis_h.taps.len() + mask_w];
                let index = (d * pass.kernel[1] + h) * pass.kernel[2] + w;
                taps.push((index, Tap { masks, offset }));
            }
        }
    }
    taps
}

/// Everything that the tasks of a pass share.
struct Run<'a> {
    set: &'static KernelSet,
    pass: &'a Pass,
    w: Weights<'a>,
    bias: Option<&'a [f32]>,
    taps: &'a [(usize, Tap)],
    zeros: &'a [f32],
    y: Shared,
}

impl Run<'_> {
    fn sizes(&self) -> Sizes {
        let Pass { kernel, depth, channels, .. } = *self.pass;
        Sizes { taps: kernel.iter().product(), depth, channels }
    }
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    panel: Aligned,
    sums: Aligned,
    start: Aligned,
}

thread_local! {
    /// They stay from task to task: tasks are short.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Computes a pass into `y`: `y[voxel][channel] = bias[channel] + sum over taps and depth of x * w`.
///
pub(super) fn run(
    set: &'static KernelSet,
    pass: &Pass,
    x: &[f32],
    (w, bias): (Weights<'_>, Option<&[f32]>),
    y: Shared,
) {
    let voxels = pass.voxels();
    if voxels == 0 || pass.channels == 0 {
        return;
    }
    let taps = taps(pass);
    let zeros = vec![0.0; pass.depth];
    let run = Run { set, pass, w, bias, taps: &taps, zeros: &zeros, y };
    let blocks = blocks(set, pass);
    let tiles = voxels.div_ceil(set.rows);
    let runs = tiles.div_ceil(TASK_TILES);
    let parts = MIN_TASKS.div_ceil(runs).clamp(1, blocks.len());
    let gaps = Gaps::of(pass);
    let address = Shared(x.as_ptr().cast_mut());
    (0..runs * parts).into_par_iter().with_max_len(1).for_each(|task| {
        let (tile_run, part) = (task / parts, task % parts);
        let first = tile_run * tiles / runs;
        let last = (tile_run + 1) * tiles / runs;
        let own: Vec<Tile> = (first..last)
            .map(|index| tile((pass, &gaps), address.get(), index * voxels / tiles, (index + 1) * voxels / tiles))
            .collect();
        for block in &blocks[part * blocks.len() / parts..(part + 1) * blocks.len() / parts] {
            match block.vectors {
                0 => SCRATCH.with_borrow_mut(|scratch| run_dots(&run, block, &own, scratch)),
                _ => SCRATCH.with_borrow_mut(|scratch| run_block(&run, block, &own, scratch)),
            }
        }
    });
}

/// One vector block of channels for some tiles.
fn run_block(run: &Run, block: &Block, tiles: &[Tile], scratch: &mut Scratch) {
    let width = block.vectors * run.set.lanes;
    let depth = run.pass.depth;
    let start = scratch.start.reserve(width);
    start.fill(0.0);
    if let Some(bias) = run.bias {
        start[..block.width].copy_from_slice(&bias[block.first..][..block.width]);
    }
    let start = scratch.start.as_slice().as_ptr();
    let tile_sums = run.set.rows * width;
    let sums = scratch.sums.reserve(tiles.len() * tile_sums).as_mut_ptr();
    let group = (PANEL_BYTES / (depth * width * size_of::<f32>()).max(1)).clamp(1, run.taps.len().max(1));
    let groups = run.taps.len().div_ceil(group).max(1);
    for index in 0..groups {
        let some = &run.taps[index * run.taps.len() / groups..(index + 1) * run.taps.len() / groups];
        pack_panel(run, block, some, scratch.panel.reserve(some.len() * depth * width));
        let some: Vec<Tap> = some.iter().map(|(_, tap)| *tap).collect();
        for (number, tile) in tiles.iter().enumerate() {
            let outputs = tile.outputs_in(run.y, block);
            let job = TileJob {
                bases: &tile.bases,
                outputs: &outputs,
                masks: &tile.masks,
                taps: &some,
                zeros: run.zeros.as_ptr(),
                depth,
                panel: scratch.panel.as_slice().as_ptr(),
                start: if index == 0 { start } else { std::ptr::null() },
                // SAFETY: the buffer holds `tile_sums` floats for every tile.
                sums: unsafe { sums.add(number * tile_sums) },
                last: index + 1 == groups,
                width: block.width,
            };
            // SAFETY: masks say which rows lie inside the input; the panel was packed for these taps; output rows
            // lie inside `y` and belong to this task alone; the kernels were chosen for this processor.
            unsafe { (run.set.tile[block.vectors - 1][tile.rows - 1])(&job) };
        }
    }
}

/// Copies the weights of some taps and one block: `[tap][depth][vectors * lanes]`, zero past the block.
fn pack_panel(run: &Run, block: &Block, taps: &[(usize, Tap)], panel: &mut [f32]) {
    let len = run.pass.depth * block.vectors * run.set.lanes;
    for ((index, _), panel) in taps.iter().zip(panel.chunks_exact_mut(len.max(1))) {
        run.w.pack(*index, run.sizes(), block, panel);
    }
}

/// One block of few channels for some tiles, by dot products.
fn run_dots(run: &Run, block: &Block, tiles: &[Tile], scratch: &mut Scratch) {
    let depth = run.pass.depth;
    let padded = depth.next_multiple_of(run.set.lanes);
    let panel = scratch.panel.reserve(run.taps.len() * block.width * padded);
    panel.fill(0.0);
    for ((index, _), panel) in run.taps.iter().zip(panel.chunks_exact_mut(block.width * padded)) {
        for (channel, row) in panel.chunks_exact_mut(padded).enumerate() {
            run.w.pack_row(*index, run.sizes(), block.first + channel, row);
        }
    }
    let start = scratch.start.reserve(block.width);
    match run.bias {
        Some(bias) => start.copy_from_slice(&bias[block.first..][..block.width]),
        None => start.fill(0.0),
    }
    let taps: Vec<Tap> = run.taps.iter().map(|(_, tap)| *tap).collect();
    for tile in tiles {
        let outputs = tile.outputs_in(run.y, block);
        let job = DotJob {
            bases: &tile.bases,
            outputs: &outputs,
            masks: &tile.masks,
            taps: &taps,
            zeros: run.zeros.as_ptr(),
            depth,
            panel: scratch.panel.as_slice().as_ptr(),
            start: scratch.start.as_slice().as_ptr(),
            rows: tile.rows,
        };
        // SAFETY: as in `run_block`; the panel holds whole vectors for every channel.
        unsafe { (run.set.dot[block.width - 1])(&job) };
    }
}
