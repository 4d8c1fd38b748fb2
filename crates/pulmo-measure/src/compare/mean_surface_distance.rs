//! The mean distance between two surfaces.

use super::{Better, MaskPair, Metric};

/// Mean surface distance: the mean of both directed means.
///
/// # Formula
/// `(mean distance from R's surface to P's + mean distance from P's to R's) / 2`, elements weighted by their areas.
/// # Units
/// mm.
/// # Edge cases
/// One or both masks empty: `None`. Sheared grid: `None`.
/// # Agreement
/// Equal to the mean of the two values of surface-distance 0.1 `compute_average_surface_distance` within 1e-9 mm:
/// `oracles/surface_distance`. DIFFERENCE: MONAI's symmetric `compute_average_surface_distance` is the mean over the edge
/// voxels of both masks pooled, so the larger surface weighs more; medpy's `assd` is the mean of the directed means over
/// edge voxels without areas.
#[derive(Debug, Clone, Copy)]
pub struct MeanSurfaceDistance;

impl Metric for MeanSurfaceDistance {
    fn name(&self) -> &'static str {
        "mean_surface_distance_mm"
    }

    fn unit(&self) -> &'static str {
        "mm"
    }

    fn formula(&self) -> &'static str {
        "mean distance from one surface to the other, the mean of both directions; elements between voxels, weighted by area"
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn empty_rule(&self) -> &'static str {
        "one or both masks empty: not defined (infinite), left out of means and counted; not defined in sheared grids"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        let surfaces = pair.surfaces()?;
        Some((surfaces.reference.mean_mm() + surfaces.prediction.mean_mm()) / 2.0)
    }
}
