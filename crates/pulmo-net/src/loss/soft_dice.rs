//! Soft Dice of the labels over the whole batch.

use super::{Field, Term};

/// # Formula
/// `1 − 2 Σ p·t / (Σ p + Σ t)`, sums over all voxels of the batch, no smoothing; mean over the labels
/// (classes but the background).
/// # Edge cases
/// No reference and no probability at all (0/0, which becomes NaN in the authors' code): 0.
/// # Agreement
/// The golden numbers of the paper's network; `oracles/losses`.
#[derive(Debug)]
pub(super) struct SoftDice;

fn sums(field: &Field, class: usize) -> [f64; 2] {
    field.sum(0..field.target.len(), class, |p, t| [p * t, p + t])
}

impl Term for SoftDice {
    fn name(&self) -> &'static str {
        "dice_loss"
    }

    fn value(&self, field: &Field) -> f64 {
        let labels = 1..field.classes;
        let of_label = |class| match sums(field, class) {
            [_, 0.0] => 0.0,
            [both, all] => 1.0 - 2.0 * both / all,
        };
        labels.clone().map(of_label).sum::<f64>() / labels.len() as f64
    }

    fn add_gradient(&self, field: &Field, gradient: &mut [f64]) {
        let labels = 1..field.classes;
        for class in labels.clone() {
            let [both, all] = sums(field, class);
            if all > 0.0 {
                let share = 1.0 / labels.len() as f64;
                let derivative = |_, t| share * (2.0 * both / (all * all) - 2.0 * t / all);
                field.add_through_softmax(gradient, 0..field.target.len(), class, derivative);
            }
        }
    }
}
