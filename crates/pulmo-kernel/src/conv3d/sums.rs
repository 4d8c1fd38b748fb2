//! The gradient of some weights from the sums at all points of minimal filtering.

use crate::simd::{Filter, MOST_POINTS, for_vectors};

/// Most columns of a block.
pub(super) const MOST_COLUMNS: usize = 32;

/// The sums from which some neighbouring weights are made.
pub(super) struct Sums<'a> {
    pub(super) sums: &'a [f32],
    /// Where those of each set begin that goes to the weights.
    pub(super) firsts: &'a [usize],
    /// Floats between two points.
    pub(super) of_point: usize,
}

impl Sums<'_> {
    /// `count` weights of each tap along a line from the sums at all points.
    pub(super) fn of_line(&self, filter: Filter, weights: &mut [[f32; MOST_COLUMNS]], count: usize) {
        let mut taps = [[0.0; MOST_COLUMNS]; 3];
        taps_of_points(self, filter, (0, 1), count, &mut taps);
        round(&taps, weights);
    }

    /// The same of each tap along the height and a line, from the sums at all points of squares.
    pub(super) fn of_square(&self, filter: Filter, weights: &mut [[f32; MOST_COLUMNS]], count: usize) {
        let mut of_points = [[[0.0; MOST_COLUMNS]; 3]; MOST_POINTS];
        let factors = filter.weights();
        // Across lines first.
        for (along, taps) in of_points.iter_mut().enumerate().take(factors.len()) {
            taps_of_points(self, filter, (along, factors.len()), count, taps);
        }
        for (across, weights) in weights.chunks_exact_mut(3).enumerate() {
            let mut taps = [[0.0; MOST_COLUMNS]; 3];
            for (factors, of_point) in factors.iter().zip(&of_points) {
                add_point(&of_point[across], factors, &mut taps);
            }
            round(&taps, weights);
        }
    }
}

for_vectors! {
    /// Adds up the sums at the points along a line, by their first and the step to the next, as three taps.
    fn taps_of_points<>(
        from: &Sums<'_>,
        filter: Filter,
        points: (usize, usize),
        count: usize,
        taps: &mut [[f64; MOST_COLUMNS]; 3],
    ) {
        let (first, step) = points;
        for (point, factors) in filter.weights().iter().enumerate() {
            let mut totals = [0.0_f64; MOST_COLUMNS];
            for set in from.firsts {
                let sums = &from.sums[(first + point * step) * from.of_point + set..][..count];
                totals.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
            }
            for (taps, factor) in taps.iter_mut().zip(factors) {
                taps.iter_mut().zip(&totals).for_each(|(tap, total)| *tap += total * factor);
            }
        }
    }

    /// Adds what a point gives to three taps.
    fn add_point<>(at_point: &[f64; MOST_COLUMNS], factors: &[f64; 3], taps: &mut [[f64; MOST_COLUMNS]; 3]) {
        for (taps, factor) in taps.iter_mut().zip(factors) {
            taps.iter_mut().zip(at_point).for_each(|(tap, value)| *tap += value * factor);
        }
    }

    /// In float32.
    fn round<>(taps: &[[f64; MOST_COLUMNS]; 3], weights: &mut [[f32; MOST_COLUMNS]]) {
        for (weights, taps) in weights.iter_mut().zip(taps) {
            weights.iter_mut().zip(taps).for_each(|(weight, &tap)| *weight = tap as f32);
        }
    }
}
