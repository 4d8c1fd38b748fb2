//! Where the points of the input lie: in rings of planes, one ring for every part, some planes at a time.

use std::ops::Range;

use super::step::{Filtering, Step};
use crate::conv3d::Conv3d;
use crate::conv3d::parts::Part;

/// Bytes of all rings, where more than the fewest planes fit; few in tests, whose volumes are small.
const RING_BYTES: usize = if cfg!(test) { 256 << 10 } else { 8 << 20 };
/// Output planes for which the rings of a band of squares should have room, and fewest rows of a band: it reads two lines of
/// each neighbour again.
const PLANES_OF_BAND: usize = 4;
const LEAST_ROWS: usize = 4;

/// Sizes, in floats unless said otherwise.
#[derive(Debug)]
pub(super) struct Layout {
    /// What is computed at a time, and how many of them lie side by side.
    pub(super) step: Step,
    pub(super) steps: usize,
    /// Whether all planes are [computed at once](Filtering::at_once).
    pub(super) at_once: bool,
    /// Rows of steps that are computed through all planes before the next, and output planes that are computed at a time.
    pub(super) bands: Vec<Range<usize>>,
    pub(super) chunk: usize,
    /// One for every part.
    pub(super) rings: Vec<Ring>,
    /// All rings together.
    pub(super) len: usize,
    /// The lines of a band of computed planes, where they are [added up](Filtering::added) afterwards.
    pub(super) lines: usize,
}

/// The points of one part's channels.
#[derive(Debug)]
pub(super) struct Ring {
    /// Where it begins.
    pub(super) first: usize,
    pub(super) channels: usize,
    /// From a step to the next.
    pub(super) step: usize,
    /// From a line, or a row of steps, to the next, at one point; a plane with all its points.
    pub(super) line: usize,
    pub(super) plane: usize,
    /// Number of planes.
    pub(super) planes: usize,
    /// From a point to the next across lines, and along them.
    pub(super) pitches: [usize; 2],
}

impl Ring {
    /// Where a point lies in its plane, by its numbers along and across lines.
    pub(super) fn point(&self, along: usize, across: usize) -> usize {
        across * self.pitches[0] + along * self.pitches[1]
    }
}

impl Layout {
    pub(super) fn new(conv: &Conv3d, filtering: &Filtering) -> Self {
        let Filtering { step, parts, .. } = filtering;
        let [depth, rows] = filtering.planes_and_rows();
        // Rows of a part that lie in a ring.
        let stored = |part: &Part, bands: usize| match step {
            Step::Line => part.reach[1].stored,
            Step::Square(_) => rows.div_ceil(bands),
        };
        let steps = step.steps(conv);
        let plane = |part: &Part, bands: usize| step.points() * stored(part, bands) * steps * pitch(part);
        let bytes = |chunk: usize, bands: usize| {
            let of_part = |part: &Part| planes(part, depth, chunk) * plane(part, bands);
            parts.iter().map(of_part).sum::<usize>() * size_of::<f32>()
        };
        let at_once = filtering.at_once(conv);
        let most_bands = if *step == Step::Line { 1 } else { (rows / LEAST_ROWS).max(1) };
        let fits = |bands: &usize| at_once || bytes(depth.min(PLANES_OF_BAND), *bands) <= RING_BYTES;
        let bands = (1..=most_bands).find(fits).unwrap_or(most_bands);
        let chunk = (1..=depth).rev().find(|&chunk| at_once || bytes(chunk, bands) <= RING_BYTES).unwrap_or(1);
        let mut len = 0;
        let mut rings = Vec::with_capacity(parts.len());
        for part in parts {
            let channels = part.channels.len();
            let of_point = steps * pitch(part);
            let (line, pitches) = match step {
                // Lines of a point lie side by side.
                Step::Line => (of_point, [0, stored(part, bands) * of_point]),
                // A row of squares is written at once: all points along its lines.
                Step::Square(_) => {
                    let line = step.along() * of_point;
                    (line, [stored(part, bands) * line, of_point])
                }
            };
            let (plane, planes) = (plane(part, bands), planes(part, depth, chunk));
            rings.push(Ring { first: len, channels, step: pitch(part), line, plane, planes, pitches });
            len += (planes * plane).next_multiple_of(16);
        }
        let line = conv.output()[2] * conv.out_channels;
        let lines = filtering.added.map_or(0, |_| chunk * rows.div_ceil(bands) * step.lines() * line);
        let bands = (0..bands).map(|band| band * rows / bands..(band + 1) * rows / bands).collect();
        Self { step: *step, steps, at_once, bands, chunk, rings, len, lines: lines.next_multiple_of(16) }
    }

    /// Voxels of a line with zeros around.
    pub(super) fn padded(&self) -> usize {
        self.steps * self.step.outputs() + 2
    }
}

/// Floats from a step to the next. Not a multiple of 1 KiB: the rows of a tile would fall on the same few places of the first-level
/// cache.
fn pitch(part: &Part) -> usize {
    let channels = part.channels.len();
    if channels.is_multiple_of(256) { channels + 16 } else { channels }
}

/// Most input planes that `chunk` output planes read.
fn planes(part: &Part, depth: usize, chunk: usize) -> usize {
    let chunks = (0..depth).step_by(chunk.max(1)).map(|first| first..(first + chunk).min(depth));
    chunks.map(|planes: Range<usize>| part.reach[0].places(planes).len()).max().unwrap_or(0)
}
