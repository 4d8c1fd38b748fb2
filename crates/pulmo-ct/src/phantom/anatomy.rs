//! The healthy thorax of one seed: body, lungs, heart, bones and airways as signed distances.
//!
//! Points are (x to the left, y to the back, z to the head) in phantom mm: a field of 256 mm from
//! bottom to top and 346 mm across, whatever the grid.

use super::texture::SmoothField;
use crate::random::Random;

/// Which side of the patient; the sign of x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Left, Self::Right];

    pub(super) fn sign(self) -> f64 {
        if self == Self::Left { 1.0 } else { -1.0 }
    }
}

/// One lung's outline: an ellipse per height that closes towards the apex, on a dome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lung {
    side: Side,
    centre_x: f64,
    centre_y: f64,
    half_x: f64,
    half_y: f64,
    base_z: f64,
    dome_mm: f64,
    top_z: f64,
}

/// Where a point lies in its lung.
#[derive(Debug, Clone, Copy)]
pub(super) struct InLung {
    /// Distance inside the outer (rib-side) surface in mm; negative outside.
    pub(super) from_wall_mm: f64,
    /// Distance from the back wall along y in mm; negative outside.
    pub(super) from_back_mm: f64,
    /// Distance above the diaphragm in mm; negative below.
    pub(super) above_base_mm: f64,
    /// 0 at the base, 1 at the apex.
    pub(super) height: f64,
}

impl Lung {
    fn draw(random: &mut Random, side: Side) -> Self {
        Self {
            side,
            centre_x: side.sign() * random.between(70.0, 77.0),
            centre_y: random.between(-4.0, 4.0),
            half_x: random.between(50.0, 57.0),
            half_y: random.between(76.0, 86.0),
            base_z: random.between(-116.0, -104.0),
            dome_mm: random.between(28.0, 44.0) + if side == Side::Right { 10.0 } else { 0.0 },
            top_z: random.between(108.0, 118.0),
        }
    }

    /// Half axes and centre of the ellipse at a height.
    fn ellipse(&self, z: f64) -> (f64, [f64; 2], [f64; 2]) {
        let height = (z - self.base_z) / (self.top_z - self.base_z);
        let narrowing = ((height - 0.35) / 0.65).max(0.0);
        let profile = (1.0 - narrowing.powf(2.4)).max(0.0).sqrt();
        let lean = 1.0 - 0.28 * height.clamp(0.0, 1.0).powi(2);
        let half = [self.half_x * profile.max(0.02), self.half_y * profile.max(0.02)];
        (height, [self.centre_x * lean, self.centre_y], half)
    }

    /// Place of a point relative to this lung's surfaces.
    pub(super) fn locate(&self, [x, y, z]: [f64; 3]) -> InLung {
        let (height, centre, half) = self.ellipse(z);
        let u = (x - centre[0]).abs() / half[0];
        let v = (y - centre[1]).abs() / half[1];
        let rho = (u.powf(2.3) + v.powf(2.3)).powf(1.0 / 2.3);
        let gradient = ((u / half[0]).powi(2) + (v / half[1]).powi(2)).sqrt().max(1e-6) / rho.max(1e-6);
        let back = centre[1] + half[1] * (1.0 - u.min(1.0).powf(2.3)).powf(1.0 / 2.3);
        let dome = self.base_z + self.dome_mm * (1.0 - (u * u + v * v)).max(0.0);
        InLung {
            from_wall_mm: if height > 1.0 { -10.0 } else { ((1.0 - rho) / gradient).min(40.0) },
            from_back_mm: back - y,
            above_base_mm: z - dome,
            height,
        }
    }

    /// The point on the outer surface at an angle (0 to the side, positive to the back) and height,
    /// moved inwards by a share of the half axes.
    pub(super) fn near_wall(&self, angle: f64, height: f64, inwards: f64) -> [f64; 3] {
        let z = self.base_z + height * (self.top_z - self.base_z);
        let (_, centre, half) = self.ellipse(z);
        let share = 1.0 - inwards;
        [centre[0] + self.side.sign() * half[0] * share * angle.cos(), centre[1] + half[1] * share * angle.sin(), z]
    }
}

/// The healthy thorax.
#[derive(Debug, Clone)]
pub(super) struct Anatomy {
    body_half: [f64; 2],
    fat_mm: f64,
    /// Left, right.
    pub(super) lungs: [Lung; 2],
    heart_centre: [f64; 3],
    heart_half: [f64; 3],
    rib_pitch_mm: f64,
    rib_phase: f64,
    table_y: f64,
    muscle: SmoothField,
}

impl Anatomy {
    pub(super) fn draw(random: &mut Random) -> Self {
        let body_half = [random.between(146.0, 160.0), random.between(101.0, 112.0)];
        Self {
            body_half,
            fat_mm: random.between(6.0, 16.0),
            lungs: Side::BOTH.map(|side| Lung::draw(random, side)),
            heart_centre: [random.between(18.0, 30.0), random.between(-42.0, -30.0), random.between(-60.0, -44.0)],
            heart_half: [random.between(50.0, 62.0), random.between(42.0, 50.0), random.between(54.0, 66.0)],
            rib_pitch_mm: random.between(30.0, 36.0),
            rib_phase: random.between(0.0, 1.0),
            table_y: body_half[1] + random.between(10.0, 18.0),
            muscle: SmoothField { seed: random.bits(), scale_mm: 22.0 },
        }
    }

    /// Distance inside the lung in mm (negative outside): below the chest wall, above the diaphragm and
    /// out of heart and mediastinum.
    pub(super) fn inside_lung_mm(&self, point: [f64; 3], lung: InLung) -> f64 {
        let [x, y, z] = point;
        let mediastinum =
            20.0 + 9.0 * (-((y - 58.0) / 26.0).powi(2)).exp() + 4.0 * (-((z - 10.0) / 60.0).powi(2)).exp();
        lung.from_wall_mm.min(lung.above_base_mm * 0.75).min(x.abs() - mediastinum).min(ellipsoid_mm(
            point,
            self.heart_centre,
            self.heart_half,
        ))
    }

    /// HU outside the lungs.
    pub(super) fn chest_hu(&self, point: [f64; 3], blur_mm: f64) -> f64 {
        let [x, y, z] = point;
        let shoulders = 1.0 - 0.10 * ((z - 60.0) / 70.0).clamp(0.0, 1.0);
        let half = [self.body_half[0] * shoulders, self.body_half[1]];
        let inside_mm = -ellipse_mm([x, y], [0.0, 0.0], half);
        let mut hu = -1000.0;
        let table = ((y - self.table_y - 0.0008 * x * x) / 3.0).abs();
        if table < 1.0 && x.abs() < 165.0 {
            hu = -250.0;
        }
        let muscle = 45.0 + 18.0 * self.muscle.at(point);
        let heart = soft(-ellipsoid_mm(point, self.heart_centre, self.heart_half) / blur_mm);
        let core = muscle + (48.0 - muscle) * heart;
        let fat = soft((inside_mm - self.fat_mm) / blur_mm);
        let tissue = -100.0 + (core + 100.0) * fat;
        hu += (tissue - hu) * soft(inside_mm / blur_mm);
        let bone = self.bone(point, inside_mm - self.fat_mm, blur_mm);
        hu += (420.0 - hu) * bone;
        hu + (-1000.0 - hu) * self.airway(point, blur_mm)
    }

    /// Share of bone: spine, ribs, breastbone.
    fn bone(&self, [x, y, z]: [f64; 3], under_fat_mm: f64, blur_mm: f64) -> f64 {
        let vertebra = soft(-ellipse_mm([x, y], [0.0, 66.0], [21.0, 17.0]) / blur_mm);
        let process = soft(-ellipse_mm([x, y], [0.0, 88.0], [5.0, 12.0]) / blur_mm) * 0.8;
        let canal = soft(-ellipse_mm([x, y], [0.0, 80.0], [8.0, 6.0]) / blur_mm);
        let breast = soft(-ellipse_mm([x, y], [0.0, -84.0], [17.0, 6.0]) / blur_mm) * 0.6;
        // Ribs slope down from the spine to the front: their height depends on y.
        let phase = (z + 0.45 * y) / self.rib_pitch_mm + self.rib_phase;
        let along = (phase - phase.floor() - 0.5).abs() * self.rib_pitch_mm;
        let across = (under_fat_mm - 11.0).abs();
        let rib = soft((7.0 - along) / blur_mm) * soft((5.0 - across) / blur_mm);
        let shell = if x.abs() > 20.0 { rib * 0.85 } else { 0.0 };
        ((vertebra * 0.55).max(process) * (1.0 - canal)).max(breast).max(shell)
    }

    /// Share of air in the windpipe and the main bronchi.
    fn airway(&self, [x, y, z]: [f64; 3], blur_mm: f64) -> f64 {
        const FORK_Z: f64 = 30.0;
        if z >= FORK_Z {
            return soft((8.5 - x.hypot(y - 12.0)) / blur_mm);
        }
        let down = (FORK_Z - z) / 34.0;
        if down > 1.0 { 0.0 } else { soft((6.5 - (x.abs() - 32.0 * down).abs().hypot(y - 12.0)) / blur_mm) }
    }
}

/// 0 to 1 while the argument goes from -0.5 to 0.5: the share of a voxel behind a flat border.
pub(super) fn soft(distance_voxels: f64) -> f64 {
    (distance_voxels + 0.5).clamp(0.0, 1.0)
}

/// Signed distance to an ellipse in mm, exact on its border; negative inside.
fn ellipse_mm(point: [f64; 2], centre: [f64; 2], half: [f64; 2]) -> f64 {
    let q = [(point[0] - centre[0]) / half[0], (point[1] - centre[1]) / half[1]];
    let rho = q[0].hypot(q[1]);
    let gradient = (q[0] / half[0]).hypot(q[1] / half[1]);
    if gradient < 1e-9 { -half[0].min(half[1]) } else { (rho - 1.0) * rho / gradient }
}

/// Signed distance to an ellipsoid in mm, exact on its surface; negative inside.
pub(super) fn ellipsoid_mm(point: [f64; 3], centre: [f64; 3], half: [f64; 3]) -> f64 {
    let q: [f64; 3] = std::array::from_fn(|k| (point[k] - centre[k]) / half[k]);
    let rho = q.iter().map(|v| v * v).sum::<f64>().sqrt();
    let gradient = q.iter().zip(half).map(|(v, h)| (v / h).powi(2)).sum::<f64>().sqrt();
    if gradient < 1e-9 { -half.into_iter().fold(f64::INFINITY, f64::min) } else { (rho - 1.0) * rho / gradient }
}
