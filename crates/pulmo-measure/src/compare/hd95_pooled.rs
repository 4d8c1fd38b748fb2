//! The 95 % Hausdorff distance of both directions pooled.

use super::{Better, MaskPair, Metric, surface::percentile};

/// The 95 % Hausdorff distance of edge voxels, both directions pooled.
///
/// # Formula
/// Edge voxels as for [`hd95_voxels_mm`](super::hd95_voxels). The 95th percentile (interpolated linearly) of the distances
/// from the edge voxels of both masks to the other's, taken together.
/// # Units
/// mm.
/// # Edge cases
/// One or both masks empty: `None`. Sheared grid: `None`.
/// # Agreement
/// Equal to medpy 0.5.2 `metric.binary.hd95` with its default connectivity within 1e-9 mm: `oracles/surface_distance`.
/// DIFFERENCE: for an empty mask medpy raises an error.
#[derive(Debug, Clone, Copy)]
pub struct Hd95Pooled;

impl Metric for Hd95Pooled {
    fn name(&self) -> &'static str {
        "hd95_pooled_mm"
    }

    fn unit(&self) -> &'static str {
        "mm"
    }

    fn formula(&self) -> &'static str {
        "95th percentile of the distances from the edge voxels of both masks to those of the other, interpolated, both directions pooled"
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn empty_rule(&self) -> &'static str {
        "one or both masks empty: not defined (infinite), left out of means and counted; not defined in sheared grids"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        let surfaces = pair.surfaces()?;
        let mut pooled = [surfaces.reference.edge_mm(), surfaces.prediction.edge_mm()].concat();
        pooled.sort_unstable_by(f64::total_cmp);
        Some(percentile(&pooled, 0.95))
    }
}
