//! How the weight gradient reads its lines: as float32 in memory, widened, or turned into points.

use super::slabs;
use super::weights::{Job, Scratch, Share};
use crate::element::{Element, widen_to};
use crate::simd::filtering::{OUTPUTS, POINTS};
use crate::simd::{SpreadJob, Stored, for_vectors};
use crate::view::{View, read_line};

/// How the lines of a pass are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lines<'a, E: Element> {
    /// As they are, with zeros before and behind each.
    Direct { padding: usize, x: &'a View<'a, E> },
    /// Turned into the points of minimal filtering; with the zeros before a line, and its voxels.
    Points { padding: usize, voxels: usize, x: &'a View<'a, E> },
}

/// How lines of an input lie in memory: floats of a line, floats between voxels, the channel that comes first.
pub(super) struct Form {
    pub(super) line: usize,
    pub(super) pitch: usize,
    pub(super) first: usize,
}

impl<E: Stored> Job<'_, E> {
    /// The input as it lies in memory, where that will do.
    pub(super) fn plain_input<'x>(&self, (padding, x): (usize, &View<'x, E>)) -> Option<&'x [f32]> {
        x.as_plain().and_then(E::as_scalars).filter(|_| padding == 0 && !self.is_merged(x))
    }

    /// Whether the taps of a line are merged into the channels.
    fn is_merged(&self, x: &View<'_, E>) -> bool {
        self.pass.depth != x.channels()
    }

    /// How a direct line of the input lies in memory.
    pub(super) fn input_form(&self, share: &Share, (padding, x): (usize, &View<'_, E>)) -> Form {
        if self.is_merged(x) {
            let line = (x.size[2] + 2 * padding) * x.channels();
            return Form { line, pitch: self.pass.pitches[2], first: 0 };
        }
        if self.plain_input((padding, x)).is_some() {
            return Form { line: x.line_len(), pitch: self.pass.pitches[2], first: 0 };
        }
        let [of_x, _] = share.channels();
        Form { line: x.size[2] * of_x.len(), pitch: of_x.len(), first: of_x.start }
    }

    /// Widens the share's channels of the packed input lines and of some output lines, where they do not lie in memory
    /// as float32 already.
    pub(super) fn widen(
        &self,
        share: &Share,
        chunk: std::ops::Range<usize>,
        input: (usize, &View<'_, E>),
        scratch: &mut Scratch,
    ) {
        let (padding, x) = input;
        let [of_x, of_dy] = share.channels();
        if self.plain_input(input).is_none() {
            let line = self.input_form(share, input).line;
            let x = if self.is_merged(x) { x.clone() } else { x.some_channels(of_x) };
            let to = scratch.x_lines.reserve(scratch.packed.len() * line);
            for (&from, to) in scratch.packed.iter().zip(to.chunks_exact_mut(line.max(1))) {
                slabs::read_line(&x, from, padding, to);
            }
        }
        if E::as_scalars(self.dy).is_none() {
            let line = self.pass.output[2] * of_dy.len();
            let to = scratch.dy_lines.reserve(chunk.len() * line);
            for (index, to) in chunk.zip(to.chunks_exact_mut(line.max(1))) {
                self.read_gradients(index, &of_dy, to);
            }
        }
    }

    /// Reads some channels of a line of output gradients.
    fn read_gradients(&self, line: usize, channels: &std::ops::Range<usize>, to: &mut [f32]) {
        let (all, outputs) = (self.pass.channels, self.pass.output[2]);
        widen_channels(&self.dy[line * outputs * all..][..outputs * all], all, channels, to);
    }

    /// Turns the share's channels of the packed input lines and of some output lines into points.
    pub(super) fn spread(
        &self,
        share: &Share,
        chunk: std::ops::Range<usize>,
        (padding, voxels, x): (usize, usize, &View<'_, E>),
        scratch: &mut Scratch,
    ) {
        let steps = self.pass.axes[2].count;
        let [of_x, of_dy] = share.channels();
        let Scratch { padded, packed, x_lines, dy_lines, .. } = scratch;
        let outputs = self.pass.output[2];
        let (len, count) = (POINTS * steps * of_x.len(), of_x.len());
        let x = x.some_channels(of_x);
        padded.clear();
        padded.resize((steps * OUTPUTS + 2) * count, 0.0);
        for (&line, to) in packed.iter().zip(x_lines.reserve(packed.len() * len).chunks_exact_mut(len.max(1))) {
            read_line(&x, line, &mut padded[padding * count..][..voxels * count]);
            // SAFETY: the padded line holds four voxels a step and two more; the kernels suit this processor.
            unsafe { (self.set.spread)(&spread_job(padded, count, steps, to)) };
        }
        let (len, count) = (POINTS * steps * of_dy.len(), of_dy.len());
        let to = dy_lines.reserve(chunk.len() * len);
        padded.clear();
        padded.resize((steps * OUTPUTS + 2) * count, 0.0);
        for (line, to) in chunk.zip(to.chunks_exact_mut(len.max(1))) {
            self.read_gradients(line, &of_dy, &mut padded[..outputs * count]);
            // SAFETY: as above.
            unsafe { (self.set.spread_gradients)(&spread_job(padded, count, steps, to)) };
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
        for (to, from) in to.chunks_exact_mut(channels.len()).zip(from.chunks_exact(all)) {
            widen_to(&from[channels.clone()], to);
        }
    }
}

/// The job that turns a padded line of `channels` a voxel into `[point][step][channel]`.
fn spread_job(padded: &[f32], channels: usize, steps: usize, to: &mut [f32]) -> SpreadJob {
    assert!(padded.len() >= (steps * OUTPUTS + 2) * channels && to.len() >= POINTS * steps * channels);
    SpreadJob {
        from: padded.as_ptr(),
        voxel: channels,
        channels,
        steps,
        to: to.as_mut_ptr(),
        point_pitch: steps * channels,
        step_pitch: channels,
    }
}
