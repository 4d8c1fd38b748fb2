//! The voxels of an object on a grid: the CT's, or its own.
//!
//! A frame is placed if its pixels coincide with voxels of the grid, whatever axis its rows run along and in whichever
//! direction; nothing is interpolated.

use super::super::series::place_within_mm;
use super::SegKind;
use super::read::Segmentation;
use crate::error::{Error, Result};
use crate::geometry::{Grid, cross, dot};
use crate::sentence::counted;
use crate::volume::LabelMap;

/// Beyond a quarter of a voxel it would be unclear which voxel is meant, however near in mm.
const FRACTION_OF_A_VOXEL: f64 = 0.25;

/// How segments become labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelRule {
    /// From which share on a voxel of a FRACTIONAL object belongs to a segment; 0.5 by default.
    pub threshold: f64,
    /// What happens to a voxel of two segments.
    pub overlap: Overlap,
}

impl Default for LabelRule {
    fn default() -> Self {
        Self { threshold: 0.5, overlap: Overlap::Refuse }
    }
}

/// What happens to a voxel of two segments, as a label map can hold only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The object is refused.
    Refuse,
    /// The segment with the higher number has it.
    HigherNumber,
    /// The segment with the lower number has it.
    LowerNumber,
}

/// A segmentation on a grid.
#[derive(Debug)]
pub struct Placed<'a> {
    segmentation: &'a Segmentation,
    grid: Grid,
    /// The voxel (slice, row, column) of each frame's first pixel; it may lie outside.
    begins: Vec<[i64; 3]>,
    /// From one row of a frame to the next, and from one column to the next: one axis, by one voxel.
    steps: [[i64; 3]; 2],
}

impl Segmentation {
    /// Its voxels on a grid, which must have voxels where the frames have pixels.
    ///
    /// The grid may be larger, smaller, flipped or turned about its axes. A frame may lie as far from its place as a
    /// slice of a CT series (0.1 mm, or 1 % of the distance between slices), and at most a quarter of a voxel.
    ///
    /// # Errors
    /// [`Error::GridMismatch`] with the distance if pixels and voxels do not coincide; [`Error::Invalid`] if
    /// two frames of one segment lie at the same place.
    pub fn onto(&self, grid: &Grid) -> Result<Placed<'_>> {
        let layout = &self.layout;
        let inverse = Inverse::of(grid);
        let last_row = layout.down.map(|x| x * layout.row_mm * (layout.rows - 1) as f64);
        let last_column = layout.right.map(|x| x * layout.column_mm * (layout.columns - 1) as f64);
        let steps = [
            inverse.direction(layout.down.map(|x| x * layout.row_mm)).map(|x| x.round() as i64),
            inverse.direction(layout.right.map(|x| x * layout.column_mm)).map(|x| x.round() as i64),
        ];
        must_be_axes(steps, grid, layout.row_mm, layout.column_mm)?;
        let [slice_mm, ..] = grid.spacing().mm();
        let smallest = grid.spacing().mm().into_iter().fold(f64::INFINITY, f64::min);
        let within = place_within_mm(slice_mm).min(FRACTION_OF_A_VOXEL * smallest);
        let mut begins = Vec::with_capacity(self.frames.len());
        for (n, frame) in self.frames.iter().enumerate() {
            let begin = inverse.index(frame.position_mm).map(|x| x.round() as i64);
            let corners = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(row, column): (u8, u8)| {
                let [down, right] = [f64::from(row), f64::from(column)];
                let point: [f64; 3] =
                    std::array::from_fn(|x| frame.position_mm[x] + down * last_row[x] + right * last_column[x]);
                let rows = i64::from(row) * (layout.rows as i64 - 1);
                let columns = i64::from(column) * (layout.columns as i64 - 1);
                let voxel: [f64; 3] = std::array::from_fn(|axis| {
                    let steps = steps[0][axis] * rows + steps[1][axis] * columns;
                    begin[axis].saturating_add(steps) as f64
                });
                let there = grid.affine().voxel_to_world(voxel);
                let off: [f64; 3] = std::array::from_fn(|x| there[x] - point[x]);
                dot(off, off).sqrt()
            });
            let off = corners.into_iter().fold(0.0, |worst: f64, mm| if mm.is_nan() { mm } else { worst.max(mm) });
            if off.is_nan() || off > within {
                let problem = format!(
                    "frame {} lies {off:.3} mm from the voxels of the CT, at most {within:.3} mm are allowed",
                    n + 1
                );
                return Err(mismatch(problem));
            }
            begins.push(begin);
        }
        self.must_differ(&begins)?;
        Ok(Placed { segmentation: self, grid: *grid, begins, steps })
    }

    /// [`Segmentation::onto`] its own grid ([`Segmentation::grid`]), as a label map.
    ///
    /// # Errors
    /// As [`Segmentation::grid`] and [`Placed::to_label_map`].
    pub fn to_label_map(&self, rule: &LabelRule) -> Result<LabelMap> {
        self.onto(&self.grid()?)?.to_label_map(rule)
    }

    fn must_differ(&self, begins: &[[i64; 3]]) -> Result<()> {
        let mut order: Vec<usize> = (0..begins.len()).collect();
        let key = |n: &usize| (self.frames[*n].segment, begins[*n]);
        order.sort_by_key(key);
        match order.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
            Some(pair) => {
                let problem = format!("frames {} and {} are of one segment and place", pair[0] + 1, pair[1] + 1);
                Err(self.invalid(problem))
            }
            None => Ok(()),
        }
    }
}

impl Placed<'_> {
    /// The grid.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// One label per voxel: the number of its segment; 0 where there is none.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a voxel of two segments unless `rule` says whose it is, and for segment numbers
    /// above 255; [`Error::GridMismatch`] if a segment reaches beyond the grid.
    pub fn to_label_map(&self, rule: &LabelRule) -> Result<LabelMap> {
        let threshold = self.threshold(rule.threshold);
        let mut labels = self.zeros()?;
        let mut trouble = None;
        for frame in 0..self.begins.len() {
            let of_frame = self.segmentation.frames[frame].segment;
            self.for_each(frame, |voxel, value| {
                let number = match of_frame {
                    Some(number) if value >= threshold => number,
                    Some(_) => return,
                    None => value,
                };
                let Ok(label) = u8::try_from(number) else {
                    trouble.get_or_insert(Trouble::TooHigh(number));
                    return;
                };
                let held = &mut labels[voxel];
                *held = match (*held, rule.overlap) {
                    (0, _) => label,
                    (other, Overlap::Refuse) => {
                        trouble.get_or_insert(Trouble::Overlap(other, label));
                        other
                    }
                    (other, Overlap::HigherNumber) => other.max(label),
                    (other, Overlap::LowerNumber) if label > 0 => other.min(label),
                    (other, Overlap::LowerNumber) => other,
                };
            })?;
        }
        match trouble {
            None => LabelMap::new(self.grid, labels),
            Some(trouble) => Err(trouble.at(self.segmentation)),
        }
    }

    /// 1 for each voxel (slice, row, column) of a segment, 0 elsewhere; segments may overlap.
    ///
    /// # Errors
    /// [`Error::Value`] if there is no such segment; [`Error::GridMismatch`] if it reaches beyond the grid.
    pub fn mask(&self, number: u16, threshold: f64) -> Result<Vec<u8>> {
        let threshold = self.threshold(threshold);
        let mut mask = self.zeros()?;
        self.for_each_of(number, |voxel, value| mask[voxel] = u8::from(value >= threshold))?;
        Ok(mask)
    }

    /// The share (0 to 1) of each voxel (slice, row, column) that belongs to a segment; 0 or 1 unless FRACTIONAL.
    ///
    /// # Errors
    /// As [`Placed::mask`].
    pub fn shares(&self, number: u16) -> Result<Vec<f32>> {
        let mut shares = vec![0.0; self.grid.voxels()];
        let whole = f32::from(self.segmentation.whole);
        self.for_each_of(number, |voxel, value| shares[voxel] = f32::from(value) / whole)?;
        Ok(shares)
    }

    /// The least stored value that counts as inside.
    fn threshold(&self, share: f64) -> u16 {
        match self.segmentation.kind {
            // Casts saturate; a share of 0 would include the background.
            SegKind::Fractional => ((share * f64::from(self.segmentation.whole)).ceil() as u16).max(1),
            _ => 1,
        }
    }

    /// Zeros that cost no memory until they are written: a damaged object may claim a large grid.
    fn zeros(&self) -> Result<Vec<u8>> {
        let voxels = self.grid.voxels();
        let problem = || Error::Value { problem: format!("{:?} voxels do not fit into memory", self.grid.shape()) };
        Vec::<u8>::new().try_reserve_exact(voxels).map_err(|_| problem())?;
        Ok(vec![0; voxels])
    }

    fn for_each_of(&self, number: u16, mut see: impl FnMut(usize, u16)) -> Result<()> {
        let Segmentation { frames, kind, .. } = self.segmentation;
        if !self.segmentation.segments().iter().any(|segment| segment.segment.number == number) {
            return Err(Error::Value { problem: format!("it has no segment {number}") });
        }
        for (n, frame) in frames.iter().enumerate() {
            if *kind == SegKind::LabelMap {
                self.for_each(n, |voxel, value| {
                    if value == number {
                        see(voxel, 1);
                    }
                })?;
            } else if frame.segment == Some(number) {
                self.for_each(n, &mut see)?;
            }
        }
        Ok(())
    }

    /// Calls `see(voxel, value)` for each pixel of a frame that is not 0.
    fn for_each(&self, frame: usize, mut see: impl FnMut(usize, u16)) -> Result<()> {
        let columns = self.segmentation.layout.columns;
        let shape = self.grid.shape();
        let (begin, [down, right]) = (self.begins[frame], self.steps);
        let mut outside = 0_usize;
        self.segmentation.pixels.for_each(&self.segmentation.path, frame, |pixel, value| {
            let (row, column) = ((pixel / columns) as i64, (pixel % columns) as i64);
            let index: [i64; 3] =
                std::array::from_fn(|axis| begin[axis].saturating_add(row * down[axis] + column * right[axis]));
            if index.iter().zip(shape).all(|(&i, side)| (0..side as i64).contains(&i)) {
                see((index[0] as usize * shape[1] + index[1] as usize) * shape[2] + index[2] as usize, value);
            } else {
                outside += 1;
            }
        })?;
        if outside > 0 {
            let problem =
                format!("frame {} has {} of a segment outside the CT", frame + 1, counted(outside, "voxel", "voxels"));
            return Err(mismatch(problem));
        }
        Ok(())
    }
}

/// Why segments do not become labels.
enum Trouble {
    Overlap(u8, u8),
    TooHigh(u16),
}

impl Trouble {
    fn at(self, segmentation: &Segmentation) -> Error {
        let (problem, hint) = match self {
            Self::Overlap(one, other) => (
                format!("its segments {one} and {other} overlap, and a label map holds one label per voxel"),
                "say which segment wins, or take the segments one by one",
            ),
            Self::TooHigh(number) => {
                (format!("segment number {number}, a label map holds 1 to 255"), "take the segments one by one")
            }
        };
        Error::unsupported(&segmentation.path, problem, hint)
    }
}

fn mismatch(problem: String) -> Error {
    let hint = "give the CT that was segmented, or one resampled onto its grid".to_owned();
    Error::GridMismatch { problem, hint }
}

/// A frame's rows and columns must each run along one axis of the grid, voxel by voxel.
fn must_be_axes(steps: [[i64; 3]; 2], grid: &Grid, row_mm: f64, column_mm: f64) -> Result<()> {
    let is_axis = |step: &[i64; 3]| step.iter().map(|n| n.unsigned_abs()).fold(0, u64::saturating_add) == 1;
    if steps.iter().all(is_axis) {
        return Ok(());
    }
    Err(mismatch(format!(
        "its pixels ({row_mm:.4} x {column_mm:.4} mm) do not run along the voxels of the CT ({:?} mm)",
        grid.spacing().mm()
    )))
}

/// Patient position to voxel index.
struct Inverse {
    rows: [[f64; 3]; 3],
    origin_mm: [f64; 3],
}

impl Inverse {
    /// A grid's axes never lie in one plane.
    fn of(grid: &Grid) -> Self {
        let [a, b, c] = grid.affine().columns;
        let volume = dot(a, cross(b, c));
        let rows = [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|x| x / volume));
        Self { rows, origin_mm: grid.affine().origin_mm }
    }

    fn direction(&self, mm: [f64; 3]) -> [f64; 3] {
        self.rows.map(|row| dot(row, mm))
    }

    fn index(&self, position_mm: [f64; 3]) -> [f64; 3] {
        self.direction(std::array::from_fn(|n| position_mm[n] - self.origin_mm[n]))
    }
}
