//! Holes in a lung: bronchi, islands with some air and other places that lung without air encloses in a slice.

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc;
use super::place::BONE_HU;

/// Holes up to this size are filled, and larger ones whose mean HU are below this: tissue is denser.
const SMALL_MM2: f64 = 300.0;
const AIR_IN_HU: f32 = -20.0;

/// Fills what one lung encloses in a slice, bone and what is not `allowed` left out.
pub(super) fn fill(coarse: &Coarse, labels: &mut [u8], lung: u8, allowed: &[bool]) {
    let plane = body::plane(coarse);
    labels.par_chunks_mut(plane.voxels()).enumerate().for_each(|(slice, labels)| {
        if !labels.contains(&lung) {
            return;
        }
        let here = slice * plane.voxels()..(slice + 1) * plane.voxels();
        let (hu, allowed) = (&coarse.hu[here.clone()], &allowed[here]);
        let rest: Vec<bool> = labels.iter().map(|&label| label != lung).collect();
        let (parts, count) = disc::parts(plane, &rest);
        let mut sizes = vec![0_usize; count + 1];
        let mut sums = vec![0.0_f32; count + 1];
        let mut is_open = vec![false; count + 1];
        for (at, part) in parts.iter().map(|&part| part as usize).enumerate().filter(|&(at, _)| rest[at]) {
            sizes[part] += 1;
            sums[part] += hu[at];
            is_open[part] |= plane.is_edge(at) || labels[at] > 0;
        }
        let is_hole = |part: usize| {
            let small = sizes[part] as f64 * plane.voxel_mm2() < SMALL_MM2;
            !is_open[part] && (small || sums[part] < AIR_IN_HU * sizes[part] as f32)
        };
        for at in (0..rest.len()).filter(|&at| rest[at] && allowed[at] && hu[at] < BONE_HU) {
            if is_hole(parts[at] as usize) {
                labels[at] = lung;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

    /// Blocks filled of a square hole in the left lung; a block has 4 mm².
    fn filled(side: usize, hole_hu: f32, mark: u8) -> usize {
        let size = 20;
        let in_hole = |at: usize| [at / size, at % size].iter().all(|at| (4..4 + side).contains(at));
        let in_lung = |at: usize| [at / size, at % size].iter().all(|at| (2..18).contains(at));
        let coarse = Coarse::of_blocks(
            [1, size, size],
            [2.0; 3],
            (0..size * size).map(|at| if in_hole(at) { hole_hu } else { 30.0 }).collect(),
        );
        let label = |at: usize| if in_hole(at) { mark } else { LEFT_LUNG * u8::from(in_lung(at)) };
        let mut labels: Vec<u8> = (0..size * size).map(label).collect();
        fill(&coarse, &mut labels, LEFT_LUNG, &vec![true; size * size]);
        (0..size * size).filter(|&at| in_hole(at) && labels[at] == LEFT_LUNG).count()
    }

    #[test]
    fn small_holes_and_those_with_air_are_filled() {
        assert_eq!(filled(5, 50.0, 0), 25);
        assert_eq!(filled(10, -300.0, 0), 100);
        assert_eq!(filled(10, 50.0, 0), 0, "tissue of 400 mm², as of a dome");
        assert_eq!(filled(5, 400.0, 0), 0, "bone");
        assert_eq!(filled(5, 50.0, RIGHT_LUNG), 0, "the other lung");
    }

    #[test]
    fn what_reaches_the_edge_of_the_lung_is_no_hole() {
        assert_eq!(filled(14, -300.0, 0), 0);
    }
}
