//! Where the points of the input lie: in rings of planes, one ring for every part, some planes at a time.

use std::ops::Range;

use super::steps;
use crate::conv3d::Conv3d;
use crate::conv3d::parts::Part;
use crate::simd::filtering::{OUTPUTS, POINTS};

/// Bytes of all rings, where more than the fewest planes fit.
const RING_BYTES: usize = 24 << 20;

/// Sizes, in floats unless said otherwise.
#[derive(Debug)]
pub(super) struct Layout {
    /// Steps of a line.
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
    /// A line of one point, all lines of one point, a plane with all its points.
    pub(super) line: usize,
    pub(super) point: usize,
    pub(super) plane: usize,
    /// Number of planes.
    pub(super) planes: usize,
}

impl Layout {
    pub(super) fn new(conv: &Conv3d, parts: &[Part]) -> Self {
        let depth = super::planes_and_lines(parts)[0];
        let bytes = |chunk: &usize| {
            let of_part = |part: &Part| planes(part, depth, *chunk) * plane(conv, part);
            parts.iter().map(of_part).sum::<usize>() * size_of::<f32>()
        };
        let chunk = (1..=depth).rev().find(|chunk| bytes(chunk) <= RING_BYTES).unwrap_or(1);
        let mut len = 0;
        let mut rings = Vec::with_capacity(parts.len());
        for part in parts {
            let channels = part.channels.len();
            let line = steps(conv) * channels;
            let (point, plane) = (part.reach[1].stored * line, plane(conv, part));
            let ring = Ring { first: len, channels, line, point, plane, planes: planes(part, depth, chunk) };
            len += (ring.planes * plane).next_multiple_of(16);
            rings.push(ring);
        }
        Self { steps: steps(conv), chunk, rings, len }
    }

    /// Voxels of a line with zeros around.
    pub(super) fn padded(&self) -> usize {
        self.steps * OUTPUTS + 2
    }
}

/// A plane of a part's points.
fn plane(conv: &Conv3d, part: &Part) -> usize {
    POINTS * part.reach[1].stored * steps(conv) * part.channels.len()
}

/// Most input planes that `chunk` output planes read.
fn planes(part: &Part, depth: usize, chunk: usize) -> usize {
    let chunks = (0..depth).step_by(chunk.max(1)).map(|first| first..(first + chunk).min(depth));
    chunks.map(|planes: Range<usize>| part.reach[0].places(planes).len()).max().unwrap_or(0)
}
