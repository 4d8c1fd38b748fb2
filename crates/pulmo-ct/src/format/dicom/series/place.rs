//! Where slices lie: their order, their distance, and the slice axis of the grid.
//!
//! Every tolerance on positions and directions stands here.

use super::gaps::{self, Filling};
use super::header::SliceHeader;
use super::stack::Refusal;
use crate::format::warning;
use crate::geometry::{cross, dot};
use crate::sentence::counted;

/// How far direction cosines may lie from unit length and right angles.
const ORTHONORMAL_WITHIN: f64 = 1e-3;
/// How far the directions of two slices of one series may differ in a component; less is rounding.
const SAME_DIRECTION_WITHIN: f64 = 1e-4;
/// How far a slice may lie from its place: positions are often rounded to 0.1 mm.
const PLACE_WITHIN_MM: f64 = 0.1;
/// The same as a fraction of the distance between slices, whichever is larger.
pub(super) const PLACE_WITHIN_FRACTION: f64 = 0.01;

/// How far in mm a slice may lie from its place in a stack of slices that are `apart_mm` apart.
///
/// The one tolerance for the places of slices and frames, beside [`crate::geometry::SAME_GRID_FRACTION`] for grids.
pub(in crate::format::dicom) fn place_within_mm(apart_mm: f64) -> f64 {
    PLACE_WITHIN_MM.max(PLACE_WITHIN_FRACTION * apart_mm)
}

/// Slices nearer than this are the same slice twice.
const DUPLICATE_WITHIN_MM: f64 = 1e-3;
/// A gap of so many usual distances has lost a slice.
pub(super) const GAP_FROM: f64 = 1.5;

type Placed<T> = std::result::Result<T, Refusal>;

/// The unit vectors of a slice.
#[derive(Debug)]
pub(super) struct Axes {
    /// Along a row, towards higher columns.
    pub(super) right: [f64; 3],
    /// Along a column, towards higher rows.
    pub(super) down: [f64; 3],
    pub(super) normal: [f64; 3],
}

impl Axes {
    /// The axes that all slices share.
    pub(super) fn of(slices: &[&SliceHeader], warnings: &mut Vec<String>) -> Placed<Self> {
        let first = orientation(slices[0]);
        let differs = |slice: &SliceHeader| !is_same_direction(orientation(slice), first, SAME_DIRECTION_WITHIN);
        // The smaller group is named.
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
            warnings.push(warning::DIRECTIONS_CORRECTED.say(&[&format_args!("{off:.5}")]));
        }
        let right = unit(right);
        let along = dot(down, right);
        let down = unit(std::array::from_fn(|n| down[n] - along * right[n]));
        Ok(Self { right, down, normal: cross(right, down) })
    }
}

/// Whether two orientations agree within a tolerance in every component.
pub(super) fn is_same_direction(one: [f64; 6], other: [f64; 6], within: f64) -> bool {
    one.iter().zip(other).all(|(a, b)| (a - b).abs() <= within)
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

/// Slices in order, and how the grid runs through them.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) slices: Vec<&'a SliceHeader>,
    /// From one slice of the grid to the next, in mm.
    pub(super) step: [f64; 3],
    /// How the grid's slices come from those that are there, if not one from one.
    pub(super) filling: Option<Filling>,
}

impl<'a> Places<'a> {
    /// Orders the slices along the normal and finds the step between them.
    pub(super) fn of(
        slices: &[&'a SliceHeader],
        axes: &Axes,
        allow_gaps: bool,
        warnings: &mut Vec<String>,
    ) -> Placed<Self> {
        let (slices, along) = sort(slices, axes);
        must_not_repeat(&slices, &along)?;
        let (apart, filling) = match regular(&slices, &along, warnings) {
            Ok(apart) => (apart, None),
            Err(refusal) if !allow_gaps => return Err(refusal),
            Err(_) => {
                let (apart, filling) = gaps::fill(&slices, &along, warnings)?;
                (apart, Some(filling))
            }
        };
        let sideways = sideways_per_mm(&slices, &along, axes)?;
        let step = std::array::from_fn(|x| apart * (axes.normal[x] + sideways[x]));
        Ok(Self { slices, step, filling })
    }
}

/// Slices in the order of their places along the normal, and those places in mm.
fn sort<'a>(slices: &[&'a SliceHeader], axes: &Axes) -> (Vec<&'a SliceHeader>, Vec<f64>) {
    let mut placed: Vec<_> = slices.iter().map(|&slice| (dot(position(slice), axes.normal), slice)).collect();
    placed
        .sort_by(|(a, one), (b, two)| a.total_cmp(b).then_with(|| (&one.file, one.frame).cmp(&(&two.file, two.frame))));
    let along = placed.iter().map(|(mm, _)| *mm).collect();
    (placed.into_iter().map(|(_, slice)| slice).collect(), along)
}

/// How messages name a slice and its place.
fn at(slice: &SliceHeader, mm: f64) -> String {
    format!("{} at {mm:.3} mm", slice.name())
}

fn must_not_repeat(slices: &[&SliceHeader], along: &[f64]) -> Placed<()> {
    let mut twice = (1..along.len()).filter(|&n| along[n] - along[n - 1] < DUPLICATE_WITHIN_MM);
    let Some(n) = twice.next() else { return Ok(()) };
    let problem = format!(
        "{} at the place of another: {} and {}",
        counted(1 + twice.count(), "slice lies", "slices lie"),
        at(slices[n - 1], along[n - 1]),
        at(slices[n], along[n])
    );
    Err(Refusal::invalid(problem, "remove copies, or separate the acquisitions, of the series"))
}

/// The distance between slices in mm, if it is one.
fn regular(slices: &[&SliceHeader], along: &[f64], warnings: &mut Vec<String>) -> Placed<f64> {
    let gaps: Vec<f64> = along.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = usual(&gaps);
    let wide: Vec<usize> = (0..gaps.len()).filter(|&n| gaps[n] > GAP_FROM * usual).collect();
    if !wide.is_empty() {
        let name = |&n: &usize| {
            format!("{:.3} mm between {} and {}", gaps[n], at(slices[n], along[n]), at(slices[n + 1], along[n + 1]))
        };
        let mut list: Vec<String> = wide.iter().take(3).map(name).collect();
        if wide.len() > list.len() {
            list.push(format!("and {} more", wide.len() - list.len()));
        }
        let problem = format!("slices are missing: {}; expected {usual:.3} mm", list.join("; "));
        return Err(Refusal::invalid(problem, "copy the whole series again, or have the gaps filled (--allow-gaps)"));
    }
    let apart = (along[along.len() - 1] - along[0]) / gaps.len() as f64;
    let off = |n: usize| (along[n] - along[0] - apart * n as f64).abs();
    let worst = (0..along.len()).max_by(|&a, &b| off(a).total_cmp(&off(b))).unwrap_or(0);
    if off(worst) > place_within_mm(apart) {
        let (least, most) = gaps.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &mm| (a.min(mm), b.max(mm)));
        let problem = format!(
            "its slices are not equally spaced: gaps range from {least:.3} to {most:.3} mm, and {} lies {:.3} mm \
             from its place",
            at(slices[worst], along[worst]),
            off(worst)
        );
        return Err(Refusal::invalid(problem, "have it resampled to equal distances (--allow-gaps)"));
    }
    if off(worst) > PLACE_WITHIN_FRACTION * apart {
        let off = off(worst);
        warnings.push(warning::UNEVEN.say(&[&format_args!("{off:.3}"), &format_args!("{apart:.3}")]));
    }
    Ok(apart)
}

/// The middle one of the gaps, of two the smaller: so a wide gap is never the usual one beside a narrow one.
pub(super) fn usual(gaps: &[f64]) -> f64 {
    let mut sorted = gaps.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// How far slices move sideways per mm along the normal: nothing, or the tilt of the gantry.
fn sideways_per_mm(slices: &[&SliceHeader], along: &[f64], axes: &Axes) -> Placed<[f64; 3]> {
    let (origin, last) = (position(slices[0]), slices.len() - 1);
    let off = |n: usize, tilt: [f64; 3]| {
        let (mm, at) = (along[n] - along[0], position(slices[n]));
        let off: [f64; 3] = std::array::from_fn(|x| at[x] - origin[x] - mm * (axes.normal[x] + tilt[x]));
        dot(off, off).sqrt()
    };
    let mm = along[last] - along[0];
    let end = position(slices[last]);
    let mut tilt = std::array::from_fn(|x| (end[x] - origin[x]) / mm - axes.normal[x]);
    if (0..=last).all(|n| off(n, [0.0; 3]) <= PLACE_WITHIN_MM) {
        tilt = [0.0; 3];
    }
    let worst = (0..=last).max_by(|&a, &b| off(a, tilt).total_cmp(&off(b, tilt))).unwrap_or(0);
    if off(worst, tilt) <= PLACE_WITHIN_MM {
        return Ok(tilt);
    }
    let problem = format!(
        "its slices do not lie on a line: {} is shifted sideways by {:.3} mm",
        slices[worst].name(),
        off(worst, tilt)
    );
    Err(Refusal::invalid(problem, "keep the slices of one acquisition in the folder"))
}

pub(super) fn names(slices: &[&SliceHeader]) -> String {
    let mut list: Vec<String> = slices.iter().take(3).map(|slice| slice.name()).collect();
    if slices.len() > list.len() {
        list.push("…".to_owned());
    }
    list.join(", ")
}

// `Stack::of` has made sure that both are present.

pub(super) fn position(slice: &SliceHeader) -> [f64; 3] {
    slice.position_mm.unwrap_or([f64::NAN; 3])
}

fn orientation(slice: &SliceHeader) -> [f64; 6] {
    slice.orientation.unwrap_or([f64::NAN; 6])
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
