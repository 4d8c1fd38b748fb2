//! Images whose front and back are exchanged.
//!
//! # How
//! The spine is the largest bone near the midline and lies at the back. In each small slice the body is the largest
//! piece above the threshold between air and tissue, its cavities filled; of its brightest fourteenth, the fields within
//! an eighth of its width of the midline are counted before and behind its middle. The check speaks if twice as many lie
//! in front.
//!
//! # Measured
//! Behind : in front is 3.3 and 4.8 in two CTs in HU and 1.0 to 2.5 in six 8-bit ones that are upright; in five 8-bit
//! ones whose front and back are exchanged 0.24, 0.25, 0.40, 0.57 and 0.71: three of the five are found, none too many.
//! Equalised histograms (CLAHE) take from bone what sets it apart.
//!
//! # Limits
//! Left and right alone, and head and feet, are not judged: nothing in a cut-out of the lungs tells them surely.

use super::small::{SIDE, Small};
use super::{Check, Finding};
use crate::dataset::DataList;
use crate::dataset::check::facts::Facts;

/// Bright fields below which nothing is said.
const LEAST: usize = 60;

/// Bright fields near the midline, before and behind the middle of the body.
pub(super) fn bone(small: &Small) -> [usize; 2] {
    let threshold = small.threshold();
    let mut count = [0, 0];
    for slice in small.each() {
        let body = body(slice, threshold);
        let fields: Vec<usize> = (0..body.len()).filter(|&k| body[k]).collect();
        if fields.len() < SIDE {
            continue;
        }
        let at = |mut places: Vec<usize>, share: f64| {
            places.sort_unstable();
            places[((places.len() - 1) as f64 * share) as usize]
        };
        let (rows, columns): (Vec<usize>, Vec<usize>) = fields.iter().map(|k| (k / SIDE, k % SIDE)).unzip();
        let middle = (at(rows.clone(), 0.02) + at(rows, 0.98)) as f64 / 2.0;
        let midline = at(columns.clone(), 0.5) as f64;
        let width = (at(columns.clone(), 0.98) - at(columns, 0.02)) as f64;
        let mut values: Vec<f32> = fields.iter().map(|&k| slice[k]).collect();
        values.sort_by(f32::total_cmp);
        let bright = values[values.len() * 13 / 14];
        let near = |k: &&usize| ((**k % SIDE) as f64 - midline).abs() < width / 8.0 && slice[**k] >= bright;
        fields.iter().filter(near).for_each(|k| count[usize::from((k / SIDE) as f64 >= middle)] += 1);
    }
    count
}

/// The largest piece above a threshold, its cavities filled.
fn body(slice: &[f32], threshold: f32) -> Vec<bool> {
    let pieces = pieces(&slice.iter().map(|&x| x > threshold).collect::<Vec<_>>());
    let largest = pieces.iter().max_by_key(|piece| piece.len()).cloned().unwrap_or_default();
    let mut other = vec![true; slice.len()];
    largest.iter().for_each(|&k| other[k] = false);
    let mut body = vec![true; slice.len()];
    let is_edge = |&k: &usize| k / SIDE == 0 || k % SIDE == 0 || k / SIDE == SIDE - 1 || k % SIDE == SIDE - 1;
    for piece in self::pieces(&other) {
        if piece.iter().any(&is_edge) {
            piece.iter().for_each(|&k| body[k] = false);
        }
    }
    body
}

/// The pieces of a slice that hang together by their sides.
pub(super) fn pieces(set: &[bool]) -> Vec<Vec<usize>> {
    let mut seen = vec![false; set.len()];
    let mut found = Vec::new();
    for start in 0..set.len() {
        let (mut piece, mut open) = (Vec::new(), vec![start]);
        while let Some(k) = open.pop() {
            if !set[k] || std::mem::replace(&mut seen[k], true) {
                continue;
            }
            piece.push(k);
            let (row, column) = (k / SIDE, k % SIDE);
            open.extend([(row > 0).then(|| k - SIDE), (column > 0).then(|| k - 1)].into_iter().flatten());
            open.extend(
                [(row + 1 < SIDE).then_some(k + SIDE), (column + 1 < SIDE).then_some(k + 1)].into_iter().flatten(),
            );
        }
        if !piece.is_empty() {
            found.push(piece);
        }
    }
    found
}

/// Images with front and back exchanged.
#[derive(Debug)]
pub(super) struct FrontBack;

impl Check for FrontBack {
    fn name(&self) -> &'static str {
        "front_and_back"
    }

    fn about(&self) -> &'static str {
        "images whose spine lies in front: twice as much bone near the midline in front as behind"
    }

    fn find(&self, _: &DataList, facts: &[Facts]) -> Vec<Finding> {
        let wrong = |case: &&Facts| {
            let [front, back] = case.image.as_ref().map_or([0, 0], |image| image.bone);
            front + back >= LEAST && front > 2 * back
        };
        let finding = |case: &Facts| {
            let [front, back] = case.image.as_ref().map_or([0, 0], |image| image.bone);
            let problem = format!(
                "the spine seems to lie in front: of {} bright fields near the midline {front} are before the middle of the body",
                front + back
            );
            let advice = "look at it; if the spine is at the patient's front, the file's orientation is wrong: flip the rows \
                          of image and masks, and check on which side the heart lies";
            Finding::problem(self, &[case], problem, advice)
        };
        facts.iter().filter(wrong).map(finding).collect()
    }
}
