//! Reads lines, rounds them to bfloat16 and packs them into planes as the [layout](super::layout) says.

use std::cell::RefCell;

use rayon::prelude::*;

use super::layout::Layout;
use super::unit::{DEPTH, Row};
use super::{Reader, round_all};
use crate::conv3d::passes::Pass;
use crate::conv3d::tiles::Shared;

thread_local! {
    /// A line as it is read, and rounded; they stay from task to task.
    static LINES: RefCell<(Vec<f32>, Vec<u16>)> = RefCell::default();
}

/// Packs the planes of a pass.
pub(super) struct Packer<'a, R> {
    pub(super) layout: &'a Layout,
    pub(super) pass: &'a Pass,
    pub(super) read: &'a R,
    /// Planes that there is room for; plane `p` lies at place `p % ring`.
    pub(super) ring: usize,
}

/// Rows that a line of the channels to be merged takes, with slack for reading ahead.
fn narrow_rows(layout: &Layout) -> usize {
    let (_, places) = layout.lanes[1].reach(layout.counts[1]);
    (places * layout.tail()).div_ceil(DEPTH) + 1
}

/// Rows of a plane of the channels to be merged, which are needed while a plane is packed.
pub(super) fn narrow_plane(layout: &Layout) -> usize {
    if layout.merged == 0 { 0 } else { layout.lanes[0].phases.len() * layout.lanes[0].span * narrow_rows(layout) }
}

impl<R: Reader> Packer<'_, R> {
    /// Packs some planes of a volume. `narrow` has [`narrow_plane`] rows for each of them.
    pub(super) fn pack(&self, volume: usize, planes: &[usize], ring: &mut [Row], narrow: &mut [Row]) {
        let lane = &self.layout.lanes[0];
        let lines = lane.phases.len() * lane.span;
        let to = Shared(ring.as_mut_ptr());
        let narrow_to = Shared(narrow.as_mut_ptr());
        (0..planes.len() * lines).into_par_iter().with_min_len(4).for_each(|task| {
            let (index, phase, place) = (task / lines, task / lane.span % lane.phases.len(), task % lane.span);
            let [depth, height] = [self.pass.axes[0].extent, self.pass.axes[1].extent];
            LINES.with_borrow_mut(|(values, rounded)| {
                let line = lane.voxel(phase, place).map(|h| {
                    values.resize(self.pass.axes[2].extent * self.pass.depth, 0.0);
                    (self.read)((volume * depth + planes[index]) * height + h, values);
                    rounded.resize(values.len(), 0);
                    round_all(values, rounded);
                    rounded.as_slice()
                });
                // SAFETY: inside the ring; every line of a plane and phase belongs to one task.
                let plane = unsafe { to.get().add(planes[index] % self.ring * self.layout.plane) };
                self.spread(line, (phase, place), plane);
                if self.layout.merged > 0 {
                    let rows = narrow_rows(self.layout);
                    // SAFETY: inside the buffer; each task has its own rows.
                    let to = unsafe { std::slice::from_raw_parts_mut(narrow_to.get().add(task * rows), rows) };
                    self.narrow(line, to);
                }
            });
        });
        if self.layout.merged > 0 {
            let heights = self.layout.counts[0];
            (0..planes.len() * heights).into_par_iter().with_min_len(4).for_each(|task| {
                let (index, out) = (task / heights, task % heights);
                let narrow = &narrow[index * narrow_plane(self.layout)..];
                // SAFETY: as above; every output line belongs to one task.
                let plane = unsafe { to.get().add(planes[index] % self.ring * self.layout.plane) };
                self.merge(narrow, out, plane);
            });
        }
    }

    /// Writes a line, or zeros, into its place of all phases along it and all blocks.
    fn spread(&self, line: Option<&[u16]>, (phase_h, place): (usize, usize), plane: *mut Row) {
        let layout = self.layout;
        let (lane, channels) = (&layout.lanes[1], self.pass.depth);
        let start = place * layout.pitch;
        let end = if place + 1 == layout.lanes[0].span { layout.block } else { start + layout.pitch };
        for phase in 0..lane.phases.len() {
            for block in 0..layout.blocks {
                let first = layout.base(phase_h, phase, block) + start;
                // SAFETY: inside the plane, and nobody else's while this runs.
                let rows = unsafe { std::slice::from_raw_parts_mut(plane.add(first), end - start) };
                let held = (layout.whole - block * DEPTH).min(DEPTH);
                for (place, row) in rows.iter_mut().enumerate() {
                    let from = line.zip(lane.voxel(phase, place));
                    match from.map(|(line, voxel)| &line[voxel * channels + block * DEPTH..][..held]) {
                        Some(from) => copy_row(from, row),
                        None => *row = Row::ZERO,
                    }
                }
            }
        }
    }

    /// Writes the channels to be merged of all voxels that the taps of a line reach, side by side.
    fn narrow(&self, line: Option<&[u16]>, to: &mut [Row]) {
        let (lane, channels, tail) = (&self.layout.lanes[1], self.pass.depth, self.layout.tail());
        let to = Row::values_mut(to);
        let (first, places) = lane.reach(self.layout.counts[1]);
        to.fill(0);
        let Some(line) = line else { return };
        for (place, to) in to.chunks_exact_mut(tail).enumerate().take(places) {
            let voxel = first + place as isize;
            if (0..self.pass.axes[2].extent as isize).contains(&voxel) {
                let from = &line[voxel as usize * channels + self.layout.whole..][..tail];
                to.copy_from_slice(from);
            }
        }
    }

    /// Writes the merged rows of an output line.
    fn merge(&self, narrow: &[Row], out: usize, plane: *mut Row) {
        let layout = self.layout;
        let (line_len, all) = layout.merged_lens();
        let lines: Vec<&[u16]> = (0..layout.merged_lines())
            .map(|tap| {
                let (phase, place) = layout.lanes[0].line(tap, out);
                let first = (phase * layout.lanes[0].span + place) * narrow_rows(layout);
                Row::values(&narrow[first..first + narrow_rows(layout)])
            })
            .collect();
        let step = layout.lanes[1].advance * layout.tail();
        let mut values = vec![0_u16; layout.merged * DEPTH + line_len.next_multiple_of(DEPTH) + DEPTH];
        let start = out * layout.pitch;
        let end = if out + 1 == layout.counts[0] { layout.merged_rows } else { start + layout.pitch };
        for place in start..end {
            let inside = place - start < layout.counts[1];
            if inside {
                for (line, at) in lines.iter().zip((0..).step_by(line_len)) {
                    copy_ahead(&line[(place - start) * step..], line_len, &mut values[at..]);
                }
                values[all..layout.merged * DEPTH].fill(0);
            }
            let (parts, _) = values.as_chunks::<DEPTH>();
            for (index, values) in parts.iter().enumerate().take(layout.merged) {
                // SAFETY: inside the plane; these rows belong to this task.
                let row = unsafe { &mut *plane.add(layout.merged_base(index) + place) };
                *row = if inside { Row(*values) } else { Row::ZERO };
            }
        }
    }
}

/// Copies up to 32 values into a row, zeros behind.
#[inline(always)]
fn copy_row(from: &[u16], row: &mut Row) {
    match from.first_chunk::<DEPTH>() {
        Some(from) => *row = Row(*from),
        None => {
            *row = Row::ZERO;
            row.0[..from.len()].copy_from_slice(from);
        }
    }
}

/// Copies `len` values, by pieces of 32 where there is room to read and write as many: what lies behind is written later.
#[inline(always)]
fn copy_ahead(from: &[u16], len: usize, to: &mut [u16]) {
    for at in (0..len).step_by(DEPTH) {
        match (from[at..].first_chunk::<DEPTH>(), to[at..].first_chunk_mut::<DEPTH>()) {
            (Some(from), Some(to)) => *to = *from,
            _ => to[at..len].copy_from_slice(&from[at..len]),
        }
    }
}
