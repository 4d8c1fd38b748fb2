//! Cross-entropy, mean over voxels.

use rayon::prelude::*;

use super::{CHUNK, Field, Term};

/// # Formula
/// `−1/V · Σ log p(target)`, V the number of voxels of the batch.
/// # Agreement
/// PyTorch `cross_entropy` to 1e-12 in float64, through the golden numbers and `oracles/losses`.
#[derive(Debug)]
pub(super) struct CrossEntropy;

impl Term for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn value(&self, field: &Field) -> f64 {
        let partial = field.log_likelihood.par_chunks(CHUNK).map(|chunk| chunk.iter().sum::<f64>());
        -partial.collect::<Vec<_>>().into_iter().sum::<f64>() / field.target.len() as f64
    }

    fn add_gradient(&self, field: &Field, gradient: &mut [f64]) {
        let share = 1.0 / field.target.len() as f64;
        let voxels = gradient.par_chunks_mut(field.classes).zip(field.probabilities.par_chunks(field.classes));
        voxels.zip(field.target).for_each(|((gradient, p), &t)| {
            for (k, (gradient, p)) in gradient.iter_mut().zip(p).enumerate() {
                *gradient += share * (p - if k == usize::from(t) { 1.0 } else { 0.0 });
            }
        });
    }
}
