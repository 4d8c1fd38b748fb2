//! Connected components and opening of masks: which voxels hang together, and which are specks.
//!
//! Masks are slices of `bool` in C order (slice, row, column) with their shape beside them.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::union_find::{root, unite};

/// Which voxels count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connectivity {
    /// The 6 that share a face.
    Faces,
    /// The 18 that share a face or an edge.
    Edges,
    /// The 26 that share a face, an edge or a corner.
    Corners,
}

impl Connectivity {
    /// The neighbours that come earlier in C order.
    fn earlier(self) -> Vec<[isize; 3]> {
        let farthest = match self {
            Self::Faces => 1,
            Self::Edges => 2,
            Self::Corners => 3,
        };
        let mut offsets = Vec::new();
        for slice in -1..=1_isize {
            for row in -1..=1_isize {
                for column in -1..=1_isize {
                    let steps = slice.abs() + row.abs() + column.abs();
                    if (slice, row, column) < (0, 0, 0) && steps <= farthest {
                        offsets.push([slice, row, column]);
                    }
                }
            }
        }
        offsets
    }
}

/// The components of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    labels: Vec<u32>,
    sizes: Vec<usize>,
}

impl Components {
    /// For each voxel 0 for background or its component's number, from 1 in order of the first voxel.
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Voxels of component 1, 2, …
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// How many components there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The mask without components of fewer than `least_voxels` voxels.
    #[must_use]
    pub fn without_small(&self, least_voxels: usize) -> Vec<bool> {
        self.labels.iter().map(|&label| label > 0 && self.sizes[label as usize - 1] >= least_voxels).collect()
    }

    /// The `count` largest components; of equal ones the earlier in C order. All if there are fewer.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<bool> {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by_key(|&k| std::cmp::Reverse(self.sizes[k]));
        let mut keep = vec![false; self.sizes.len()];
        order.into_iter().take(count).for_each(|k| keep[k] = true);
        self.labels.iter().map(|&label| label > 0 && keep[label as usize - 1]).collect()
    }
}

/// Finds the components of a mask.
///
/// # Errors
/// [`Error::Value`] if the mask has not as many values as the shape has voxels, or more than `u32` counts.
///
/// # Agreement
/// Same partition, numbering and sizes as `scipy.ndimage.label` 1.17.1 (`oracles/components`).
pub fn components(shape: [usize; 3], mask: &[bool], connectivity: Connectivity) -> Result<Components> {
    check(shape, mask)?;
    if u32::try_from(mask.len()).is_err() {
        return Err(Error::Value {
            problem: format!("{} voxels: components are counted up to {}", mask.len(), u32::MAX),
        });
    }
    let offsets = connectivity.earlier();
    let [_, rows, columns] = shape;
    // How far back in C order each neighbour lies; true only away from the border.
    let back = |[s, r, c]: [isize; 3]| -((s * rows as isize + r) * columns as isize + c);
    let backs: Vec<usize> = offsets.iter().map(|&offset| back(offset) as usize).collect();
    // Union-find over voxels: `parent` of a background voxel stays itself and is never read.
    let mut parent: Vec<u32> = (0..mask.len() as u32).collect();
    for voxel in (0..mask.len()).filter(|&voxel| mask[voxel]) {
        let at = [voxel / (rows * columns), voxel / columns % rows, voxel % columns];
        let inner = (0..3).all(|axis| at[axis] > 0 && at[axis] + 1 < shape[axis]);
        for (offset, &back) in offsets.iter().zip(&backs) {
            let other = if inner { Some(voxel - back) } else { neighbour(shape, at, *offset) };
            if let Some(other) = other.filter(|&other| mask[other]) {
                unite(&mut parent, voxel as u32, other as u32);
            }
        }
    }
    let mut labels = vec![0_u32; mask.len()];
    let mut sizes: Vec<usize> = Vec::new();
    for voxel in (0..mask.len()).filter(|&voxel| mask[voxel]) {
        let root = root(&mut parent, voxel as u32) as usize;
        if root == voxel {
            sizes.push(0);
            labels[voxel] = sizes.len() as u32;
        }
        // Roots are the first voxels of their components, so the root has its number already.
        let label = labels[root];
        labels[voxel] = label;
        sizes[label as usize - 1] += 1;
    }
    Ok(Components { labels, sizes })
}

fn neighbour(shape: [usize; 3], at: [usize; 3], offset: [isize; 3]) -> Option<usize> {
    let mut index = 0;
    for axis in 0..3 {
        let moved = at[axis].checked_add_signed(offset[axis]).filter(|&k| k < shape[axis])?;
        index = index * shape[axis] + moved;
    }
    Some(index)
}

/// Opening with the 6-neighbour cross: erosion `iterations` times, then dilation as often.
///
/// Removes what is thinner than `2 · iterations + 1` voxels. Beyond the border lies background.
///
/// # Errors
/// [`Error::Value`] if the mask has not as many values as the shape has voxels.
///
/// # Agreement
/// `scipy.ndimage.binary_opening` 1.17.1 with its default structure (`oracles/components`).
pub fn binary_opening(shape: [usize; 3], mask: &[bool], iterations: usize) -> Result<Vec<bool>> {
    check(shape, mask)?;
    let mut opened = mask.to_vec();
    for _ in 0..iterations {
        opened = cross(shape, &opened, Step::Erode);
    }
    for _ in 0..iterations {
        opened = cross(shape, &opened, Step::Dilate);
    }
    Ok(opened)
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Erode,
    Dilate,
}

fn cross(shape: [usize; 3], mask: &[bool], step: Step) -> Vec<bool> {
    let [slices, rows, columns] = shape;
    let plane = rows * columns;
    let mut result = vec![false; mask.len()];
    result.par_chunks_mut(plane).enumerate().for_each(|(slice, out)| {
        for (place, value) in out.iter_mut().enumerate() {
            let (row, column, voxel) = (place / columns, place % columns, slice * plane + place);
            let around = [
                slice > 0 && mask[voxel - plane],
                slice + 1 < slices && mask[voxel + plane],
                row > 0 && mask[voxel - columns],
                row + 1 < rows && mask[voxel + columns],
                column > 0 && mask[voxel - 1],
                column + 1 < columns && mask[voxel + 1],
            ];
            *value = match step {
                Step::Erode => mask[voxel] && around == [true; 6],
                Step::Dilate => mask[voxel] || around != [false; 6],
            };
        }
    });
    result
}

fn check(shape: [usize; 3], mask: &[bool]) -> Result<()> {
    let voxels: usize = shape.iter().product();
    if mask.len() == voxels && voxels > 0 {
        return Ok(());
    }
    Err(Error::Value { problem: format!("mask of {} values for shape {shape:?} with {voxels} voxels", mask.len()) })
}
