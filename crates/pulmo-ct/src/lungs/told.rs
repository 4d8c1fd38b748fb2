//! The edge of a guess where attenuation tells it: fluid and lung without air have other HU than the wall, the organs and the
//! fat around them.
//!
//! Every block near the guess's edge is weighed by how much likelier its HU are in the guess's core than in the tissue
//! around (`odds`) and by how far inside the guess it lies; the border that fits them best and has little surface is the edge
//! (`surface`). This is done again from the edge that was found. Surface costs less along fat and other dark blocks, where
//! organs end. What lies beside aerated lung and not beside the guess stays out: there the edge is seen.
//! Where HU do not differ nothing but the guess decides, a little further out than it says, because lung that is left out is
//! worse than tissue that is taken in.

use rayon::prelude::*;

use super::body::AIR_BELOW_HU;
use super::coarse::Coarse;
use super::enclosed;
use super::odds::Odds;
use super::part::Part;
use super::sides::neighbours;
use super::surface;
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
/// The most that HU of one block may say, as a logarithm of odds. Tissue is alike over some mm, so that a block speaks for so
/// much more than it holds.
const MOST: f32 = 1.5;
const ALIKE_MM3: f32 = 70.0;
/// Logarithm of odds for each mm inside the guess, and what a mm² of surface costs in soft tissue; for 100 mm³.
const PER_MM: f32 = 0.02;
const SURFACE: f32 = 2.5;
/// What is said for lung in each 100 mm³, where blocks are as large: the coarser they are, the less is told.
const FOR_LUNG: f32 = 0.05;
/// Outside the guess and less than this above its lower end its distance says nothing: the recess goes down further in one
/// chest than in the other.
const RECESS_MM: f64 = 40.0;
/// Surface costs this share where blocks are at most as dark as the first HU, and all of it from the second on.
const ALONG_FAT: f32 = 0.25;
const FAT_HU: [f32; 2] = [-95.0, 30.0];
/// A block outside may lie so much nearer to aerated lung than to dense lung.
const BESIDE_AIR_MM: f32 = 3.0;
/// Blocks of the border may hold a part of lung if one beyond is as dark as this, and are lung if its HU make less than this share
/// of theirs.
const DARK_HU: f32 = -30.0;
const RIM_SHARE: f32 = 0.4;
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
    let small = part.coarse(coarse);
    let mut here = part.cut(labels);
    let guess = Guess {
        grid: Grid::new(small.shape, Affine::axial(Spacing::new(small.spacing_mm)?, [0.0; 3]))?,
        coarse: small,
        lung,
        allowed: part.cut(allowed),
    };
    let first = guess.depths(&here)?;
    for _ in 0..PASSES {
        guess.refine(&mut here, &first)?;
        enclosed::fill(&guess.coarse, &mut here, lung, &guess.allowed);
    }
    part.paste(&here, labels);
    Ok(())
}

/// A lung to be told where the volume is not much larger than its dense part.
struct Guess {
    coarse: Coarse,
    grid: Grid,
    lung: u8,
    allowed: Vec<bool>,
}

impl Guess {
    /// How far inside the lung each block lies in mm; outside it is negative.
    fn depths(&self, labels: &[u8]) -> Result<Vec<f32>> {
        let [lung, rest] =
            [true, false].map(|lung| labels.iter().map(|&label| (label == self.lung) == lung).collect::<Vec<bool>>());
        let (inside, outside) = (distances_mm(&self.grid, &rest)?, distances_mm(&self.grid, &lung)?);
        Ok(inside
            .iter()
            .zip(outside)
            .zip(lung)
            .map(|((&inside, outside), lung)| if lung { inside } else { -outside })
            .collect())
    }

    /// Tells the edge once; `first` are the depths in the guess as it was at first.
    fn refine(&self, labels: &mut [u8], first: &[f32]) -> Result<()> {
        let (coarse, hu, lung) = (&self.coarse, &self.coarse.hu, self.lung);
        let all =
            |mark: &(dyn Fn(usize) -> bool + Sync)| (0..hu.len()).into_par_iter().map(mark).collect::<Vec<bool>>();
        let depth = self.depths(labels)?;
        let from_dense = distances_mm(&self.grid, &all(&|at| labels[at] == lung && hu[at] > DENSE_HU))?;
        let from_air = distances_mm(&self.grid, &all(&|at| labels[at] == lung && hu[at] < AIR_BELOW_HU))?;
        let from_lungs = distances_mm(&self.grid, &all(&|at| labels[at] > 0))?;
        let beside_air = beside(coarse, &all(&|at| hu[at] < AIR_BELOW_HU && labels[at] > 0));
        let core = all(&|at| labels[at] == lung && hu[at] > DENSE_HU && depth[at] > CORE_MM && !beside_air[at]);
        let around = all(&|at| {
            let far = AROUND_MM[0]..AROUND_MM[1];
            far.contains(&from_lungs[at]) && from_dense[at] < NEAR_DENSE_MM && hu[at] > TISSUE_HU
        });
        let Some(odds) = Odds::between(coarse, &core, &around, CORE_BLOCKS) else { return Ok(()) };
        let open = all(&|at| {
            let near = depth[at].abs() < BAND_MM && from_dense[at] < BAND_MM && hu[at] > TISSUE_HU;
            let beside_guess = labels[at] == 0 && from_dense[at] <= from_air[at] + BESIDE_AIR_MM;
            near && self.allowed[at] && (beside_guess || labels[at] == lung)
        });
        let [_, rows, columns] = coarse.shape;
        let block_mm3 = coarse.spacing_mm.iter().product::<f64>() as f32;
        let for_100_mm3 = 100.0 / (block_mm3 + ALIKE_MM3);
        let held = |slice: usize| labels[slice * rows * columns..(slice + 1) * rows * columns].contains(&lung);
        let low = (0..coarse.shape[0]).find(|&slice| held(slice)).unwrap_or(0) as f64;
        let said = |at: usize| {
            let block = [at / (rows * columns), at / columns % rows, at % columns];
            // The image may end too high.
            let above_end = (block[0] as f64 - low) * coarse.spacing_mm[0];
            let sure = if first[at] < 0.0 && above_end < RECESS_MM { 0.0 } else { 1.0 };
            let by_place = PER_MM * sure * 0.5 * (first[at] + depth[at]) + FOR_LUNG * block_mm3 / 100.0;
            odds.at(block, hu[at]).clamp(-MOST, MOST) * for_100_mm3 + by_place
        };
        let surface = |at: usize| {
            let dark = if hu[at] < TISSUE_HU { 1.0 } else { (hu[at] - FAT_HU[0]) / (FAT_HU[1] - FAT_HU[0]) };
            SURFACE * (ALONG_FAT + (1.0 - ALONG_FAT) * dark.clamp(0.0, 1.0))
        };
        let mut inside: Vec<bool> = labels.iter().map(|&label| label == lung).collect();
        surface::settle(coarse, &mut inside, &open, said, surface);
        for at in (0..hu.len()).filter(|&at| open[at]) {
            labels[at] = if inside[at] { lung } else { 0 };
        }
        rim(coarse, (labels, lung), odds.middle, &open);
        Ok(())
    }
}

/// Adds open blocks of the border whose HU are mostly the core's, not those of the darkest block beyond, which must be dark.
fn rim(coarse: &Coarse, (labels, lung): (&mut [u8], u8), middle: f32, open: &[bool]) {
    let hu = &coarse.hu;
    let dense: Vec<bool> = (0..hu.len()).map(|at| labels[at] == lung && hu[at] >= AIR_BELOW_HU).collect();
    let border = beside(coarse, &dense);
    let is_nearer = |at: usize| {
        let beyond = around(coarse, at).filter(|&near| labels[near] == 0 && hu[near] >= AIR_BELOW_HU);
        let darkest = beyond.map(|near| hu[near]).fold(f32::INFINITY, f32::min);
        hu[at] < middle && hu[at] > middle + RIM_SHARE * (darkest - middle) && darkest < DARK_HU
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
        let coarse = Coarse::of_blocks([size; 3], [2.0; 3], hu.collect());
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
    fn without_a_difference_a_small_guess_away_from_other_lung_goes() {
        assert_eq!(found_in(55.0), [0, 0], "of a guess of 1728 blocks, 14 mL");
    }
}
