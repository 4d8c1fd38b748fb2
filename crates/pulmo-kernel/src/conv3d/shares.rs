//! How a weight gradient is split into tasks: shares of its weights, and parts of space where weights are few.

use std::ops::Range;

use super::packing::Panel;
use super::parts::Part;
use super::passes::Pass;
use super::tiles::dots_pay;
use crate::simd::{KernelSet, MAX_ROWS};

/// Most parts of space, and most sums of all parts together.
const MAX_PARTS: usize = 8;
const MAX_PART_SUMS: usize = 16 << 20;
/// Tasks there should be, where the channels allow splitting.
const MIN_TASKS: usize = 16;

/// Which tensor gives the rows and which the columns of the outer products.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rows {
    /// Rows are channels of `x`, columns channels of `dy`.
    Input,
    /// Rows are the few last channels of `dy`, columns channels of `x`.
    OutputTail,
}

/// Some rows times all their columns.
#[derive(Debug, Clone)]
pub(super) struct Share {
    /// Which part of the input it reads.
    pub(super) part: usize,
    pub(super) from: Rows,
    /// Strips of equal width.
    pub(super) rows: Vec<Panel>,
    /// Some vectors each.
    pub(super) columns: Vec<Panel>,
}

impl Share {
    /// Rows and columns as they are packed.
    fn new(
        set: &KernelSet,
        (part, from): (usize, Rows),
        height: usize,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Self {
        let strips = rows.clone().step_by(height);
        let strip = |first: usize| Panel { first, count: height.min(rows.end - first), width: height };
        let blocks = columns.clone().step_by(set.vectors * set.lanes);
        let block = |first: usize| {
            let count = (columns.end - first).min(set.vectors * set.lanes);
            Panel { first, count, width: count.next_multiple_of(set.lanes) }
        };
        Self { part, from, rows: strips.map(strip).collect(), columns: blocks.map(block).collect() }
    }

    /// The panels of `x` and of `dy`.
    pub(super) fn panels(&self) -> [&[Panel]; 2] {
        match self.from {
            Rows::Input => [&self.rows, &self.columns],
            Rows::OutputTail => [&self.columns, &self.rows],
        }
    }

    /// The channels of `x` and of `dy` that the share needs.
    pub(super) fn channels(&self) -> [Range<usize>; 2] {
        self.panels().map(|panels| panels[0].first..panels.last().map_or(0, |panel| panel.first + panel.count))
    }

    /// Floats of the sums for `taps` taps.
    pub(super) fn sums(&self, taps: usize) -> usize {
        let width = |panels: &[Panel]| panels.iter().map(|panel| panel.width).sum::<usize>();
        width(&self.rows) * width(&self.columns) * taps
    }
}

/// The strip height that costs least: every row of a strip is a product, and a strip's columns are loaded for about as long
/// as one and a half more take.
fn strip_height(set: &KernelSet, rows: usize) -> usize {
    if rows <= set.rows {
        return rows.max(1);
    }
    (set.rows / 2..=set.rows).rev().min_by_key(|&height| rows.div_ceil(height) * (2 * height + 3)).unwrap_or(set.rows)
}

/// Groups of strips that are shares of their own, of so many rows.
fn groups(parts: usize, strips: usize, rows: usize, lanes: usize) -> usize {
    // Lines of fewer channels than a vector has lanes are turned into points at half the speed.
    MIN_TASKS.div_ceil(parts).min(strips).min((rows / lanes).max(1))
}

/// Most rows of a share, for vectors of `lanes` or fewer, where space has one part.
pub(super) fn most_rows(rows: usize, lanes: usize) -> usize {
    rows.div_ceil(groups(1, rows.div_ceil(MAX_ROWS), rows, lanes)) + 2 * MAX_ROWS
}

/// Splits the weights of a part of the input into shares, for so many parts of space.
pub(super) fn shares(set: &KernelSet, pass: &Pass, (index, part): (usize, &Part), parts: usize) -> Vec<Share> {
    let tail = pass.channels % set.lanes;
    let tail = if tail > 0 && dots_pay(set.lanes, pass.depth, tail) { tail } else { 0 };
    let columns = pass.channels - tail;
    let (first, depth) = (part.channels.start, part.channels.len());
    let mut shares = Vec::new();
    if columns > 0 {
        let height = strip_height(set, depth);
        let strips = depth.div_ceil(height);
        let groups = groups(parts, strips, depth, set.lanes);
        for group in 0..groups {
            let start = group * strips / groups * height;
            let end = ((group + 1) * strips / groups * height).min(depth);
            shares.push(Share::new(set, (index, Rows::Input), height, first + start..first + end, 0..columns));
        }
    }
    if tail > 0 {
        let from = (index, Rows::OutputTail);
        shares.push(Share::new(set, from, tail, columns..pass.channels, part.channels.clone()));
    }
    shares
}

/// Parts into which space is split, of so many output voxels, or steps; with the taps along a line, the points and the output
/// channels of which there are sums.
///
/// With more parts there are fewer groups of rows, each of which packs all columns of every place; but each part has sums of its own to
/// clear, to add and to write. Both together cost least at the root of places over rows of sums; the factor was measured.
pub(super) fn parts(inputs: &[Part], [taps, points, channels]: [usize; 3], places: usize) -> usize {
    let rows = inputs.iter().map(|part| part.tap_sets() * part.channels.len()).sum::<usize>() * taps;
    let sums = rows * points * channels;
    (4 * places / rows.max(1)).isqrt().min(MAX_PART_SUMS / sums.max(1)).clamp(1, MAX_PARTS)
}
