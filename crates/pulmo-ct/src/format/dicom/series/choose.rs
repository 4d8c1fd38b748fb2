//! Which stack of a study is taken, and why.
//!
//! The rule, each point only among those equal in the points before: original before derived or reformatted;
//! axial before other planes; a stack along most of the body before a short one; thin before thick; many slices
//! before few. Differences below a tenth do not count. Where no stack is better than all others, as with two
//! kernels of one scan, none is chosen: the user decides.

use super::place::orientation_name;
use super::split::Part;
use super::stack::Stack;
use crate::geometry::dot;

/// Lengths, distances and counts that differ by less than this fraction are equal.
const EQUAL_WITHIN: f64 = 0.1;
/// A stack that is shorter than this fraction of another is a short one.
const SHORT_BELOW: f64 = 0.6;
/// Words in ImageType of images that were computed from slices.
const REFORMATS: [&str; 8] = ["REFORMATTED", "MPR", "MIP", "MINIP", "AVERAGE", "PROJECTION IMAGE", "CPR", "3D"];

/// What a choice goes by.
struct Merit {
    is_original: bool,
    is_axial: bool,
    length_mm: f64,
    apart_mm: f64,
    slices: usize,
}

impl Merit {
    fn of(stack: &Stack) -> Self {
        let first = stack.first();
        let apart_mm = apart_mm(stack);
        let slices = stack.grid.shape()[0];
        let is_reformat = first.image_type.iter().any(|word| REFORMATS.iter().any(|known| word.starts_with(known)));
        Self {
            is_original: !first.is_of_type("DERIVED") && !first.is_of_type("SECONDARY") && !is_reformat,
            is_axial: first.orientation.map(orientation_name) == Some("axial"),
            length_mm: apart_mm * slices as f64,
            apart_mm,
            slices,
        }
    }

    /// Why this one is clearly better than another, if it is.
    fn beats(&self, other: &Self) -> Option<&'static str> {
        let longer = |a: f64, b: f64, fraction: f64| b < a * fraction;
        let points = [
            ("original", self.is_original && !other.is_original, other.is_original && !self.is_original),
            ("axial", self.is_axial && !other.is_axial, other.is_axial && !self.is_axial),
            (
                "longer along the body",
                longer(self.length_mm, other.length_mm, SHORT_BELOW),
                longer(other.length_mm, self.length_mm, SHORT_BELOW),
            ),
            (
                "thinner",
                longer(other.apart_mm, self.apart_mm, 1.0 - EQUAL_WITHIN),
                longer(self.apart_mm, other.apart_mm, 1.0 - EQUAL_WITHIN),
            ),
            (
                "more slices",
                longer(self.slices as f64, other.slices as f64, 1.0 - EQUAL_WITHIN),
                longer(other.slices as f64, self.slices as f64, 1.0 - EQUAL_WITHIN),
            ),
        ];
        let (why, is_better, _) = points.into_iter().find(|(_, better, worse)| *better || *worse)?;
        is_better.then_some(why)
    }
}

/// The distance between the planes of two slices.
fn apart_mm(stack: &Stack) -> f64 {
    let [step, down, right] = stack.grid.affine().columns;
    let normal = crate::geometry::cross(right, down);
    (dot(step, normal) / dot(normal, normal).sqrt()).abs()
}

/// The part among `candidates` that is better than all others and in what, or the parts that cannot be told apart.
pub(super) fn best(
    parts: &[Part],
    candidates: &[usize],
) -> std::result::Result<(usize, Vec<&'static str>), Vec<usize>> {
    let merits: Vec<(usize, &Stack, Merit)> = candidates
        .iter()
        .filter_map(|&at| parts[at].stack.as_ref().ok().map(|stack| (at, stack, Merit::of(stack))))
        .collect();
    let beats = |one: usize, other: usize| {
        let ((a, stack, merit), (b, rival, its)) = (&merits[one], &merits[other]);
        // Two halves of one scan that lost the slices between them: the longer is not better.
        let are_halves = parts[*a].split_by.is_some()
            && stack.first().series_uid == parts[*b].first().series_uid
            && !overlap(stack, rival);
        if are_halves { None } else { merit.beats(its) }
    };
    for one in 0..merits.len() {
        let others = (0..merits.len()).filter(|&other| other != one);
        if let Some(mut reasons) = others.map(|other| beats(one, other)).collect::<Option<Vec<_>>>() {
            let mut seen = Vec::new();
            reasons.retain(|why| {
                !seen.contains(why) && {
                    seen.push(*why);
                    true
                }
            });
            return Ok((merits[one].0, reasons));
        }
    }
    let is_beaten = |one: usize| (0..merits.len()).any(|other| other != one && beats(other, one).is_some());
    let tied: Vec<usize> = (0..merits.len()).filter(|&one| !is_beaten(one)).map(|one| merits[one].0).collect();
    Err(if tied.is_empty() { candidates.to_vec() } else { tied })
}

/// Whether two stacks share some of their length along the slice axis of the first.
fn overlap(one: &Stack, other: &Stack) -> bool {
    let axis = one.grid.affine().columns[0];
    let range = |stack: &Stack| {
        let ends = [0.0, (stack.grid.shape()[0] - 1) as f64]
            .map(|slice| dot(stack.grid.affine().voxel_to_world([slice, 0.0, 0.0]), axis));
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    };
    let ((a, b), (c, d)) = (range(one), range(other));
    a <= d && c <= b
}
