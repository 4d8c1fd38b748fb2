//! Higher and lower attenuation inside the opacity: mostly consolidation and mostly ground glass.
//!
//! Noise alone lifts single voxels of a uniform ground glass above any cut. So the HU are smoothed first, and with
//! values inside the opacity only: neither air nor chest wall beside it leaks in.

use pulmo_ct::{CtVolume, LabelMap};
use rayon::prelude::*;

use super::crop::Crop;
use super::result::{Attenuation, AttenuationCut};

/// Standard deviation of the smoothing in mm.
pub(super) const SMOOTHING_SD_MM: f64 = 1.5;
/// The smoothing's kernel ends at this many standard deviations, as in `scipy.ndimage` with `truncate=3`.
const TRUNCATE: f64 = 3.0;
/// The cuts in HU, each with those that move it by 50 HU down and up.
const CUTS_HU: [[f32; 3]; 2] = [[-300.0, -350.0, -250.0], [-200.0, -250.0, -150.0]];
/// Slices that one thread smooths at a time: the neighbours above and below are smoothed twice.
const SLAB: usize = 16;

/// Voxels at or above each cut, all voxels and the sum of their unsmoothed HU.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    above: [[u64; 3]; 2],
    voxels: u64,
    sum_hu: f64,
}

/// Measures; the opacity lies in `crop`.
///
/// The smoothing is a Gaussian in mm along the axes of the grid, of the HU inside the opacity, divided by the same
/// Gaussian of the opacity (normalised convolution).
///
/// # Agreement
/// `scipy.ndimage.gaussian_filter` of HU·mask over that of the mask, `mode="constant"`, `truncate=3`: the same
/// voxels at or above each cut (`oracles/quantities`).
pub(super) fn attenuation(ct: &CtVolume, opacity: &LabelMap, is_opacity: &[bool; 256], crop: &Crop) -> Attenuation {
    let smoother = Smoother {
        ct,
        opacity,
        is_opacity,
        crop,
        kernels: ct.grid().spacing().mm().map(|spacing_mm| kernel(SMOOTHING_SD_MM / spacing_mm)),
    };
    let slices = crop.shape()[0];
    let slabs: Vec<Tally> =
        (0..slices.div_ceil(SLAB)).into_par_iter().map(|slab| smoother.slab(slab * SLAB, slices)).collect();
    // In order, so that the sum does not depend on the threads.
    let mut total = Tally::default();
    for slab in slabs {
        total.voxels += slab.voxels;
        total.sum_hu += slab.sum_hu;
        for (mine, theirs) in total.above.as_flattened_mut().iter_mut().zip(slab.above.as_flattened()) {
            *mine += theirs;
        }
    }
    let voxel_ml = ct.grid().voxel_ml();
    let percent = |voxels: u64| 100.0 * voxels as f64 / total.voxels as f64;
    let cuts = CUTS_HU.iter().zip(total.above).map(|(cut, above)| AttenuationCut {
        cut_hu: f64::from(cut[0]),
        lower_ml: (total.voxels - above[0]) as f64 * voxel_ml,
        higher_ml: above[0] as f64 * voxel_ml,
        higher_percent: percent(above[0]),
        higher_percent_if_moved: [percent(above[1]), percent(above[2])],
    });
    Attenuation {
        smoothing: format!("Gaussian of {SMOOTHING_SD_MM} mm standard deviation over values inside the opacity only"),
        smoothing_sd_mm: SMOOTHING_SD_MM,
        mean_hu: total.sum_hu / total.voxels as f64,
        cuts: cuts.collect(),
    }
}

/// Half of a Gaussian, from its middle outwards; its sum does not matter, for the division takes it out.
fn kernel(sd_voxels: f64) -> Vec<f32> {
    let radius = (TRUNCATE * sd_voxels + 0.5) as usize;
    (0..=radius).map(|k| (-0.5 * (k as f64 / sd_voxels).powi(2)).exp() as f32).collect()
}

struct Smoother<'a> {
    ct: &'a CtVolume,
    opacity: &'a LabelMap,
    is_opacity: &'a [bool; 256],
    crop: &'a Crop,
    kernels: [Vec<f32>; 3],
}

/// HU·mask and mask of one slice of the box.
struct Plane {
    weighted: Vec<f32>,
    weight: Vec<f32>,
}

impl Smoother<'_> {
    /// Smooths up to [`SLAB`] slices from `first` and counts.
    fn slab(&self, first: usize, slices: usize) -> Tally {
        let [_, rows, columns] = self.crop.shape();
        let end = (first + SLAB).min(slices);
        let reach = self.kernels[0].len() - 1;
        let blank = || Plane { weighted: vec![0.0; rows * columns], weight: vec![0.0; rows * columns] };
        let mut smooth: Vec<Plane> = (first..end).map(|_| blank()).collect();
        for slice in first.saturating_sub(reach)..(end + reach).min(slices) {
            let Some(plane) = self.blurred_in_plane(slice) else { continue };
            for (out, at) in smooth.iter_mut().zip(first..) {
                let Some(&share) = self.kernels[0].get(at.abs_diff(slice)) else { continue };
                add_scaled(&mut out.weighted, &plane.weighted, share);
                add_scaled(&mut out.weight, &plane.weight, share);
            }
        }
        let mut tally = Tally::default();
        for (plane, slice) in smooth.iter().zip(first..) {
            self.count(plane, slice, &mut tally);
        }
        tally
    }

    fn lines(&self, slice: usize, row: usize) -> (&[f32], &[u8]) {
        let whole = self.ct.grid().shape();
        (self.crop.line(whole, self.ct.hu(), slice, row), self.crop.line(whole, self.opacity.labels(), slice, row))
    }

    /// One slice blurred along its rows and columns; `None` if it holds no opacity.
    fn blurred_in_plane(&self, slice: usize) -> Option<Plane> {
        let [_, rows, columns] = self.crop.shape();
        let mut plane = Plane { weighted: vec![0.0; rows * columns], weight: vec![0.0; rows * columns] };
        let mut is_empty = true;
        for row in 0..rows {
            let (hu, labels) = self.lines(slice, row);
            let mut line = Plane { weighted: vec![0.0; columns], weight: vec![0.0; columns] };
            let mut is_empty_line = true;
            for (column, _) in labels.iter().enumerate().filter(|&(_, &label)| self.is_opacity[label as usize]) {
                line.weighted[column] = hu[column];
                line.weight[column] = 1.0;
                is_empty_line = false;
            }
            if is_empty_line {
                continue;
            }
            is_empty = false;
            // Along the row, then spread onto the rows around.
            let line = Plane {
                weighted: blurred_line(&line.weighted, &self.kernels[2]),
                weight: blurred_line(&line.weight, &self.kernels[2]),
            };
            let reach = self.kernels[1].len() - 1;
            for to in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
                let share = self.kernels[1][to.abs_diff(row)];
                add_scaled(&mut plane.weighted[to * columns..][..columns], &line.weighted, share);
                add_scaled(&mut plane.weight[to * columns..][..columns], &line.weight, share);
            }
        }
        (!is_empty).then_some(plane)
    }

    fn count(&self, plane: &Plane, slice: usize, tally: &mut Tally) {
        let [_, rows, columns] = self.crop.shape();
        for row in 0..rows {
            let (hu, labels) = self.lines(slice, row);
            for (column, _) in labels.iter().enumerate().filter(|&(_, &label)| self.is_opacity[label as usize]) {
                let voxel = row * columns + column;
                let smooth_hu = plane.weighted[voxel] / plane.weight[voxel];
                tally.voxels += 1;
                tally.sum_hu += f64::from(hu[column]);
                for (above, cuts) in tally.above.iter_mut().zip(CUTS_HU) {
                    above.iter_mut().zip(cuts).for_each(|(count, cut)| *count += u64::from(smooth_hu >= cut));
                }
            }
        }
    }
}

fn add_scaled(out: &mut [f32], values: &[f32], share: f32) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out += share * value);
}

/// A line blurred with half a kernel; beyond its ends lies nothing.
fn blurred_line(values: &[f32], kernel: &[f32]) -> Vec<f32> {
    let mut out: Vec<f32> = values.iter().map(|value| kernel[0] * value).collect();
    for (step, &share) in kernel.iter().enumerate().skip(1).take_while(|&(step, _)| step < values.len()) {
        let inner = values.len() - step;
        add_scaled(&mut out[step..], &values[..inner], share);
        add_scaled(&mut out[..inner], &values[step..], share);
    }
    out
}
