//! Number and size of foci.

use pulmo_ct::components::{Connectivity, components};
use pulmo_ct::{LabelMap, Result};

use super::crop::Crop;
use super::result::Foci;

/// How voxels hang together, in words.
const RULE: &str = "voxels that touch by a face, an edge or a corner (26 neighbours) form one focus";

/// Counts the foci of an opacity. Each has a share of the volume: foci and smaller ones sum to the whole.
///
/// # Errors
/// [`pulmo_ct::Error::Value`] if the opacity's box has more voxels than `u32` counts.
///
/// # Agreement
/// Numbers and sizes equal `scipy.ndimage.label` with a full 3x3x3 structure (`oracles/quantities`).
pub(super) fn foci(
    opacity: &LabelMap,
    is_opacity: &[bool; 256],
    crop: Option<&Crop>,
    smallest_ml: f64,
) -> Result<Foci> {
    let mut foci = Foci { rule: RULE.to_owned(), smallest_ml, ..Foci::default() };
    let Some(crop) = crop else { return Ok(foci) };
    let shape = crop.shape();
    let mut mask = Vec::with_capacity(shape.iter().product());
    for slice in 0..shape[0] {
        for row in 0..shape[1] {
            let line = crop.line(opacity.grid().shape(), opacity.labels(), slice, row);
            mask.extend(line.iter().map(|&label| is_opacity[label as usize]));
        }
    }
    let voxel_ml = opacity.grid().voxel_ml();
    for &voxels in components(shape, &mask, Connectivity::Corners)?.sizes() {
        let ml = voxels as f64 * voxel_ml;
        // A focus of exactly the smallest size counts, whatever the last bit says.
        if ml >= smallest_ml * (1.0 - 1e-9) {
            foci.sizes_ml.push(ml);
        } else {
            foci.smaller_count += 1;
            foci.smaller_ml += ml;
        }
    }
    foci.count = foci.sizes_ml.len();
    foci.sizes_ml.sort_by(|a, b| b.total_cmp(a));
    Ok(foci)
}
