//! Losses: one term per file; a [`Loss`] is a sum of terms.

mod cross_entropy;
mod macro_dice;
mod matthews;
mod soft_dice;

use pulmo_kernel::{Element, Scalar};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What a training minimises: the unweighted sum of its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Soft Dice over the whole batch plus cross-entropy: the authors' example.
    DiceCrossEntropy,
    /// Cross-entropy alone.
    CrossEntropy,
    /// Dice per volume and class, background counted, squared denominators: the authors' library's default.
    MacroDice,
    /// One minus Matthews' correlation, per volume and label.
    Matthews,
}

impl Loss {
    /// The terms, in the order of their values.
    #[must_use]
    pub fn terms(self) -> &'static [&'static dyn Term] {
        match self {
            Self::DiceCrossEntropy => &[&soft_dice::SoftDice, &cross_entropy::CrossEntropy],
            Self::CrossEntropy => &[&cross_entropy::CrossEntropy],
            Self::MacroDice => &[&macro_dice::MacroDice],
            Self::Matthews => &[&matthews::Matthews],
        }
    }
}

/// One summand of a loss.
pub trait Term: Sync {
    /// Name in logs.
    fn name(&self) -> &'static str;
    /// Its value.
    fn value(&self, field: &Field) -> f64;
    /// Adds its gradient by the logits to `gradient` (voxels × classes).
    fn add_gradient(&self, field: &Field, gradient: &mut [f64]);
}

/// Softmax of the logits beside the target, in float64.
#[derive(Debug)]
pub struct Field<'a> {
    batch: usize,
    classes: usize,
    /// Voxels × classes.
    probabilities: Vec<f64>,
    /// Voxels.
    target: &'a [u8],
    /// Logarithm of the probability of each voxel's target.
    log_likelihood: Vec<f64>,
}

/// Voxels per task of a reduction; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

impl<'a> Field<'a> {
    /// Takes the softmax of logits.
    ///
    /// # Shapes
    /// `logits`: voxels × classes; `target`: voxels, `batch` volumes of equal size behind each other.
    /// # Panics
    /// If the lengths do not fit or a target is no class.
    #[must_use]
    pub fn new<E: Element>(logits: &[E], classes: usize, batch: usize, target: &'a [u8]) -> Self {
        assert_eq!(logits.len(), target.len() * classes, "logits for each voxel and class");
        assert!(target.iter().all(|&t| usize::from(t) < classes), "targets below {classes}");
        let mut probabilities = vec![0.0; logits.len()];
        let mut log_likelihood = vec![0.0; target.len()];
        let voxels = probabilities.par_chunks_mut(classes).zip(logits.par_chunks(classes));
        voxels.zip(log_likelihood.par_iter_mut().zip(target)).for_each(|((p, z), (log, &t))| {
            let largest = z.iter().map(|z| z.widen().to_f64()).fold(f64::NEG_INFINITY, f64::max);
            p.iter_mut().zip(z).for_each(|(p, z)| *p = (z.widen().to_f64() - largest).exp());
            let sum: f64 = p.iter().sum();
            p.iter_mut().for_each(|p| *p /= sum);
            *log = z[usize::from(t)].widen().to_f64() - largest - sum.ln();
        });
        Self { batch, classes, probabilities, target, log_likelihood }
    }

    /// Voxels of one volume.
    fn volume(&self) -> usize {
        self.target.len() / self.batch
    }

    /// Σ over the voxels of `range` of `term(probability of class, target is class)`, a pair of sums per call.
    fn sum<const N: usize>(
        &self,
        range: std::ops::Range<usize>,
        class: usize,
        term: impl Fn(f64, f64) -> [f64; N] + Sync,
    ) -> [f64; N] {
        let target = &self.target[range.clone()];
        let probabilities = &self.probabilities[range.start * self.classes..range.end * self.classes];
        let partial = target.par_chunks(CHUNK).zip(probabilities.par_chunks(CHUNK * self.classes)).map(|(t, p)| {
            let mut sums = [0.0; N];
            for (&t, p) in t.iter().zip(p.chunks(self.classes)) {
                let is_class = if usize::from(t) == class { 1.0 } else { 0.0 };
                sums.iter_mut().zip(term(p[class], is_class)).for_each(|(s, x)| *s += x);
            }
            sums
        });
        partial.collect::<Vec<_>>().into_iter().fold([0.0; N], |mut total, sums| {
            total.iter_mut().zip(sums).for_each(|(t, s)| *t += s);
            total
        })
    }

    /// Adds the gradient by the logits of a term whose derivative by the probability of `class` is
    /// `derivative(probability, target is class)`, over the voxels of `range`.
    fn add_through_softmax(
        &self,
        gradient: &mut [f64],
        range: std::ops::Range<usize>,
        class: usize,
        derivative: impl Fn(f64, f64) -> f64 + Sync,
    ) {
        let values = range.start * self.classes..range.end * self.classes;
        let voxels = gradient[values.clone()].par_chunks_mut(self.classes);
        let voxels = voxels.zip(self.probabilities[values].par_chunks(self.classes));
        voxels.zip(&self.target[range]).for_each(|((gradient, p), &t)| {
            let is_class = if usize::from(t) == class { 1.0 } else { 0.0 };
            let slope = derivative(p[class], is_class) * p[class];
            for (k, (gradient, p)) in gradient.iter_mut().zip(p).enumerate() {
                *gradient += slope * (if k == class { 1.0 } else { 0.0 } - p);
            }
        });
    }
}

#[cfg(test)]
mod tests;
