//! What lies behind the spine, in greys: muscle and fat of the back, which pass for lung and would move the chest wall out.
//!
//! Ribs leave the spine sideways and backwards, and lung lies outside the wedge between them. HU tell fat from lung, so that
//! nothing is asked there.

use super::coarse::Coarse;
use super::place::{BONE_GREY, Place};

/// Bone this near to the middle, in the back half of the chest, is the spine's.
const SPINE_MM: f64 = 15.0;
/// Half the wedge's width at the depth of the spine's middle, and what it gains for each mm further back. In 11 drawn cases none of
/// 1,470,000 blocks of lung lies inside; half as wide again it takes 1,227.
const HALF_WIDTH_MM: f64 = 8.0;
const WIDENS: f64 = 0.5;

/// The blocks in the wedge behind the spine of a chest with this `lung`; none where the values are HU or no spine is seen.
pub(super) fn behind(coarse: &Coarse, lung: &[bool]) -> Vec<bool> {
    let mut behind = vec![false; coarse.hu.len()];
    if coarse.calibrated {
        return behind;
    }
    let place = Place::of(coarse, lung);
    let is_spine = |&voxel: &usize| {
        coarse.hu[voxel] >= BONE_GREY && place.aside_mm(voxel) < SPINE_MM && (0.5..1.2).contains(&place.depth(voxel))
    };
    let mut depths: Vec<f64> = (0..coarse.hu.len()).filter(is_spine).map(|voxel| place.back_mm(voxel)).collect();
    if depths.is_empty() {
        return behind;
    }
    let at = depths.len() / 2;
    let spine = *depths.select_nth_unstable_by(at, f64::total_cmp).1;
    for (voxel, behind) in behind.iter_mut().enumerate() {
        let back = place.back_mm(voxel) - spine;
        *behind = back > 0.0 && place.aside_mm(voxel) < HALF_WIDTH_MM + WIDENS * back;
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One slice of 60 x 100 blocks of 2 mm: lung in the rows 5 to 44 but for a middle with a spine in the rows 30 to 40.
    fn marked(calibrated: bool, upright: bool) -> (Vec<bool>, impl Fn(usize, usize) -> usize) {
        let at = move |row: usize, column: usize| if upright { row * 100 + column } else { (59 - row) * 100 + column };
        let (mut hu, mut lung) = (vec![0.0; 6000], vec![false; 6000]);
        for (row, column) in (0..60).flat_map(|row| (0..100_usize).map(move |column| (row, column))) {
            let aside = column.abs_diff(50);
            if (30..=40).contains(&row) && aside < 8 {
                hu[at(row, column)] = 600.0;
            } else if (5..45).contains(&row) && (12..40).contains(&aside) {
                (hu[at(row, column)], lung[at(row, column)]) = (-850.0, true);
            }
        }
        let coarse = Coarse { calibrated, ..Coarse::of_blocks([1, 60, 100], [2.0; 3], hu) };
        (behind(&coarse, &lung), at)
    }

    #[test]
    fn the_wedge_widens_from_the_spine_to_the_back_whichever_way_up() {
        for upright in [true, false] {
            let (marked, at) = marked(false, upright);
            let width = |row: usize| (0..100).filter(|&column| marked[at(row, column)]).count();
            // The spine's middle is row 35; 20 and 40 mm behind it the wedge is 18 and 28 mm wide to each side.
            assert_eq!([34, 35, 45, 55].map(width), [0, 0, 17, 27], "upright {upright}");
            assert!(marked[at(55, 50)] && !marked[at(55, 70)]);
        }
    }

    #[test]
    fn hu_need_no_wedge() {
        assert!(!marked(true, true).0.contains(&true));
    }
}
