//! Unequal distances and missing slices, on request: the slices of an even grid by linear interpolation.
//!
//! A slice of the grid that lies where one was measured is that slice, to the bit.

use rayon::prelude::*;

use super::header::SliceHeader;
use super::place::{GAP_FROM, PLACE_WITHIN_FRACTION, usual};
use super::stack::Refusal;
use crate::format::warning;

/// One slice of the grid: two measured slices and the weight of the second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Blend {
    low: usize,
    high: usize,
    weight: f32,
}

/// How the slices of an even grid come from the measured ones.
#[derive(Debug, Clone)]
pub(super) struct Filling {
    blends: Vec<Blend>,
}

/// The even distance in mm and the filling for it.
///
/// The distance is the usual one, changed just so far that it divides the whole length.
pub(super) fn fill(
    slices: &[&SliceHeader],
    along: &[f64],
    warnings: &mut Vec<String>,
) -> std::result::Result<(f64, Filling), Refusal> {
    let gaps: Vec<f64> = along.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let length = along[along.len() - 1] - along[0];
    // Never fewer slices than were measured.
    let steps = (length / usual(&gaps)).round().max(gaps.len() as f64);
    if steps + 1.0 > 2.0 * along.len() as f64 {
        let problem = format!("only {} of {} slices are there: the rest would be invented", along.len(), steps + 1.0);
        return Err(Refusal::invalid(problem, "copy the whole series again"));
    }
    let apart = length / steps;
    let mut blends = Vec::with_capacity(steps as usize + 1);
    let (mut invented, mut moved) = (Vec::new(), 0);
    for slice in 0..=steps as usize {
        let mm = along[0] + apart * slice as f64;
        let high = along.partition_point(|&place| place < mm).clamp(1, along.len() - 1);
        let low = high - 1;
        let near = |n: usize| (along[n] - mm).abs() <= PLACE_WITHIN_FRACTION * apart;
        if let Some(there) = [low, high].into_iter().find(|&n| near(n)) {
            blends.push(Blend { low: there, high: there, weight: 0.0 });
            continue;
        }
        let weight = (mm - along[low]) / (along[high] - along[low]);
        blends.push(Blend { low, high, weight: weight.clamp(0.0, 1.0) as f32 });
        if gaps[low] > GAP_FROM * apart {
            invented.push((slice, low));
        } else {
            moved += 1;
        }
    }
    let unnamed = |n: usize| format!("{} at {:.3} mm", slices[n].number_name(), along[n]);
    if let (Some(&(first, low)), Some(&(last, high))) = (invented.first(), invented.last()) {
        warnings.push(warning::INVENTED.say(&[
            &invented.len(),
            &blends.len(),
            &(first + 1),
            &unnamed(low),
            &(last + 1),
            &unnamed(high + 1),
        ]));
    }
    if moved > 0 {
        let count = blends.len();
        warnings.push(warning::INTERPOLATED.say(&[&moved, &count, &format_args!("{apart:.3}")]));
    }
    Ok((apart, Filling { blends }))
}

impl Filling {
    /// How many slices the grid has.
    pub(super) fn slices(&self) -> usize {
        self.blends.len()
    }

    /// The HU of the even grid, from those of the measured slices; `plane` voxels each.
    pub(super) fn apply(&self, measured: &[f32], plane: usize) -> Vec<f32> {
        let mut even = vec![0.0; self.blends.len() * plane];
        even.par_chunks_mut(plane).zip(&self.blends).for_each(|(out, blend)| {
            let [low, high] = [blend.low, blend.high].map(|slice| &measured[slice * plane..][..plane]);
            if blend.weight == 0.0 {
                out.copy_from_slice(low);
                return;
            }
            for ((out, &a), &b) in out.iter_mut().zip(low).zip(high) {
                *out = a + (b - a) * blend.weight;
            }
        });
        even
    }
}
