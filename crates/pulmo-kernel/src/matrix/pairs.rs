//! Output gradients as factors on the right: pairs of neighbouring voxels, over the places of a layout with gaps.
//!
//! A tap shifts them against the inputs by any number of voxels, so there are two copies: one of the pairs that begin at even places
//! and one of those that begin at odd ones. Places without an output hold zeros, which drop whatever the inputs hold there.

use std::cell::RefCell;

use rayon::prelude::*;

use super::layout::Layout;
use super::unit::{DEPTH, Row, SIDE};
use super::{Reader, round_all};
use crate::conv3d::tiles::Shared;

/// Sizes of the pairs of a plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs {
    channels: usize,
    /// Zero places before output 0, an even number that no tap exceeds.
    lead: usize,
    /// Rows of one tile of channels in one copy.
    pub(super) rows: usize,
    /// Rows of all channels in one copy, and of a plane.
    copy: usize,
    pub(super) plane: usize,
}

thread_local! {
    /// A line as it is read, and rounded with a voxel of zeros around; they stay from task to task.
    static LINES: RefCell<(Vec<f32>, Vec<u16>)> = RefCell::default();
}

impl Pairs {
    pub(super) fn new(layout: &Layout, channels: usize) -> Self {
        let farthest = layout.entries.iter().map(|entry| entry.offset).max().unwrap_or(0);
        let lead = farthest.next_multiple_of(2);
        let rows = (lead + layout.block.max(layout.merged_rows)) / 2 + 1;
        let copy = channels.div_ceil(SIDE) * rows;
        Self { channels, lead, rows, copy, plane: 2 * copy }
    }

    /// Row at which the pairs begin that meet the inputs from place 0 on through a tap at `offset`.
    pub(super) fn start(&self, offset: usize) -> usize {
        // Output `-offset` is the first; an odd one begins a pair of the second copy.
        if offset.is_multiple_of(2) { (self.lead - offset) / 2 } else { self.copy + (self.lead - offset).div_ceil(2) }
    }

    /// Packs some planes of `height` lines each, one behind the other: the line of every slot, zeros where there is none.
    pub(super) fn pack(
        &self,
        layout: &Layout,
        slots: &[Option<usize>],
        read: &impl Reader,
        (first_line, height, planes): (usize, usize, usize),
        to: &mut [Row],
    ) {
        let to = Shared(to.as_mut_ptr());
        (0..planes * slots.len()).into_par_iter().with_min_len(4).for_each(|task| {
            let (plane, slot) = (task / slots.len(), task % slots.len());
            LINES.with_borrow_mut(|(values, rounded)| {
                let (width, channels) = (layout.counts[1], self.channels.next_multiple_of(SIDE));
                values.resize(width * self.channels, 0.0);
                match slots[slot] {
                    Some(line) => read(first_line + plane * height + line, values),
                    None => values.fill(0.0),
                }
                rounded.clear();
                rounded.resize((layout.pitch + 2) * channels + values.len(), 0);
                // Behind the line with its zeros, to be spread to whole tiles.
                let (line_of_tiles, dense) = rounded.split_at_mut((layout.pitch + 2) * channels);
                round_all(values, dense);
                for (to, from) in
                    line_of_tiles.chunks_exact_mut(channels).skip(1).zip(dense.chunks_exact(self.channels))
                {
                    to[..self.channels].copy_from_slice(from);
                }
                // SAFETY: inside the buffer, as it has room for all planes.
                let plane = unsafe { to.get().add(plane * self.plane) };
                self.write(layout, (slot, line_of_tiles), plane);
            });
        });
    }

    /// Writes the pairs of a line into both copies; the first line also those before, the last also those behind.
    fn write(&self, layout: &Layout, (line, values): (usize, &[u16]), plane: *mut Row) {
        let channels = self.channels.next_multiple_of(SIDE);
        let first = (line * layout.pitch + self.lead) / 2;
        let pairs = layout.pitch / 2;
        for copy in 0..2 {
            for tile in 0..channels / SIDE {
                // SAFETY: inside the plane; the lines of a plane write to rows of their own.
                let rows = unsafe {
                    std::slice::from_raw_parts_mut(plane.add(copy * self.copy + tile * self.rows), self.rows)
                };
                // In the second copy pairs begin one voxel before: at the zeros between the lines.
                let start = (1 - copy) * channels + tile * SIDE;
                for (pair, row) in rows[first..first + pairs].iter_mut().enumerate() {
                    let (even, odd) = values[start + 2 * pair * channels..].split_at(channels);
                    interleave(&even[..SIDE], &odd[..SIDE], row);
                }
                if line == 0 {
                    rows[..first].fill(Row::ZERO);
                }
                if line + 1 == layout.counts[0] {
                    rows[first + pairs..].fill(Row::ZERO);
                }
            }
        }
    }
}

#[inline(always)]
fn interleave(even: &[u16], odd: &[u16], row: &mut Row) {
    for (pair, (&even, &odd)) in row.0.chunks_exact_mut(2).zip(even.iter().zip(odd)) {
        pair.copy_from_slice(&[even, odd]);
    }
}

const _: () = assert!(DEPTH == 2 * SIDE, "a row holds the pairs of a tile's columns");
