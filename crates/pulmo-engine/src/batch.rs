//! The one crossing between volumes and tensors.
//!
//! [`prepare`] takes a CT to the network's grid and intensities; [`Item::cut`] takes a block of it;
//! [`network_input`] lays items out as the network reads them, (N, D, H, W, C). [`Placement`] keeps what is
//! needed to carry a prediction back.

use pulmo_ct::intensity::Intensity;
use pulmo_ct::orient::Turn;
use pulmo_ct::resample::{resample_ct, resample_labels, resize_ct, resize_labels, resize_slices_bicubic};
use pulmo_ct::{CtVolume, Grid, LabelMap, Spacing};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::recipe::{GridMode, Input, Voxels};

/// The grids a volume passed through on its way to the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// The CT's grid as it was read.
    pub stored: Grid,
    /// The same voxels with the axes the recipe asks for.
    pub oriented: Grid,
    /// The grid of the network's input (`whole`) or of the volume that patches are cut from (`patches`);
    /// it has the directions of `oriented`.
    pub network: Grid,
}

/// A CT as the network is to see it, and its reference on the same grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Where it came from.
    pub placement: Placement,
    /// Intensities on `placement.network`, C order (slice, row, column).
    pub values: Vec<f32>,
    /// Classes on the same grid, if a reference was given.
    pub target: Option<Vec<u8>>,
}

/// One training item: a block of intensities with its classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Voxels along (slice, row, column).
    pub shape: [usize; 3],
    /// Distance between voxel centres in mm, so that rotations are rotations.
    pub spacing_mm: [f64; 3],
    /// Intensities, C order.
    pub values: Vec<f32>,
    /// Classes, C order.
    pub target: Vec<u8>,
}

/// Takes a CT, and its reference if there is one, to the network's grid and intensities.
///
/// Whole volumes: orient, resize (trilinear, corners on corners), then the intensity transform on the
/// resized volume, as the paper's library does. Patches: orient, resample to the spacing if one is set,
/// then the intensity transform on the whole volume. A transform of slices comes before the resampling in
/// both.
///
/// `voxels` tells whether the CT is like the training data or in HU although that was not
/// (`input.intensity_of_hu`).
///
/// # Errors
/// [`Error::Ct`] if the reference does not lie on the CT's grid or the intensities cannot be transformed;
/// [`Error::Run`] if a label is no class of the network (`classes`, background included).
pub fn prepare(
    ct: &CtVolume,
    reference: Option<&LabelMap>,
    input: &Input,
    voxels: Voxels,
    classes: usize,
) -> Result<Prepared> {
    if let Some(reference) = reference {
        ct.grid().must_equal(reference.grid())?;
    }
    let turn = Turn::to(input.orientation, ct.grid());
    let mut oriented = turn.ct(ct)?;
    let (intensity, slice_size) = input.appearance(voxels);
    let scanned = *oriented.grid();
    if let Some(size) = slice_size {
        oriented = resize_slices_bicubic(&oriented, size)?;
    }
    // Contrast equalisation looks at whole slices, so it must see them before any other resampling.
    let of_slices = matches!(intensity, Intensity::SliceMinMaxClahe { .. });
    if of_slices {
        let grid = *oriented.grid();
        oriented = CtVolume::new(grid, intensity.apply(grid.shape(), oriented.hu())?)?;
    }
    let resampled = match spacing(&input.grid)? {
        Resampling::Size(size) => resize_ct(&oriented, size)?,
        Resampling::Spacing(spacing) => resample_ct(&oriented, spacing)?,
        Resampling::None => oriented,
    };
    let placement = Placement { stored: *ct.grid(), oriented: scanned, network: *resampled.grid() };
    let values =
        if of_slices { resampled.into_hu() } else { intensity.apply(placement.network.shape(), resampled.hu())? };
    let target = match reference {
        None => None,
        Some(_) if slice_size.is_some() => {
            return Err(Error::run("a reference for a CT in HU, and the model was not trained on HU", ""));
        }
        Some(reference) => {
            let turned = turn.labels(&as_classes(reference, &input.foreground_labels, classes)?)?;
            let on_network = match spacing(&input.grid)? {
                Resampling::Size(size) => resize_labels(&turned, size, input.mask_resize)?,
                Resampling::Spacing(spacing) => resample_labels(&turned, spacing)?,
                Resampling::None => turned,
            };
            Some(on_network.labels().to_vec())
        }
    };
    Ok(Prepared { placement, values, target })
}

/// What brings a volume to the network's grid.
enum Resampling {
    None,
    Size([usize; 3]),
    Spacing(Spacing),
}

fn spacing(mode: &GridMode) -> Result<Resampling> {
    Ok(match mode {
        GridMode::Whole { size } => Resampling::Size(*size),
        GridMode::Patches { spacing_mm: None, .. } => Resampling::None,
        GridMode::Patches { spacing_mm: Some(mm), .. } => Resampling::Spacing(Spacing::new(*mm)?),
    })
}

/// Labels as classes of the network.
fn as_classes(reference: &LabelMap, foreground: &[u8], classes: usize) -> Result<LabelMap> {
    let labels = reference.labels();
    if !foreground.is_empty() {
        let classes = labels.iter().map(|label| u8::from(foreground.contains(label))).collect();
        return Ok(LabelMap::new(*reference.grid(), classes)?);
    }
    match labels.iter().find(|&&label| usize::from(label) >= classes) {
        Some(label) => Err(Error::run(
            format!("the reference holds label {label}, and the network has classes 0 to {}", classes - 1),
            "name the labels of the infiltrate in the recipe: input.foreground_labels = [3]",
        )),
        None => Ok(reference.clone()),
    }
}

impl Item {
    /// Cuts a block out of a prepared volume; beyond its edge the edge voxel continues, as in a prediction.
    ///
    /// Without a reference all classes are 0.
    #[must_use]
    pub fn cut(volume: &Prepared, start: [isize; 3], shape: [usize; 3]) -> Self {
        let grid = &volume.placement.network;
        let source = grid.shape();
        let [slices, rows, columns]: [Vec<usize>; 3] = std::array::from_fn(|axis| {
            let last = source[axis] as isize - 1;
            (0..shape[axis] as isize).map(|i| (start[axis] + i).clamp(0, last) as usize).collect()
        });
        let voxels = shape.iter().product();
        let (mut values, mut target) = (Vec::with_capacity(voxels), Vec::with_capacity(voxels));
        for &slice in &slices {
            for &row in &rows {
                let line = (slice * source[1] + row) * source[2];
                values.extend(columns.iter().map(|&column| volume.values[line + column]));
                if let Some(classes) = &volume.target {
                    target.extend(columns.iter().map(|&column| classes[line + column]));
                }
            }
        }
        target.resize(voxels, 0);
        Self { shape, spacing_mm: grid.spacing().mm(), values, target }
    }

    /// The whole prepared volume as one item.
    #[must_use]
    pub fn whole(volume: &Prepared) -> Self {
        Self::cut(volume, [0; 3], volume.placement.network.shape())
    }
}

/// Lays blocks of one shape out as the network reads them: (N, D, H, W, C), each channel an identical copy.
///
/// # Shapes
/// - blocks: N slices of D·H·W values
/// - result: (N, D, H, W, `channels`)
#[must_use]
pub fn network_input(blocks: &[&[f32]], channels: usize) -> Vec<f32> {
    if channels == 1 {
        return blocks.concat();
    }
    let voxels: usize = blocks.iter().map(|block| block.len()).sum();
    let mut values = vec![0.0; voxels * channels];
    let mut rest = values.as_mut_slice();
    for block in blocks {
        let (part, others) = std::mem::take(&mut rest).split_at_mut(block.len() * channels);
        part.par_chunks_mut(channels).with_min_len(1 << 14).zip(*block).for_each(|(voxel, &value)| voxel.fill(value));
        rest = others;
    }
    values
}

#[cfg(test)]
mod tests;
