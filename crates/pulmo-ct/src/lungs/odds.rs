//! How much likelier HU are in lung without air than in the tissue around, as both look near a place.
//!
//! Blood, muscle and liver have HU of their own, and a consolidation has patches: so both are counted near each place, and
//! as they are everywhere where little was counted near it.

use rayon::prelude::*;

use super::cage::quantile;
use super::coarse::Coarse;

/// HU are compared within this range.
const SHOWN_HU: [f32; 2] = [-150.0, 250.0];
/// Soft tissue is from here on; it is compared with soft tissue alone, because fat is no rival of it.
const SOFT_HU: f32 = -30.0;
/// Sides of the cells in which HU are counted.
const CELL_MM: f64 = 8.0;
/// Widths of the Gaussians that weigh what is counted near a place: in the core, and around.
const NEAR_MM: [f64; 2] = [15.0, 20.0];
/// What is found everywhere counts as much as so large a share of a whole neighbourhood.
const EVERYWHERE: f32 = 0.5;

/// Logarithms of the odds of HU.
pub(super) struct Odds {
    /// The median of the core.
    pub(super) middle: f32,
    core: Densities,
    around: Densities,
}

impl Odds {
    /// Between two masks; `None` where the first has fewer blocks than `least`.
    pub(super) fn between(coarse: &Coarse, core: &[bool], around: &[bool], least: usize) -> Option<Self> {
        let marked = core.iter().zip(&coarse.hu).filter(|&(&core, _)| core);
        let values: Vec<f64> = marked.map(|(_, &hu)| f64::from(shown(hu))).collect();
        if values.len() < least.max(1) {
            return None;
        }
        let middle = quantile(values.clone(), 0.5);
        // Standard deviation, from the median of absolute deviations.
        let spread = 1.48 * quantile(values.iter().map(|hu| (hu - middle).abs()).collect(), 0.5);
        let width = (spread as f32 / 3.0).max(4.0);
        let [core, around] =
            [(core, NEAR_MM[0]), (around, NEAR_MM[1])].map(|counted| Densities::of(coarse, counted, width));
        Some(Self { middle: middle as f32, core, around })
    }

    /// For HU of a block.
    pub(super) fn at(&self, block: [usize; 3], hu: f32) -> f32 {
        self.core.at(block, hu) - self.around.at(block, hu)
    }
}

fn shown(hu: f32) -> f32 {
    hu.clamp(SHOWN_HU[0], SHOWN_HU[1])
}

/// Logarithms of the densities of HU near the cells of a volume.
struct Densities {
    cells: [usize; 3],
    /// Blocks in a cell along each axis.
    step: [f64; 3],
    /// HU in a class.
    width: f32,
    /// Cell by cell, classes together.
    classes: Vec<f32>,
}

impl Densities {
    fn of(coarse: &Coarse, (mask, near_mm): (&[bool], f64), width: f32) -> Self {
        let [_, rows, columns] = coarse.shape;
        let step = coarse.spacing_mm.map(|mm| (CELL_MM / mm).max(1.0));
        let cells: [usize; 3] = std::array::from_fn(|axis| (coarse.shape[axis] as f64 / step[axis]).ceil() as usize);
        let mut densities = Self { cells, step, width, classes: Vec::new() };
        let count = densities.class(SHOWN_HU[1]) + 1;
        let mut counts = vec![0.0_f32; cells.iter().product::<usize>() * count];
        for (block, &hu) in coarse.hu.iter().enumerate().filter(|&(block, _)| mask[block]) {
            let at = [block / (rows * columns), block / columns % rows, block % columns];
            let cell: [usize; 3] =
                std::array::from_fn(|axis| ((at[axis] as f64 / step[axis]) as usize).min(cells[axis] - 1));
            counts[densities.cell(cell) * count + densities.class(hu)] += 1.0;
        }
        let mut everywhere = vec![0.5_f32; count];
        counts.chunks(count).for_each(|cell| everywhere.iter_mut().zip(cell).for_each(|(sum, count)| *sum += count));
        let sum: f32 = everywhere.iter().sum();
        let whole = (std::f64::consts::TAU.sqrt() * near_mm).powi(3) / coarse.spacing_mm.iter().product::<f64>();
        let share = EVERYWHERE * whole as f32 / sum;
        let soft = densities.class(SOFT_HU);
        densities.classes =
            weighed(cells, &counts, std::array::from_fn(|axis| near_mm / (step[axis] * coarse.spacing_mm[axis])));
        densities.classes.par_chunks_mut(count).for_each(|classes| {
            classes.iter_mut().zip(&everywhere).for_each(|(class, everywhere)| *class += share * everywhere);
            let smooth = smoothed(classes);
            let all: f32 = smooth.iter().sum();
            let of_soft = smooth[soft..].iter().sum::<f32>().max(0.01 * all);
            for (class, (at, smooth)) in classes.iter_mut().zip(smooth.into_iter().enumerate()) {
                *class = (smooth / if at < soft { all } else { of_soft }).ln();
            }
        });
        densities
    }

    fn class(&self, hu: f32) -> usize {
        ((shown(hu) - SHOWN_HU[0]) / self.width) as usize
    }

    fn cell(&self, [slice, row, column]: [usize; 3]) -> usize {
        (slice * self.cells[1] + row) * self.cells[2] + column
    }

    /// Between the cells around a block.
    fn at(&self, block: [usize; 3], hu: f32) -> f32 {
        let count = self.class(SHOWN_HU[1]) + 1;
        let class = self.class(hu);
        let place: [(usize, f32); 3] = std::array::from_fn(|axis| {
            let most = self.cells[axis] - 1;
            let at = ((block[axis] as f64 + 0.5) / self.step[axis] - 0.5).clamp(0.0, most as f64);
            let low = (at as usize).min(most.saturating_sub(1));
            (low, (at - low as f64) as f32)
        });
        let mut sum = 0.0;
        for corner in 0..8_usize {
            let upper: [bool; 3] = std::array::from_fn(|axis| corner >> axis & 1 == 1);
            let weight: f32 =
                (0..3).map(|axis| if upper[axis] { place[axis].1 } else { 1.0 - place[axis].1 }).product();
            if weight > 0.0 {
                let cell = std::array::from_fn(|axis| place[axis].0 + usize::from(upper[axis]));
                sum += weight * self.classes[self.cell(cell) * count + class];
            }
        }
        sum
    }
}

/// Sums over the cells around, weighed by a Gaussian whose top is 1; `width` is in cells.
fn weighed(cells: [usize; 3], counts: &[f32], width: [f64; 3]) -> Vec<f32> {
    let count = counts.len() / cells.iter().product::<usize>();
    let strides = [cells[1] * cells[2], cells[2], 1];
    let mut values = counts.to_vec();
    for axis in 0..3 {
        let reach = (3.0 * width[axis]).ceil() as usize;
        let weights: Vec<f32> =
            (0..=reach).map(|step| (-0.5 * (step as f64 / width[axis]).powi(2)).exp() as f32).collect();
        let mut sums = vec![0.0_f32; values.len()];
        sums.par_chunks_mut(count).enumerate().for_each(|(cell, sums)| {
            let at = cell / strides[axis] % cells[axis];
            for there in at.saturating_sub(reach)..(at + reach + 1).min(cells[axis]) {
                let from = (cell - at * strides[axis] + there * strides[axis]) * count;
                let weight = weights[there.abs_diff(at)];
                sums.iter_mut().zip(&values[from..]).for_each(|(sum, value)| *sum += weight * value);
            }
        });
        values = sums;
    }
    values
}

/// Classes smoothed by a Gaussian as wide as one class.
fn smoothed(classes: &[f32]) -> Vec<f32> {
    const REACH: usize = 4;
    let weights: [f32; REACH + 1] = std::array::from_fn(|step| (-0.5 * (step as f32).powi(2)).exp());
    let around = |at: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(classes.len());
    (0..classes.len()).map(|at| around(at).map(|near| weights[near.abs_diff(at)] * classes[near]).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of 2 mm blocks: core of 20 HU, then tissue of `near` HU beside it and of 90 HU far away.
    fn odds(near: f32) -> Odds {
        let hu: Vec<f32> = (0..120)
            .map(|at| {
                if at < 20 {
                    20.0
                } else if at < 40 {
                    near
                } else {
                    90.0
                }
            })
            .collect();
        let core: Vec<bool> = (0..120).map(|at| at < 20).collect();
        let around: Vec<bool> = core.iter().map(|core| !core).collect();
        let coarse = Coarse::of_blocks([1, 1, 120], [2.0; 3], hu);
        Odds::between(&coarse, &core, &around, 10).unwrap()
    }

    #[test]
    fn hu_of_the_core_speak_for_it_and_those_of_what_lies_beside_it_against() {
        let odds = odds(50.0);
        assert!((odds.middle - 20.0).abs() < 0.1);
        assert!(odds.at([0, 0, 25], 20.0) > 1.0 && odds.at([0, 0, 25], 50.0) < -1.0);
    }

    #[test]
    fn tissue_that_lies_far_away_says_less() {
        let odds = odds(50.0);
        assert!(odds.at([0, 0, 22], 50.0) < odds.at([0, 0, 110], 50.0));
        assert!(odds.at([0, 0, 110], 90.0) < odds.at([0, 0, 22], 90.0));
    }
}
