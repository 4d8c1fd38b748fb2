//! Synthetic thorax CTs with exactly known infiltrates, for tests, examples and training without patients.
//!
//! [`thorax`] draws a patient from a seed: body with a fat rim, ribs, spine, heart, windpipe, two lungs with
//! branching vessels, scanner noise and a table below. In the lungs lie
//!
//! * **infiltrates** (labelled): blobs at the outer surface, mostly low and at the back, with an irregular
//!   border and a patchy inside; ground glass (about -620 to -330 HU ± texture), some with a consolidated
//!   core (-50 to 50 HU);
//! * **look-alikes** (not labelled): vessels, lung that is denser towards the back in every case, smooth
//!   plates of collapsed lung along the back wall in most, and crescents of fluid (0 to 20 HU) in many.
//!
//! # Why it is built so
//! The look-alikes share every HU of the infiltrates and fill more of the lung, so that no HU band finds the
//! infiltrates: the best band with cleaning ([`crate::baseline::best_hu_band`]), fitted to the very cases it
//! is judged on, reaches a mean Dice of 0.393 on the default phantoms of seeds 100 to 107 (a test in
//! `baseline.rs` keeps it below 0.5). Shape, border, texture and place tell them apart: infiltrates are
//! compact and patchy, gravity's bands are smooth and follow the back wall, vessels are thin tubes. An
//! infiltrate is at least 110 HU denser than the lung it replaces, up to a ceiling of 60 HU.
//! A network that sees neighbourhoods can learn this; one that sees single voxels cannot.
//!
//! The phantom is a test object. It says nothing about patients, and a Dice reached on it compares with no
//! published figure.
//!
//! # Determinism
//! The same options give the same bits on one kind of machine, for any number of threads: every voxel
//! depends on the seed and its own place only. Other machines may differ in the last bit of sines and powers.
//!
//! ```
//! use pulmo_ct::phantom::{thorax, PhantomOptions};
//! let options = PhantomOptions { shape: [8, 24, 24], spacing_mm: [32.0, 14.4, 14.4], ..PhantomOptions::seeded(1) };
//! let phantom = thorax(&options)?;
//! assert_eq!(phantom.volume.grid().shape(), [8, 24, 24]);
//! assert!(phantom.exact.lung_ml > 1000.0);
//! # Ok::<(), pulmo_ct::Error>(())
//! ```

mod anatomy;
mod findings;
mod texture;
mod vessels;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::geometry::{Affine, Grid, Spacing};
use crate::random::Random;
use crate::volume::{CtVolume, LabelMap};
use anatomy::{Anatomy, InLung, Side, soft};
use findings::{Dependent, Lesion};
use texture::{SmoothField, slice_noise};
use vessels::Vessels;

/// Label of the patient's left lung in [`Phantom::lungs`].
pub const LEFT_LUNG: u8 = 1;
/// Label of the patient's right lung in [`Phantom::lungs`].
pub const RIGHT_LUNG: u8 = 2;

/// The drawn anatomy's own field along (slice, row, column) in mm; the grid is stretched over it.
const FIELD_MM: [f64; 3] = [256.0, 345.6, 345.6];
/// Least HU by which an infiltrate is denser than the lung it replaces.
const LEAST_CONTRAST_HU: f64 = 110.0;
/// Most lesions that can be asked for.
const MOST_LESIONS: usize = 100;

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct PhantomOptions {
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// Spacing along (slice, row, column) in mm. The thorax always fills the grid: at 256 x 346 x 346 mm it
    /// has a grown patient's size, other extents stretch it.
    pub spacing_mm: [f64; 3],
    /// Which patient.
    pub seed: u64,
    /// Fewest and most infiltrates, both inclusive; `[0, 0]` gives healthy lungs.
    pub lesions: [usize; 2],
    /// Standard deviation of the scanner noise in HU.
    pub noise_hu: f32,
}

impl Default for PhantomOptions {
    fn default() -> Self {
        Self { shape: [32, 96, 96], spacing_mm: [8.0, 3.6, 3.6], seed: 0, lesions: [2, 5], noise_hu: 20.0 }
    }
}

impl PhantomOptions {
    /// The defaults with a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    fn check(&self) -> Result<()> {
        let [fewest, most] = self.lesions;
        let problem = if fewest > most || most > MOST_LESIONS {
            format!("lesions {:?}: expected [fewest, most] with most up to {MOST_LESIONS}", self.lesions)
        } else if !(self.noise_hu.is_finite() && self.noise_hu >= 0.0) {
            format!("noise_hu {}: expected 0 or more", self.noise_hu)
        } else {
            return Ok(());
        };
        Err(Error::Value { problem })
    }
}

/// A synthetic case.
#[derive(Debug, Clone)]
pub struct Phantom {
    /// The CT in HU, on an axial grid around the origin of patient space.
    pub volume: CtVolume,
    /// 1 where there is infiltrate.
    pub infiltrate: LabelMap,
    /// [`LEFT_LUNG`] and [`RIGHT_LUNG`]; both hold their vessels, fluid and infiltrates.
    pub lungs: LabelMap,
    /// Volumes of the labels.
    pub exact: ExactVolumes,
}

/// Volumes of a phantom's labels, from voxel counts: what a correct measurement must find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactVolumes {
    /// Infiltrate in mL.
    pub infiltrate_ml: f64,
    /// Both lungs in mL.
    pub lung_ml: f64,
    /// The patient's left lung in mL.
    pub left_lung_ml: f64,
    /// The patient's right lung in mL.
    pub right_lung_ml: f64,
    /// Infiltrate in the left lung in mL.
    pub left_infiltrate_ml: f64,
    /// Infiltrate in the right lung in mL.
    pub right_infiltrate_ml: f64,
}

/// Draws a thorax.
///
/// # Errors
/// [`Error::Value`] if the shape or the spacing is none, or an option is out of its range.
pub fn thorax(options: &PhantomOptions) -> Result<Phantom> {
    options.check()?;
    let spacing = Spacing::new(options.spacing_mm)?;
    let origin = std::array::from_fn(|xyz| {
        let axis = 2 - xyz;
        -0.5 * options.spacing_mm[axis] * (options.shape[axis] as f64 - 1.0)
    });
    let grid = Grid::new(options.shape, Affine::axial(spacing, origin))?;
    let patient = Patient::draw(options);
    let slices: Vec<Slice> = (0..options.shape[0]).into_par_iter().map(|slice| patient.slice(options, slice)).collect();
    let mut hu = Vec::with_capacity(grid.voxels());
    let mut infiltrate = Vec::with_capacity(grid.voxels());
    let mut lungs = Vec::with_capacity(grid.voxels());
    for slice in slices {
        hu.extend(slice.hu);
        infiltrate.extend(slice.infiltrate);
        lungs.extend(slice.lungs);
    }
    let exact = exact_volumes(&infiltrate, &lungs, grid.voxel_ml());
    Ok(Phantom {
        volume: CtVolume::new(grid, hu)?,
        infiltrate: LabelMap::new(grid, infiltrate)?,
        lungs: LabelMap::new(grid, lungs)?,
        exact,
    })
}

fn exact_volumes(infiltrate: &[u8], lungs: &[u8], voxel_ml: f64) -> ExactVolumes {
    let count = |lung: u8, infiltrated_only: bool| {
        let voxels = lungs.iter().zip(infiltrate).filter(|&(&l, &i)| l == lung && (!infiltrated_only || i == 1));
        voxels.count() as f64 * voxel_ml
    };
    let [left_lung_ml, right_lung_ml] = [LEFT_LUNG, RIGHT_LUNG].map(|lung| count(lung, false));
    let [left_infiltrate_ml, right_infiltrate_ml] = [LEFT_LUNG, RIGHT_LUNG].map(|lung| count(lung, true));
    ExactVolumes {
        infiltrate_ml: left_infiltrate_ml + right_infiltrate_ml,
        lung_ml: left_lung_ml + right_lung_ml,
        left_lung_ml,
        right_lung_ml,
        left_infiltrate_ml,
        right_infiltrate_ml,
    }
}

/// Everything that the seed decides.
#[derive(Debug)]
struct Patient {
    anatomy: Anatomy,
    vessels: Vessels,
    /// Left, right.
    dependent: [Dependent; 2],
    lesions: Vec<Lesion>,
    aerated_hu: f64,
    mottle: SmoothField,
    noise_seed: u64,
    /// Voxel size (x, y, z) in phantom mm.
    voxel_mm: [f64; 3],
}

/// One slice's values, C order (row, column).
#[derive(Debug)]
struct Slice {
    hu: Vec<f32>,
    infiltrate: Vec<u8>,
    lungs: Vec<u8>,
}

/// One voxel of lung.
struct LungVoxel {
    hu: f64,
    infiltrated: bool,
}

impl Patient {
    fn draw(options: &PhantomOptions) -> Self {
        let mut random = Random::new(options.seed);
        let anatomy = Anatomy::draw(&mut random);
        let vessels = Vessels::draw(&mut random);
        let dependent = Side::BOTH.map(|_| Dependent::draw(&mut random));
        let [fewest, most] = options.lesions;
        let count = fewest + random.below(most - fewest + 1);
        let lesions = (0..count).map(|_| Lesion::draw(&mut random, &anatomy)).collect();
        Self {
            lesions,
            anatomy,
            vessels,
            dependent,
            aerated_hu: random.between(-880.0, -800.0),
            mottle: SmoothField { seed: random.bits(), scale_mm: 45.0 },
            noise_seed: random.bits(),
            voxel_mm: std::array::from_fn(|xyz| FIELD_MM[2 - xyz] / options.shape[2 - xyz] as f64),
        }
    }

    fn slice(&self, options: &PhantomOptions, slice: usize) -> Slice {
        let plane = [options.shape[1], options.shape[2]];
        let centre = |xyz: usize, index: usize| (index as f64 + 0.5) * self.voxel_mm[xyz] - 0.5 * FIELD_MM[2 - xyz];
        let z = centre(2, slice);
        let vessels = self.vessels.slice(z, plane, self.voxel_mm, [centre(0, 0), centre(1, 0)]);
        let mut hu: Vec<f32> = slice_noise(self.noise_seed, slice, plane);
        let mut infiltrate = vec![0; hu.len()];
        let mut lungs = vec![0; hu.len()];
        for voxel in 0..hu.len() {
            let point = [centre(0, voxel % plane[1]), centre(1, voxel / plane[1]), z];
            let (clean_hu, lung, infiltrated) = self.voxel(point, f64::from(vessels[voxel]));
            hu[voxel] = (clean_hu as f32 + options.noise_hu * hu[voxel]).max(CtVolume::AIR_HU);
            lungs[voxel] = lung;
            infiltrate[voxel] = u8::from(infiltrated);
        }
        Slice { hu, infiltrate, lungs }
    }

    /// HU without noise, lung label and whether there is infiltrate.
    fn voxel(&self, point: [f64; 3], vessel: f64) -> (f64, u8, bool) {
        let blur_mm = 0.5 * (self.voxel_mm[0] + self.voxel_mm[1]);
        let side = if point[0] > 0.0 { Side::Left } else { Side::Right };
        let index = usize::from(side == Side::Right);
        let place = self.anatomy.lungs[index].locate(point);
        let inside_mm = self.anatomy.inside_lung_mm(point, place);
        let share = soft(inside_mm / blur_mm);
        if share <= 0.0 {
            return (self.anatomy.chest_hu(point, blur_mm), 0, false);
        }
        let lung = self.lung_voxel(point, place, side, vessel);
        let mut hu = lung.hu;
        if share < 1.0 {
            let chest = self.anatomy.chest_hu(point, blur_mm);
            hu = chest + (hu - chest) * share;
        }
        let is_lung = inside_mm > 0.0;
        let label = if !is_lung {
            0
        } else if side == Side::Left {
            LEFT_LUNG
        } else {
            RIGHT_LUNG
        };
        (hu, label, is_lung && lung.infiltrated)
    }

    /// Lung tissue, then vessels, infiltrates and fluid over it.
    fn lung_voxel(&self, point: [f64; 3], place: InLung, side: Side, vessel: f64) -> LungVoxel {
        let blur_mm = 0.5 * (self.voxel_mm[0] + self.voxel_mm[1]);
        let dependent = self.dependent[usize::from(side == Side::Right)];
        let aerated = self.aerated_hu + 35.0 * self.mottle.at(point);
        let tissue = dependent.lung_hu(aerated, place, blur_mm);
        let mut hu = tissue;
        let mut infiltrated = false;
        for lesion in self.lesions.iter().filter(|lesion| lesion.side == side) {
            let Some((inside_mm, lesion_hu)) = lesion.at(point) else { continue };
            let denser = lesion_hu.max(tissue + LEAST_CONTRAST_HU).min(60.0);
            hu += (denser.max(hu) - hu) * soft(inside_mm / (1.5 * blur_mm));
            infiltrated |= inside_mm > 0.0;
        }
        hu += (50.0 - hu) * vessel;
        let (fluid, fluid_hu) = dependent.fluid(place, blur_mm);
        hu += (fluid_hu - hu) * fluid;
        LungVoxel { hu, infiltrated: infiltrated && fluid < 0.5 }
    }
}

#[cfg(test)]
mod tests;
