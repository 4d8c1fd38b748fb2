//! The liver on the wrong side: a volume that is mirrored, or masks that are swapped.
//!
//! Below the right lung lies the liver, below the left one stomach, bowel, fat and the small spleen. So most of the soft
//! tissue below the lungs lies on the right. Tissue counts from the lung's lowest voxel downwards, where the lung ends in
//! its lower third: above that the heart lies under the left lung.

use pulmo_ct::CtVolume;
use pulmo_ct::geometry::dot;

use super::super::profile::side_of;
use super::{Flag, Raised, Seen, SeenLungs};

/// Attenuation of the liver, without and with contrast agent; fat, gas and bone are out.
const SOFT_HU: [f32; 2] = [20.0, 150.0];
/// How far below the lungs is looked, in mm.
const DEPTH_MM: f64 = 60.0;
/// Share of the soft tissue, in per cent, that must lie below the left lung.
const LEFT_PERCENT: f64 = 65.0;
/// Least volume that must be seen below each lung, and least soft tissue in all: less says nothing.
const LEAST_ML: f64 = 150.0;
/// How far the slices may follow the patient's axis, as a cosine.
const LEAST_COSINE: f64 = 0.9;

/// Most of the soft tissue below the lungs lies on the left.
#[derive(Debug)]
pub(super) struct LiverSide;

impl Flag for LiverSide {
    fn id(&self) -> &'static str {
        "liver_side"
    }

    fn threshold(&self) -> String {
        let [low, high] = SOFT_HU;
        format!(
            "{LEFT_PERCENT} % or more of the soft tissue ({low} to {high} HU) in the {DEPTH_MM} mm below the lungs lies \
             below the left one"
        )
    }

    fn source(&self) -> &'static str {
        "the liver lies under the right half of the diaphragm; limits chosen by this project, silent in between"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["sides", "regions"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lungs = case.lungs.filter(|_| case.values.are_hu)?;
        let [left, right] = below(&lungs, case.input.ct)?;
        let soft_ml = left.soft_ml + right.soft_ml;
        let is_seen = left.seen_ml.min(right.seen_ml).min(soft_ml) >= LEAST_ML;
        let percent = 100.0 * left.soft_ml / soft_ml;
        (is_seen && percent >= LEFT_PERCENT).then(|| Raised {
            found: format!("{percent:.0} % of {soft_ml:.0} mL below the left lung"),
            sentence: "the liver seems to lie on the left: the volume may be mirrored, or left and right swapped"
                .to_owned(),
        })
    }
}

/// What lies below one lung.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    seen_ml: f64,
    soft_ml: f64,
}

/// What lies below the left and the right lung; `None` if the slices do not follow the patient's axis.
fn below(lungs: &SeenLungs<'_>, ct: &CtVolume) -> Option<[Below; 2]> {
    let grid = ct.grid();
    let [slices, rows, columns] = grid.shape();
    let along = dot(grid.affine().direction()[0], [0.0, 0.0, 1.0]);
    if along.abs() < LEAST_COSINE {
        return None;
    }
    let (plane, slice_mm) = (rows * columns, grid.spacing().mm()[0]);
    let [low_mm, high_mm] = lungs.counted.height_mm;
    let third = ((high_mm - low_mm) / 3.0 / slice_mm).ceil() as usize;
    let depth = (DEPTH_MM / slice_mm).round() as usize;
    // Slices from the feet's end on.
    let part = |step: usize| {
        let slice = if along > 0.0 { step } else { slices - 1 - step };
        slice * plane..(slice + 1) * plane
    };
    let first = (0..slices).find(|&step| lungs.map.labels()[part(step)].iter().any(|&label| label > 0))?;
    let end = slices.min(first + third);
    // For each place in the plane where the lungs end, and which one.
    let mut lowest: Vec<Option<(usize, usize)>> = vec![None; plane];
    for step in first..end {
        for (lowest, &label) in lowest.iter_mut().zip(&lungs.map.labels()[part(step)]) {
            *lowest = lowest.or_else(|| Some((step, side_of(label)?)));
        }
    }
    let mut voxels = [[0_u64; 2]; 2];
    for step in first.saturating_sub(depth)..end {
        for (lowest, hu) in lowest.iter().zip(&ct.hu()[part(step)]) {
            if let Some((lung, side)) = *lowest
                && (step + 1..=step + depth).contains(&lung)
            {
                voxels[side][0] += 1;
                voxels[side][1] += u64::from((SOFT_HU[0]..=SOFT_HU[1]).contains(hu));
            }
        }
    }
    let voxel_ml = grid.voxel_ml();
    Some(voxels.map(|[seen, soft]| Below { seen_ml: seen as f64 * voxel_ml, soft_ml: soft as f64 * voxel_ml }))
}
