//! Surface Dice at a tolerance (normalised surface Dice).

use super::{Better, MaskPair, Metric};

/// The part of both surfaces that lies within the tolerance of the other one.
///
/// # Formula
/// `(area of R's surface within t of P's + area of P's within t of R's) / (area of R's + area of P's)`. Surfaces are the
/// elements between voxels with their areas (2 × 2 × 2 neighbourhoods, marching cubes); the tolerance `t` is
/// [`Settings::tolerance_mm`](super::Settings::tolerance_mm): 3 mm for lesions, 1 mm for lungs.
/// # Units
/// A ratio, 0 to 1. Needs mm: native grid only.
/// # Edge cases
/// Both masks empty: `None`. One empty: 0. Sheared grid: `None`.
/// # Agreement
/// Equal to surface-distance 0.1 `compute_surface_dice_at_tolerance` within 1e-9: `oracles/surface_distance`.
/// DIFFERENCE: a distance that exceeds the tolerance by less than 1e-6 mm counts as within, because spacings come from
/// float32 headers. DIFFERENCE: MONAI's `compute_surface_dice` with its defaults counts edge voxels, each once; with
/// `use_subvoxels` it is this metric up to float32.
/// # References
/// Nikolov et al., J Med Internet Res 2021, doi:10.2196/26151.
#[derive(Debug, Clone, Copy)]
pub struct SurfaceDice;

impl Metric for SurfaceDice {
    fn name(&self) -> &'static str {
        "surface_dice"
    }

    fn unit(&self) -> &'static str {
        "1"
    }

    fn formula(&self) -> &'static str {
        "area of both surfaces within the tolerance of the other one / area of both; elements between voxels, weighted by area"
    }

    fn native_only(&self) -> bool {
        true
    }

    fn better(&self) -> Better {
        Better::Higher
    }

    fn empty_rule(&self) -> &'static str {
        "both masks empty: not defined, left out of means and counted; one mask empty: 0; not defined in sheared grids"
    }

    fn compute(&self, pair: &MaskPair) -> Option<f64> {
        let counts = pair.overlap();
        if (counts.reference == 0) != (counts.prediction == 0) {
            return Some(0.0);
        }
        let surfaces = pair.surfaces()?;
        let sides = [&surfaces.reference, &surfaces.prediction];
        let within = sides.map(|side| side.mm2_within(pair.settings().tolerance_mm)).iter().sum::<f64>();
        Some(within / sides.map(|side| side.mm2()).iter().sum::<f64>())
    }
}
