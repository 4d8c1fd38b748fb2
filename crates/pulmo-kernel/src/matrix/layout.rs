//! How a pass lies in packed planes, so that 16 neighbouring outputs always read 16 neighbouring rows.
//!
//! Of every input plane the voxels are put one behind the other, lines with zeros around, in rows of 32 channels. Outputs are
//! counted with the same distance from line to line, so a tap is one constant offset; a few outputs between the
//! lines are computed for nothing. Strides split a plane into phases: voxels of the same residue lie together, and each
//! tap reads one of the phases at stride 1.
//!
//! Channels that do not fill a row are merged with the taps of a plane where that saves rows: what an output reads of them through all taps
//! of height and width lies in its own merged rows.

use super::source::Source;
use super::unit::{DEPTH, SIDE};
use crate::conv3d::passes::Axis;

/// Zeros and phases of one axis of a plane.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// Step of the input from output to output.
    pub(super) advance: usize,
    /// Residues that a tap reads, and the first packed place of all of them.
    pub(super) phases: Vec<usize>,
    pub(super) first: isize,
    /// Packed places.
    pub(super) span: usize,
    /// Zeros that come before every phase's voxels and behind.
    zeros: [usize; 2],
    extent: usize,
    /// Of every phase the voxel at each place, where they follow no rule.
    gathered: Option<Vec<Vec<Option<usize>>>>,
    /// Of every tap, in the order of their shifts: index in the weights, shift, phase by its index, packed place of output 0.
    taps: Vec<(usize, isize, usize, usize)>,
}

impl Lane {
    fn new(axis: &Axis) -> Self {
        let advance = axis.advance as isize;
        let mut shifts = axis.taps.clone();
        shifts.sort_by_key(|&(_, shift)| shift);
        let places = || shifts.iter().map(|(_, shift)| shift.div_euclid(advance));
        let (first, last) = (places().min().unwrap_or(0), places().max().unwrap_or(0));
        let mut phases: Vec<usize> = shifts.iter().map(|(_, shift)| shift.rem_euclid(advance) as usize).collect();
        phases.sort_unstable();
        phases.dedup();
        let taps = shifts.iter().map(|&(tap, shift)| {
            let phase = phases.iter().position(|&phase| phase == shift.rem_euclid(advance) as usize).unwrap_or(0);
            (tap, shift, phase, (shift.div_euclid(advance) - first) as usize)
        });
        let taps = taps.collect();
        let span = axis.count + (last - first) as usize;
        let mut lane = Self {
            advance: axis.advance,
            phases,
            first,
            span,
            zeros: [0; 2],
            extent: axis.extent,
            gathered: None,
            taps,
        };
        let before = first.min(0).unsigned_abs();
        let behind = lane.phases.iter().map(|&phase| {
            let voxels = lane.extent.saturating_sub(phase).div_ceil(lane.advance) as isize;
            (first + span as isize - voxels).max(0) as usize
        });
        lane.zeros = [before, behind.min().unwrap_or(0)];
        lane
    }

    /// Every tap reads one of some phases, whose voxels follow no rule; its shift is the phase's index.
    fn gathered(axis: &Axis, phases: &[Vec<Option<usize>>]) -> Self {
        Self {
            advance: 1,
            phases: (0..phases.len()).collect(),
            first: 0,
            span: axis.count,
            zeros: [0; 2],
            extent: axis.extent,
            gathered: Some(phases.to_vec()),
            taps: axis.taps.iter().map(|&(tap, phase)| (tap, phase, phase as usize, 0)).collect(),
        }
    }

    /// The voxel at a packed place of a phase, if it lies inside.
    pub(super) fn voxel(&self, phase: usize, place: usize) -> Option<usize> {
        if let Some(phases) = &self.gathered {
            return phases[phase][place];
        }
        let index = usize::try_from(self.first + place as isize).ok()?;
        Some(index * self.advance + self.phases[phase]).filter(|&voxel| voxel < self.extent)
    }

    /// The smallest shift, and places that all taps of all outputs reach from there at stride 1.
    pub(super) fn reach(&self, count: usize) -> (isize, usize) {
        let (Some(first), Some(last)) = (self.taps.first(), self.taps.last()) else { return (0, 0) };
        (first.1, (count - 1) * self.advance + (last.1 - first.1) as usize + 1)
    }

    /// Where a merged tap finds its line of output `out`: phase by index, packed place.
    pub(super) fn line(&self, tap: usize, out: usize) -> (usize, usize) {
        (self.taps[tap].2, self.taps[tap].3 + out)
    }
}

/// 32 values that one product sums over: rows of channels through one tap, or merged rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// First row of the block, in a plane; the row of output 0 lies `offset` behind.
    pub(super) base: usize,
    pub(super) offset: usize,
    /// Block of channels; behind them the merged ones.
    pub(super) unit: usize,
    /// Index of the tap in the weights of a plane, unless merged.
    tap: Option<usize>,
}

/// The packed planes of a pass.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) lanes: [Lane; 2],
    /// Output lines and voxels of a line.
    pub(super) counts: [usize; 2],
    /// From line to line.
    pub(super) pitch: usize,
    /// Places of outputs of a plane, those between the lines counted.
    pub(super) outputs: usize,
    /// Rows of one block of channels in one phase: a multiple of 32.
    pub(super) block: usize,
    /// Blocks of channels, and how many channels they hold.
    pub(super) blocks: usize,
    pub(super) whole: usize,
    /// Blocks of merged rows, and rows of one: a multiple of 32.
    pub(super) merged: usize,
    pub(super) merged_rows: usize,
    /// All rows of a plane.
    pub(super) plane: usize,
    pub(super) entries: Vec<Entry>,
    channels: usize,
    kernel_width: usize,
}

impl Layout {
    /// `granule` channels cost as much as one. With `gaps`, lines of outputs are an even number of places apart and have a place between them.
    pub(super) fn new(Source { pass, classes, gathered, .. }: &Source, granule: usize, gaps: bool) -> Self {
        let [_, height, width] = &pass.axes;
        let lines = gathered.as_ref().map_or_else(|| Lane::new(height), |phases| Lane::gathered(height, phases));
        let lanes = [lines, Lane::new(width)];
        let counts = [pass.axes[1].count, pass.axes[2].count];
        let taps = lanes[0].taps.len() * lanes[1].taps.len();
        let tail = pass.depth % DEPTH;
        // Merging writes every value once a tap, so it has to save a quarter; and merged taps are read by all lines.
        let [cost, apart] = [(taps * tail).next_multiple_of(granule), taps * tail.next_multiple_of(granule)];
        let merged = if taps > 1 && classes.len() == 1 && gathered.is_none() && cost * 4 <= apart * 3 {
            (taps * tail).div_ceil(DEPTH)
        } else {
            0
        };
        let blocks = if merged > 0 { pass.depth / DEPTH } else { pass.depth.div_ceil(DEPTH) };
        let whole = if merged > 0 { blocks * DEPTH } else { pass.depth };
        // The zeros behind a line are those before the next; merged rows need none.
        let [before, behind] = lanes[1].zeros;
        let own = lanes[1].span - before.min(behind).min(lanes[1].span);
        let pitch = if blocks > 0 { own.max(counts[1]) } else { counts[1] };
        let pitch = if gaps { pitch.max(counts[1] + 1).next_multiple_of(2) } else { pitch };
        let outputs = (counts[0].max(1) - 1) * pitch + counts[1];
        let farthest = (lanes[0].span - counts[0]) * pitch + (lanes[1].span - counts[1]);
        let stored = (lanes[0].span.max(1) - 1) * pitch + pitch.max(lanes[1].span);
        let block = stored.max(outputs.next_multiple_of(DEPTH) + farthest).next_multiple_of(DEPTH);
        let merged_rows = outputs.next_multiple_of(DEPTH);
        let phases = lanes[0].phases.len() * lanes[1].phases.len();
        let plane = phases * blocks * block + merged * merged_rows;
        let mut layout = Self {
            lanes,
            counts,
            pitch,
            outputs,
            block,
            blocks,
            whole,
            merged,
            merged_rows,
            plane,
            entries: Vec::new(),
            channels: pass.depth,
            kernel_width: pass.kernel[2],
        };
        layout.entries = layout.list_entries();
        layout
    }

    fn list_entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for unit in 0..self.blocks {
            let first = entries.len();
            for &(h, _, phase_h, place_h) in &self.lanes[0].taps {
                for &(w, _, phase_w, place_w) in &self.lanes[1].taps {
                    let base = self.base(phase_h, phase_w, unit);
                    let offset = place_h * self.pitch + place_w;
                    entries.push(Entry { base, offset, unit, tap: Some(h * self.kernel_width + w) });
                }
            }
            // Taps of one phase read the same rows.
            entries[first..].sort_by_key(|entry| (entry.base, entry.offset));
        }
        for index in 0..self.merged {
            let base = self.merged_base(index);
            entries.push(Entry { base, offset: 0, unit: self.blocks + index, tap: None });
        }
        entries
    }

    /// First row of a block of channels in a phase.
    pub(super) fn base(&self, phase_h: usize, phase_w: usize, block: usize) -> usize {
        ((phase_h * self.lanes[1].phases.len() + phase_w) * self.blocks + block) * self.block
    }

    /// First merged row of a block.
    pub(super) fn merged_base(&self, index: usize) -> usize {
        self.plane - (self.merged - index) * self.merged_rows
    }

    /// Channels that are merged with taps.
    pub(super) fn tail(&self) -> usize {
        self.channels - self.whole
    }

    /// Merged values of an output through one line, and through all.
    pub(super) fn merged_lens(&self) -> (usize, usize) {
        let line = self.lanes[1].taps.len() * self.tail();
        (line, line * self.lanes[0].taps.len())
    }

    /// Lines that merged taps read.
    pub(super) fn merged_lines(&self) -> usize {
        self.lanes[0].taps.len()
    }

    /// Tap of a plane and channel that a value of an entry belongs to, if to any.
    pub(super) fn source(&self, entry: &Entry, value: usize) -> Option<(usize, usize)> {
        match entry.tap {
            Some(tap) => {
                let channel = entry.unit * DEPTH + value;
                (channel < self.whole).then_some((tap, channel))
            }
            None => {
                let index = (entry.unit - self.blocks) * DEPTH + value;
                let (line, all) = self.merged_lens();
                (index < all).then(|| {
                    let h = self.lanes[0].taps[index / line].0;
                    let w = self.lanes[1].taps[index % line / self.tail()].0;
                    (h * self.kernel_width + w, self.whole + index % self.tail())
                })
            }
        }
    }

    /// Index of the height's tap that an entry reads through, unless merged.
    pub(super) fn height_tap(&self, entry: &Entry) -> Option<usize> {
        entry.tap.map(|tap| tap / self.kernel_width)
    }

    /// Values of an entry that belong to a channel; they are its first.
    pub(super) fn held(&self, entry: &Entry) -> usize {
        let (before, all) = match entry.tap {
            Some(_) => (entry.unit, self.whole),
            None => (entry.unit - self.blocks, self.merged_lens().1),
        };
        (all - before * DEPTH).min(DEPTH)
    }

    /// Tiles that the channels of an entry take: 1 where the second half of its values is empty.
    pub(super) fn halves(&self, entry: &Entry) -> usize {
        self.held(entry).div_ceil(SIDE)
    }
}
