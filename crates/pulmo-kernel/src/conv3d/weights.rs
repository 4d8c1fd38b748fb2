//! The weight gradient: for every tap, the sum over output voxels of the outer products of input and output gradient.
//!
//! Tasks own one part of the output lines and some channels. Of a few lines at a time they pack the channels of `x`
//! and `dy` into strips, then run all taps over them. The parts of space are added up afterwards in a fixed order.
//!
//! With three taps along a line and no strides, lines are turned into the points of minimal filtering first
//! (`simd/filtering.rs`): four voxels of `dy` and six of `x` give six products per channel pair instead of twelve.

use std::cell::RefCell;

use rayon::prelude::*;

use super::aligned::{Aligned, Lent, Use};
use super::lines::Lines;
use super::packing::Source;
use super::passes::Pass;
use super::tiles::{Shared, dots_pay};
use crate::element::Element;
use crate::simd::filtering::{POINTS, WEIGHTS};
use crate::simd::{KernelSet, OuterJob, Stored};

/// Output voxels that a task packs at a time.
pub(super) const CHUNK_VOXELS: usize = 256;
/// The same where lines are turned into points, which are a fourth as many.
pub(super) const CHUNK_VOXELS_OF_POINTS: usize = 1024;
/// Fewest output voxels of a part of space.
const PART_VOXELS: usize = 1024;
/// Most parts of space, and most weights of all parts together: few and large tasks need no parts.
const MAX_PARTS: usize = 8;
const MAX_PART_WEIGHTS: usize = 8 << 20;
/// Tasks there should be, where the channels allow splitting.
const MIN_TASKS: usize = 16;
/// Marks a line that is not packed.
const ABSENT: u32 = u32::MAX;

/// Which tensor gives the rows and which the columns of the outer products.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rows {
    /// Rows are channels of `x`, columns channels of `dy`.
    Input,
    /// Rows are the few last channels of `dy`, columns channels of `x`.
    OutputTail,
}

/// Some rows times all their columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    rows: Rows,
    /// Rows of a strip.
    pub(super) height: usize,
    pub(super) first_row: usize,
    pub(super) end_row: usize,
    first_column: usize,
    pub(super) end_column: usize,
}

impl Share {
    /// Strips of rows.
    pub(super) fn strips(&self) -> usize {
        (self.end_row - self.first_row).div_ceil(self.height)
    }

    /// The column blocks as (first column, vectors).
    pub(super) fn blocks(&self, set: &KernelSet) -> Vec<(usize, usize)> {
        let mut blocks = Vec::new();
        let mut first = self.first_column;
        while first < self.end_column {
            let vectors = (self.end_column - first).div_ceil(set.lanes).min(set.vectors);
            blocks.push((first, vectors));
            first += vectors * set.lanes;
        }
        blocks
    }

    /// Columns with those that fill up the last vector.
    pub(super) fn padded_columns(&self, set: &KernelSet) -> usize {
        (self.end_column - self.first_column).next_multiple_of(set.lanes)
    }

    /// The channels of `x` and of `dy` that the share needs.
    pub(super) fn channels(&self) -> [std::ops::Range<usize>; 2] {
        let (rows, columns) = (self.first_row..self.end_row, self.first_column..self.end_column);
        match self.rows {
            Rows::Input => [rows, columns],
            Rows::OutputTail => [columns, rows],
        }
    }

    /// Floats of the sums for `taps` taps.
    fn sums(&self, set: &KernelSet, taps: usize) -> usize {
        self.strips() * self.height * self.padded_columns(set) * taps
    }
}

/// The strip height that wastes least on `rows` rows.
fn strip_height(set: &KernelSet, rows: usize) -> usize {
    if rows <= set.rows {
        return rows.max(1);
    }
    (set.rows * 2 / 3..=set.rows).rev().min_by_key(|&height| rows.next_multiple_of(height)).unwrap_or(set.rows)
}

/// Splits the weights into shares.
fn shares(set: &KernelSet, pass: &Pass, parts: usize) -> Vec<Share> {
    let tail = pass.channels % set.lanes;
    let tail = if tail > 0 && dots_pay(set.lanes, pass.depth, tail) { tail } else { 0 };
    let columns = pass.channels - tail;
    let mut shares = Vec::new();
    if columns > 0 {
        let height = strip_height(set, pass.depth);
        let strips = pass.depth.div_ceil(height);
        // Lines of fewer channels than a vector has lanes are turned into points at half the speed.
        let groups = MIN_TASKS.div_ceil(parts).min(strips).min((pass.depth / set.lanes).max(1));
        for group in 0..groups {
            let first_row = group * strips / groups * height;
            let end_row = ((group + 1) * strips / groups * height).min(pass.depth);
            shares.push(Share { rows: Rows::Input, height, first_row, end_row, first_column: 0, end_column: columns });
        }
    }
    if tail > 0 {
        let (first_row, end_row) = (columns, pass.channels);
        let whole = Share { rows: Rows::OutputTail, height: tail, first_row, end_row, first_column: 0, end_column: 0 };
        shares.push(Share { end_column: pass.depth, ..whole });
    }
    shares
}

/// Parts into which the output lines are split.
pub(super) fn parts(weights: usize, lines: usize, width: usize) -> usize {
    (lines * width / PART_VOXELS).min(MAX_PART_WEIGHTS / weights.max(1)).clamp(1, MAX_PARTS).min(lines.max(1))
}

/// Computes `dw[tap][depth][channel] = sum over voxels of x * dy` for a forward pass.
pub(super) fn run<E: Stored>(set: &'static KernelSet, pass: &Pass, x: Lines<'_, E>, dy: &[E], dw: &mut [f32]) {
    if dw.is_empty() {
        return;
    }
    let width = pass.output[2];
    let lines = pass.batch * pass.output[0] * pass.output[1];
    if lines * width == 0 {
        return dw.fill(0.0);
    }
    let parts = parts(dw.len(), lines, width);
    let shares = shares(set, pass, parts);
    let job = Job { set, pass, lines: x, dy, taps: pass.kernel.iter().product() };
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
        let range = part * lines / parts..(part + 1) * lines / parts;
        SCRATCH.with_borrow_mut(|scratch| job.sum(share, range, scratch, sums));
    });
    let out = Shared(dw.as_mut_ptr());
    shares.par_iter().zip(sums).for_each(|(share, sums)| {
        let (total, others) = sums.split_at_mut(job.sums(share));
        for part in others.chunks_exact(total.len()) {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        job.write(share, total, out);
    });
}

/// Everything that the tasks share.
pub(super) struct Job<'a, E: Element> {
    pub(super) set: &'static KernelSet,
    pub(super) pass: &'a Pass,
    lines: Lines<'a, E>,
    pub(super) dy: &'a [E],
    taps: usize,
}

/// Buffers of a thread.
#[derive(Default)]
pub(super) struct Scratch {
    rows: Aligned,
    columns: Aligned,
    /// A line with zeros around.
    pub(super) padded: Vec<f32>,
    /// Lines of `x` and `dy` in float32, `[line][voxel][channel]`, or at all points, `[line][point][step][channel]`.
    pub(super) x_lines: Aligned,
    pub(super) dy_lines: Aligned,
    /// Packed place of every input line, or [`ABSENT`].
    slots: Vec<u32>,
    /// The packed input lines, by their index.
    pub(super) packed: Vec<usize>,
    /// Pairs of packed places of all taps, and where each tap's begin.
    pairs: Vec<[u32; 2]>,
    starts: Vec<usize>,
}

thread_local! {
    /// They stay from task to task.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<E: Stored> Job<'_, E> {
    /// Points at which sums are taken; 1 for direct sums.
    fn points(&self) -> usize {
        if matches!(self.lines, Lines::Points { .. }) { POINTS } else { 1 }
    }

    /// Floats of a share's sums over some output lines, whole cache lines of them.
    fn sums(&self, share: &Share) -> usize {
        (self.points() * share.sums(self.set, self.taps)).next_multiple_of(16)
    }

    /// Sets the sums of one share over some output lines: `[point][strip][block][tap][row][column]`.
    fn sum(&self, share: &Share, lines: std::ops::Range<usize>, scratch: &mut Scratch, sums: &mut [f32]) {
        let chunk_voxels = if self.points() > 1 { CHUNK_VOXELS_OF_POINTS } else { CHUNK_VOXELS };
        let of_point = share.sums(self.set, self.taps);
        sums.fill(0.0);
        let step = (chunk_voxels / self.pass.output[2]).max(1);
        for first in lines.clone().step_by(step) {
            let chunk = first..(first + step).min(lines.end);
            self.find_lines(chunk.clone(), scratch);
            self.pair_up(chunk.clone(), share.rows, scratch);
            match self.lines {
                Lines::Direct { padding, x } => self.widen(share, chunk.clone(), (padding, x), scratch),
                Lines::Points { padding, voxels, x } => {
                    self.spread(share, chunk.clone(), (padding, voxels, x), scratch);
                }
            }
            for point in 0..self.points() {
                let sums = &mut sums[point * of_point..][..of_point];
                self.sum_chunk(share, chunk.clone(), point, scratch, sums);
            }
        }
    }

    /// Adds some output lines' products at one point.
    fn sum_chunk(
        &self,
        share: &Share,
        chunk: std::ops::Range<usize>,
        point: usize,
        scratch: &mut Scratch,
        sums: &mut [f32],
    ) {
        let steps = self.pass.axes[2].count;
        let [of_x, of_dy] = share.channels();
        let (x_floats, dy_floats) = (scratch.x_lines.as_slice(), scratch.dy_lines.as_slice());
        let x_lines: Vec<&[f32]>;
        let dy_lines: Vec<&[f32]>;
        let [x, dy] = match self.lines {
            Lines::Direct { padding, x } => {
                let x_form = self.input_form(share, (padding, x));
                x_lines = match self.plain_input((padding, x)) {
                    Some(x) => scratch.packed.iter().map(|&line| &x[self.line_start(line)..]).collect(),
                    None => (0..scratch.packed.len()).map(|index| &x_floats[index * x_form.line..]).collect(),
                };
                let outputs = self.pass.output[2];
                let (dy_pitch, dy_first) = match E::as_scalars(self.dy) {
                    Some(dy) => {
                        let line = outputs * self.pass.channels;
                        dy_lines = chunk.map(|index| &dy[index * line..]).collect();
                        (self.pass.channels, 0)
                    }
                    None => {
                        let line = outputs * of_dy.len();
                        dy_lines = (0..chunk.len()).map(|index| &dy_floats[index * line..]).collect();
                        (of_dy.len(), of_dy.start)
                    }
                };
                let voxels = self.pass.axes[2].extent;
                let x = Source { lines: &x_lines, voxels, pitch: x_form.pitch, first: x_form.first };
                [x, Source { lines: &dy_lines, voxels: outputs, pitch: dy_pitch, first: dy_first }]
            }
            Lines::Points { .. } => {
                let line = |index: usize, channels: usize| (index * POINTS + point) * steps * channels;
                x_lines = (0..scratch.packed.len()).map(|index| &x_floats[line(index, of_x.len())..]).collect();
                dy_lines = (0..chunk.len()).map(|index| &dy_floats[line(index, of_dy.len())..]).collect();
                let x = Source { lines: &x_lines, voxels: steps, pitch: of_x.len(), first: of_x.start };
                [x, Source { lines: &dy_lines, voxels: steps, pitch: of_dy.len(), first: of_dy.start }]
            }
        };
        let (rows, columns) = match share.rows {
            Rows::Input => (x, dy),
            Rows::OutputTail => (dy, x),
        };
        rows.pack_rows(share, &mut scratch.rows);
        columns.pack_columns(share, self.set, &mut scratch.columns);
        let places = (rows.places(), columns.places());
        self.multiply(share, places, scratch, sums);
    }

    /// First float of an input line, by its index over batch, depth and height.
    fn line_start(&self, line: usize) -> usize {
        let (height, depth) = (self.pass.axes[1].extent, self.pass.axes[0].extent);
        let (n, d, h) = (line / (height * depth), line / height % depth, line % height);
        n * self.pass.volume + d * self.pass.pitches[0] + h * self.pass.pitches[1]
    }

    /// The input line that an output line reads through a tap of depth and height, if there is one.
    fn source_line(&self, line: usize, shift_d: isize, shift_h: isize) -> Option<usize> {
        let [axis_d, axis_h, _] = &self.pass.axes;
        let (n, d, h) = (line / (axis_h.count * axis_d.count), line / axis_h.count % axis_d.count, line % axis_h.count);
        let d = axis_d.source(d, shift_d)?;
        let h = axis_h.source(h, shift_h)?;
        Some((n * axis_d.extent + d) * axis_h.extent + h)
    }

    /// Gives every input line that some output lines read a place among the packed ones.
    fn find_lines(&self, chunk: std::ops::Range<usize>, scratch: &mut Scratch) {
        let [axis_d, axis_h, _] = &self.pass.axes;
        scratch.slots.clear();
        scratch.slots.resize(self.pass.batch * axis_d.extent * axis_h.extent, ABSENT);
        scratch.packed.clear();
        for line in chunk {
            for &(_, shift_d) in &axis_d.taps {
                for &(_, shift_h) in &axis_h.taps {
                    let Some(source) = self.source_line(line, shift_d, shift_h) else { continue };
                    if scratch.slots[source] == ABSENT {
                        scratch.slots[source] = scratch.packed.len() as u32;
                        scratch.packed.push(source);
                    }
                }
            }
        }
    }

    /// Lists, for every tap, the packed places of input voxel and output voxel that meet.
    fn pair_up(&self, chunk: std::ops::Range<usize>, rows: Rows, scratch: &mut Scratch) {
        let [axis_d, axis_h, axis_w] = &self.pass.axes;
        scratch.pairs.clear();
        scratch.starts.clear();
        for &(_, shift_d) in &axis_d.taps {
            for &(_, shift_h) in &axis_h.taps {
                for &(_, shift_w) in &axis_w.taps {
                    scratch.starts.push(scratch.pairs.len());
                    for (place, line) in chunk.clone().enumerate() {
                        let Some(source) = self.source_line(line, shift_d, shift_h) else { continue };
                        let slot = scratch.slots[source] as usize * axis_w.extent;
                        for w in 0..axis_w.count {
                            let Some(at) = axis_w.source(w, shift_w) else { continue };
                            let (x, dy) = ((slot + at) as u32, (place * axis_w.count + w) as u32);
                            scratch.pairs.push(if rows == Rows::Input { [x, dy] } else { [dy, x] });
                        }
                    }
                }
            }
        }
        scratch.starts.push(scratch.pairs.len());
    }

    /// Adds the outer products of the packed strips and blocks for all taps.
    fn multiply(&self, share: &Share, (rows, columns): (usize, usize), scratch: &Scratch, sums: &mut [f32]) {
        let mut at = 0;
        for strip in 0..share.strips() {
            let row_strip = &scratch.rows.as_slice()[strip * rows * share.height..][..rows * share.height];
            for (first, vectors) in share.blocks(self.set) {
                let width = vectors * self.set.lanes;
                let block = &scratch.columns.as_slice()[(first - share.first_column) * columns..][..columns * width];
                let tile = share.height * width;
                for pair in scratch.starts.windows(2) {
                    let pairs = &scratch.pairs[pair[0]..pair[1]];
                    debug_assert!(pairs.iter().all(|&[a, b]| (a as usize) < rows && (b as usize) < columns));
                    let sums = sums[at..][..tile].as_mut_ptr();
                    let job = OuterJob { rows: row_strip.as_ptr(), columns: block.as_ptr(), pairs, sums };
                    // SAFETY: the pairs are places of the strip and the block, whose lengths were just taken; the
                    // sums hold a tile; the kernels were chosen for this processor.
                    unsafe { (self.set.outer[vectors - 1][share.height - 1])(&job) };
                    at += tile;
                }
            }
        }
    }

    /// Writes a share's sums to their weights.
    fn write(&self, share: &Share, sums: &[f32], dw: Shared) {
        let of_point = share.sums(self.set, self.taps);
        let mut at = 0;
        for strip in 0..share.strips() {
            let first_row = share.first_row + strip * share.height;
            for (first, vectors) in share.blocks(self.set) {
                let width = vectors * self.set.lanes;
                let count = width.min(share.end_column - first);
                for tap in 0..self.taps {
                    for row in first_row..share.end_row.min(first_row + share.height) {
                        let place = at + (row - first_row) * width;
                        for column in first..first + count {
                            let (input, output) = match share.rows {
                                Rows::Input => (row, column),
                                Rows::OutputTail => (column, row),
                            };
                            self.write_weights(tap, [input, output], &sums[place + column - first..], of_point, dw);
                        }
                    }
                    at += share.height * width;
                }
            }
        }
    }

    /// Writes the weights of one tap, or of one tap of depth and height, from the sums at all points.
    #[inline(always)]
    fn write_weights(&self, tap: usize, [input, output]: [usize; 2], sums: &[f32], of_point: usize, dw: Shared) {
        let (depth, channels) = (self.pass.depth, self.pass.channels);
        debug_assert!(input < depth && output < channels);
        let write = |tap: usize, value: f32| {
            // SAFETY: inside the weights, and each weight belongs to one share.
            unsafe { dw.get().add((tap * depth + input) * channels + output).write(value) };
        };
        match self.lines {
            Lines::Direct { .. } => write(tap, sums[0]),
            Lines::Points { .. } => {
                let points: [f64; POINTS] = std::array::from_fn(|point| f64::from(sums[point * of_point]));
                for along in 0..3 {
                    let value: f64 = points.iter().zip(&WEIGHTS).map(|(sum, factors)| sum * factors[along]).sum();
                    write(tap * 3 + along, value as f32);
                }
            }
        }
    }
}
