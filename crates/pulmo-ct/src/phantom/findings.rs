//! What lies in the lungs of one seed: infiltrates, and the look-alikes that are none.

use super::anatomy::{Anatomy, InLung, Side, ellipsoid_mm, soft};
use super::texture::SmoothField;
use crate::random::Random;

/// Denser lung and fluid at the back of one lung; gravity makes it, not infection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dependent {
    added_hu: f64,
    depth_mm: f64,
    band: Option<Band>,
    effusion: Option<Effusion>,
}

/// A smooth plate of collapsed lung along the back wall.
#[derive(Debug, Clone, Copy)]
struct Band {
    thickness_mm: f64,
    top: f64,
    hu: f64,
}

/// Fluid behind the lung: a crescent, thickest at the base.
#[derive(Debug, Clone, Copy)]
struct Effusion {
    thickness_mm: f64,
    top: f64,
    hu: f64,
}

impl Dependent {
    pub(super) fn draw(random: &mut Random) -> Self {
        let added_hu = random.between(180.0, 480.0);
        let depth_mm = random.between(22.0, 48.0);
        let band = random.chance(0.65).then(|| Band {
            thickness_mm: random.between(9.0, 20.0),
            top: random.between(0.45, 0.85),
            hu: random.between(-560.0, -120.0),
        });
        let effusion = random.chance(0.4).then(|| Effusion {
            thickness_mm: random.between(16.0, 36.0),
            top: random.between(0.35, 0.7),
            hu: random.between(0.0, 20.0),
        });
        Self { added_hu, depth_mm, band, effusion }
    }

    /// HU of the lung with its dependent part.
    pub(super) fn lung_hu(&self, aerated_hu: f64, lung: InLung, voxel_mm: f64) -> f64 {
        let depth = lung.from_back_mm.max(0.0);
        let low = 1.15 - 0.5 * lung.height.clamp(0.0, 1.0);
        let mut hu = aerated_hu + self.added_hu * low * (-(depth / self.depth_mm).powi(2)).exp();
        if let Some(band) = self.band {
            let thickness = band.thickness_mm * (1.0 - (lung.height / band.top).powi(4)).max(0.0);
            let share = soft((thickness - depth) / (1.8 * voxel_mm)) * soft((thickness - 2.0) / 4.0);
            hu += (band.hu - hu) * share;
        }
        hu
    }

    /// Share of fluid and its HU; the crescent is thickest at the base and thins upwards and forwards.
    pub(super) fn fluid(&self, lung: InLung, voxel_mm: f64) -> (f64, f64) {
        let Some(effusion) = self.effusion else { return (0.0, 0.0) };
        let thickness = effusion.thickness_mm * (1.0 - lung.height / effusion.top).clamp(0.0, 1.0).powf(0.6);
        if thickness <= 0.0 {
            return (0.0, effusion.hu);
        }
        (soft((thickness - lung.from_back_mm.max(0.0)) / voxel_mm), effusion.hu)
    }
}

/// One infiltrate: an ellipsoid with an irregular border and a patchy inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lesion {
    pub(super) side: Side,
    centre: [f64; 3],
    half: [f64; 3],
    ground_glass_hu: f64,
    /// Share of the radius that is consolidated; 0 for pure ground glass.
    core: f64,
    core_hu: f64,
    border: SmoothField,
    patches: SmoothField,
}

impl Lesion {
    /// Most lesions lie at the outer surface, low and to the back; a few lie higher or in front.
    pub(super) fn draw(random: &mut Random, anatomy: &Anatomy) -> Self {
        let left = random.chance(0.5);
        let side = if left { Side::Left } else { Side::Right };
        let lung = &anatomy.lungs[usize::from(!left)];
        let angle = random.between(-0.9, 1.25);
        let height = if random.chance(0.7) { random.between(0.16, 0.5) } else { random.between(0.4, 0.8) };
        let centre = lung.near_wall(angle, height, random.between(0.08, 0.34));
        let size = random.between(16.0, 31.0);
        let half =
            [size * random.between(0.75, 1.3), size * random.between(0.75, 1.3), size * random.between(0.8, 1.4)];
        let kind = random.between(0.0, 1.0);
        let core = if kind < 0.55 { 0.0 } else { random.between(0.45, 0.95) };
        Self {
            side,
            centre,
            half,
            ground_glass_hu: random.between(-620.0, -330.0),
            core,
            core_hu: random.between(-50.0, 50.0),
            border: SmoothField { seed: random.bits(), scale_mm: random.between(0.7, 1.0) * size },
            patches: SmoothField { seed: random.bits(), scale_mm: random.between(6.5, 9.0) },
        }
    }

    /// Distance inside the irregular border in mm (negative outside), and HU of the lesion there.
    ///
    /// `None` far outside, so that most voxels cost nothing.
    pub(super) fn at(&self, point: [f64; 3]) -> Option<(f64, f64)> {
        let inside_mm = -ellipsoid_mm(point, self.centre, self.half);
        let size = self.half.iter().sum::<f64>() / 3.0;
        let waver = 0.38 * size;
        if inside_mm < -waver - 8.0 {
            return None;
        }
        let inside_mm = inside_mm + waver * self.border.at(point);
        let patch = self.patches.at(point);
        let solid = soft((inside_mm - (1.0 - self.core) * size * 0.75 + 4.0 * patch) / 6.0);
        let solid = if self.core > 0.0 { solid } else { 0.0 };
        let glass = self.ground_glass_hu + 190.0 * patch;
        let consolidated = self.core_hu + 60.0 * patch;
        Some((inside_mm, glass + (consolidated - glass) * solid))
    }
}
