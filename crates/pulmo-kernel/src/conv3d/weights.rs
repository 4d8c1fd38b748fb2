//! The weight gradient: for every tap, the sum over output voxels of the outer products of input and output gradient.
//!
//! Tasks own some channels and one part of space, through which they walk a few lines at a time (`chunks.rs`). They pack the
//! channels of `x` and `dy` into panels, then run all taps over them. The parts are added up afterwards in a fixed order.
//!
//! With three taps along a line and no strides, lines are turned into the points of minimal filtering first
//! (`simd/filtering.rs`): four voxels of `dy` and six of `x` give six products per channel pair instead of twelve; with three taps
//! along the height too, 16 and 36 give 36 instead of 144, or 49 and 81 give 81 instead of 441. `sums.rs` makes weights of them.

use std::cell::RefCell;

use rayon::prelude::*;

use super::Conv3d;
use super::aligned::{Aligned, Lent, Use};
use super::chunks::{Chunk, Places, chunk_size, chunks};
use super::lines::Lines;
use super::packing::{Packing, Panel};
use super::parts::Part;
use super::passes::Pass;
use super::shares::{Rows, Share, parts, shares};
use super::sums::{MOST_COLUMNS, Sums};
use super::tiles::Shared;
use super::winograd::squares::Strip;
use super::winograd::step::Step;
use crate::element::Element;
use crate::simd::{KernelSet, OuterJob, Stored};

/// Output voxels that a task packs at a time.
pub(super) const CHUNK_VOXELS: usize = 256;
/// The same where lines or squares are turned into points, of which there are fewer.
pub(super) fn chunk_voxels_of_points(step: Step) -> usize {
    match step {
        Step::Line => 1024,
        Step::Square(_) => 2048,
    }
}

/// Computes `dw[tap][depth][channel] = sum over voxels of x * dy` for a forward pass over some parts of the input.
///
/// Where parts read their lines by sets of taps, sums are taken for every set and added to the weights of its taps.
pub(super) fn run<E: Stored>(
    set: &'static KernelSet,
    (pass, inputs): (&Pass, &[Part]),
    x: Lines<'_, E>,
    dy: &[E],
    dw: &mut [f32],
) {
    if dw.is_empty() {
        return;
    }
    // No output at all, or none that finds an input.
    if pass.voxels() == 0 || inputs.iter().any(|part| part.tap_sets() == 0) {
        return dw.fill(0.0);
    }
    let job = Job { set, pass, inputs, lines: x, dy };
    let sums = [pass.axes[2].taps.len(), job.points(), pass.channels];
    let parts = parts(inputs, sums, pass.voxels());
    let shares: Vec<Share> = inputs.iter().enumerate().flat_map(|input| shares(set, pass, input, parts)).collect();
    let chunks = chunks(pass, job.chunk_size());
    let out = Shared(dw.as_mut_ptr());
    if parts == 1 {
        // Sums are written out while they lie in the cache.
        return shares.par_iter().with_max_len(1).for_each(|share| {
            SUMS.with_borrow_mut(|sums| {
                let sums = sums.reserve(job.sums(share));
                SCRATCH.with_borrow_mut(|scratch| job.sum(share, &chunks, scratch, sums));
                job.write(share, sums, out);
            });
        });
    }
    let mut buffer = Lent::of(Use::Work, shares.iter().map(|share| parts * job.sums(share)).sum());
    let mut rest = buffer.as_mut();
    // The sums of each share's parts, side by side.
    let mut sums = Vec::with_capacity(shares.len());
    for share in &shares {
        let of_share;
        (of_share, rest) = rest.split_at_mut(parts * job.sums(share));
        sums.push(of_share);
    }
    let tasks: Vec<_> = shares
        .iter()
        .zip(&mut sums)
        .flat_map(|(share, sums)| sums.chunks_exact_mut(job.sums(share)).enumerate().map(move |part| (share, part)))
        .collect();
    tasks.into_par_iter().with_max_len(1).for_each(|(share, (part, sums))| {
        let own = &chunks[part * chunks.len() / parts..(part + 1) * chunks.len() / parts];
        SCRATCH.with_borrow_mut(|scratch| job.sum(share, own, scratch, sums));
    });
    shares.par_iter().zip(sums).for_each(|(share, sums)| {
        let (total, others) = sums.split_at_mut(job.sums(share));
        for part in others.chunks_exact(total.len()) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        job.write(share, total, out);
    });
}

/// Planes and rows of steps of a chunk.
pub(super) fn chunk_of_steps(conv: &Conv3d, step: Step) -> [usize; 2] {
    let [depth, _, width] = conv.output();
    chunk_size([depth, step.rows(conv), width * step.lines()], chunk_voxels_of_points(step))
}

/// Everything that the tasks share.
pub(super) struct Job<'a, E: Element> {
    pub(super) set: &'static KernelSet,
    pub(super) pass: &'a Pass,
    pub(super) lines: Lines<'a, E>,
    pub(super) dy: &'a [E],
    /// The parts of the input.
    pub(super) inputs: &'a [Part],
}

/// Buffers of a thread.
#[derive(Default)]
pub(super) struct Scratch {
    /// The packed lines.
    pub(super) x: Aligned,
    pub(super) dy: Aligned,
    pub(super) places: Places,
    /// A line with zeros around, one in float32 or at all points, and lines of which squares are made.
    pub(super) padded: Vec<f32>,
    pub(super) line: Aligned,
    pub(super) strip: Strip,
    /// Pairs of packed places of all taps, and where each tap's begin.
    pairs: Vec<[u32; 2]>,
    starts: Vec<usize>,
}

thread_local! {
    /// They stay from task to task.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
    /// A share's sums, where space has one part only.
    static SUMS: RefCell<Aligned> = RefCell::default();
}

impl<E: Stored> Job<'_, E> {
    /// Points at which sums are taken; 1 for direct sums.
    fn points(&self) -> usize {
        match self.lines {
            Lines::Points { step, .. } => step.points(),
            Lines::Direct { .. } => 1,
        }
    }

    /// Planes and rows that are packed at a time.
    fn chunk_size(&self) -> [usize; 2] {
        match self.lines {
            Lines::Points { conv, step, .. } => chunk_of_steps(&conv, step),
            Lines::Direct { .. } => chunk_size(self.pass.output, CHUNK_VOXELS),
        }
    }

    /// Floats of a share's sums at one point.
    fn sums_of_point(&self, share: &Share) -> usize {
        share.sums(self.inputs[share.part].tap_sets() * self.pass.axes[2].taps.len())
    }

    /// Floats of a share's sums over some output lines, whole cache lines of them.
    fn sums(&self, share: &Share) -> usize {
        (self.points() * self.sums_of_point(share)).next_multiple_of(16)
    }

    /// Sets the sums of one share over some output lines: `[point][strip][block][tap][row][column]`.
    fn sum(&self, share: &Share, chunks: &[Chunk], scratch: &mut Scratch, sums: &mut [f32]) {
        sums.fill(0.0);
        let (pass, part) = (self.pass, &self.inputs[share.part]);
        let axis_w = &pass.axes[2];
        let [x_panels, dy_panels] = share.panels();
        let most = |count: &dyn Fn(&Chunk) -> usize| chunks.iter().map(count).max().unwrap_or(0);
        let of_x = Packing::new(x_panels, most(&|chunk| chunk.input_count(part)), axis_w.extent);
        let of_dy = Packing::new(dy_panels, most(&|chunk| chunk.lines(pass).len()), axis_w.count);
        scratch.x.reserve(of_x.len(self.points()));
        scratch.dy.reserve(of_dy.len(self.points()));
        scratch.places.clear(pass.batch * part.places().iter().product::<usize>());
        for chunk in chunks {
            let fresh = scratch.places.exchange(&chunk.inputs(part));
            self.pack_inputs(share, &fresh, &of_x, scratch);
            self.pack_gradients(share, chunk.lines(pass), &of_dy, scratch);
            self.pair_up(chunk, share, scratch);
            for (point, sums) in sums.chunks_exact_mut(self.sums_of_point(share)).enumerate().take(self.points()) {
                self.multiply(share, point, [&of_x, &of_dy], scratch, sums);
            }
        }
    }

    /// First float of an input line, by its index over batch, depth and height.
    pub(super) fn line_start(&self, line: usize) -> usize {
        let (height, depth) = (self.pass.axes[1].extent, self.pass.axes[0].extent);
        let (n, d, h) = (line / (height * depth), line / height % depth, line % height);
        n * self.pass.volume + d * self.pass.pitches[0] + h * self.pass.pitches[1]
    }

    /// Lists, for every set of taps, the packed places of input voxel and output voxel that meet.
    fn pair_up(&self, chunk: &Chunk, share: &Share, scratch: &mut Scratch) {
        let part = &self.inputs[share.part];
        let ([depth, height], axis_w) = (part.places(), &self.pass.axes[2]);
        let Scratch { places, pairs, starts, .. } = scratch;
        pairs.clear();
        starts.clear();
        // The stored place that an output place reads by a set, if it does.
        let read = |axis: usize, output: usize, set: usize| {
            part.reach[axis].reads[output].iter().find(|(by, _)| *by == set).map(|&(_, place)| place)
        };
        for set_d in 0..part.reach[0].sets.len() {
            for set_h in 0..part.reach[1].sets.len() {
                for &(_, shift_w) in &axis_w.taps {
                    starts.push(pairs.len());
                    for (slot, [plane, row]) in chunk.planes_and_rows().enumerate() {
                        let Some(d) = read(0, plane, set_d) else { continue };
                        let Some(h) = read(1, row, set_h) else { continue };
                        let line = places.of((chunk.volume() * depth + d) * height + h) * axis_w.extent;
                        for w in 0..axis_w.count {
                            let Some(at) = axis_w.source(w, shift_w) else { continue };
                            let (x, dy) = ((line + at) as u32, (slot * axis_w.count + w) as u32);
                            pairs.push(if share.from == Rows::Input { [x, dy] } else { [dy, x] });
                        }
                    }
                }
            }
        }
        starts.push(pairs.len());
    }

    /// Adds the outer products of the packed strips and blocks at one point, for all taps.
    fn multiply(&self, share: &Share, point: usize, [of_x, of_dy]: [&Packing; 2], scratch: &Scratch, sums: &mut [f32]) {
        let (x, dy) = ((of_x, &scratch.x), (of_dy, &scratch.dy));
        let (rows, columns) = if share.from == Rows::Input { (x, dy) } else { (dy, x) };
        let mut at = 0;
        for (strip, Panel { width: height, .. }) in share.rows.iter().enumerate() {
            let strip = rows.0.panel(rows.1, point, strip);
            for (block, Panel { width, .. }) in share.columns.iter().enumerate() {
                let block = columns.0.panel(columns.1, point, block);
                for pair in scratch.starts.windows(2) {
                    let pairs = &scratch.pairs[pair[0]..pair[1]];
                    let lies_in =
                        |&[a, b]: &[u32; 2]| (a as usize) < strip.len() / height && (b as usize) < block.len() / width;
                    debug_assert!(pairs.iter().all(lies_in));
                    let sums = sums[at..][..height * width].as_mut_ptr();
                    at += height * width;
                    if pairs.is_empty() {
                        continue;
                    }
                    let job = OuterJob { rows: strip.as_ptr(), columns: block.as_ptr(), pairs, sums };
                    // SAFETY: the pairs are places of the strip and the block, whose lengths were just taken; the
                    // sums hold a tile; the kernels were chosen for this processor.
                    unsafe { (self.set.outer[width / self.set.lanes - 1][height - 1])(&job) };
                }
            }
        }
    }

    /// Writes a share's sums to their weights.
    fn write(&self, share: &Share, sums: &[f32], dw: Shared) {
        let of_point = self.sums_of_point(share);
        let (sets_of_taps, sets) = self.sets_of_taps(&self.inputs[share.part]);
        let mut at = 0;
        for strip in &share.rows {
            for block in &share.columns {
                let tile = strip.width * block.width;
                for (tap, sets) in sets_of_taps.iter().enumerate() {
                    let firsts: Vec<usize> = sets.iter().map(|set| set * tile).collect();
                    for row in 0..strip.count {
                        let first = at + row * block.width;
                        let from = |column: usize| Sums { sums: &sums[first + column..], firsts: &firsts, of_point };
                        match share.from {
                            Rows::Input => {
                                self.write_row([tap, strip.first + row, block.first], block.count, from(0), dw);
                            }
                            Rows::OutputTail => (0..block.count).for_each(|column| {
                                self.write_row([tap, block.first + column, strip.first + row], 1, from(column), dw);
                            }),
                        }
                    }
                }
                at += sets * tile;
            }
        }
    }

    /// For every tap of the pass, by its number, the sets whose sums go to it, as numbers of the order in which they lie; and
    /// how many sets there are.
    fn sets_of_taps(&self, part: &Part) -> (Vec<Vec<usize>>, usize) {
        let [kernel_d, kernel_h, _] = self.pass.kernel;
        let along = self.pass.axes[2].taps.len();
        let mut of_taps = vec![Vec::new(); kernel_d * kernel_h * along];
        for (number, [depth, height]) in part.pairs_of_sets().enumerate() {
            for d in depth.taps.0..depth.taps.1 {
                for h in height.taps.0..height.taps.1 {
                    for w in 0..along {
                        of_taps[(d * kernel_h + h) * along + w].push(number * along + w);
                    }
                }
            }
        }
        (of_taps, part.tap_sets() * along)
    }

    /// Writes `count` weights from output channel `output` on, of one tap, or of one tap of depth and height, and an input
    /// channel.
    fn write_row(&self, [tap, input, output]: [usize; 3], count: usize, from: Sums<'_>, dw: Shared) {
        let (depth, channels) = (self.pass.depth, self.pass.channels);
        assert!(input < depth && output + count <= channels);
        let row = |tap: usize| {
            // SAFETY: inside the weights, and each weight belongs to one share.
            unsafe { std::slice::from_raw_parts_mut(dw.get().add((tap * depth + input) * channels + output), count) }
        };
        match self.lines {
            Lines::Direct { .. } => {
                let sums = |first: &usize| &from.sums[*first..][..count];
                match from.firsts.split_first() {
                    Some((first, others)) => {
                        row(tap).copy_from_slice(sums(first));
                        let added =
                            |other| row(tap).iter_mut().zip(sums(other)).for_each(|(weight, sum)| *weight += sum);
                        others.iter().for_each(added);
                    }
                    // A tap that finds no input anywhere.
                    None => row(tap).fill(0.0),
                }
            }
            Lines::Points { step, .. } => {
                let mut weights = [[0.0; MOST_COLUMNS]; 9];
                match step {
                    Step::Line => from.of_line(step.filter(), &mut weights[0..3], count),
                    Step::Square(filter) => from.of_square(filter, &mut weights, count),
                }
                for (along, weights) in weights.iter().enumerate().take(step.taps()) {
                    row(tap * step.taps() + along).copy_from_slice(&weights[..count]);
                }
            }
        }
    }
}
