//! Where in the chest a block lies, and which grey means air there.
//!
//! In an 8-bit export ground glass and fat share their greys. Where they lie tells them apart: fat lies in front of and
//! behind the heart, ground glass mostly at the back and away from the middle.

use std::f64::consts::TAU;

use super::body;
use super::coarse::Coarse;
use super::disc::Plane;

/// Bone is above, in HU and in the greys of an 8-bit export as `coarse` lays them.
pub(super) const BONE_HU: f32 = 200.0;
pub(super) const BONE_GREY: f32 = 400.0;
/// Directions around the chest's middle.
pub(super) const DIRECTIONS: usize = 72;
/// The spine lies within this distance of the middle.
const SPINE_MM: f64 = 15.0;
/// Half the width of the mediastinum in front and at the back, where lung lies beside the spine.
const MEDIASTINUM_MM: [f64; 2] = [25.0, 15.0];
/// Borders between the columns of [`LUNG_BELOW_GREY`]: distances from the middle in mm.
const ASIDE_MM: [f64; 7] = [15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 80.0];
/// The grey of an 8-bit export below which more blocks are lung than not, at most the border between air and tissue: on the
/// patient's right and left, where heart and aorta lie in fat, by quarters of the lungs' depth from front to back and by the
/// distance from the middle. Counted in 6 drawn cases; `docs/results/lungs.md` says which.
const LUNG_BELOW_GREY: [[[f32; 8]; 4]; 2] = [
    [
        [-800.0, -650.0, -650.0, -600.0, -500.0, -400.0, -400.0, -400.0],
        [-850.0, -650.0, -450.0, -400.0, -400.0, -400.0, -400.0, -400.0],
        [-450.0, -400.0, -400.0, -400.0, -400.0, -400.0, -400.0, -400.0],
        [-900.0, -400.0, -400.0, -400.0, -400.0, -400.0, -400.0, -400.0],
    ],
    [
        [-850.0, -700.0, -650.0, -650.0, -650.0, -650.0, -600.0, -450.0],
        [-900.0, -550.0, -600.0, -500.0, -450.0, -400.0, -400.0, -400.0],
        [-900.0, -650.0, -600.0, -500.0, -400.0, -400.0, -400.0, -400.0],
        [-900.0, -750.0, -550.0, -550.0, -450.0, -400.0, -400.0, -400.0],
    ],
];

/// The lungs' extent and the spine's side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    plane: Plane,
    /// The lungs' middle column.
    pub(super) middle: f64,
    /// The row where the lungs begin on the breastbone's side, and their depth towards the spine, in rows.
    front: f64,
    depth: f64,
}

impl Place {
    /// The place of a mask of aerated lung.
    ///
    /// The spine tells front from back, because published slices often lie upside down in their files, and where the
    /// middle is, because the field may cut one lung.
    pub(super) fn of(coarse: &Coarse, lung: &[bool]) -> Self {
        let plane = body::plane(coarse);
        let (mut rows, mut columns) = ([f64::INFINITY, 0.0_f64], [f64::INFINITY, 0.0_f64]);
        for (voxel, _) in lung.iter().enumerate().filter(|&(_, &lung)| lung) {
            let (row, column) = ((voxel / plane.columns % plane.rows) as f64, (voxel % plane.columns) as f64);
            rows = [rows[0].min(row), rows[1].max(row)];
            columns = [columns[0].min(column), columns[1].max(column)];
        }
        if rows[0] > rows[1] {
            let middle = 0.5 * (plane.columns as f64 - 1.0);
            return Self { plane, middle, front: 0.0, depth: plane.rows as f64 };
        }
        let middle = 0.5 * (columns[0] + columns[1]);
        let above = if coarse.calibrated { BONE_HU } else { BONE_GREY };
        // Columns of bone near the middle, in the upper and in the lower rows of a slice.
        let mut bone = [Vec::new(), Vec::new()];
        for voxel in (0..lung.len()).filter(|&voxel| coarse.hu[voxel] >= above) {
            let row = (voxel / plane.columns % plane.rows) as f64;
            if plane.is_central(voxel, middle, 2.0 * SPINE_MM) && (rows[0]..=rows[1]).contains(&row) {
                bone[usize::from(2.0 * row > rows[0] + rows[1])].push(voxel % plane.columns);
            }
        }
        let narrow = |half: &[usize]| half.iter().filter(|&&column| plane.is_central(column, middle, SPINE_MM)).count();
        let upright = narrow(&bone[1]) >= narrow(&bone[0]);
        let spine = &mut bone[usize::from(upright)];
        let at = spine.len() / 2;
        let middle = if spine.is_empty() { middle } else { *spine.select_nth_unstable(at).1 as f64 };
        let depth = rows[1] - rows[0] + 1.0;
        let (front, depth) = if upright { (rows[0] - 0.5, depth) } else { (rows[1] + 0.5, -depth) };
        Self { plane, middle, front, depth }
    }

    /// How far back a block lies: 0 at the lungs' front, 1 at their back.
    pub(super) fn depth(&self, voxel: usize) -> f64 {
        ((voxel / self.plane.columns % self.plane.rows) as f64 - self.front) / self.depth
    }

    /// How far back a block lies in mm, from the lungs' front on.
    pub(super) fn back_mm(&self, voxel: usize) -> f64 {
        self.depth(voxel) * self.depth.abs() * self.plane.spacing_mm[0]
    }

    /// Whether a block lies on the patient's left.
    pub(super) fn is_left(&self, voxel: usize) -> bool {
        (voxel % self.plane.columns) as f64 > self.middle
    }

    /// Distance in mm from the chest's middle in the slice, and direction: 0 is the patient's left, a quarter on is the
    /// back.
    pub(super) fn polar(&self, voxel: usize) -> (f64, usize) {
        let left = ((voxel % self.plane.columns) as f64 - self.middle) * self.plane.spacing_mm[1];
        let back = (self.depth(voxel) - 0.5) * self.depth.abs() * self.plane.spacing_mm[0];
        let turned = back.atan2(left) / TAU * DIRECTIONS as f64;
        (left.hypot(back), turned.rem_euclid(DIRECTIONS as f64) as usize % DIRECTIONS)
    }

    /// The block that mirrors another in its slice, at a multiple of its distance from the chest's middle; `None` outside
    /// the slice.
    pub(super) fn mirrored(&self, voxel: usize, stretch: f64) -> Option<usize> {
        let at = voxel % self.plane.voxels();
        let middle_row = self.front + 0.5 * self.depth;
        let row = (middle_row + ((at / self.plane.columns) as f64 - middle_row) * stretch).round();
        let column = (self.middle - ((at % self.plane.columns) as f64 - self.middle) * stretch).round();
        let inside = row >= 0.0 && column >= 0.0 && row < self.plane.rows as f64 && column < self.plane.columns as f64;
        inside.then(|| voxel - at + row as usize * self.plane.columns + column as usize)
    }

    /// The direction that mirrors another at the middle.
    pub(super) fn opposite(direction: usize) -> usize {
        (DIRECTIONS + DIRECTIONS / 2 - 1 - direction) % DIRECTIONS
    }

    /// Whether a direction goes to the patient's left.
    pub(super) fn is_left_direction(direction: usize) -> bool {
        !(DIRECTIONS / 4..DIRECTIONS - DIRECTIONS / 4).contains(&direction)
    }

    /// Distance of a block from the middle in mm.
    pub(super) fn aside_mm(&self, voxel: usize) -> f64 {
        ((voxel % self.plane.columns) as f64 - self.middle).abs() * self.plane.spacing_mm[1]
    }

    /// Whether a block lies so near the middle that it is lung only if it surely holds air.
    pub(super) fn is_mediastinal(&self, voxel: usize) -> bool {
        self.aside_mm(voxel) < if self.depth(voxel) < 0.5 { MEDIASTINUM_MM[0] } else { MEDIASTINUM_MM[1] }
    }

    /// The grey below which a block of an 8-bit export is lung.
    pub(super) fn lung_below_grey(&self, voxel: usize) -> f32 {
        let quarter = (4.0 * self.depth(voxel)).clamp(0.0, 3.0) as usize;
        let aside = self.aside_mm(voxel);
        LUNG_BELOW_GREY[usize::from(self.is_left(voxel))][quarter]
            [ASIDE_MM.iter().filter(|&&border| aside >= border).count()]
    }
}
