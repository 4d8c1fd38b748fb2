//! Do the slices of a series form one grid? If not, which slice is the reason?

use std::path::Path;

use dicom_dictionary_std::uids;

use super::super::codec;
use super::scan::{Series, SliceHeader};
use crate::error::Error;
use crate::geometry::{Affine, Grid, cross, dot};

/// How far direction cosines may lie from unit length and right angles.
const ORTHONORMAL_WITHIN: f64 = 1e-3;
/// How far the directions of two slices of one series may differ in a component.
const SAME_DIRECTION_WITHIN: f64 = 1e-4;
/// How far a slice may lie from its place: positions are often rounded to 0.1 mm.
const PLACE_WITHIN_MM: f64 = 0.1;
/// The same as a fraction of the distance between slices, whichever is larger.
const PLACE_WITHIN_FRACTION: f64 = 0.01;
/// How far in mm a slice may lie from its place in a stack of slices that are `apart_mm` apart.
///
/// The one tolerance for the places of slices and frames, beside [`crate::geometry::SAME_GRID_FRACTION`] for grids.
pub(in crate::format::dicom) fn place_within_mm(apart_mm: f64) -> f64 {
    PLACE_WITHIN_MM.max(PLACE_WITHIN_FRACTION * apart_mm)
}
/// Slices nearer than this are the same slice twice.
const DUPLICATE_WITHIN_MM: f64 = 1e-3;
/// Rows and columns beyond any CT, which only a damaged header has.
const LARGEST_SIDE: usize = 8192;

/// Slices in the order of their positions and the grid they form.
#[derive(Debug)]
pub(super) struct Stack<'a> {
    pub(super) slices: Vec<&'a SliceHeader>,
    pub(super) grid: Grid,
    pub(super) warnings: Vec<String>,
}

/// A stack, or why there is none.
pub(super) type Outcome<'a> = std::result::Result<Stack<'a>, Refusal>;

/// Why a series is not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    is_unsupported: bool,
    pub(super) problem: String,
    hint: &'static str,
}

impl Refusal {
    fn invalid(problem: String, hint: &'static str) -> Self {
        Self { is_unsupported: false, problem, hint }
    }

    fn unsupported(problem: String, hint: &'static str) -> Self {
        Self { is_unsupported: true, problem, hint }
    }

    /// The error for the folder.
    pub(super) fn at(self, folder: &Path) -> Error {
        if self.is_unsupported {
            Error::unsupported(folder, self.problem, self.hint)
        } else {
            Error::invalid(folder, self.problem, self.hint)
        }
    }
}

type Check = std::result::Result<(), Refusal>;

impl<'a> Stack<'a> {
    /// Checks a series and puts its slices in order.
    pub(super) fn of(series: &'a Series) -> Outcome<'a> {
        let slices: Vec<&SliceHeader> = series.slices.iter().collect();
        must_be_ct(&slices)?;
        must_be_readable(&slices)?;
        must_be_alike(&slices)?;
        let mut warnings = Vec::new();
        let axes = Axes::of(&slices, &mut warnings)?;
        let (slices, along) = sort(slices, &axes);
        let apart_mm = must_be_regular(&slices, &along, &mut warnings)?;
        must_not_be_tilted(&slices, &along, &axes, apart_mm)?;
        warn_of_pixels(&slices, &mut warnings);

        let first = slices[0];
        let [row_mm, column_mm] = spacing(first);
        let affine = Affine {
            columns: [
                axes.normal.map(|x| x * apart_mm),
                axes.down.map(|x| x * row_mm),
                axes.right.map(|x| x * column_mm),
            ],
            origin_mm: position(first),
        };
        let grid = Grid::new([slices.len(), first.rows, first.columns], affine)
            .map_err(|e| Refusal::invalid(e.to_string(), "a header may be damaged"))?;
        Ok(Self { slices, grid, warnings })
    }
}

/// The unit vectors of a slice.
struct Axes {
    /// Along a row, towards higher columns.
    right: [f64; 3],
    /// Along a column, towards higher rows.
    down: [f64; 3],
    normal: [f64; 3],
}

impl Axes {
    fn of(slices: &[&SliceHeader], warnings: &mut Vec<String>) -> std::result::Result<Self, Refusal> {
        let first = orientation(slices[0]);
        let differs = |slice: &SliceHeader| {
            orientation(slice).iter().zip(first).any(|(a, b)| (a - b).abs() > SAME_DIRECTION_WITHIN)
        };
        // The smaller group is named: a scout among axial slices, say.
        let mut odd: Vec<&SliceHeader> = slices.iter().copied().filter(|slice| differs(slice)).collect();
        if !odd.is_empty() {
            if odd.len() * 2 > slices.len() {
                odd = slices.iter().copied().filter(|slice| !differs(slice)).collect();
            }
            let problem = format!(
                "its slices lie in different orientations: {} of {} differ ({})",
                odd.len(),
                slices.len(),
                names(&odd)
            );
            return Err(Refusal::invalid(problem, "keep the slices of one orientation in the folder"));
        }
        let [right, down] = [[first[0], first[1], first[2]], [first[3], first[4], first[5]]];
        let off = [dot(right, right).sqrt() - 1.0, dot(down, down).sqrt() - 1.0, dot(right, down)]
            .into_iter()
            .fold(0.0, |worst: f64, x| worst.max(x.abs()));
        if off.is_nan() || off > ORTHONORMAL_WITHIN {
            let problem = format!(
                "ImageOrientationPatient {first:?} is {off:.4} off unit vectors at right angles, \
                 expected at most {ORTHONORMAL_WITHIN}"
            );
            return Err(Refusal::invalid(problem, "the headers are damaged"));
        }
        if off > SAME_DIRECTION_WITHIN {
            warnings.push(format!("ImageOrientationPatient is {off:.5} off unit vectors at right angles; corrected"));
        }
        let right = unit(right);
        let along = dot(down, right);
        let down = unit(std::array::from_fn(|n| down[n] - along * right[n]));
        Ok(Self { right, down, normal: cross(right, down) })
    }
}

/// The plane that slices lie in, by the largest component of their normal.
pub(super) fn orientation_name(orientation: [f64; 6]) -> &'static str {
    let [a, b, c, d, e, f] = orientation;
    let normal = cross([a, b, c], [d, e, f]).map(f64::abs);
    match normal.iter().position(|&x| x > 0.9) {
        Some(0) => "sagittal",
        Some(1) => "coronal",
        Some(_) => "axial",
        None => "oblique",
    }
}

fn must_be_ct(slices: &[&SliceHeader]) -> Check {
    let odd = |is_odd: &dyn Fn(&SliceHeader) -> bool| -> Vec<&SliceHeader> {
        slices.iter().copied().filter(|slice| is_odd(slice)).collect()
    };
    let hint = "give the folder of one CT series";
    if let Some(other) = odd(&|slice| slice.modality != "CT").first() {
        let modality = if other.modality.is_empty() { "none" } else { &other.modality };
        return Err(Refusal::unsupported(format!("modality {modality}, expected CT"), hint));
    }
    if let Some(multi) = odd(&SliceHeader::is_multi_frame).first() {
        let problem = format!("{} is an enhanced multi-frame object ({} frames)", multi.name(), multi.frames);
        return Err(Refusal::unsupported(problem, "export the series as single-frame CT images"));
    }
    let is_foreign = |slice: &SliceHeader| !["", uids::CT_IMAGE_STORAGE].contains(&slice.sop_class.as_str());
    if let Some(foreign) = odd(&is_foreign).first() {
        let problem = format!("{} is of SOP class {}, expected CT Image Storage", foreign.name(), foreign.sop_class);
        return Err(Refusal::unsupported(problem, hint));
    }
    let localizers = odd(&|slice| slice.is_localizer);
    if !localizers.is_empty() {
        let problem = if localizers.len() == slices.len() {
            "only localisers (scout views), no slices".to_owned()
        } else {
            format!("{} of {} files are localisers: {}", localizers.len(), slices.len(), names(&localizers))
        };
        return Err(Refusal::unsupported(problem, "keep only the slices of one CT series in the folder"));
    }
    Ok(())
}

fn must_be_readable(slices: &[&SliceHeader]) -> Check {
    for slice in slices {
        let missing = if slice.rows == 0 || slice.columns == 0 {
            "Rows or Columns"
        } else if slice.position_mm.is_none() {
            "ImagePositionPatient"
        } else if slice.orientation.is_none() {
            "ImageOrientationPatient"
        } else if slice.pixel_spacing_mm.is_none_or(|mm| mm.iter().any(|&x| x <= 0.0)) {
            "PixelSpacing"
        } else {
            ""
        };
        if !missing.is_empty() {
            let problem = format!("{} has no usable {missing}", slice.name());
            return Err(Refusal::invalid(problem, "without it the slice has no place in space"));
        }
        if slice.rows.max(slice.columns) > LARGEST_SIDE {
            let problem = format!("{} has {} x {} pixels", slice.name(), slice.rows, slice.columns);
            return Err(Refusal::unsupported(problem, "the header may be damaged"));
        }
        if !codec::can_decode(&slice.transfer_syntax) {
            let name = codec::transfer_syntax_name(&slice.transfer_syntax);
            return Err(Refusal::unsupported(
                format!("{} is compressed as {name}", slice.name()),
                "convert it to an uncompressed, RLE, JPEG Lossless or JPEG 2000 transfer syntax",
            ));
        }
        slice.layout.check().map_err(|problem| {
            Refusal::unsupported(format!("{}: {problem}", slice.name()), "export the series again from its source")
        })?;
    }
    if slices.len() < 2 {
        let problem = "a single slice: the distance between slices is unknown".to_owned();
        return Err(Refusal::unsupported(problem, "give the folder that holds all slices of the series"));
    }
    Ok(())
}

fn must_be_alike(slices: &[&SliceHeader]) -> Check {
    let first = slices[0];
    for slice in slices {
        if (slice.rows, slice.columns) != (first.rows, first.columns) {
            let problem = format!(
                "{} has {} x {} pixels, {} has {} x {}",
                slice.name(),
                slice.rows,
                slice.columns,
                first.name(),
                first.rows,
                first.columns
            );
            return Err(Refusal::invalid(problem, "keep the slices of one reconstruction in the folder"));
        }
        let (mm, expected) = (spacing(slice), spacing(first));
        if mm.iter().zip(expected).any(|(a, b)| (a - b).abs() > 1e-4 * b) {
            let problem = format!("{} has PixelSpacing {mm:?} mm, {} has {expected:?} mm", slice.name(), first.name());
            return Err(Refusal::invalid(problem, "keep the slices of one reconstruction in the folder"));
        }
    }
    Ok(())
}

/// Slices in the order of their places along the normal, and those places in mm.
fn sort<'a>(slices: Vec<&'a SliceHeader>, axes: &Axes) -> (Vec<&'a SliceHeader>, Vec<f64>) {
    let mut placed: Vec<_> = slices.into_iter().map(|slice| (dot(position(slice), axes.normal), slice)).collect();
    placed.sort_by(|(a, one), (b, two)| a.total_cmp(b).then_with(|| one.file.cmp(&two.file)));
    let along = placed.iter().map(|(mm, _)| *mm).collect();
    (placed.into_iter().map(|(_, slice)| slice).collect(), along)
}

/// The distance between slices in mm, if it is one.
fn must_be_regular(
    slices: &[&SliceHeader],
    along: &[f64],
    warnings: &mut Vec<String>,
) -> std::result::Result<f64, Refusal> {
    let at = |n: usize| format!("{} at {:.3} mm", slices[n].name(), along[n]);
    let gaps: Vec<f64> = along.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let twice: Vec<usize> = (0..gaps.len()).filter(|&n| gaps[n] < DUPLICATE_WITHIN_MM).collect();
    if let Some(&n) = twice.first() {
        let problem = format!("{} slices lie at the place of another: {} and {}", twice.len(), at(n), at(n + 1));
        return Err(Refusal::invalid(problem, "remove copies, or separate the acquisitions, of the series"));
    }
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted[sorted.len() / 2];
    let wide: Vec<usize> = (0..gaps.len()).filter(|&n| gaps[n] > 1.5 * usual).collect();
    if !wide.is_empty() {
        let name = |&n: &usize| format!("{:.3} mm between {} and {}", gaps[n], at(n), at(n + 1));
        let mut list: Vec<String> = wide.iter().take(3).map(name).collect();
        if wide.len() > list.len() {
            list.push(format!("and {} more", wide.len() - list.len()));
        }
        let problem = format!("slices are missing: {}; expected {usual:.3} mm", list.join("; "));
        return Err(Refusal::invalid(problem, "copy the whole series again"));
    }
    let apart = (along[along.len() - 1] - along[0]) / gaps.len() as f64;
    let off = |n: usize| (along[n] - along[0] - apart * n as f64).abs();
    let worst = (0..along.len()).max_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or(0);
    if off(worst) > place_within_mm(apart) {
        let problem = format!(
            "its slices are not equally spaced: gaps range from {:.3} to {:.3} mm, and {} lies {:.3} mm from its place",
            sorted[0],
            sorted[sorted.len() - 1],
            at(worst),
            off(worst)
        );
        return Err(Refusal::invalid(problem, "resample the series to equal distances first"));
    }
    if off(worst) > PLACE_WITHIN_FRACTION * apart {
        warnings.push(format!("slice positions are up to {:.3} mm off equal distances of {apart:.3} mm", off(worst)));
    }
    Ok(apart)
}

/// Slices must lie behind each other along the normal, or the axes are not at right angles.
fn must_not_be_tilted(slices: &[&SliceHeader], along: &[f64], axes: &Axes, apart_mm: f64) -> Check {
    let origin = position(slices[0]);
    let sideways = |n: usize| {
        let mm = along[n] - along[0];
        let at = position(slices[n]);
        let off: [f64; 3] = std::array::from_fn(|x| at[x] - origin[x] - mm * axes.normal[x]);
        dot(off, off).sqrt()
    };
    let worst = (1..slices.len()).max_by(|&a, &b| sideways(a).total_cmp(&sideways(b))).unwrap_or(0);
    let mm = sideways(worst);
    if mm <= PLACE_WITHIN_MM.max(ORTHONORMAL_WITHIN * (along[along.len() - 1] - along[0])) {
        return Ok(());
    }
    let degrees = mm.atan2(along[worst] - along[0]).to_degrees();
    let problem = format!(
        "its slices do not lie behind each other (gantry tilt): {} is shifted sideways by {mm:.3} mm, \
         an angle of {degrees:.2} degrees (slices are {apart_mm:.3} mm apart)",
        slices[worst].name()
    );
    Err(Refusal::unsupported(problem, "resample the series to a grid with right angles first"))
}

fn warn_of_pixels(slices: &[&SliceHeader], warnings: &mut Vec<String>) {
    if slices.iter().any(|slice| slice.layout.is_lossy) {
        warnings.push("the pixels were once compressed with loss: HU are approximate".to_owned());
    }
    if let Some(hu) = slices.iter().find_map(|slice| slice.layout.suspicious_padding_hu()) {
        warnings.push(format!("PixelPaddingValue stands for {hu} HU, which tissue may have; such voxels become air"));
    }
}

fn names(slices: &[&SliceHeader]) -> String {
    let mut list: Vec<String> = slices.iter().take(3).map(|slice| slice.name()).collect();
    if slices.len() > list.len() {
        list.push("…".to_owned());
    }
    list.join(", ")
}

// `must_be_readable` has made sure that the three are present.

fn position(slice: &SliceHeader) -> [f64; 3] {
    slice.position_mm.unwrap_or([f64::NAN; 3])
}

fn orientation(slice: &SliceHeader) -> [f64; 6] {
    slice.orientation.unwrap_or([f64::NAN; 6])
}

fn spacing(slice: &SliceHeader) -> [f64; 2] {
    slice.pixel_spacing_mm.unwrap_or([f64::NAN; 2])
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
