//! Phantoms whose lungs are hard to find: a consolidated lobe, fluid, air around the lung, lungs that the field cuts.
//!
//! Made from [`thorax`] by changing voxels inside the known lungs or by leaving slices and columns out, so that what is lung
//! stays known. `examples/lung_bench.rs` judges the same ones.

use std::ops::Range;

use pulmo_ct::geometry::{Affine, Grid};
use pulmo_ct::phantom::{LEFT_LUNG, Phantom, PhantomOptions, RIGHT_LUNG, thorax};
use pulmo_ct::random::Random;
use pulmo_ct::{CtVolume, LabelMap};

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
    hard.push(filled("pneumothorax", chest, LEFT_LUNG, -1000.0, |_, depth| depth < 0.3));
    hard.push(cut("cut at the side", &phantom, [0..slices, 0..rows, 0..side]));
    hard.push(cut("cut at the feet", &phantom, [slices / 3..slices, 0..rows, 0..columns]));
    hard.push(cut("cut at the head", &phantom, [0..2 * slices / 3, 0..rows, 0..columns]));
    hard
}

/// Whether a part of a lung holds a height and a depth in it.
type Part = fn(f64, f64) -> bool;

/// What is filled: its name, the lung, its HU, and the part.
pub(crate) const PARTS: [(&str, u8, f64, Part); 5] = [
    ("right lower lobe", RIGHT_LUNG, 30.0, is_lower),
    ("left lower lobe", LEFT_LUNG, 30.0, is_lower),
    ("left upper lobe", LEFT_LUNG, 30.0, |height, depth| !is_lower(height, depth)),
    ("effusion", RIGHT_LUNG, 8.0, |_, depth| depth > 0.7),
    ("large effusion", LEFT_LUNG, 8.0, |_, depth| depth > 0.5),
];

/// Behind and below a fissure that rises to the back.
fn is_lower(height: f64, depth: f64) -> bool {
    depth > 0.25 + 0.75 * height
}

/// A CT with known lungs and lesion, rows running to the back and slices to the head, with much of one lung without air:
/// one at a time, because a CT may be large.
pub(crate) fn without_air<'a>(
    volume: &'a CtVolume,
    lungs: &'a LabelMap,
    dense: &'a LabelMap,
) -> impl Iterator<Item = Hard> + 'a {
    PARTS.into_iter().map(move |(name, lung, hu, part)| filled(name, (volume, lungs, dense), lung, hu, part))
}

/// Gives a part of one lung other HU. A place is known by its height (0 base, 1 apex) and depth (0 front, 1 back) in the lung.
fn filled(
    name: &'static str,
    (volume, lungs, dense): (&CtVolume, &LabelMap, &LabelMap),
    lung: u8,
    hu: f64,
    part: impl Fn(f64, f64) -> bool,
) -> Hard {
    let [_, rows, columns] = volume.grid().shape();
    let labels = lungs.labels();
    let slice = |voxel: usize| (voxel / (rows * columns)) as f64;
    let row = |voxel: usize| (voxel / columns % rows) as f64;
    let extent = |of: &dyn Fn(usize) -> f64| {
        let places = (0..labels.len()).filter(|&voxel| labels[voxel] == lung).map(of);
        places.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], at| [low.min(at), high.max(at)])
    };
    let [heights, depths] = [extent(&slice), extent(&row)];
    let share = |at: f64, [low, high]: [f64; 2]| (at - low) / (high - low);
    let mut random = Random::new(7);
    let mut values = volume.hu().to_vec();
    let mut dense = dense.labels().to_vec();
    for voxel in 0..labels.len() {
        let noise = random.between(-35.0, 35.0);
        if labels[voxel] == lung && part(share(slice(voxel), heights), share(row(voxel), depths)) {
            values[voxel] = ((hu + noise) as f32).max(CtVolume::AIR_HU);
            dense[voxel] = u8::from(hu > -500.0);
        }
    }
    let grid = *volume.grid();
    Hard {
        name,
        volume: CtVolume::new(grid, values).unwrap(),
        lungs: lungs.clone(),
        dense: LabelMap::new(grid, dense).unwrap(),
    }
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
