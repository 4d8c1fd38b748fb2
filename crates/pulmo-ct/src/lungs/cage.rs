//! How far out the pleura lies on a side whose lung holds little air: inside the ribs, or as far out as the other side's.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::place::{DIRECTIONS, Place};
use super::ribs;
use crate::phantom::LEFT_LUNG;

/// How far inside and outside the expected border a rib may lie.
const RIB_MM: [f64; 2] = [10.0, 15.0];
/// Lung that reaches far out shows where the wall lies in slices up to this far below.
const ALONG_MM: f64 = 100.0;
/// What lies between ribs and lung is compared over this distance up and down.
const USUAL_MM: f64 = 40.0;
/// Between ribs so many directions apart the wall runs straight.
const RIB_GAP: usize = 4;
/// The wall of a slice is the middle one of those within this distance.
const STEADY_MM: f64 = 9.0;

/// Distances from the chest's middle in each direction of a slice, in mm; not a number where unknown.
pub(super) type Radii = [f64; DIRECTIONS];

/// The chest wall of one side of a slice.
#[derive(Debug, Clone)]
pub(super) struct Cage {
    /// The pleura in the directions of this side.
    pub(super) wall: Radii,
    /// The other lung's end, mirrored: in the directions of this side.
    pub(super) other: Radii,
    /// The nearest sure border: a rib, or else the other lung's end.
    pub(super) sure: Radii,
}

impl Cage {
    /// The walls of all slices on the side of `lung`; `labels` holds both lungs.
    pub(super) fn of_slices(coarse: &Coarse, place: &Place, labels: &[u8], lung: u8) -> Vec<Self> {
        let ends = outermost(coarse, place, |voxel| labels[voxel] > 0);
        let expected: Vec<Radii> = expected(coarse, &ends, lung);
        let looked_at: Vec<Option<Radii>> = expected.iter().copied().map(Some).collect();
        let ribs = ribs::innermost(coarse, |voxel| place.polar(voxel), &looked_at, RIB_MM);
        let usual = usual(coarse, &ribs, &ends);
        let slices = ribs.iter().zip(&usual).zip(&expected);
        let moved = |((ribs, usual), expected): ((&Radii, &Radii), &Radii)| {
            joined(std::array::from_fn(|k| ribs[k] - usual[k] - expected[k]))
        };
        let moved: Vec<Radii> = slices.map(moved).collect();
        let steady = (STEADY_MM / coarse.spacing_mm[0]) as usize;
        let cage = |slice: usize| {
            let near = &moved[slice.saturating_sub(steady)..(slice + steady + 1).min(moved.len())];
            let by_rib: Radii = std::array::from_fn(|k| {
                let moved = near.iter().map(|moved| moved[k]).filter(|moved| !moved.is_nan());
                expected[slice][k] + quantile(moved.collect(), 0.5)
            });
            let other: Radii = std::array::from_fn(|k| ends[slice][Place::opposite(k)]);
            let or = |k: usize, other: f64| if by_rib[k].is_nan() { other } else { by_rib[k] };
            Self {
                wall: std::array::from_fn(|k| or(k, expected[slice][k])),
                sure: std::array::from_fn(|k| or(k, other[k])),
                other,
            }
        };
        (0..ends.len()).map(cage).collect()
    }
}

/// How far inside the ribs the other lung ends in the same direction, in the slices near each slice.
fn usual(coarse: &Coarse, ribs: &[Radii], ends: &[Radii]) -> Vec<Radii> {
    let reach = (USUAL_MM / coarse.spacing_mm[0]).ceil() as usize;
    let of_slice = |slice: usize| {
        let slices = slice.saturating_sub(reach)..(slice + reach + 1).min(ends.len());
        std::array::from_fn(|k| {
            let near = [k + DIRECTIONS - 1, k, k + 1].map(|k| Place::opposite(k % DIRECTIONS));
            let slices = ribs[slices.clone()].iter().zip(&ends[slices.clone()]);
            let gaps = slices.flat_map(|(ribs, ends)| near.map(|k| ribs[k] - ends[k]));
            quantile(gaps.filter(|gap| gap.is_finite()).collect(), 0.4)
        })
    };
    (0..ends.len()).into_par_iter().map(of_slice).collect()
}

/// Where the pleura is looked for: on the side of `lung` as far out as any lung reaches there or opposite in the slices
/// above, because a chest widens downwards; on the other side where the lung ends.
fn expected(coarse: &Coarse, ends: &[Radii], lung: u8) -> Vec<Radii> {
    let reach = (ALONG_MM / coarse.spacing_mm[0]) as usize;
    let of_slice = |slice: usize| {
        let above = &ends[slice..(slice + reach + 1).min(ends.len())];
        let most = |k: usize| above.iter().map(|ends| ends[k]).fold(f64::NAN, f64::max);
        std::array::from_fn(|k| {
            let own = Place::is_left_direction(k) == (lung == LEFT_LUNG);
            if own { most(k).max(most(Place::opposite(k))) } else { ends[slice][k] }
        })
    };
    (0..ends.len()).into_par_iter().map(of_slice).collect()
}

/// How far from the middle a mask reaches in each direction of each slice.
pub(super) fn outermost(coarse: &Coarse, place: &Place, mask: impl Fn(usize) -> bool + Sync) -> Vec<Radii> {
    let plane = body::plane(coarse);
    let radii = |slice: usize| {
        let mut radii = [f64::NAN; DIRECTIONS];
        for voxel in (slice * plane.voxels()..(slice + 1) * plane.voxels()).filter(|&voxel| mask(voxel)) {
            let (radius, direction) = place.polar(voxel);
            radii[direction] = radius.max(radii[direction]);
        }
        radii
    };
    (0..coarse.shape[0]).into_par_iter().map(radii).collect()
}

/// Straight lines between known values at most [`RIB_GAP`] directions away on both sides; single outliers go.
fn joined(known: Radii) -> Radii {
    let seek = |from: usize, step: usize| {
        (0..RIB_GAP).find_map(|steps| {
            Some(known[(from + steps * step) % DIRECTIONS]).filter(|k| k.is_finite()).map(|k| (steps as f64, k))
        })
    };
    let joined: Radii = std::array::from_fn(|k| match (seek(k, 1), seek(k, DIRECTIONS - 1)) {
        (Some((0.0, moved)), _) => moved,
        (Some((ahead, a)), Some((behind, b))) => (a * behind + b * ahead) / (ahead + behind),
        _ => f64::NAN,
    });
    std::array::from_fn(|k| {
        let near = [k + DIRECTIONS - 1, k, k + 1].map(|k| joined[k % DIRECTIONS]);
        if joined[k].is_nan() { f64::NAN } else { quantile(near.into_iter().filter(|v| !v.is_nan()).collect(), 0.5) }
    })
}

/// A quantile of some values; not a number without any.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::RIGHT_LUNG;

    /// One slice of 2 mm blocks: the left lung ends at 60 mm and has ribs at 70, the right one at 30 with ribs further out.
    fn cage(right_rib_mm: Option<f64>) -> Cage {
        let size = 111;
        let (mut hu, mut labels) = (vec![40.0; size * size], vec![0; size * size]);
        for (voxel, hu) in hu.iter_mut().enumerate() {
            let [row, column] = [voxel / size, voxel % size].map(|at| (at as f64 - 55.0) * 2.0);
            let (radius, left) = (row.hypot(column), column > 0.0);
            if radius < if left { 60.0 } else { 30.0 } {
                labels[voxel] = if left { LEFT_LUNG } else { RIGHT_LUNG };
            }
            let rib = if left { Some(70.0) } else { right_rib_mm };
            if rib.is_some_and(|rib| (rib..rib + 6.0).contains(&radius)) {
                *hu = 400.0;
            }
        }
        let coarse = Coarse::of_blocks([1, size, size], [2.0; 3], hu);
        // The place of whole lungs, without bone that might pass for the spine: the middle of the slice.
        let whole: Vec<bool> = (0..size * size)
            .map(|voxel| [voxel / size, voxel % size].map(|at| at as f64 - 55.0).iter().map(|mm| mm * mm).sum::<f64>())
            .map(|squared| squared < 900.0)
            .collect();
        let place = Place::of(&Coarse { hu: vec![40.0; size * size], ..coarse.clone() }, &whole);
        Cage::of_slices(&coarse, &place, &labels, RIGHT_LUNG).remove(0)
    }

    fn right() -> impl Iterator<Item = usize> {
        // Away from the middle, where both sides share a direction.
        (0..DIRECTIONS)
            .filter(|&k| !Place::is_left_direction(k) && !Place::is_left_direction((k + 3) % DIRECTIONS))
            .filter(|&k| !Place::is_left_direction((k + DIRECTIONS - 3) % DIRECTIONS))
    }

    #[test]
    fn the_pleura_lies_inside_the_ribs_as_it_does_on_the_other_side() {
        let cage = cage(Some(64.0));
        for k in right() {
            assert!((cage.wall[k] - 54.0).abs() < 3.0, "direction {k}: {}", cage.wall[k]);
            assert!((cage.other[k] - 60.0).abs() < 3.0, "direction {k}: {}", cage.other[k]);
        }
    }

    #[test]
    fn without_ribs_it_lies_as_far_out_as_the_other_lung_ends() {
        let cage = cage(None);
        for k in right() {
            assert!((cage.wall[k] - 60.0).abs() < 3.0 && (cage.sure[k] - 60.0).abs() < 3.0, "direction {k}");
        }
    }

    #[test]
    fn short_gaps_between_ribs_are_bridged_and_long_ones_are_not() {
        let mut known = [f64::NAN; DIRECTIONS];
        known[10] = 4.0;
        known[12] = 8.0;
        known[40] = 9.0;
        let joined = joined(known);
        assert!((joined[11] - 6.0).abs() < 1e-9 && joined[41].is_nan() && joined[20].is_nan());
    }
}
