//! fastai's Adam: decoupled weight decay, damped averages, steps counted per parameter.

use rayon::prelude::*;

use crate::Scalar;
use crate::simd::for_vectors;

/// The numbers of one update of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the average of gradients.
    pub momentum: f64,
    /// Decay of the average of squared gradients.
    pub squared_momentum: f64,
    /// Added to the root, so that a parameter without gradients stays.
    pub epsilon: f64,
    /// Share of the parameter taken off per unit of learning rate, before the update.
    pub weight_decay: f64,
    /// Updates of this parameter so far, this one included.
    pub step: u64,
}

/// Values that one task updates.
const CHUNK: usize = 1 << 14;

/// Updates a parameter and its two averages in place.
///
/// # Formula
/// ```text
/// average ← m·average + (1−m)·g            squared ← s·squared + (1−s)·g²
/// p ← p·(1 − lr·wd) − lr/(1−mᵗ) · average / (√(squared/(1−sᵗ)) + ε)
/// ```
/// # Agreement
/// fastai 2.1.10 `Adam` (`decouple_wd=True`), through the golden numbers of the paper's network.
/// # Panics
/// If the lengths differ.
pub fn adam_update<T: Scalar>(
    parameter: &mut [T],
    gradient: &[T],
    average: &mut [T],
    squared: &mut [T],
    by: &AdamStep,
) {
    assert!(gradient.len() == parameter.len() && average.len() == parameter.len() && squared.len() == parameter.len());
    let momentum = T::from_f64(by.momentum);
    let squared_momentum = T::from_f64(by.squared_momentum);
    let (rest, squared_rest) = (T::from_f64(1.0 - by.momentum), T::from_f64(1.0 - by.squared_momentum));
    let keep = T::from_f64(1.0 - by.learning_rate * by.weight_decay);
    let steps = i32::try_from(by.step).unwrap_or(i32::MAX);
    let rate = T::from_f64(by.learning_rate / (1.0 - by.momentum.powi(steps)));
    let debias = T::from_f64(1.0 - by.squared_momentum.powi(steps));
    let epsilon = T::from_f64(by.epsilon);
    let chunks = parameter.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    let chunks = chunks.zip(average.par_chunks_mut(CHUNK).zip(squared.par_chunks_mut(CHUNK)));
    let factors = Factors { momentum, rest, squared_momentum, squared_rest, keep, rate, debias, epsilon };
    chunks.for_each(|((parameter, gradient), (average, squared))| {
        update_chunk(parameter, gradient, average, squared, &factors);
    });
}

/// What all parameters of a step share.
struct Factors<T> {
    momentum: T,
    rest: T,
    squared_momentum: T,
    squared_rest: T,
    keep: T,
    rate: T,
    debias: T,
    epsilon: T,
}

for_vectors! {
    fn update_chunk<T: [Scalar]>(
        parameter: &mut [T],
        gradient: &[T],
        average: &mut [T],
        squared: &mut [T],
        by: &Factors<T>,
    ) {
        for (((p, &g), a), s) in parameter.iter_mut().zip(gradient).zip(average).zip(squared) {
            *a = *a * by.momentum + g * by.rest;
            *s = *s * by.squared_momentum + g * g * by.squared_rest;
            *p = *p * by.keep - by.rate * *a / ((*s / by.debias).sqrt() + by.epsilon);
        }
    }
}

/// Sum of squares in float64, in a fixed order.
#[must_use]
pub fn sum_of_squares<T: Scalar>(values: &[T]) -> f64 {
    let partial = values.par_chunks(CHUNK).map(|chunk| chunk.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>());
    partial.collect::<Vec<_>>().into_iter().sum()
}
