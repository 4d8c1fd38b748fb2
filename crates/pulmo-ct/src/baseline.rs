//! The plainest rival of a network: one HU band inside the lungs, then cleaning.
//!
//! [`best_hu_band`] gives the band every advantage: it is fitted to the very cases it is judged on.

use rayon::prelude::*;

use crate::components::{Connectivity, binary_opening, components};
use crate::error::{Error, Result};
use crate::volume::{CtVolume, LabelMap};

/// Lower limits tried, in HU.
const LOWER_HU: [f32; 12] =
    [-800.0, -750.0, -700.0, -650.0, -600.0, -550.0, -500.0, -450.0, -400.0, -300.0, -200.0, -100.0];
/// Upper limits tried, in HU.
const UPPER_HU: [f32; 8] = [-400.0, -300.0, -200.0, -100.0, 0.0, 25.0, 75.0, 3000.0];
/// Least voxels of a component, tried.
const LEAST_VOXELS: [usize; 5] = [0, 20, 100, 400, 1000];

/// One case for the baseline: the CT, its lungs (any label above 0) and its infiltrate (any label above 0).
pub type BandCase<'a> = (&'a CtVolume, &'a LabelMap, &'a LabelMap);

/// A HU band and its cleaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HuBand {
    /// Lowest HU of the band, inclusive.
    pub lower_hu: f32,
    /// Highest HU of the band, inclusive.
    pub upper_hu: f32,
    /// How often the mask is eroded and dilated with the 6-neighbour cross.
    pub opening: usize,
    /// Components (26 neighbours) of fewer voxels are removed.
    pub least_voxels: usize,
}

/// The band that did best, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct BandResult {
    /// The winner.
    pub band: HuBand,
    /// Dice of each case in the order given; an empty prediction of an empty reference counts 1.
    pub dice: Vec<f64>,
    /// Mean of `dice`.
    pub mean_dice: f64,
}

impl HuBand {
    /// The voxels of the lungs that lie in the band, cleaned.
    ///
    /// # Errors
    /// [`Error::GridMismatch`] if the lungs are not on the CT's grid.
    pub fn mask(&self, volume: &CtVolume, lungs: &LabelMap) -> Result<Vec<bool>> {
        volume.grid().must_equal(lungs.grid())?;
        let lung: Vec<bool> = lungs.labels().iter().map(|&label| label > 0).collect();
        let shape = volume.grid().shape();
        let mask = self.opened(shape, volume.hu(), &lung)?;
        Ok(components(shape, &mask, Connectivity::Corners)?.without_small(self.least_voxels))
    }

    /// The band inside the lungs, opened, with its small components.
    fn opened(&self, shape: [usize; 3], hu: &[f32], lung: &[bool]) -> Result<Vec<bool>> {
        let inside = |(hu, &lung): (&f32, &bool)| lung && (self.lower_hu..=self.upper_hu).contains(hu);
        let mask: Vec<bool> = hu.iter().zip(lung).map(inside).collect();
        binary_opening(shape, &mask, self.opening)
    }
}

/// Finds the band with the highest mean Dice over the cases by trying every combination of a fixed grid.
///
/// The grid: lower limits from -800 to -100 HU, upper limits from -400 HU to none, opening off or once, and
/// components kept from 0, 20, 100, 400 or 1000 voxels on. Of equal bands the first in that order wins.
///
/// # Errors
/// [`Error::Value`] without cases, [`Error::GridMismatch`] if a case's parts do not share a grid.
pub fn best_hu_band(cases: &[BandCase<'_>]) -> Result<BandResult> {
    if cases.is_empty() {
        return Err(Error::Value { problem: "no cases: a HU band is fitted to at least one".to_owned() });
    }
    for (volume, lungs, infiltrate) in cases {
        volume.grid().must_equal(lungs.grid())?;
        volume.grid().must_equal(infiltrate.grid())?;
    }
    let cases: Vec<LungBox> = cases.iter().map(LungBox::of).collect();
    let mut bands = Vec::new();
    for lower_hu in LOWER_HU {
        for &upper_hu in UPPER_HU.iter().filter(|&&upper| upper > lower_hu) {
            bands.extend([0, 1].map(|opening| HuBand { lower_hu, upper_hu, opening, least_voxels: 0 }));
        }
    }
    let tried: Vec<Vec<Vec<f64>>> = bands
        .par_iter()
        .map(|band| cases.iter().map(|case| dice_by_size(band, case)).collect::<Result<_>>())
        .collect::<Result<_>>()?;
    let mut best: Option<BandResult> = None;
    for (band, by_case) in bands.iter().zip(tried) {
        for (k, &least_voxels) in LEAST_VOXELS.iter().enumerate() {
            let dice: Vec<f64> = by_case.iter().map(|sizes| sizes[k]).collect();
            let mean_dice = dice.iter().sum::<f64>() / dice.len() as f64;
            if best.as_ref().is_none_or(|b| mean_dice > b.mean_dice) {
                best = Some(BandResult { band: HuBand { least_voxels, ..*band }, dice, mean_dice });
            }
        }
    }
    best.ok_or_else(|| Error::Value { problem: "the grid of HU bands is empty".to_owned() })
}

/// A case cut to the box around its lungs, where alone a band finds anything.
struct LungBox {
    shape: [usize; 3],
    hu: Vec<f32>,
    lung: Vec<bool>,
    infiltrate: Vec<bool>,
    /// Voxels of infiltrate in the whole case.
    reference: usize,
}

impl LungBox {
    fn of((volume, lungs, infiltrate): &BandCase<'_>) -> Self {
        let [_, rows, columns] = volume.grid().shape();
        let index = |voxel: usize| [voxel / (rows * columns), voxel / columns % rows, voxel % columns];
        let (mut low, mut high) = ([usize::MAX; 3], [0; 3]);
        for voxel in (0..volume.grid().voxels()).filter(|&voxel| lungs.labels()[voxel] > 0) {
            for (axis, at) in index(voxel).into_iter().enumerate() {
                low[axis] = low[axis].min(at);
                high[axis] = high[axis].max(at + 1);
            }
        }
        if high[0] == 0 {
            // Without lungs one voxel is kept, so that the box has a shape; no band takes it.
            (low, high) = ([0; 3], [1; 3]);
        }
        let inside = |voxel: &usize| (0..3).all(|axis| (low[axis]..high[axis]).contains(&index(*voxel)[axis]));
        let voxels: Vec<usize> = (0..volume.grid().voxels()).filter(inside).collect();
        Self {
            shape: std::array::from_fn(|axis| high[axis] - low[axis]),
            hu: voxels.iter().map(|&voxel| volume.hu()[voxel]).collect(),
            lung: voxels.iter().map(|&voxel| lungs.labels()[voxel] > 0).collect(),
            infiltrate: voxels.iter().map(|&voxel| infiltrate.labels()[voxel] > 0).collect(),
            reference: infiltrate.labels().iter().filter(|&&label| label > 0).count(),
        }
    }
}

/// Dice of one case for each of [`LEAST_VOXELS`]; the components are found once.
fn dice_by_size(band: &HuBand, case: &LungBox) -> Result<Vec<f64>> {
    let mask = band.opened(case.shape, &case.hu, &case.lung)?;
    let found = components(case.shape, &mask, Connectivity::Corners)?;
    let mut overlaps = vec![0_usize; found.count()];
    for (&component, &infiltrate) in found.labels().iter().zip(&case.infiltrate) {
        if component > 0 && infiltrate {
            overlaps[component as usize - 1] += 1;
        }
    }
    let dice_from = |least: usize| {
        let kept = found.sizes().iter().zip(&overlaps).filter(|&(&size, _)| size >= least);
        let (predicted, overlap) = kept.fold((0, 0), |(p, o), (&size, &both)| (p + size, o + both));
        let both = predicted + case.reference;
        if both == 0 { 1.0 } else { 2.0 * overlap as f64 / both as f64 }
    };
    Ok(LEAST_VOXELS.iter().map(|&least| dice_from(least)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Affine, Grid, Spacing};
    use crate::phantom::{PhantomOptions, thorax};

    #[test]
    fn finds_the_band_that_separates_what_can_be_separated() {
        let grid = Grid::new([1, 2, 4], Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3])).unwrap();
        let hu = vec![-900.0, -420.0, -430.0, -900.0, -900.0, 60.0, -410.0, -405.0];
        let volume = CtVolume::new(grid, hu).unwrap();
        let lungs = LabelMap::new(grid, vec![1, 1, 1, 1, 2, 2, 2, 0]).unwrap();
        let infiltrate = LabelMap::new(grid, vec![0, 1, 1, 0, 0, 0, 1, 0]).unwrap();
        let result = best_hu_band(&[(&volume, &lungs, &infiltrate)]).unwrap();
        assert_eq!(result.dice, [1.0]);
        assert!(result.band.lower_hu <= -430.0 && (-405.0..60.0).contains(&result.band.upper_hu));
        let mask = result.band.mask(&volume, &lungs).unwrap();
        assert_eq!(mask, [false, true, true, false, false, false, true, false], "nothing outside the lungs");
        assert!(best_hu_band(&[]).is_err());
    }

    #[test]
    fn no_hu_band_finds_the_phantoms_infiltrates() {
        let phantoms: Vec<_> = (100..108).map(|seed| thorax(&PhantomOptions::seeded(seed)).unwrap()).collect();
        let cases: Vec<BandCase<'_>> = phantoms.iter().map(|p| (&p.volume, &p.lungs, &p.infiltrate)).collect();
        let result = best_hu_band(&cases).unwrap();
        // 0.393 when the phantom was designed: -500 HU and above, opened once, components from 20 voxels.
        assert!(result.mean_dice < 0.5, "{result:?}");
        assert!(result.mean_dice > 0.3, "a band that finds nothing would be no rival: {result:?}");
        let (volume, lungs, infiltrate) = cases[1];
        let mask = result.band.mask(volume, lungs).unwrap();
        let overlap = mask.iter().zip(infiltrate.labels()).filter(|&(&m, &l)| m && l > 0).count();
        let both = mask.iter().filter(|&&m| m).count() + infiltrate.count(1);
        assert!((2.0 * overlap as f64 / both as f64 - result.dice[1]).abs() < 1e-12, "the box changes nothing");
    }
}
