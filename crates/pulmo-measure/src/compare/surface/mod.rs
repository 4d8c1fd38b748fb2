//! The surfaces of two masks and how far they are from each other: computed once for all metrics of distance.
//!
//! Two notions of a surface are in use, and both are kept:
//! *elements* lie on the corners between voxels and have an area (surface-distance); *edge voxels* are those
//! voxels of a mask that share a face with a voxel outside (MONAI, medpy). Both work on the joint box of the masks.

mod areas;
mod outline;

use pulmo_ct::Spacing;
use pulmo_ct::distance::{Lattice, SAME_LENGTH_MM, distances_at_mm};
use pulmo_ct::voxel_box::VoxelBox;
use rayon::prelude::*;

use super::MaskPair;
use outline::Part;

/// A piece of one surface and how far the other surface is from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Element {
    /// Distance to the nearest element of the other surface in mm.
    pub mm: f64,
    /// Its area in mm².
    pub mm2: f64,
}

/// One of two surfaces, seen from the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    elements: Vec<Element>,
    edge_mm: Vec<f64>,
}

impl Surface {
    /// Its elements in order of distance.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The distance in mm of each of its edge voxels to the nearest edge voxel of the other mask, in rising order.
    #[must_use]
    pub fn edge_mm(&self) -> &[f64] {
        &self.edge_mm
    }

    /// Its area in mm².
    #[must_use]
    pub fn mm2(&self) -> f64 {
        self.elements.iter().map(|element| element.mm2).sum()
    }

    /// The area in mm² that is no further than `tolerance_mm` from the other surface.
    #[must_use]
    pub fn mm2_within(&self, tolerance_mm: f64) -> f64 {
        let near = self.elements.iter().take_while(|element| element.mm <= tolerance_mm + SAME_LENGTH_MM);
        near.map(|element| element.mm2).sum()
    }

    /// The mean distance in mm, each element weighted by its area.
    #[must_use]
    pub fn mean_mm(&self) -> f64 {
        self.elements.iter().map(|element| element.mm * element.mm2).sum::<f64>() / self.mm2()
    }

    /// The distance in mm that `share` (0 to 1) of the area does not exceed: of the first element with which that
    /// share is reached.
    #[must_use]
    pub fn percentile_mm(&self, share: f64) -> f64 {
        let all = self.mm2();
        let mut sum = 0.0;
        let reached = self.elements.iter().find(|element| {
            sum += element.mm2;
            sum / all >= share
        });
        reached.or(self.elements.last()).map_or(f64::INFINITY, |element| element.mm)
    }
}

/// The surfaces of the two masks of a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Surfaces {
    /// Of the reference, with distances to the prediction.
    pub reference: Surface,
    /// Of the prediction, with distances to the reference.
    pub prediction: Surface,
}

impl Surfaces {
    /// Finds the surfaces and their distances; `None` if a mask is empty or the grid has no right angles.
    pub(super) fn of(pair: &MaskPair) -> Option<Self> {
        let grid = pair.reference().grid();
        Lattice::of(grid).ok()?;
        let (whole, label) = (grid.shape(), pair.label());
        let masks = [pair.reference().labels(), pair.prediction().labels()];
        let around = |labels| VoxelBox::around(whole, labels, |&found: &u8| found == label);
        let inside = around(masks[0])?.union(around(masks[1])?);
        let parts = masks.map(|labels| Part { labels, whole, inside, label });
        let [reference, prediction] = elements(parts, grid.spacing())?;
        let [reference_mm, prediction_mm] = edges(parts, grid.spacing())?;
        Some(Self {
            reference: Surface { elements: reference, edge_mm: reference_mm },
            prediction: Surface { elements: prediction, edge_mm: prediction_mm },
        })
    }
}

fn elements(parts: [Part; 2], spacing: Spacing) -> Option<[Vec<Element>; 2]> {
    let lattice = Lattice::new(parts[0].inside.shape().map(|n| n + 1), spacing).ok()?;
    let areas = areas::areas_mm2(spacing.mm());
    let corners = parts.map(|part| part.corners());
    let sites = corners.each_ref().map(|corners| corners.iter().map(|&(site, _)| site).collect::<Vec<u32>>());
    let to_other = |this: usize| {
        let mm = distances_at_mm(&lattice, &sites[1 - this], &sites[this]);
        let areas = corners[this].iter().map(|&(_, code)| areas[usize::from(code)]);
        let mut elements: Vec<Element> = mm.into_iter().zip(areas).map(|(mm, mm2)| Element { mm, mm2 }).collect();
        elements.par_sort_unstable_by(|a, b| a.mm.total_cmp(&b.mm).then(a.mm2.total_cmp(&b.mm2)));
        elements
    };
    Some([to_other(0), to_other(1)])
}

fn edges(parts: [Part; 2], spacing: Spacing) -> Option<[Vec<f64>; 2]> {
    let lattice = Lattice::new(parts[0].inside.shape(), spacing).ok()?;
    let sites = parts.map(|part| part.edge_voxels());
    let to_other = |this: usize| {
        let mut mm = distances_at_mm(&lattice, &sites[1 - this], &sites[this]);
        mm.par_sort_unstable_by(f64::total_cmp);
        mm
    };
    Some([to_other(0), to_other(1)])
}

/// The value below which `share` (0 to 1) of a sorted, not empty list lies, interpolated linearly as numpy does.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests;
