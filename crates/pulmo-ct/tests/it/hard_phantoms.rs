//! Phantoms whose lungs are hard to find: a consolidated lobe, fluid, air around the lung, lungs that the field cuts.
//!
//! Made from [`thorax`] by changing voxels inside the known lungs or by leaving slices and columns out, so that what is lung
//! stays known. What is filled in is even, or uneven: patches, bronchi that hold air, rims and islands with some air, fluid
//! that is denser at the back, and collapsed lung on it. `examples/lung_bench.rs` judges the same ones.

use std::ops::Range;

use pulmo_ct::geometry::{Affine, Grid};
use pulmo_ct::phantom::{LEFT_LUNG, Phantom, PhantomOptions, RIGHT_LUNG, thorax};
use pulmo_ct::random::{Random, mix, unit};
use pulmo_ct::{CtVolume, LabelMap};

use Filling::{Even, Fluid, Pneumonia};

/// A hard phantom.
#[derive(Debug)]
pub(crate) struct Hard {
    /// What makes it hard.
    pub(crate) name: &'static str,
    /// The CT.
    pub(crate) volume: CtVolume,
    /// Left and right lung with all that fills the pleural space.
    pub(crate) lungs: LabelMap,
    /// Infiltrate, consolidation and fluid: what a threshold leaves out.
    pub(crate) dense: LabelMap,
}

/// All hard phantoms of a seed.
pub(crate) fn all(seed: u64) -> Vec<Hard> {
    let phantom = thorax(&PhantomOptions::seeded(seed)).unwrap();
    let [slices, rows, columns] = phantom.volume.grid().shape();
    let outermost = (0..phantom.lungs.labels().len()).filter(|&voxel| phantom.lungs.labels()[voxel] == LEFT_LUNG);
    let last = outermost.map(|voxel| voxel % columns).max().unwrap();
    // 25 mm of the left lung are lost.
    let side = last - (25.0 / phantom.volume.grid().spacing().mm()[2]) as usize;
    let chest = (&phantom.volume, &phantom.lungs, &phantom.infiltrate);
    let mut hard: Vec<Hard> = without_air(chest.0, chest.1, chest.2).collect();
    let free_air = Fill { name: "pneumothorax", lung: LEFT_LUNG, part: |_, depth| 0.3 - depth, with: Even(-1000.0) };
    hard.push(free_air.of(chest.0, chest.1, chest.2));
    hard.push(cut("cut at the side", &phantom, [0..slices, 0..rows, 0..side]));
    hard.push(cut("cut at the feet", &phantom, [slices / 3..slices, 0..rows, 0..columns]));
    hard.push(cut("cut at the head", &phantom, [0..2 * slices / 3, 0..rows, 0..columns]));
    hard
}

/// A part of a lung that is given other HU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    pub(crate) name: &'static str,
    lung: u8,
    part: Part,
    with: Filling,
}

/// How far inside the part a height (0 base, 1 apex) and a depth (0 front, 1 back) in the lung lie, as a share of the
/// lung's depth; outside it is at most 0.
type Part = fn(f64, f64) -> f64;

/// What a part is filled with, all of it with noise of the same width.
#[derive(Debug, Clone, Copy)]
enum Filling {
    /// The same HU everywhere.
    Even(f64),
    /// Lung without air as pneumonia makes it.
    Pneumonia,
    /// Fluid, denser towards the back, under lung that it has collapsed.
    Fluid,
}

/// What is filled one at a time.
pub(crate) const FILLS: [Fill; 10] = [
    Fill { name: "right lower lobe", lung: RIGHT_LUNG, part: lower, with: Even(30.0) },
    Fill { name: "left lower lobe", lung: LEFT_LUNG, part: lower, with: Even(30.0) },
    Fill { name: "left upper lobe", lung: LEFT_LUNG, part: upper, with: Even(30.0) },
    Fill { name: "effusion", lung: RIGHT_LUNG, part: |_, depth| depth - 0.7, with: Even(8.0) },
    Fill { name: "large effusion", lung: LEFT_LUNG, part: |_, depth| depth - 0.5, with: Even(8.0) },
    Fill { name: "uneven right lower lobe", lung: RIGHT_LUNG, part: lower, with: Pneumonia },
    Fill { name: "uneven left lower lobe", lung: LEFT_LUNG, part: lower, with: Pneumonia },
    Fill { name: "uneven left upper lobe", lung: LEFT_LUNG, part: upper, with: Pneumonia },
    Fill { name: "uneven effusion", lung: RIGHT_LUNG, part: |_, depth| depth - 0.7, with: Fluid },
    Fill { name: "uneven large effusion", lung: LEFT_LUNG, part: |_, depth| depth - 0.5, with: Fluid },
];

/// Behind and below a fissure that rises to the back.
fn lower(height: f64, depth: f64) -> f64 {
    depth - (0.25 + 0.75 * height)
}

fn upper(height: f64, depth: f64) -> f64 {
    // The fissure itself belongs to this lobe.
    f64::MIN_POSITIVE - lower(height, depth)
}

/// A CT with known lungs and lesion, rows running to the back and slices to the head, with much of one lung without air:
/// one at a time, because a CT may be large.
pub(crate) fn without_air<'a>(
    volume: &'a CtVolume,
    lungs: &'a LabelMap,
    dense: &'a LabelMap,
) -> impl Iterator<Item = Hard> + 'a {
    FILLS.into_iter().map(move |fill| fill.of(volume, lungs, dense))
}

impl Fill {
    fn of(&self, volume: &CtVolume, lungs: &LabelMap, dense: &LabelMap) -> Hard {
        let grid = *volume.grid();
        let [_, rows, columns] = grid.shape();
        let labels = lungs.labels();
        let place =
            |voxel: usize| [voxel / (rows * columns), voxel / columns % rows, voxel % columns].map(|at| at as f64);
        let extent = |axis: usize| {
            let places = (0..labels.len()).filter(|&voxel| labels[voxel] == self.lung).map(|voxel| place(voxel)[axis]);
            places.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], at| [low.min(at), high.max(at)])
        };
        let [heights, depths] = [extent(0), extent(1)];
        let share = |at: f64, [low, high]: [f64; 2]| (at - low) / (high - low);
        let spacing = grid.spacing().mm();
        let mut random = Random::new(7);
        let mut values = volume.hu().to_vec();
        let mut dense = dense.labels().to_vec();
        for voxel in 0..labels.len() {
            let noise = random.between(-35.0, 35.0);
            let at = place(voxel);
            let depth = share(at[1], depths);
            let inside = (self.part)(share(at[0], heights), depth);
            if labels[voxel] == self.lung && inside > 0.0 {
                let point = [0, 1, 2].map(|axis| at[axis] * spacing[axis]);
                let hu = self.with.hu(point, (inside, depth), f64::from(values[voxel]));
                values[voxel] = ((hu + noise) as f32).max(CtVolume::AIR_HU);
                dense[voxel] = u8::from(hu > -500.0);
            }
        }
        Hard {
            name: self.name,
            volume: CtVolume::new(grid, values).unwrap(),
            lungs: lungs.clone(),
            dense: LabelMap::new(grid, dense).unwrap(),
        }
    }
}

impl Filling {
    /// HU at a point in mm, so far inside the part and so far back, where the lung had others.
    fn hu(self, point: [f64; 3], (inside, depth): (f64, f64), lung_hu: f64) -> f64 {
        let bronchus = || field(4, 24.0, point).abs() < 0.09 && field(5, 24.0, point).abs() < 0.09;
        match self {
            Self::Even(hu) => hu,
            Self::Pneumonia => {
                // The border to what holds air is no line.
                let rim = 0.14 + 0.12 * field(1, 20.0, point);
                let patches = 30.0 + 40.0 * field(2, 18.0, point) + 16.0 * (depth - 0.5);
                let some_air = 900.0 * (field(3, 14.0, point) - 0.45).max(0.0);
                let solid = if bronchus() { -700.0 } else { patches.clamp(0.0, 60.0) - some_air };
                let airless = (inside / rim).min(1.0);
                airless * solid + (1.0 - airless) * lung_hu
            }
            Self::Fluid => {
                let collapsed = 0.10 + 0.08 * field(1, 30.0, point);
                if inside > collapsed {
                    return (22.0 * depth - 5.0 + 5.0 * field(2, 18.0, point)).clamp(0.0, 30.0);
                }
                let solid = if bronchus() { -700.0 } else { 50.0 + 15.0 * field(3, 14.0, point) };
                let airless = (inside / (0.4 * collapsed)).min(1.0);
                airless * solid + (1.0 - airless) * lung_hu
            }
        }
    }
}

/// A smooth random field from -1 to 1, mostly within 0.6: values at points so far apart in mm, blended between.
fn field(seed: u64, apart_mm: f64, point: [f64; 3]) -> f64 {
    let scaled = point.map(|mm| mm / apart_mm);
    let value = |corner: usize| {
        let (mut weight, mut key) = (1.0, mix(seed));
        for (axis, at) in scaled.iter().enumerate() {
            let upper = corner >> axis & 1 == 1;
            let along = at - at.floor();
            let along = along * along * (3.0 - 2.0 * along);
            weight *= if upper { along } else { 1.0 - along };
            key = mix(key ^ (at.floor() as i64 + i64::from(upper)) as u64);
        }
        weight * (2.0 * unit(key) - 1.0)
    };
    (0..8).map(value).sum()
}

/// Leaves out what lies beyond these ranges of slices, rows and columns.
fn cut(name: &'static str, phantom: &Phantom, kept: [Range<usize>; 3]) -> Hard {
    let grid = phantom.volume.grid();
    let [_, rows, columns] = grid.shape();
    let origin = grid.affine().voxel_to_world(kept.each_ref().map(|range| range.start as f64));
    let part = Grid::new(kept.each_ref().map(Range::len), Affine::axial(grid.spacing(), origin)).unwrap();
    let places: Vec<usize> = kept[0]
        .clone()
        .flat_map(|slice| kept[1].clone().map(move |row| slice * rows + row))
        .flat_map(|line| kept[2].clone().map(move |column| line * columns + column))
        .collect();
    let labels = |map: &LabelMap| LabelMap::new(part, places.iter().map(|&at| map.labels()[at]).collect()).unwrap();
    Hard {
        name,
        volume: CtVolume::new(part, places.iter().map(|&at| phantom.volume.hu()[at]).collect()).unwrap(),
        lungs: labels(&phantom.lungs),
        dense: labels(&phantom.infiltrate),
    }
}
