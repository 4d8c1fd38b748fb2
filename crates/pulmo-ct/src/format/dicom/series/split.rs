//! A series may hold several stacks: a scout beside its slices, two reconstructions, two acquisitions, the
//! volumes of a multi-frame object.
//!
//! What cannot lie in one grid is always set apart: localisers, other kinds of objects, other planes, other
//! volumes. What lies in one plane is first tried as one stack; only if that fails, and an attribute separates it
//! into stacks that are all regular, is it split by the attribute. So a slice that merely looks odd never
//! disappears: its series is refused instead.

use super::header::SliceHeader;
use super::place::is_same_direction;
use super::scan::Series;
use super::stack::{Outcome, Stack};
use crate::format::OpenOptions;

/// Planes further apart than this in a direction cosine (3 degrees) are different ones.
const SAME_PLANE_WITHIN: f64 = 0.05;

/// A stack split off must have so many slices: two are regular at any distance.
const FEWEST: usize = 3;

/// Some slices of a series, and the stack they form.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) slices: Vec<SliceHeader>,
    pub(super) stack: Outcome,
    /// How many parts its slices were split into by an attribute, and which; none if by their kind.
    pub(super) split_by: Option<&'static str>,
}

impl Part {
    fn of(slices: &[&SliceHeader], stack: Outcome, split_by: Option<&'static str>) -> Self {
        Self { slices: slices.iter().map(|&slice| slice.clone()).collect(), stack, split_by }
    }

    /// Any header: a part has at least one.
    pub(super) fn first(&self) -> &SliceHeader {
        match &self.stack {
            Ok(stack) => stack.first(),
            Err(_) => &self.slices[0],
        }
    }
}

/// The parts of a series, in the order in which their files come.
pub(super) fn split(series: &Series, options: &OpenOptions) -> Vec<Part> {
    let all: Vec<&SliceHeader> = series.slices.iter().collect();
    if series.slices.iter().any(|slice| slice.modality != "CT") {
        let stack = Stack::of(&all, options);
        return vec![Part::of(&all, stack, None)];
    }
    let kinds = group(&all, |one, other| {
        one.is_localizer() == other.is_localizer() && one.sop_class == other.sop_class && one.volume == other.volume
    });
    let mut parts = Vec::new();
    for kind in kinds {
        for plane in planes(&kind) {
            let whole = Stack::of(&plane, options);
            let attributes = if whole.is_ok() { None } else { by_attribute(&plane, options) };
            match attributes {
                Some(stacks) => parts.extend(stacks),
                None => parts.push(Part::of(&plane, whole, None)),
            }
        }
    }
    parts
}

/// Groups slices that are alike, each group and the groups themselves in the order of the files.
fn group<'a>(
    slices: &[&'a SliceHeader],
    is_alike: impl Fn(&SliceHeader, &SliceHeader) -> bool,
) -> Vec<Vec<&'a SliceHeader>> {
    let mut groups: Vec<Vec<&SliceHeader>> = Vec::new();
    for &slice in slices {
        match groups.iter_mut().find(|group| is_alike(group[0], slice)) {
            Some(group) => group.push(slice),
            None => groups.push(vec![slice]),
        }
    }
    groups
}

/// Slices of one plane and shape; a single one that has only another shape stays, to be named as odd.
fn planes<'a>(slices: &[&'a SliceHeader]) -> Vec<Vec<&'a SliceHeader>> {
    let is_parallel = |one: &SliceHeader, other: &SliceHeader| match (one.orientation, other.orientation) {
        (Some(one), Some(other)) => is_same_direction(one, other, SAME_PLANE_WITHIN),
        // Without a plane it is named as unreadable, among the others.
        _ => true,
    };
    let mut planes = Vec::new();
    for plane in group(slices, is_parallel) {
        let shapes = group(&plane, |one, other| (one.rows, one.columns) == (other.rows, other.columns));
        if shapes.iter().any(|shape| shape.len() == 1) {
            planes.push(plane);
        } else {
            planes.extend(shapes);
        }
    }
    planes
}

/// The slices separated by the first attribute that gives regular stacks only.
fn by_attribute(slices: &[&SliceHeader], options: &OpenOptions) -> Option<Vec<Part>> {
    // Gaps are filled within a stack, not between stacks.
    let strict = OpenOptions { allow_gaps: false, ..options.clone() };
    type IsAlike = fn(&SliceHeader, &SliceHeader) -> bool;
    let attributes: [(&'static str, IsAlike); 4] = [
        ("AcquisitionNumber", |one, other| one.acquisition_number == other.acquisition_number),
        ("ImageType", |one, other| one.image_type == other.image_type),
        ("ConvolutionKernel", |one, other| one.kernel == other.kernel),
        ("SliceThickness", |one, other| one.slice_thickness_mm == other.slice_thickness_mm),
    ];
    let by_name = attributes.iter().map(|(name, is_alike)| (*name, group(slices, is_alike)));
    by_name.chain([("InstanceNumber", rounds(slices))]).find_map(|(name, groups)| {
        if groups.len() < 2 || groups.iter().any(|group| group.len() < FEWEST) {
            return None;
        }
        let parts = groups.iter().map(|group| Some(Part::of(group, Ok(Stack::of(group, &strict).ok()?), Some(name))));
        parts.collect()
    })
}

/// Slices in the order of InstanceNumber, a new group wherever a place comes again; none if the groups are not
/// equally long, as when a slice is there twice.
fn rounds<'a>(slices: &[&'a SliceHeader]) -> Vec<Vec<&'a SliceHeader>> {
    let mut ordered = slices.to_vec();
    ordered.sort_by_key(|slice| slice.instance_number);
    let mut rounds: Vec<Vec<&SliceHeader>> = Vec::new();
    for slice in ordered {
        match rounds.last_mut() {
            Some(round) if round.iter().all(|other| other.position_mm != slice.position_mm) => round.push(slice),
            _ => rounds.push(vec![slice]),
        }
    }
    if rounds.iter().any(|round| round.len() != rounds[0].len()) {
        rounds.clear();
    }
    rounds
}
