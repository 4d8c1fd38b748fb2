//! How the weight gradient reads its lines: as float32 in memory, widened, or turned into points, and packs them.

use super::aligned::Aligned;
use super::packing::{Line, Packing};
use super::shares::Share;
use super::weights::{Job, Scratch};
use super::winograd::squares::Row;
use super::winograd::step::Step;
use super::{Conv3d, slabs};
use crate::element::{Element, widen_to};
use crate::simd::{Filter, SpreadJob, Stored, for_vectors};
use crate::view::{View, read_line};

/// How the lines of a pass are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lines<'a, E: Element> {
    /// As they are, with zeros before and behind each.
    Direct { padding: usize, x: &'a View<'a, E> },
    /// Turned into the points of minimal filtering of a convolution.
    Points { conv: Conv3d, step: Step, x: &'a View<'a, E> },
}

impl<E: Stored> Job<'_, E> {
    /// Packs the share's channels of some input lines, each in its place.
    pub(super) fn pack_inputs(&self, share: &Share, lines: &[usize], packing: &Packing<'_>, scratch: &mut Scratch) {
        let Scratch { padded, line: buffer, x: packed, places, strip, .. } = scratch;
        let [of_x, _] = share.channels();
        match self.lines {
            Lines::Points { conv, step: step @ Step::Square(filter), x } => {
                let x = self.inputs[share.part].view(x, of_x.clone());
                let row = self.row(&conv, filter, of_x.len());
                let [rows, height] = [step.rows(&conv), conv.input[1]];
                strip.clear();
                for &line in lines {
                    let (plane, index) = (line / rows, line % rows);
                    let read = |h: usize, to: &mut [f32]| read_line(&x, plane * height + h, to);
                    let points = buffer.reserve(step.across() * row.point_pitch);
                    // SAFETY: the buffer holds all points.
                    unsafe { strip.spread_inputs((self.set, &conv), &row, (plane, index), read, points.as_mut_ptr()) };
                    self.pack_points(points, (of_x.start, of_x.len()), (packing, places.of(line)), packed);
                }
            }
            Lines::Points { conv, step: Step::Line, x } => {
                let (padding, voxels) = (conv.padding[2], conv.input[2]);
                let (x, count) = (self.inputs[share.part].view(x, of_x.clone()), of_x.len());
                self.clear_padded(padded, count);
                for &line in lines {
                    read_line(&x, line, &mut padded[padding * count..][..voxels * count]);
                    let points = self.points_of_line((padded, count), count, false, buffer);
                    self.pack_points(points, (of_x.start, count), (packing, places.of(line)), packed);
                }
            }
            Lines::Direct { padding, x } => {
                let merged = self.pass.depth != x.channels();
                if let Some(floats) = x.as_plain().and_then(E::as_scalars).filter(|_| padding == 0 && !merged) {
                    for &line in lines {
                        let floats = &floats[self.line_start(line)..];
                        let line_at = Line { floats, pitch: self.pass.pitches[2], first: 0 };
                        packing.pack(line_at, (0, places.of(line)), packed);
                    }
                    return;
                }
                // Where the taps of a line are merged into the channels, voxels overlap.
                let own = if merged { x.clone() } else { x.some_channels(of_x.clone()) };
                let (pitch, first) = if merged { (self.pass.pitches[2], 0) } else { (of_x.len(), of_x.start) };
                let floats = buffer.reserve((x.size[2] + 2 * padding) * own.channels());
                for &line in lines {
                    slabs::read_line(&own, line, padding, floats);
                    packing.pack(Line { floats, pitch, first }, (0, places.of(line)), packed);
                }
            }
        }
    }

    /// Packs the share's channels of some lines of output gradients, one after the other.
    pub(super) fn pack_gradients(
        &self,
        share: &Share,
        lines: std::ops::Range<usize>,
        packing: &Packing<'_>,
        scratch: &mut Scratch,
    ) {
        let Scratch { padded, line: buffer, dy: packed, strip, .. } = scratch;
        let [_, of_dy] = share.channels();
        let (all, outputs, count) = (self.pass.channels, self.pass.output[2], of_dy.len());
        let floats_of = |line: usize| line * outputs * all..(line + 1) * outputs * all;
        match (self.lines, E::as_scalars(self.dy)) {
            (Lines::Points { conv, step: step @ Step::Square(filter), .. }, _) => {
                let row = Row { width: outputs, padding: 0, ..self.row(&conv, filter, count) };
                let [rows, height] = [step.rows(&conv), conv.output()[1]];
                for (slot, line) in lines.enumerate() {
                    let (plane, index) = (line / rows, line % rows);
                    let read = |number: usize, to: &mut [f32]| {
                        let h = index * step.lines() + number;
                        let inside = h < height;
                        if inside {
                            widen_channels(&self.dy[floats_of(plane * height + h)], all, &of_dy, to);
                        }
                        inside
                    };
                    let points = buffer.reserve(step.across() * row.point_pitch);
                    // SAFETY: the buffer holds all points.
                    unsafe { strip.spread_gradients(self.set, &row, read, points.as_mut_ptr()) };
                    self.pack_points(points, (of_dy.start, count), (packing, slot), packed);
                }
            }
            (Lines::Points { .. }, floats) => {
                // Lines of whole steps need no zeros behind them.
                let floats = floats.filter(|_| outputs == self.pass.axes[2].count * Step::Line.outputs());
                self.clear_padded(padded, count);
                for (slot, line) in lines.enumerate() {
                    let from = if let Some(dy) = floats {
                        (&dy[floats_of(line)][of_dy.start..], all)
                    } else {
                        widen_channels(&self.dy[floats_of(line)], all, &of_dy, &mut padded[..outputs * count]);
                        (padded.as_slice(), count)
                    };
                    let points = self.points_of_line(from, count, true, buffer);
                    self.pack_points(points, (of_dy.start, count), (packing, slot), packed);
                }
            }
            (Lines::Direct { .. }, Some(dy)) => {
                for (slot, line) in lines.enumerate() {
                    packing.pack(Line { floats: &dy[floats_of(line)], pitch: all, first: 0 }, (0, slot), packed);
                }
            }
            (Lines::Direct { .. }, None) => {
                let floats = buffer.reserve(outputs * count);
                for (slot, line) in lines.enumerate() {
                    widen_channels(&self.dy[floats_of(line)], all, &of_dy, floats);
                    packing.pack(Line { floats, pitch: count, first: of_dy.start }, (0, slot), packed);
                }
            }
        }
    }

    /// A row of squares of so many channels, whose points follow each other.
    fn row(&self, conv: &Conv3d, filter: Filter, channels: usize) -> Row {
        let steps = self.pass.axes[2].count;
        let point_pitch = filter.points() * steps * channels;
        let (width, padding) = (conv.input[2], conv.padding[2]);
        Row { filter, steps, channels, pitch: channels, width, padding, point_pitch }
    }

    /// Makes a padded line of zeros.
    fn clear_padded(&self, padded: &mut Vec<f32>, channels: usize) {
        padded.clear();
        padded.resize((self.pass.axes[2].count * Step::Line.outputs() + 2) * channels, 0.0);
    }

    /// The points, `[point][step][channel]`, of a padded line, or of one of whole steps of output gradients; with the floats
    /// between its voxels.
    fn points_of_line<'a>(
        &self,
        (from, voxel): (&[f32], usize),
        channels: usize,
        of_gradients: bool,
        buffer: &'a mut Aligned,
    ) -> &'a [f32] {
        let steps = self.pass.axes[2].count;
        let to = buffer.reserve(Step::Line.points() * steps * channels);
        let transforms = self.set.transforms(Step::Line.filter());
        let (spread, voxels) = match of_gradients {
            true => (transforms.spread_gradients, steps * Step::Line.outputs()),
            false => (transforms.spread, steps * Step::Line.outputs() + 2),
        };
        assert!(from.len() >= (voxels - 1) * voxel + channels);
        let job = SpreadJob {
            from: from.as_ptr(),
            voxel,
            channels,
            steps,
            to: to.as_mut_ptr(),
            point_pitch: steps * channels,
            step_pitch: channels,
        };
        // SAFETY: the line holds the voxels that were just counted; the kernels suit this processor.
        unsafe { spread(&job) };
        to
    }

    /// Packs a line's points, whose channels are `count` from `first` on.
    fn pack_points(
        &self,
        points: &[f32],
        (first, count): (usize, usize),
        (packing, slot): (&Packing<'_>, usize),
        packed: &mut Aligned,
    ) {
        let steps = self.pass.axes[2].count;
        for (point, floats) in points.chunks_exact(steps * count).enumerate() {
            packing.pack(Line { floats, pitch: count, first }, (point, slot), packed);
        }
    }
}

for_vectors! {
    /// Widens some of the `all` channels of every voxel.
    fn widen_channels<E: [Element]>(
        from: &[E],
        all: usize,
        channels: &std::ops::Range<usize>,
        to: &mut [E::Scalar],
    ) {
        if channels.len() == all {
            return widen_to(from, to);
        }
        for (to, from) in to.chunks_exact_mut(channels.len()).zip(from.chunks_exact(all)) {
            widen_to(&from[channels.clone()], to);
        }
    }
}
