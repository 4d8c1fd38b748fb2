//! A slice through a volume, in the directions in which a radiologist looks.

use pulmo_ct::Grid;

/// Which way the picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// From the feet: front at the top.
    Axial,
    /// From the front: head at the top.
    Coronal,
    /// From the patient's left: head at the top, front at the left.
    Sagittal,
}

impl View {
    /// The view's name in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
        }
    }

    /// The array's axis that runs through the picture: 0 slice, 1 row, 2 column.
    #[must_use]
    pub fn through(self, grid: &Grid) -> usize {
        array_axes(grid)[self.patient_axes().0[0]].0
    }

    /// LPS axes (0 left, 1 back, 2 head) through, down and across the picture, and whether down is against the axis.
    fn patient_axes(self) -> ([usize; 3], bool) {
        match self {
            Self::Axial => ([2, 1, 0], false),
            Self::Coronal => ([1, 2, 0], true),
            Self::Sagittal => ([0, 2, 1], true),
        }
    }

    /// The letters at the left and right edge: the patient's right and left, or front (A) and back (P).
    pub(super) fn letters(self) -> [char; 2] {
        match self {
            Self::Axial | Self::Coronal => ['R', 'L'],
            Self::Sagittal => ['A', 'P'],
        }
    }
}

/// The array's axis that runs most along each of left, back, head, and whether it runs against it.
fn array_axes(grid: &Grid) -> [(usize, bool); 3] {
    let direction = grid.affine().direction();
    let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let along = |axes: &[usize; 3]| -> f64 { (0..3).map(|patient| direction[axes[patient]][patient].abs()).sum() };
    // Each array axis is used once, so an oblique grid still gives three different axes.
    let mut best = permutations[5];
    for axes in permutations {
        if along(&axes) > along(&best) + 1e-9 {
            best = axes;
        }
    }
    std::array::from_fn(|patient| (best[patient], direction[best[patient]][patient] < 0.0))
}

/// One picture's plane: where its rows and columns lie in the array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    start: usize,
    /// Down, across.
    sides: [Side; 2],
}

#[derive(Debug, Clone, Copy)]
struct Side {
    voxels: usize,
    stride: usize,
    spacing_mm: f64,
    reversed: bool,
}

impl Side {
    /// The place along the array of a share of the picture's side, in voxels from the first one's centre.
    fn at(&self, share: f64) -> f64 {
        let share = if self.reversed { 1.0 - share } else { share };
        (share * self.voxels as f64 - 0.5).clamp(0.0, (self.voxels - 1) as f64)
    }
}

impl Plane {
    pub(super) fn new(grid: &Grid, view: View, index: usize) -> Self {
        let shape = grid.shape();
        let strides = [shape[1] * shape[2], shape[2], 1];
        let axes = array_axes(grid);
        let ([through, down, across], upwards) = view.patient_axes();
        assert!(index < shape[axes[through].0], "slice {index} of {}", shape[axes[through].0]);
        let side = |patient: usize, against: bool| {
            let (axis, reversed) = axes[patient];
            Side {
                voxels: shape[axis],
                stride: strides[axis],
                spacing_mm: grid.spacing().mm()[axis],
                reversed: reversed != against,
            }
        };
        Self { start: index * strides[axes[through].0], sides: [side(down, upwards), side(across, false)] }
    }

    /// Height and width in mm.
    pub(super) fn extent_mm(&self) -> [f64; 2] {
        self.sides.map(|side| side.voxels as f64 * side.spacing_mm)
    }

    /// The voxel at a place given as shares of the picture's height and width.
    pub(super) fn nearest(&self, down: f64, across: f64) -> usize {
        let index = |side: &Side, share| side.at(share).round() as usize * side.stride;
        self.start + index(&self.sides[0], down) + index(&self.sides[1], across)
    }

    /// The bilinear value at that place.
    pub(super) fn linear(&self, values: &[f32], down: f64, across: f64) -> f32 {
        let places = [self.sides[0].at(down), self.sides[1].at(across)];
        let mut sum = 0.0;
        for corner in 0..4 {
            let mut at = self.start;
            let mut weight = 1.0;
            for (k, (side, place)) in self.sides.iter().zip(places).enumerate() {
                let (low, share) = (place.floor() as usize, place.fract());
                let upper = corner >> k & 1 == 1;
                at += (low + usize::from(upper)).min(side.voxels - 1) * side.stride;
                weight *= if upper { share } else { 1.0 - share };
            }
            sum += weight as f32 * values[at];
        }
        sum
    }
}
