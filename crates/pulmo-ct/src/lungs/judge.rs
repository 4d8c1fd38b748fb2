//! What speaks against a lung mask: nothing found, implausible volumes, lungs that the field cuts, lung that was guessed.

use super::body;
use super::coarse::Coarse;
use crate::components::{Connectivity, components};
use crate::error::Result;
use crate::phantom::{LEFT_LUNG, RIGHT_LUNG};

/// Volumes of both lungs together that adults have on CT, in mL: from full expiration to emphysema.
const TOTAL_ML: std::ops::RangeInclusive<f64> = 1_200.0..=9_500.0;
/// Share of the left lung in both; 0.46 is usual.
const LEFT_SHARE: std::ops::RangeInclusive<f64> = 0.32..=0.58;
/// Lung in the first or the last slice beyond which the lungs are cut there.
const CUT_SLICE_CM2: f64 = 10.0;
/// Lung at the rim of the field beyond which the lungs are cut there.
const CUT_RIM_CM2: f64 = 4.0;
/// Share of a lung that may have been added by shape.
const ADDED_SHARE: f64 = 0.3;
/// Free air in the chest, or a bulla: below this over at least [`FREE_AIR_ML`].
const FREE_AIR_HU: f32 = -968.0;
const FREE_AIR_ML: f64 = 20.0;
/// They are thin all through: so much of what lies within this distance in the slice is.
const SOLID_SHARE: f64 = 0.8;
const SOLID_MM: f64 = 8.0;

/// The problems of a coarse label map; `by_density` holds the labels before anything was added by
/// shape, `guessed` the blocks of the left and the right lung that were taken from the other's mirror image.
///
/// # Errors
/// None in practice.
pub(super) fn problems(coarse: &Coarse, labels: &[u8], by_density: &[u8], guessed: [usize; 2]) -> Result<Vec<String>> {
    let ml = |labels: &[u8], lung: u8| coarse.ml(labels.iter().filter(|&&label| label == lung).count());
    let [left, right] = [LEFT_LUNG, RIGHT_LUNG].map(|lung| ml(labels, lung));
    let total = left + right;
    let mut problems = Vec::new();
    if left == 0.0 || right == 0.0 {
        problems.push(format!("no two lungs with air in them were found: left {left:.0} mL, right {right:.0} mL"));
        return Ok(problems);
    }
    if !TOTAL_ML.contains(&total) {
        let (least, most) = (TOTAL_ML.start(), TOTAL_ML.end());
        problems.push(format!("the lungs hold {total:.0} mL; adults have {least:.0} to {most:.0} mL"));
    }
    let share = left / total;
    if !LEFT_SHARE.contains(&share) {
        let (least, most) = (LEFT_SHARE.start() * 100.0, LEFT_SHARE.end() * 100.0);
        let share = share * 100.0;
        problems.push(format!("{share:.0} % of the lung is on the left; {least:.0} to {most:.0} % are usual"));
    }
    problems.extend(cut(coarse, labels));
    for ((lung, name), guessed) in [(LEFT_LUNG, "left"), (RIGHT_LUNG, "right")].into_iter().zip(guessed) {
        if guessed > 0 {
            let guessed = coarse.ml(guessed);
            problems.push(format!(
                "{guessed:.0} mL of the {name} lung hold no air and were guessed from the other lung's mirror image"
            ));
        }
        let (all, air) = (ml(labels, lung), ml(by_density, lung));
        if all - air > ADDED_SHARE * all {
            let added = all - air;
            let share = 100.0 * added / all;
            problems.push(format!(
                "{added:.0} mL ({share:.0} %) of the {name} lung hold no air and were added by shape alone"
            ));
        }
    }
    problems.extend(free_air(coarse, labels)?);
    Ok(problems)
}

/// Where the edges of the field cut the lungs.
fn cut(coarse: &Coarse, labels: &[u8]) -> Vec<String> {
    let [slices, rows, columns] = coarse.shape;
    let plane = coarse.plane();
    // Single noisy voxels of air hold the value of padding too.
    let field: Vec<bool> =
        coarse.padding.chunks(plane).flat_map(|slice| body::padding_of_the_edge(body::plane(coarse), slice)).collect();
    let [slice_mm, row_mm, column_mm] = coarse.spacing_mm;
    let mut problems = Vec::new();
    for (slice, end) in [(0, "feet"), (slices - 1, "head")] {
        let blocks = labels[slice * plane..(slice + 1) * plane].iter().filter(|&&label| label > 0).count();
        let area = blocks as f64 * row_mm * column_mm / 100.0;
        if area > CUT_SLICE_CM2 {
            problems.push(format!("the lungs are cut at the {end} end: {area:.0} cm² of lung in the last slice"));
        }
    }
    let mut rim_mm2 = 0.0;
    for voxel in (0..labels.len()).filter(|&voxel| labels[voxel] > 0) {
        let (row, column) = (voxel / columns % rows, voxel % columns);
        let beside =
            |at: usize, last: usize, step: usize| at == 0 || at == last || field[voxel - step] || field[voxel + step];
        rim_mm2 += if beside(row, rows - 1, columns) { slice_mm * column_mm } else { 0.0 };
        rim_mm2 += if beside(column, columns - 1, 1) { slice_mm * row_mm } else { 0.0 };
    }
    let rim = rim_mm2 / 100.0;
    if rim > CUT_RIM_CM2 {
        problems.push(format!("the lungs are cut at the side: {rim:.0} cm² of lung at the rim of the field"));
    }
    problems
}

/// Air that is no lung tissue.
fn free_air(coarse: &Coarse, labels: &[u8]) -> Result<Vec<String>> {
    if !coarse.calibrated {
        return Ok(Vec::new());
    }
    let thin: Vec<bool> = labels.iter().zip(&coarse.hu).map(|(&label, &hu)| label > 0 && hu < FREE_AIR_HU).collect();
    let thin = solid(coarse, &thin);
    let largest = components(coarse.shape, &thin, Connectivity::Faces)?.sizes().iter().copied().max().unwrap_or(0);
    let ml = coarse.ml(largest);
    Ok(if ml < FREE_AIR_ML {
        Vec::new()
    } else {
        vec![format!("{ml:.0} mL inside the mask lie below {FREE_AIR_HU} HU: a bulla or air around the lung")]
    })
}

/// What is thin almost wholly within [`SOLID_MM`] in its slice; emphysema has thin places among others.
fn solid(coarse: &Coarse, thin: &[bool]) -> Vec<bool> {
    let plane = body::plane(coarse);
    let reach = plane.spacing_mm.map(|mm| (SOLID_MM / mm) as usize);
    let is_solid = |voxel: usize| {
        let start = voxel - voxel % plane.voxels();
        let (row, column) = (voxel % plane.voxels() / plane.columns, voxel % plane.columns);
        let (mut count, mut all) = (0_usize, 0_usize);
        for line in row.saturating_sub(reach[0])..(row + reach[0] + 1).min(plane.rows) {
            for at in column.saturating_sub(reach[1])..(column + reach[1] + 1).min(plane.columns) {
                all += 1;
                count += usize::from(thin[start + line * plane.columns + at]);
            }
        }
        count as f64 >= SOLID_SHARE * all as f64
    };
    (0..thin.len()).map(|voxel| thin[voxel] && is_solid(voxel)).collect()
}
