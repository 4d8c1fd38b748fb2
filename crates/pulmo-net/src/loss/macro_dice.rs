//! Dice per volume and class with squared denominators: the default of the authors' library.

use super::{Field, Term};

/// Keeps the quotient finite where class and probability are absent.
const EPSILON: f64 = 1e-7;

/// # Formula
/// Mean over volumes and classes, background included, of `1 − 2 Σ p·t / (Σ p² + Σ t² + 1e-7)`
/// (Milletari et al. 2016, "V-Net").
/// # Agreement
/// `oracles/losses` (PyTorch, float64).
#[derive(Debug)]
pub(super) struct MacroDice;

fn volumes(field: &Field) -> impl Iterator<Item = (std::ops::Range<usize>, usize)> {
    let (volume, classes) = (field.volume(), field.classes);
    (0..field.batch * classes).map(move |i| (i / classes * volume..(i / classes + 1) * volume, i % classes))
}

fn sums(field: &Field, voxels: std::ops::Range<usize>, class: usize) -> (f64, f64) {
    let [both, all] = field.sum(voxels, class, |p, t| [p * t, p * p + t * t]);
    (both, all + EPSILON)
}

impl Term for MacroDice {
    fn name(&self) -> &'static str {
        "macro_dice_loss"
    }

    fn value(&self, field: &Field) -> f64 {
        let of = |(voxels, class)| {
            let (both, all) = sums(field, voxels, class);
            1.0 - 2.0 * both / all
        };
        volumes(field).map(of).sum::<f64>() / (field.batch * field.classes) as f64
    }

    fn add_gradient(&self, field: &Field, gradient: &mut [f64]) {
        let share = 1.0 / (field.batch * field.classes) as f64;
        for (voxels, class) in volumes(field) {
            let (both, all) = sums(field, voxels.clone(), class);
            let derivative = |p, t| share * (4.0 * both * p / (all * all) - 2.0 * t / all);
            field.add_through_softmax(gradient, voxels, class, derivative);
        }
    }
}
