//! Where the points of the input lie: in rings of planes, one ring for every part, some planes at a time.

use std::ops::Range;

use super::step::{Filtering, Step};
use super::steps;
use crate::conv3d::Conv3d;
use crate::conv3d::parts::Part;
use crate::simd::filtering::{OUTPUTS, POINTS};

/// Bytes of all rings, where more than the fewest planes fit.
const RING_BYTES: usize = 24 << 20;

/// Sizes, in floats unless said otherwise.
#[derive(Debug)]
pub(super) struct Layout {
    /// What is computed at a time, and how many of them lie side by side.
    pub(super) step: Step,
    pub(super) steps: usize,
    /// Output planes that are computed at a time.
    pub(super) chunk: usize,
    /// One for every part.
    pub(super) rings: Vec<Ring>,
    /// All rings together.
    pub(super) len: usize,
}

/// The points of one part's channels.
#[derive(Debug)]
pub(super) struct Ring {
    /// Where it begins.
    pub(super) first: usize,
    pub(super) channels: usize,
    /// From a line, or a row of steps, to the next, at one point; a plane with all its points.
    pub(super) line: usize,
    pub(super) plane: usize,
    /// Number of planes.
    pub(super) planes: usize,
    /// From a point to the next across lines, and along them.
    pub(super) pitches: [usize; 2],
}

impl Ring {
    /// Where a point lies in its plane.
    pub(super) fn point(&self, point: usize) -> usize {
        point / POINTS * self.pitches[0] + point % POINTS * self.pitches[1]
    }
}

impl Layout {
    pub(super) fn new(conv: &Conv3d, Filtering { step, parts }: &Filtering) -> Self {
        let depth = parts.first().map_or(0, |part| part.reach[0].reads.len());
        let plane = |part: &Part| step.points() * part.reach[1].stored * steps(conv) * part.channels.len();
        let bytes = |chunk: &usize| {
            let of_part = |part: &Part| planes(part, depth, *chunk) * plane(part);
            parts.iter().map(of_part).sum::<usize>() * size_of::<f32>()
        };
        let chunk = (1..=depth).rev().find(|chunk| bytes(chunk) <= RING_BYTES).unwrap_or(1);
        let mut len = 0;
        let mut rings = Vec::with_capacity(parts.len());
        for part in parts {
            let channels = part.channels.len();
            let of_point = steps(conv) * channels;
            let (line, pitches) = match step {
                // Lines of a point lie side by side.
                Step::Line => (of_point, [0, part.reach[1].stored * of_point]),
                // A row of squares is written at once: all points along its lines.
                Step::Square => (POINTS * of_point, [part.reach[1].stored * POINTS * of_point, of_point]),
            };
            let (plane, planes) = (plane(part), planes(part, depth, chunk));
            rings.push(Ring { first: len, channels, line, plane, planes, pitches });
            len += (planes * plane).next_multiple_of(16);
        }
        Self { step: *step, steps: steps(conv), chunk, rings, len }
    }

    /// Voxels of a line with zeros around.
    pub(super) fn padded(&self) -> usize {
        self.steps * OUTPUTS + 2
    }
}

/// Most input planes that `chunk` output planes read.
fn planes(part: &Part, depth: usize, chunk: usize) -> usize {
    let chunks = (0..depth).step_by(chunk.max(1)).map(|first| first..(first + chunk).min(depth));
    chunks.map(|planes: Range<usize>| part.reach[0].places(planes).len()).max().unwrap_or(0)
}
