//! The one crossing between volumes and tensors.
//!
//! [`prepare`] takes a CT to the network's grid and intensities; [`Item::cut`] takes a block of it;
//! [`network_input`] lays items out as the network reads them, (N, D, H, W, C). [`Placement`] keeps what is
//! needed to carry a prediction back.

use pulmo_ct::intensity::Intensity;
use pulmo_ct::{Affine, CtVolume, Grid, LabelMap};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::predict::{Axes, Block};
use crate::recipe::{GridMode, Input, MaskResize};

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
/// then the intensity transform on the whole volume.
///
/// `intensity` is `input.intensity`, or `input.intensity_of_hu` where a prediction needs that.
///
/// # Errors
/// [`Error::Ct`] if the reference does not lie on the CT's grid or the intensities cannot be transformed;
/// [`Error::Run`] if a label is no class of the network (`classes`, background included).
pub fn prepare(
    ct: &CtVolume,
    reference: Option<&LabelMap>,
    input: &Input,
    intensity: &Intensity,
    classes: usize,
) -> Result<Prepared> {
    if let Some(reference) = reference {
        ct.grid().must_equal(reference.grid())?;
    }
    let oriented = pulmo_ct::orient::orient(ct, input.orientation)?;
    let from = *oriented.grid();
    let network = network_grid(&from, &input.grid)?;
    let placement = Placement { stored: *ct.grid(), oriented: from, network };
    let mut values = if network.shape() == from.shape() {
        oriented.into_hu()
    } else {
        let block = Block::new(from.shape(), oriented.into_hu());
        Axes::between(&from, &network).interpolate(&block, network.shape(), |value| value)
    };
    intensity.apply(&mut values)?;
    let target = match reference {
        None => None,
        Some(reference) => {
            let labels = pulmo_ct::orient::orient_labels(reference, input.orientation)?;
            let classes = as_classes(labels.labels(), &input.foreground_labels, classes)?;
            Some(resize_classes(&classes, from.shape(), &network, &from, input))
        }
    };
    Ok(Prepared { placement, values, target })
}

/// The grid on which the network sees a volume.
fn network_grid(from: &Grid, mode: &GridMode) -> Result<Grid> {
    let source = from.shape();
    let (shape, scale): ([usize; 3], [f64; 3]) = match mode {
        GridMode::Whole { size } => {
            (*size, std::array::from_fn(|axis| corners_on_corners(source[axis], size[axis])))
        }
        GridMode::Patches { spacing_mm: None, .. } => return Ok(*from),
        GridMode::Patches { spacing_mm: Some(spacing), .. } => {
            let scale: [f64; 3] = std::array::from_fn(|axis| spacing[axis] / from.spacing().mm()[axis]);
            // From the first voxel's centre to the last one's, to the nearest voxel.
            (std::array::from_fn(|axis| ((source[axis] - 1) as f64 / scale[axis]).round() as usize + 1), scale)
        }
    };
    let mut affine: Affine = *from.affine();
    for (column, factor) in affine.columns.iter_mut().zip(scale) {
        column.iter_mut().for_each(|x| *x *= factor);
    }
    Ok(Grid::new(shape, affine)?)
}

/// Source voxels per target voxel with the first and last centres on each other.
fn corners_on_corners(source: usize, target: usize) -> f64 {
    match (source, target) {
        // A single source voxel is all there is; a single target voxel takes the first source voxel.
        (1, _) | (_, 1) => source as f64 / target as f64,
        _ => (source - 1) as f64 / (target - 1) as f64,
    }
}

/// Labels as classes of the network.
fn as_classes(labels: &[u8], foreground: &[u8], classes: usize) -> Result<Vec<u8>> {
    if !foreground.is_empty() {
        return Ok(labels.iter().map(|label| u8::from(foreground.contains(label))).collect());
    }
    match labels.iter().find(|&&label| usize::from(label) >= classes) {
        Some(label) => Err(Error::run(
            format!("the reference holds label {label}, and the network has classes 0 to {}", classes - 1),
            "name the labels of the infiltrate in the recipe: input.foreground_labels = [3]",
        )),
        None => Ok(labels.to_vec()),
    }
}

fn resize_classes(classes: &[u8], source: [usize; 3], network: &Grid, from: &Grid, input: &Input) -> Vec<u8> {
    let target = network.shape();
    if source == target {
        return classes.to_vec();
    }
    if let GridMode::Patches { .. } = input.grid {
        let scale: [f64; 3] = std::array::from_fn(|axis| network.spacing().mm()[axis] / from.spacing().mm()[axis]);
        return pick(classes, source, target, |axis, i| (i as f64 * scale[axis] + 0.5) as usize);
    }
    match input.mask_resize {
        MaskResize::Nearest => pick(classes, source, target, |axis, i| i * source[axis] / target[axis]),
        MaskResize::Index => pick(classes, source, target, |axis, i| match target[axis] {
            1 => 0,
            size => i * (source[axis] - 1) / (size - 1),
        }),
        MaskResize::TrilinearTruncate => {
            let block = Block::new(source, classes.iter().map(|&class| f32::from(class)).collect());
            Axes::between(from, network).interpolate(&block, target, |value| value as u8)
        }
    }
}

/// Each target voxel takes the source voxel that `index` (of an axis and a target index) names.
fn pick(
    classes: &[u8],
    source: [usize; 3],
    target: [usize; 3],
    index: impl Fn(usize, usize) -> usize,
) -> Vec<u8> {
    let [slices, rows, columns]: [Vec<usize>; 3] =
        std::array::from_fn(|axis| (0..target[axis]).map(|i| index(axis, i).min(source[axis] - 1)).collect());
    let mut values = Vec::with_capacity(target.iter().product());
    for &slice in &slices {
        for &row in &rows {
            let line = &classes[(slice * source[1] + row) * source[2]..][..source[2]];
            values.extend(columns.iter().map(|&column| line[column]));
        }
    }
    values
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
