//! Turns lines into the points of squares: first along every line, then across them.

use crate::conv3d::Conv3d;
use crate::conv3d::aligned::Aligned;
use crate::simd::{Filter, KernelSet, SpreadJob};

/// The points along some lines, `[point][step][channel]` each, from which squares are made.
#[derive(Default)]
pub(crate) struct Strip {
    lines: Aligned,
    padded: Aligned,
    /// The row of squares whose lines are there, and in which plane: rows share two lines with the next.
    holds: Option<(usize, usize)>,
}

/// Sizes of a row of squares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) filter: Filter,
    /// Squares in it.
    pub(crate) steps: usize,
    pub(crate) channels: usize,
    /// Floats from a step to the next.
    pub(crate) pitch: usize,
    /// Voxels of a line, and zeros before it.
    pub(crate) width: usize,
    pub(crate) padding: usize,
    /// Floats from a point across lines to the next; those along a line, all steps and channels of each, follow each other.
    pub(crate) point_pitch: usize,
}

impl Row {
    /// Floats of all points along one line.
    fn line(&self) -> usize {
        self.filter.points() * self.steps * self.pitch
    }

    /// Floats of a line with zeros around.
    fn padded(&self) -> usize {
        (self.steps * self.filter.outputs() + 2) * self.channels
    }

    /// Floats that a [`Strip`] takes.
    pub(crate) fn strip(&self) -> usize {
        self.filter.points() * self.line() + self.padded() + 32
    }
}

impl Strip {
    /// Forgets all lines.
    pub(crate) fn clear(&mut self) {
        self.holds = None;
    }

    /// The points of one row of squares of an input plane, of lines that `read` gives by their number in the plane of `height`.
    ///
    /// # Safety
    /// `to` is writable for all points, and nobody else writes or reads there.
    pub(crate) unsafe fn spread_inputs(
        &mut self,
        (set, conv): (&KernelSet, &Conv3d),
        row: &Row,
        (plane, index): (usize, usize),
        mut read: impl FnMut(usize, &mut [f32]),
        to: *mut f32,
    ) {
        let len = row.line();
        let (points, outputs) = (row.filter.points(), row.filter.outputs());
        let transforms = set.transforms(row.filter);
        let lines = self.lines.reserve(points * len);
        let follows = index > 0 && self.holds == Some((plane, index - 1));
        if follows {
            lines.copy_within(outputs * len.., 0);
        }
        let kept = if follows { points - outputs } else { 0 };
        let padded = self.padded.reserve(row.padded());
        let voxels = row.padding * row.channels..(row.padding + row.width) * row.channels;
        padded[..voxels.start].fill(0.0);
        padded[voxels.end..].fill(0.0);
        for (number, line) in lines.chunks_exact_mut(len).enumerate().skip(kept) {
            match (index * outputs + number).checked_sub(conv.padding[1]).filter(|&h| h < conv.input[1]) {
                Some(h) => {
                    read(h, &mut padded[voxels.clone()]);
                    // SAFETY: the padded line holds all voxels of every step and two more; the kernels suit this processor.
                    unsafe { (transforms.spread)(&along(row, (padded, row.channels), line)) };
                }
                None => line.fill(0.0),
            }
        }
        self.holds = Some((plane, index));
        // SAFETY: the lines of points lie side by side; `to` is the caller's promise.
        unsafe { (transforms.spread)(&across(row, lines, to)) };
    }

    /// The points of one row of squares of output gradients, whose lines `read` writes or says to be missing.
    ///
    /// # Safety
    /// As [`spread_inputs`](Self::spread_inputs).
    pub(crate) unsafe fn spread_gradients(
        &mut self,
        set: &KernelSet,
        row: &Row,
        mut read: impl FnMut(usize, &mut [f32]) -> bool,
        to: *mut f32,
    ) {
        let len = row.line();
        let transforms = set.transforms(row.filter);
        let lines = self.lines.reserve(row.filter.outputs() * len);
        let padded = self.padded.reserve(row.padded());
        padded[row.width * row.channels..].fill(0.0);
        for (number, line) in lines.chunks_exact_mut(len).enumerate() {
            if read(number, &mut padded[..row.width * row.channels]) {
                // SAFETY: as above; gradients need no voxels behind the last step.
                unsafe { (transforms.spread_gradients)(&along(row, (padded, row.channels), line)) };
            } else {
                line.fill(0.0);
            }
        }
        self.holds = None;
        // SAFETY: the lines of points lie side by side; `to` is the caller's promise.
        unsafe { (transforms.spread_gradients)(&across(row, lines, to)) };
    }
}

/// Along one padded line.
fn along(row: &Row, (from, voxel): (&[f32], usize), to: &mut [f32]) -> SpreadJob {
    let &Row { steps, channels, pitch, .. } = row;
    SpreadJob {
        from: from.as_ptr(),
        voxel,
        channels,
        steps,
        to: to.as_mut_ptr(),
        point_pitch: steps * pitch,
        step_pitch: pitch,
    }
}

/// Across lines of points.
fn across(row: &Row, lines: &[f32], to: *mut f32) -> SpreadJob {
    let len = row.line();
    SpreadJob {
        from: lines.as_ptr(),
        voxel: len,
        channels: len,
        steps: 1,
        to,
        point_pitch: row.point_pitch,
        step_pitch: 0,
    }
}
