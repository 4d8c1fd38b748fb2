//! The edge of a guess where attenuation tells it: fluid and lung without air have other HU than the wall, the organs and the
//! fat around them.
//!
//! Every block near the guess's edge is weighed by how much likelier its HU are in the guess's core than in the tissue
//! around, by how far inside the guess it lies, and by the blocks around it (mean field of a Potts model). This is done again
//! from the edge that was found. What lies beside aerated lung and not beside the guess stays out: there the edge is seen.
//! Where HU do not differ nothing but the guess decides, a little further out than it says, because lung that is left out is
//! worse than tissue that is taken in.

use rayon::prelude::*;

use super::body::AIR_BELOW_HU;
use super::cage::quantile;
use super::coarse::Coarse;
use super::enclosed;
use super::part::Part;
use super::sides::neighbours;
use crate::distance::distances_mm;
use crate::error::Result;
use crate::geometry::{Affine, Grid, Spacing};

/// Blocks so near to the guess's edge are weighed.
const BAND_MM: f32 = 14.0;
/// The core lies so deep inside the guess, and the tissue around so far from both lungs.
const CORE_MM: f32 = 6.0;
const AROUND_MM: [f32; 2] = [6.0, 30.0];
/// So near to the dense part the tissue around lies.
const NEAR_DENSE_MM: f32 = 40.0;
/// With fewer blocks of core nothing is known.
const CORE_BLOCKS: usize = 200;
/// HU below which a block of the guess is no dense lung, and of the rest no tissue that may be.
const DENSE_HU: f32 = -300.0;
const TISSUE_HU: f32 = -250.0;
/// HU are compared within this range.
const SHOWN_HU: [f32; 2] = [-150.0, 250.0];
/// Logarithm of odds for each mm inside the guess, the most that HU of one block may say, and what the blocks around say
/// together, weighed by a Gaussian.
const PER_MM: f32 = 0.1;
/// The guess is taken for so much larger.
const WIDER_MM: f32 = 2.0;
/// A block outside may lie so much nearer to aerated lung than to dense lung.
const BESIDE_AIR_MM: f32 = 3.0;
/// Soft tissue is from here on; fat is no rival of it.
const SOFT_HU: f32 = -30.0;
const MOST: f32 = 3.0;
const NEIGHBOURS: f32 = 6.0;
const NEAR_MM: f64 = 2.5;
const ROUNDS: usize = 10;
/// How often the edge is told.
const PASSES: usize = 3;

/// Moves the edge of the dense part of one lung; `allowed` is what may be lung at all.
///
/// # Errors
/// None in practice.
pub(super) fn refine(coarse: &Coarse, labels: &mut [u8], lung: u8, allowed: &[bool]) -> Result<()> {
    // Nothing further away than the tissue around and what may lie beside it plays a part.
    let margin = coarse.spacing_mm.map(|mm| (f64::from(NEAR_DENSE_MM + AROUND_MM[1]) / mm).ceil() as usize);
    let dense: Vec<bool> = labels.iter().zip(&coarse.hu).map(|(&label, &hu)| label == lung && hu > DENSE_HU).collect();
    let Some(part) = Part::around(coarse, &dense, margin) else { return Ok(()) };
    let (small, allowed) = (part.coarse(coarse), part.cut(allowed));
    let mut here = part.cut(labels);
    for _ in 0..PASSES {
        refine_part(&small, &mut here, lung, &allowed)?;
        enclosed::fill(&small, &mut here, lung, &allowed);
    }
    part.paste(&here, labels);
    Ok(())
}

/// The same where the volume is not much larger than the dense part.
fn refine_part(coarse: &Coarse, labels: &mut [u8], lung: u8, allowed: &[bool]) -> Result<()> {
    let grid = Grid::new(coarse.shape, Affine::axial(Spacing::new(coarse.spacing_mm)?, [0.0; 3]))?;
    let hu = &coarse.hu;
    let all = |mark: &dyn Fn(usize) -> bool| (0..labels.len()).map(mark).collect::<Vec<bool>>();
    let inside = distances_mm(&grid, &all(&|at| labels[at] != lung))?;
    let outside = distances_mm(&grid, &all(&|at| labels[at] == lung))?;
    let from_dense = distances_mm(&grid, &all(&|at| labels[at] == lung && hu[at] > DENSE_HU))?;
    let from_air = distances_mm(&grid, &all(&|at| labels[at] == lung && hu[at] < AIR_BELOW_HU))?;
    let from_lungs = distances_mm(&grid, &all(&|at| labels[at] > 0))?;
    let beside_air = beside(coarse, &all(&|at| hu[at] < AIR_BELOW_HU && labels[at] > 0));
    let is_core = |at: usize| labels[at] == lung && hu[at] > DENSE_HU && inside[at] > CORE_MM && !beside_air[at];
    let is_around = |at: usize| {
        let far = AROUND_MM[0]..AROUND_MM[1];
        far.contains(&from_lungs[at]) && from_dense[at] < NEAR_DENSE_MM && hu[at] > TISSUE_HU
    };
    let shown = |wanted: &dyn Fn(usize) -> bool| -> Vec<f32> {
        (0..hu.len()).filter(|&at| wanted(at)).map(|at| hu[at].clamp(SHOWN_HU[0], SHOWN_HU[1])).collect()
    };
    let core = shown(&is_core);
    if core.len() < CORE_BLOCKS {
        return Ok(());
    }
    let odds = Odds::of(&core, &shown(&is_around));
    let depth = |at: usize| if labels[at] == lung { inside[at] } else { -outside[at] };
    let is_open = |at: usize| {
        let near = depth(at).abs() < BAND_MM && from_dense[at] < BAND_MM && hu[at] > TISSUE_HU;
        let beside_guess = labels[at] == 0 && from_dense[at] <= from_air[at] + BESIDE_AIR_MM;
        near && allowed[at] && (beside_guess || labels[at] == lung)
    };
    let open = all(&is_open);
    let alone = |at: usize| PER_MM * (depth(at) + WIDER_MM) + odds.at(hu[at]).clamp(-MOST, MOST);
    let alone: Vec<f32> = (0..hu.len()).map(alone).collect();
    let tissue: Vec<f32> = hu.iter().map(|&hu| f32::from(u8::from(hu > TISSUE_HU))).collect();
    settle(coarse, (labels, lung), (&alone, &open, &tissue));
    rim(coarse, (labels, lung), odds.middle, &open);
    Ok(())
}

/// Gives each open block the label that it and those near it say.
fn settle(coarse: &Coarse, (labels, lung): (&mut [u8], u8), (alone, open, tissue): (&[f32], &[bool], &[f32])) {
    let kernels = coarse.spacing_mm.map(|mm| gaussian(NEAR_MM / mm));
    let reach = kernels.each_ref().map(|kernel| kernel.len() / 2);
    let Some(part) = Part::around(coarse, open, reach) else { return };
    let (small, open) = (part.coarse(coarse), part.cut(open));
    let mut here = part.cut(labels);
    let belief = agreed(small.shape, &kernels, (&here, lung), (&part.cut(alone), &open, &part.cut(tissue)));
    for at in (0..here.len()).filter(|&at| open[at]) {
        here[at] = if belief[at] > 0.0 { lung } else { 0 };
    }
    part.paste(&here, labels);
}

/// How much likelier HU are in the core than around it.
struct Odds {
    middle: f32,
    /// Width of a class of HU.
    width: f32,
    /// Logarithms of the odds of each class.
    classes: Vec<f32>,
    /// What is added for soft tissue, which is compared with soft tissue alone.
    soft: f32,
}

impl Odds {
    fn of(core: &[f32], around: &[f32]) -> Self {
        let median = |values: Vec<f64>| quantile(values, 0.5) as f32;
        let middle = median(core.iter().map(|&hu| f64::from(hu)).collect());
        // Standard deviation, from the median of absolute deviations.
        let spread = (1.48 * median(core.iter().map(|hu| f64::from((hu - middle).abs())).collect())).max(4.0);
        let width = (spread / 3.0).max(4.0);
        let bins = ((SHOWN_HU[1] - SHOWN_HU[0]) / width) as usize + 1;
        let density = |values: &[f32]| -> Vec<f32> {
            let mut counts = vec![0.5_f32; bins];
            values.iter().for_each(|hu| counts[((hu - SHOWN_HU[0]) / width) as usize] += 1.0);
            let counts = along(&counts, 1, &gaussian(1.0));
            let sum: f32 = counts.iter().sum();
            counts.iter().map(|count| (count / (sum * width)).ln()).collect()
        };
        let soft = |values: &[f32]| {
            let share = values.iter().filter(|&&hu| hu >= SOFT_HU).count() as f32 / values.len().max(1) as f32;
            share.max(0.01).ln()
        };
        let classes = density(core).iter().zip(density(around)).map(|(core, around)| core - around).collect();
        Self { middle, width, classes, soft: soft(around) - soft(core) }
    }

    fn at(&self, hu: f32) -> f32 {
        let hu = hu.clamp(SHOWN_HU[0], SHOWN_HU[1]);
        let soft = if hu >= SOFT_HU { self.soft } else { 0.0 };
        self.classes[((hu - SHOWN_HU[0]) / self.width) as usize] + soft
    }
}

/// What blocks say alone, brought into agreement with those near them; what is not open keeps its label.
fn agreed(
    shape: [usize; 3],
    kernels: &[Vec<f32>; 3],
    (labels, lung): (&[u8], u8),
    (alone, open, tissue): (&[f32], &[bool], &[f32]),
) -> Vec<f32> {
    let own: f32 = kernels.iter().map(|kernel| kernel[kernel.len() / 2]).product();
    let near = smoothed(shape, tissue, kernels);
    let mut belief = alone.to_vec();
    for _ in 0..ROUNDS {
        let says = |at: usize| {
            let fixed = if labels[at] == lung { 1.0 } else { -1.0 };
            tissue[at] * if open[at] { (belief[at] / 2.0).tanh() } else { fixed }
        };
        let said: Vec<f32> = (0..alone.len()).into_par_iter().map(says).collect();
        let around = smoothed(shape, &said, kernels);
        let heard = |at: usize| (around[at] - own * said[at]) / (near[at] - own * tissue[at]).max(0.05);
        belief = (0..alone.len()).into_par_iter().map(|at| alone[at] + NEIGHBOURS * heard(at)).collect();
    }
    belief
}

/// Adds open blocks of the border that are nearer to the core's HU than to the darkest block beyond.
fn rim(coarse: &Coarse, (labels, lung): (&mut [u8], u8), middle: f32, open: &[bool]) {
    let hu = &coarse.hu;
    let dense: Vec<bool> = (0..hu.len()).map(|at| labels[at] == lung && hu[at] >= AIR_BELOW_HU).collect();
    let border = beside(coarse, &dense);
    let is_nearer = |at: usize| {
        let beyond = around(coarse, at).filter(|&near| labels[near] == 0 && hu[near] >= AIR_BELOW_HU);
        let darkest = beyond.map(|near| hu[near]).fold(f32::INFINITY, f32::min);
        hu[at] < middle && hu[at] > (middle + darkest) / 2.0
    };
    let on_border = (0..labels.len()).filter(|&at| border[at] && labels[at] == 0 && open[at]);
    let added: Vec<usize> = on_border.filter(|&at| is_nearer(at)).collect();
    added.into_iter().for_each(|at| labels[at] = lung);
}

/// A mask and the blocks that share a face with it.
fn beside(coarse: &Coarse, mask: &[bool]) -> Vec<bool> {
    let touches = |at: usize| mask[at] || neighbours(coarse.shape, at).any(|near| mask[near]);
    (0..mask.len()).into_par_iter().map(touches).collect()
}

/// The up to 27 blocks of which one is the middle.
fn around(coarse: &Coarse, at: usize) -> impl Iterator<Item = usize> {
    let [slices, rows, columns] = coarse.shape;
    let from = |place: usize, count: usize| place.saturating_sub(1)..(place + 2).min(count);
    let (slice, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
    from(slice, slices)
        .flat_map(move |slice| from(row, rows).map(move |row| slice * rows + row))
        .flat_map(move |line| from(column, columns).map(move |column| line * columns + column))
}

/// Weights of a Gaussian out to four times its width, which add up to 1.
fn gaussian(width: f64) -> Vec<f32> {
    let reach = (4.0 * width).ceil().max(1.0) as i32;
    let weights: Vec<f64> = (-reach..=reach).map(|step| (-0.5 * (f64::from(step) / width).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Smoothed along all axes; beyond the volume lies 0.
fn smoothed([slices, rows, columns]: [usize; 3], values: &[f32], kernels: &[Vec<f32>; 3]) -> Vec<f32> {
    let plane = rows * columns;
    let mut within = vec![0.0; values.len()];
    let slice = |in_rows: &mut Vec<f32>, (within, values): (&mut [f32], &[f32])| {
        in_rows.clear();
        values.chunks(columns).for_each(|row| in_rows.extend(along(row, 1, &kernels[2])));
        within.copy_from_slice(&along(in_rows, columns, &kernels[1]));
    };
    within.par_chunks_mut(plane).zip(values.par_chunks(plane)).for_each_init(Vec::new, slice);
    let mut smooth = vec![0.0; values.len()];
    let reach = kernels[0].len() / 2;
    smooth.par_chunks_mut(plane).enumerate().for_each(|(slice, smooth)| {
        for (step, weight) in
            kernels[0].iter().enumerate().filter(|(step, _)| (reach..slices + reach).contains(&(slice + step)))
        {
            let there = slice + step - reach;
            smooth.iter_mut().zip(&within[there * plane..]).for_each(|(sum, value)| *sum += weight * value);
        }
    });
    smooth
}

/// Smoothed along one axis, whose neighbours lie `stride` apart; it is the outermost.
fn along(values: &[f32], stride: usize, kernel: &[f32]) -> Vec<f32> {
    let reach = kernel.len() / 2;
    let mut smooth = vec![0.0; values.len()];
    for (step, weight) in kernel.iter().enumerate() {
        let [skipped, ahead] =
            [reach.saturating_sub(step), step.saturating_sub(reach)].map(|steps| (steps * stride).min(values.len()));
        let pairs = smooth[skipped..].iter_mut().zip(&values[ahead..]);
        pairs.for_each(|(sum, value)| *sum += weight * value);
    }
    smooth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::LEFT_LUNG;

    /// A cube of fluid, 36 of 60 mm, in tissue of 55 HU; the guess ends 6 mm too early on all sides.
    fn found_in(fluid_hu: f32) -> [usize; 2] {
        let size = 30;
        let within = |at: usize, margin: usize| {
            [at / (size * size), at / size % size, at % size].iter().all(|at| (margin..size - margin).contains(at))
        };
        let hu = (0..size * size * size).map(|at| if within(at, 6) { fluid_hu } else { 55.0 } + (at % 7) as f32 - 3.0);
        let coarse = Coarse {
            shape: [size; 3],
            factor: [1; 3],
            spacing_mm: [2.0; 3],
            block_ml: 0.008,
            hu: hu.collect(),
            padding: vec![false; size * size * size],
            calibrated: true,
        };
        let mut labels: Vec<u8> = (0..coarse.hu.len()).map(|at| if within(at, 9) { LEFT_LUNG } else { 0 }).collect();
        let allowed = vec![true; labels.len()];
        refine(&coarse, &mut labels, LEFT_LUNG, &allowed).unwrap();
        let count = |inside: bool| (0..labels.len()).filter(|&at| labels[at] > 0 && within(at, 6) == inside).count();
        [true, false].map(count)
    }

    #[test]
    fn fluid_is_told_from_muscle_beyond_the_guess() {
        let [inside, outside] = found_in(8.0);
        assert!(inside > 5_500 && outside == 0, "{inside} of 5832 blocks of fluid, {outside} others");
    }

    #[test]
    fn without_a_difference_a_small_guess_loses_its_corners() {
        let [inside, outside] = found_in(55.0);
        assert!((600..1_800).contains(&inside) && outside == 0, "{inside} blocks of a guess of 1728, {outside} others");
    }
}
