//! How each lung lies along the patient's axes, and where it is cut.

use pulmo_ct::phantom::{LEFT_LUNG, RIGHT_LUNG};
use pulmo_ct::{Grid, LabelMap};
use rayon::prelude::*;

/// Width of a bin of a profile in mm: well below any spacing along the body.
const BIN_MM: f64 = 0.1;
/// Positions that differ by less than this many mm are equal; rounding must not move a row of voxels.
const EQUAL_MM: f64 = 1e-6;

/// The place of a lung in arrays: the patient's left first.
pub(super) fn side_of(label: u8) -> Option<usize> {
    match label {
        LEFT_LUNG => Some(0),
        RIGHT_LUNG => Some(1),
        _ => None,
    }
}

/// The position of voxel centres along one axis of the patient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Along {
    origin_mm: f64,
    /// Per slice, row, column.
    step_mm: [f64; 3],
}

impl Along {
    /// Towards the patient's left.
    pub(super) const LEFT: usize = 0;
    /// Towards the patient's back, in whatever position the patient lies.
    pub(super) const BACK: usize = 1;
    /// Towards the head.
    pub(super) const HEAD: usize = 2;

    pub(super) fn new(grid: &Grid, lps: usize) -> Self {
        let affine = grid.affine();
        Self { origin_mm: affine.origin_mm[lps], step_mm: affine.columns.map(|column| column[lps]) }
    }

    /// The position of the first voxel of a row.
    pub(super) fn row_start(&self, slice: usize, row: usize) -> f64 {
        self.origin_mm + self.step_mm[0] * slice as f64 + self.step_mm[1] * row as f64
    }

    /// From one column to the next.
    pub(super) fn step(&self) -> f64 {
        self.step_mm[2]
    }

    /// How far a voxel reaches from its centre.
    fn half_voxel_mm(&self) -> f64 {
        0.5 * self.step_mm.iter().map(|x| x.abs()).sum::<f64>()
    }

    /// The lowest and the highest centre in a grid.
    fn range_mm(&self, shape: [usize; 3]) -> [f64; 2] {
        let mut range = [self.origin_mm; 2];
        for (step, size) in self.step_mm.iter().zip(shape) {
            let reach = step * (size - 1) as f64;
            range[usize::from(reach > 0.0)] += reach;
        }
        range
    }
}

/// How the voxels of one lung are distributed along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    lowest_mm: f64,
    counts: Vec<u64>,
    /// Centres of the outermost voxels; infinite if there are none.
    centres_mm: [f64; 2],
    half_voxel_mm: f64,
}

impl Profile {
    fn empty(along: &Along, shape: [usize; 3]) -> Self {
        let [lowest_mm, highest_mm] = along.range_mm(shape);
        let bins = ((highest_mm - lowest_mm) / BIN_MM) as usize + 2;
        Self {
            lowest_mm,
            counts: vec![0; bins],
            centres_mm: [f64::INFINITY, f64::NEG_INFINITY],
            half_voxel_mm: along.half_voxel_mm(),
        }
    }

    fn add(&mut self, position_mm: f64) {
        let bin = ((position_mm - self.lowest_mm) / BIN_MM + 0.5).max(0.0) as usize;
        let last = self.counts.len() - 1;
        self.counts[bin.min(last)] += 1;
        self.centres_mm = [self.centres_mm[0].min(position_mm), self.centres_mm[1].max(position_mm)];
    }

    fn join(mut self, other: &Self) -> Self {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.centres_mm = [self.centres_mm[0].min(other.centres_mm[0]), self.centres_mm[1].max(other.centres_mm[1])];
        self
    }

    /// From the near face of the first voxel to the far face of the last; `None` if there are none.
    pub(super) fn extent_mm(&self) -> Option<[f64; 2]> {
        let [low, high] = self.centres_mm;
        (low <= high).then_some([low - self.half_voxel_mm, high + self.half_voxel_mm])
    }

    /// The position below which lies `share` of the extent.
    pub(super) fn cut_by_extent(&self, share: f64) -> f64 {
        self.extent_mm().map_or(f64::INFINITY, |[low, high]| low + share * (high - low) - EQUAL_MM)
    }

    /// The position below which lies the share of the voxels that comes nearest to `share`.
    pub(super) fn cut_by_volume(&self, share: f64) -> f64 {
        let wanted = share * self.counts.iter().sum::<u64>() as f64;
        let (mut below, mut best) = (0.0, (f64::INFINITY, 0));
        for (bin, &count) in self.counts.iter().enumerate() {
            let off = (below - wanted).abs();
            if off < best.0 {
                best = (off, bin);
            }
            below += count as f64;
        }
        self.lowest_mm + (best.1 as f64 - 0.5) * BIN_MM
    }
}

/// One lung along the patient's axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LungProfile {
    pub(super) voxels: u64,
    /// Towards the head.
    pub(super) height: Profile,
    /// Towards the back.
    pub(super) depth: Profile,
    /// Towards the patient's left.
    pub(super) width: Profile,
}

/// Both lungs, the patient's left first.
pub(super) fn profiles(lungs: &LabelMap) -> [LungProfile; 2] {
    let grid = lungs.grid();
    let [_, rows, columns] = grid.shape();
    let axes = [Along::HEAD, Along::BACK, Along::LEFT].map(|lps| Along::new(grid, lps));
    let empty = || {
        let [height, depth, width] = axes.map(|along| Profile::empty(&along, grid.shape()));
        let lung = LungProfile { voxels: 0, height, depth, width };
        [lung.clone(), lung]
    };
    let add_slice = |mut found: [LungProfile; 2], (slice, labels): (usize, &[u8])| {
        for (row, labels) in labels.chunks_exact(columns).enumerate() {
            let start = axes.map(|along| along.row_start(slice, row));
            for (column, side) in labels.iter().enumerate().filter_map(|(k, &label)| Some((k, side_of(label)?))) {
                let lung = &mut found[side];
                let at = |axis: usize| start[axis] + axes[axis].step() * column as f64;
                lung.voxels += 1;
                lung.height.add(at(0));
                lung.depth.add(at(1));
                lung.width.add(at(2));
            }
        }
        found
    };
    let join = |[left, right]: [LungProfile; 2], [other_left, other_right]: [LungProfile; 2]| {
        [left.join(&other_left), right.join(&other_right)]
    };
    lungs.labels().par_chunks(rows * columns).enumerate().fold(empty, add_slice).reduce(empty, join)
}

impl LungProfile {
    fn join(self, other: &Self) -> Self {
        Self {
            voxels: self.voxels + other.voxels,
            height: self.height.join(&other.height),
            depth: self.depth.join(&other.depth),
            width: self.width.join(&other.width),
        }
    }
}
