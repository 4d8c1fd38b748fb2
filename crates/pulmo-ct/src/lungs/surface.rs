//! The border that fits what blocks say and has little surface: the least total variation (Chambolle and Pock's
//! primal-dual steps), which finds the best of all borders.

use rayon::prelude::*;

use super::coarse::Coarse;
use super::sides::neighbours;

const STEPS: usize = 60;
/// Blocks are worked on so many at a time.
const CHUNK: usize = 4096;
/// There is no such neighbour.
const NONE: u32 = u32::MAX;

/// Which of the `open` blocks lie inside: that with the greatest sum of `said` less the surface, in mm², times `weight`.
///
/// The others stay as they are in `inside`; only those beside open ones play a part. `said` and `weight` are given per mm³
/// and per mm² in one unit.
pub(super) fn settle(
    coarse: &Coarse,
    inside: &mut [bool],
    open: &[bool],
    said: impl Fn(usize) -> f32 + Sync,
    weight: impl Fn(usize) -> f32 + Sync,
) {
    let shape = coarse.shape;
    let plays = |&at: &usize| open[at] || neighbours(shape, at).any(|near| open[near]);
    let blocks: Vec<usize> = (0..open.len()).into_par_iter().filter(plays).collect();
    let mut place = vec![NONE; open.len()];
    blocks.iter().enumerate().for_each(|(k, &at)| place[at] = k as u32);
    let strides = [shape[1] * shape[2], shape[2], 1];
    let is_last = |at: usize, axis: usize| at / strides[axis] % shape[axis] + 1 == shape[axis];
    let is_first = |at: usize, axis: usize| (at / strides[axis]).is_multiple_of(shape[axis]);
    let links: Vec<[[u32; 2]; 3]> = blocks
        .par_iter()
        .map(|&at| {
            std::array::from_fn(|axis| {
                let before = if is_first(at, axis) { NONE } else { place[at - strides[axis]] };
                let after = if is_last(at, axis) { NONE } else { place[at + strides[axis]] };
                [before, after]
            })
        })
        .collect();
    let per_mm = coarse.spacing_mm.map(|mm| 1.0 / mm as f32);
    // Above the norm of the differences.
    let step = 0.99 / (4.0 * per_mm.iter().map(|share| share * share).sum::<f32>()).sqrt();
    let said: Vec<f32> = blocks.par_iter().map(|&at| if open[at] { step * said(at) } else { 0.0 }).collect();
    let most: Vec<f32> = blocks.par_iter().map(|&at| weight(at)).collect();
    let mut share: Vec<f32> = blocks.iter().map(|&at| f32::from(u8::from(inside[at]))).collect();
    let mut ahead = share.clone();
    let mut flow = vec![[0.0_f32; 3]; blocks.len()];
    for _ in 0..STEPS {
        let flows = flow.par_chunks_mut(CHUNK).enumerate();
        flows.for_each(|(chunk, flow)| {
            for (k, flow) in (chunk * CHUNK..).zip(flow) {
                for axis in (0..3).filter(|&axis| links[k][axis][1] != NONE) {
                    flow[axis] += step * per_mm[axis] * (ahead[links[k][axis][1] as usize] - ahead[k]);
                }
                let length = flow.iter().map(|along| along * along).sum::<f32>().sqrt();
                if length > most[k] {
                    flow.iter_mut().for_each(|along| *along *= most[k] / length);
                }
            }
        });
        let shares = share.par_chunks_mut(CHUNK).zip(ahead.par_chunks_mut(CHUNK)).enumerate();
        shares.for_each(|(chunk, (share, ahead))| {
            for (k, (share, ahead)) in (chunk * CHUNK..).zip(share.iter_mut().zip(ahead)) {
                if !open[blocks[k]] {
                    continue;
                }
                let net = |axis: usize| {
                    let before = links[k][axis][0];
                    per_mm[axis] * (flow[k][axis] - if before == NONE { 0.0 } else { flow[before as usize][axis] })
                };
                let next = (*share + step * (0..3).map(net).sum::<f32>() + said[k]).clamp(0.0, 1.0);
                *ahead = 2.0 * next - *share;
                *share = next;
            }
        });
    }
    blocks.iter().zip(share).filter(|&(&at, _)| open[at]).for_each(|(&at, share)| inside[at] = share > 0.5);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 20;

    /// How many blocks of a cube of 10 mm, and how many others, of a volume of 1 mm blocks lie inside.
    fn inside(said: impl Fn(usize, bool) -> f32 + Sync, weight: f32) -> [usize; 2] {
        let in_cube =
            |at: usize| [at / (SIZE * SIZE), at / SIZE % SIZE, at % SIZE].iter().all(|at| (5..15).contains(at));
        let blocks = SIZE * SIZE * SIZE;
        let coarse = Coarse::of_blocks([SIZE; 3], [1.0; 3], Vec::new());
        let mut inside = vec![false; blocks];
        settle(&coarse, &mut inside, &vec![true; blocks], |at| said(at, in_cube(at)), |_| weight);
        [true, false].map(|cube| (0..blocks).filter(|&at| inside[at] && in_cube(at) == cube).count())
    }

    #[test]
    fn single_blocks_that_say_otherwise_follow_those_around() {
        let said = |at: usize, cube: bool| if cube != at.is_multiple_of(7) { 1.0 } else { -1.0 };
        let [cube, others] = inside(said, 1.0);
        assert!((900..=1000).contains(&cube) && others < 60, "{cube} of 1000, {others} others");
        let [cube, others] = inside(said, 0.0);
        assert!(cube < 870 && others > 900, "without a weight of the surface: {cube}, {others}");
    }

    #[test]
    fn what_is_not_worth_its_surface_goes() {
        assert_eq!(inside(|_, cube| if cube { 0.5 } else { -0.5 }, 1.0), [0, 0], "500 for 600 mm²");
        assert!(inside(|_, cube| if cube { 1.5 } else { -1.5 }, 1.0)[0] > 900);
    }
}
