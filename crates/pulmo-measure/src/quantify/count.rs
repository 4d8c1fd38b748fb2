//! Counting lung and opacity once, in cells fine enough that every region is a sum of cells.

use std::ops::AddAssign;

use pulmo_ct::LabelMap;
use rayon::prelude::*;

use super::input::{HeightSplit, Input};
use super::profile::{Along, LungProfile, profiles, side_of};

/// Slabs of the lungs from the lowest to the highest.
pub(super) const LEVELS: usize = 24;

/// Voxels of lung and the opacity among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) lung: u64,
    pub(super) opacity: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.lung += other.lung;
        self.opacity += other.opacity;
    }
}

/// Where a voxel of lung lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// 0 the patient's left, 1 the right.
    pub(super) side: usize,
    /// 0 lower, 1 middle, 2 upper third.
    pub(super) third: usize,
    /// 0 ventral, 1 dorsal.
    pub(super) half: usize,
    /// 0 lower, 1 middle, 2 upper zone; 0 without landmarks.
    pub(super) zone: usize,
}

const CELLS: usize = 2 * 3 * 2 * 3;

impl Cell {
    fn index(self) -> usize {
        ((self.side * 3 + self.third) * 2 + self.half) * 3 + self.zone
    }

    fn of(index: usize) -> Self {
        Self { side: index / 18, third: index / 6 % 3, half: index / 3 % 2, zone: index % 3 }
    }
}

/// Where one lung is cut, in mm along the patient's axes.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    thirds_mm: [f64; 2],
    half_mm: f64,
}

/// The lungs of a case, counted.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) lungs: [LungProfile; 2],
    /// Lowest and highest end of both lungs along the patient's axis, in mm.
    pub(super) height_mm: [f64; 2],
    pub(super) levels: Vec<[Count; 2]>,
    cells: [Count; CELLS],
}

impl Counted {
    /// The sum of the cells that fit.
    pub(super) fn sum(&self, fits: impl Fn(Cell) -> bool) -> Count {
        let mut sum = Count::default();
        self.cells.iter().enumerate().filter(|&(index, _)| fits(Cell::of(index))).for_each(|(_, &count)| sum += count);
        sum
    }

    /// Counts; `None` if a lung has no voxel.
    pub(super) fn of(input: &Input<'_>, lungs: &LabelMap, split: HeightSplit) -> Option<Self> {
        let profiles = profiles(lungs);
        let ends: Vec<[f64; 2]> = profiles.iter().filter_map(|lung| lung.height.extent_mm()).collect();
        let &[[left_low, left_high], [right_low, right_high]] = ends.as_slice() else { return None };
        let height_mm = [left_low.min(right_low), left_high.max(right_high)];
        let cuts = [0, 1].map(|side| {
            let LungProfile { height, depth, .. } = &profiles[side];
            let thirds_mm = [1.0 / 3.0, 2.0 / 3.0].map(|share| match split {
                HeightSplit::Height => height.cut_by_extent(share),
                HeightSplit::Volume => height.cut_by_volume(share),
            });
            Cuts { thirds_mm, half_mm: depth.cut_by_extent(0.5) }
        });
        let zones_mm = input.landmarks.map(|marks| [marks.inferior_pulmonary_vein_z_mm, marks.carina_z_mm]);
        let counter = Counter {
            head: Along::new(lungs.grid(), Along::HEAD),
            back: Along::new(lungs.grid(), Along::BACK),
            is_opacity: input.is_opacity(),
            cuts,
            zones_mm,
            height_mm,
        };
        let (cells, levels) = counter.run(lungs, input.opacity);
        Some(Self { lungs: profiles, height_mm, levels, cells })
    }
}

struct Counter {
    head: Along,
    back: Along,
    is_opacity: [bool; 256],
    cuts: [Cuts; 2],
    zones_mm: Option<[f64; 2]>,
    height_mm: [f64; 2],
}

type Tally = ([Count; CELLS], Vec<[Count; 2]>);

impl Counter {
    fn run(&self, lungs: &LabelMap, opacity: &LabelMap) -> Tally {
        let [_, rows, columns] = lungs.grid().shape();
        let empty = || ([Count::default(); CELLS], vec![[Count::default(); 2]; LEVELS]);
        let slices = lungs.labels().par_chunks(rows * columns).zip(opacity.labels().par_chunks(rows * columns));
        let add_slice = |mut tally: Tally, (slice, (lungs, opacity)): (usize, (&[u8], &[u8]))| {
            let lines = lungs.chunks_exact(columns).zip(opacity.chunks_exact(columns));
            for (row, (lungs, opacity)) in lines.enumerate() {
                self.add_row([slice, row], lungs, opacity, &mut tally);
            }
            tally
        };
        let join = |(mut cells, mut levels): Tally, (other_cells, other_levels): Tally| {
            cells.iter_mut().zip(other_cells).for_each(|(mine, theirs)| *mine += theirs);
            for (mine, theirs) in levels.iter_mut().zip(other_levels) {
                mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
            }
            (cells, levels)
        };
        slices.enumerate().fold(empty, add_slice).reduce(empty, join)
    }

    fn add_row(&self, [slice, row]: [usize; 2], lungs: &[u8], opacity: &[u8], (cells, levels): &mut Tally) {
        let (head, back) = (self.head.row_start(slice, row), self.back.row_start(slice, row));
        let levels_per_mm = LEVELS as f64 / (self.height_mm[1] - self.height_mm[0]);
        for (column, (&lung, &label)) in lungs.iter().zip(opacity).enumerate() {
            let Some(side) = side_of(lung) else { continue };
            let z = head + self.head.step() * column as f64;
            let y = back + self.back.step() * column as f64;
            let Cuts { thirds_mm, half_mm } = self.cuts[side];
            let cell = Cell {
                side,
                third: above(z, thirds_mm),
                half: usize::from(y >= half_mm),
                zone: self.zones_mm.map_or(0, |zones| above(z, zones)),
            };
            let count = Count { lung: 1, opacity: u64::from(self.is_opacity[label as usize]) };
            cells[cell.index()] += count;
            let level = ((z - self.height_mm[0]) * levels_per_mm) as usize;
            levels[level.min(LEVELS - 1)][side] += count;
        }
    }
}

/// How many of two cuts a position reaches.
fn above(position: f64, cuts: [f64; 2]) -> usize {
    cuts.iter().filter(|&&cut| position >= cut).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_own_index() {
        for index in 0..CELLS {
            assert_eq!(Cell::of(index).index(), index);
        }
    }
}
