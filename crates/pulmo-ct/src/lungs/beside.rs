//! Ground glass beside an organ, in greys: how far the organ reaches, told by what is nearer to its grey than to the lung's.
//!
//! An organ is known by its core, and reaches some way beyond it. Where the lung beside it is ground glass, the border lies
//! halfway between the grey of that lung and the core's. Beside aerated lung it lies at the threshold, as everywhere.

use rayon::prelude::*;

use super::body::{self, AIR_BELOW_HU};
use super::coarse::Coarse;
use super::disc::Plane;
use super::organs::Organs;
use super::place::Place;
use super::rim;

/// The core's grey is looked at within so many mm of a block: a little more than an organ reaches beyond its core, because
/// contrast equalisation gives each place greys of its own.
const CORE_MM: f64 = 22.0;
/// An organ reaches so many blocks beyond its core.
const LAYERS: usize = 6;

/// Adds to each lung the blocks beside dense parts of it that organs reach and that are nearer to the lung's grey than to the
/// organ's; nothing of the mediastinum.
pub(super) fn grow(coarse: &Coarse, labels: &mut [u8], (allowed, place): (&[bool], &Place), organs: &Organs) {
    let plane = body::plane(coarse);
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        let here = slice * plane.voxels()..(slice + 1) * plane.voxels();
        let (hu, cores) = (&coarse.hu[here.clone()], &organs.cores[here.clone()]);
        let may_be = |&at: &usize| {
            let voxel = here.start + at;
            let reached = organs.reach[voxel] && !cores[at];
            reached && labels[at] == 0 && allowed[voxel] && !place.is_mediastinal(voxel)
        };
        let mut left: Vec<usize> = (0..plane.voxels()).filter(may_be).collect();
        for _ in 0..LAYERS {
            let is_lung = |&at: &usize| Some((at, lung_of(plane, at, (hu, labels), cores)?));
            let layer: Vec<(usize, u8)> = left.iter().filter_map(is_lung).collect();
            if layer.is_empty() {
                break;
            }
            layer.into_iter().for_each(|(at, lung)| labels[at] = lung);
            left.retain(|&at| labels[at] == 0);
        }
    });
}

/// The lung that a block belongs to, if it lies beside a dense part of one and is nearer to its grey than to the organ's.
fn lung_of(plane: Plane, at: usize, (hu, labels): (&[f32], &[u8]), cores: &[bool]) -> Option<u8> {
    let lung = plane.neighbours(at).map(|next| labels[next]).max().filter(|&lung| lung > 0)?;
    let beside = rim::mean_around(plane, at, (hu, labels), lung);
    if beside < AIR_BELOW_HU {
        return None;
    }
    let organ = core_around(plane, at, (hu, cores))?;
    (hu[at] < 0.5 * (beside + organ)).then_some(lung)
}

/// Mean grey of organs' cores around a block; `None` without any.
fn core_around(plane: Plane, at: usize, (hu, cores): (&[f32], &[bool])) -> Option<f32> {
    let (row, column) = (at / plane.columns, at % plane.columns);
    let reach = plane.spacing_mm.map(|mm| (CORE_MM / mm) as usize);
    let (mut sum, mut count) = (0.0, 0.0);
    for line in row.saturating_sub(reach[0])..(row + reach[0] + 1).min(plane.rows) {
        for column in column.saturating_sub(reach[1])..(column + reach[1] + 1).min(plane.columns) {
            let voxel = line * plane.columns + column;
            if cores[voxel] {
                sum += hu[voxel];
                count += 1.0;
            }
        }
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::RIGHT_LUNG;

    /// One row of 60 blocks of 3 mm: 20 of lung, six in between, and an organ whose core begins one further on; how many are
    /// lung then.
    fn grown(lung: f32, between: f32) -> usize {
        let columns = 60;
        let mut hu = vec![100.0; columns];
        hu[..20].fill(lung);
        hu[20..26].fill(between);
        let mut labels = vec![0; columns];
        labels[..20].fill(RIGHT_LUNG);
        let from = |first: usize| (0..columns).map(|at| at >= first).collect::<Vec<bool>>();
        let organs = Organs { cores: from(27), reach: from(20) };
        let coarse = Coarse { calibrated: false, ..Coarse::of_blocks([1, 1, columns], [3.0; 3], hu) };
        // The lung's own middle is far enough from its end not to make that mediastinum.
        let place = Place::of(&coarse, &labels.iter().map(|&label| label > 0).collect::<Vec<bool>>());
        grow(&coarse, &mut labels, (&vec![true; columns], &place), &organs);
        labels.iter().filter(|&&label| label > 0).count()
    }

    #[test]
    fn ground_glass_goes_on_to_the_organ() {
        assert_eq!(grown(-300.0, -150.0), 26);
    }

    #[test]
    fn beside_aerated_lung_nothing_is_added() {
        assert_eq!(grown(-900.0, -150.0), 20);
    }

    #[test]
    fn what_is_as_bright_as_the_organ_is_organ() {
        assert_eq!(grown(-300.0, 80.0), 20);
    }
}
