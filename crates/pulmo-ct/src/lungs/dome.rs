//! How high the dome of the diaphragm lies on a side whose lung holds little air: as far from the other side's as it does
//! where both are seen.

use rayon::prelude::*;

use super::cage::quantile;
use super::coarse::Coarse;
use super::place::Place;

/// Bases that lie further apart than this are not both diaphragm: one lies on lung without air.
const DIFFER_MM: f64 = 35.0;
/// So much of a base must lie nearer.
const SEEN_SHARE: f64 = 0.2;
/// How much of what the domes differ by the lowest recesses do.
const RECESS_SHARE: f64 = 0.5;

/// For each slice the one of the `other` lung whose mirror image lies there.
///
/// The image is drawn out so that its dome lies as high as that of the `near` lung in `aerated`, and its apex where it is.
pub(super) fn laid(
    coarse: &Coarse,
    place: &Place,
    (labels, other): (&[u8], u8),
    (aerated, near): (&[u8], u8),
) -> Vec<usize> {
    let slices = || 0..coarse.shape[0];
    let plane = coarse.plane();
    let base = |labels: &[u8], lung: u8, at: usize| slices().find(|slice| labels[slice * plane + at] == lung);
    let pair = |at: usize| {
        let opposite = place.mirrored(at, 1.0)?;
        Some([base(labels, other, opposite)? as f64, base(aerated, near, at)? as f64])
    };
    let pairs: Vec<[f64; 2]> = (0..plane).into_par_iter().filter_map(pair).collect();
    let seen = pairs.iter().filter(|[other, near]| (near - other).abs() * coarse.spacing_mm[0] < DIFFER_MM);
    let (bases, higher): (Vec<f64>, Vec<f64>) = seen.map(|[other, near]| (*other, near - other)).unzip();
    if higher.is_empty() || (higher.len() as f64) < SEEN_SHARE * pairs.len() as f64 {
        return slices().collect();
    }
    let [dome, higher] = [bases, higher].map(|values| quantile(values, 0.5));
    let holds = |slice: &usize| labels[slice * plane..(slice + 1) * plane].contains(&other);
    let first = slices().find(holds).unwrap_or(0) as f64;
    let last = slices().rfind(holds).unwrap_or(0) as f64;
    let at = |slice: f64| {
        let share = if slice <= dome {
            let up = if dome > first { ((slice - first) / (dome - first)).max(0.0) } else { 1.0 };
            RECESS_SHARE + (1.0 - RECESS_SHARE) * up
        } else {
            (last - slice).max(0.0) / (last - dome).max(1.0)
        };
        slice + higher * share
    };
    let away = |from: usize, slice: usize| (at(from as f64) - slice as f64).abs();
    let nearest = |slice: usize| slices().min_by(|&a, &b| away(a, slice).total_cmp(&away(b, slice))).unwrap_or(slice);
    slices().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

    /// One row of 10 slices of 2 mm: the left lung from slice 2 up, the right one from `base` up, where it is seen.
    fn laid_on(base: usize, seen: usize) -> Vec<usize> {
        let columns = 20;
        let mut labels = vec![0; 10 * columns];
        for (slice, row) in labels.chunks_mut(columns).enumerate() {
            row[..seen].fill(if slice >= base { RIGHT_LUNG } else { 0 });
            row[seen..9].fill(if slice >= 9 { RIGHT_LUNG } else { 0 });
            row[11..].fill(if slice >= 2 { LEFT_LUNG } else { 0 });
        }
        let coarse = Coarse::of_blocks([10, 1, columns], [6.0, 2.0, 2.0], vec![0.0; labels.len()]);
        let place = Place::of(&coarse, &labels.iter().map(|&label| label > 0).collect::<Vec<_>>());
        laid(&coarse, &place, (&labels, LEFT_LUNG), (&labels, RIGHT_LUNG))
    }

    #[test]
    fn the_image_is_drawn_out_to_the_dome_that_is_seen() {
        assert_eq!(laid_on(2, 9), (0..10).collect::<Vec<_>>(), "domes as high as each other");
        let higher = laid_on(5, 9);
        assert_eq!([higher[5], higher[9]], [2, 9], "dome on dome, apex on apex: {higher:?}");
        assert!(higher.is_sorted());
    }

    #[test]
    fn a_base_on_dense_lung_is_no_dome() {
        assert_eq!(laid_on(5, 1), (0..10).collect::<Vec<_>>(), "a ninth of the base is seen");
        assert_eq!(laid_on(5, 6)[5], 2, "two thirds of it are");
    }
}
