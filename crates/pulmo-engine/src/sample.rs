//! Which items an epoch holds, and where patches lie: pure functions of the seed and the position.

use crate::augment;
use crate::batch::{Item, Prepared};
use crate::random::{Purpose, Random};
use crate::recipe::{GridMode, Recipe};

/// One item to be made: the case and which visit of it this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Index of the case among the training cases.
    pub case: usize,
    /// Number of the item within the epoch, which opens its random streams.
    pub item: usize,
}

/// The items of an epoch (from 0) in their order.
///
/// Whole volumes: each case `training.repeats` times, shuffled. Patches: the patches of one visit of a case
/// follow each other, so that a volume too large for the cache is loaded once per visit.
#[must_use]
pub fn epoch_order(recipe: &Recipe, cases: usize, epoch: usize) -> Vec<Visit> {
    let mut order: Vec<usize> = (0..cases * recipe.training.repeats).map(|i| i % cases).collect();
    Random::new(Purpose::Order, &[recipe.seed, epoch as u64]).shuffle(&mut order);
    let each = match recipe.input.grid {
        GridMode::Whole { .. } => 1,
        GridMode::Patches { patches_per_case, .. } => patches_per_case,
    };
    let visits = order.into_iter().flat_map(|case| std::iter::repeat_n(case, each));
    visits.enumerate().map(|(item, case)| Visit { case, item }).collect()
}

/// Makes an item of an epoch from its prepared case: whole or a patch, augmented.
#[must_use]
pub fn item(recipe: &Recipe, volume: &Prepared, epoch: usize, visit: Visit) -> Item {
    let key = [recipe.seed, epoch as u64, visit.item as u64];
    let cut = match &recipe.input.grid {
        GridMode::Whole { .. } => Item::whole(volume),
        GridMode::Patches { size, foreground_share, .. } => {
            let start = patch_start(volume, *size, *foreground_share, &mut Random::new(Purpose::Place, &key));
            Item::cut(volume, start, *size)
        }
    };
    let drawn = augment::draw(&recipe.augmentation, &mut Random::new(Purpose::Augmentation, &key));
    augment::apply(&drawn, cut)
}

/// Where a patch begins: around a random voxel of the infiltrate, or anywhere.
///
/// A patch never reaches beyond the volume, unless the volume is smaller; then it lies in the middle.
fn patch_start(volume: &Prepared, size: [usize; 3], foreground_share: f64, random: &mut Random) -> [isize; 3] {
    let shape = volume.placement.network.shape();
    let wanted = random.happens(foreground_share);
    let anywhere: [usize; 3] =
        std::array::from_fn(|axis| random.below((shape[axis] + 1).saturating_sub(size[axis]).max(1)));
    let centre = if wanted { foreground_voxel(volume, random) } else { None };
    std::array::from_fn(|axis| {
        if shape[axis] <= size[axis] {
            -(((size[axis] - shape[axis]) / 2) as isize)
        } else {
            let start = match centre {
                Some(centre) => centre[axis].saturating_sub(size[axis] / 2).min(shape[axis] - size[axis]),
                None => anywhere[axis],
            };
            start as isize
        }
    })
}

/// A random voxel of a random class but the background, so that a small class is met as often as a large one;
/// `None` if there is none.
fn foreground_voxel(volume: &Prepared, random: &mut Random) -> Option<[usize; 3]> {
    let classes = volume.target.as_ref()?;
    let mut counts = [0_usize; 256];
    classes.iter().for_each(|&class| counts[usize::from(class)] += 1);
    let present: Vec<u8> = (1..=255).filter(|&class| counts[usize::from(class)] > 0).collect();
    // One class alone is not drawn: two-class trainings keep their bits.
    let class = if present.len() > 1 { present[random.below(present.len())] } else { *present.first()? };
    let chosen = random.below(counts[usize::from(class)]);
    let at = classes.iter().enumerate().filter(|&(_, &c)| c == class).nth(chosen)?.0;
    let [_, rows, columns] = volume.placement.network.shape();
    Some([at / (rows * columns), at / columns % rows, at % columns])
}

#[cfg(test)]
mod tests {
    use pulmo_ct::{Affine, Grid, Spacing};

    use super::*;
    use crate::batch::Placement;

    fn volume(shape: [usize; 3], lesion: Option<usize>) -> Prepared {
        let grid = Grid::new(shape, Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3])).unwrap();
        let voxels = grid.voxels();
        let mut target = vec![0; voxels];
        if let Some(at) = lesion {
            target[at] = 1;
        }
        let placement = Placement { stored: grid, oriented: grid, network: grid };
        Prepared { placement, values: (0..voxels).map(|i| i as f32).collect(), target: Some(target) }
    }

    #[test]
    fn an_epoch_holds_each_case_as_often_as_asked() {
        let mut recipe = Recipe::default();
        recipe.training.repeats = 3;
        let order = epoch_order(&recipe, 4, 0);
        assert_eq!(order, epoch_order(&recipe, 4, 0));
        assert_ne!(order, epoch_order(&recipe, 4, 1));
        for case in 0..4 {
            assert_eq!(order.iter().filter(|visit| visit.case == case).count(), 3);
        }
        assert!(order.iter().enumerate().all(|(i, visit)| visit.item == i));
    }

    #[test]
    fn patches_stay_inside_and_find_the_lesion() {
        let volume = volume([10, 12, 14], Some((9 * 12 + 11) * 14));
        for seed in 0..50 {
            let mut random = Random::new(Purpose::Place, &[seed]);
            let start = patch_start(&volume, [4, 4, 4], 1.0, &mut random);
            let item = Item::cut(&volume, start, [4, 4, 4]);
            assert_eq!(item.target.iter().filter(|&&class| class == 1).count(), 1, "{start:?}");
            let start = patch_start(&volume, [4, 4, 4], 0.0, &mut random);
            for (axis, &at) in start.iter().enumerate() {
                assert!(at >= 0 && at as usize + 4 <= [10, 12, 14][axis]);
            }
        }
    }

    #[test]
    fn small_classes_are_met_as_often_as_large_ones() {
        let mut volume = volume([10, 12, 14], None);
        let classes = volume.target.as_mut().unwrap();
        classes[..1000].fill(1);
        classes[1500] = 2;
        let met = |seed| foreground_voxel(&volume, &mut Random::new(Purpose::Place, &[seed])).unwrap();
        let small = (0..200).filter(|&seed| met(seed) == [1500 / 168, 1500 / 14 % 12, 1500 % 14]).count();
        assert!((70..130).contains(&small), "{small} of 200");
    }

    #[test]
    fn small_volumes_lie_in_the_middle_and_healthy_ones_have_patches_too() {
        let volume = volume([2, 12, 14], None);
        let mut random = Random::new(Purpose::Place, &[1]);
        let start = patch_start(&volume, [4, 4, 4], 1.0, &mut random);
        assert_eq!(start[0], -1);
        let item = Item::cut(&volume, start, [4, 4, 4]);
        assert_eq!(item.values[..16], item.values[16..32], "the edge slice continues");
    }
}
