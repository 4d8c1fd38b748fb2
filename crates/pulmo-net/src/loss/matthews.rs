//! Matthews' correlation of probabilities and reference.

use super::{Field, Term};

/// Keeps the root from zero where reference or probability are absent.
const EPSILON: f64 = 1e-7;

/// # Formula
/// Mean over volumes and labels of
/// `1 − (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(FP+TN)(TN+FN) + 1e-7)`, the counts being sums of probabilities.
/// # Agreement
/// `oracles/losses` (PyTorch, float64).
#[derive(Debug)]
pub(super) struct Matthews;

/// True positives, predicted positives, reference positives, voxels.
struct Counts {
    both: f64,
    predicted: f64,
    reference: f64,
    voxels: f64,
}

impl Counts {
    fn of(field: &Field, volume: usize, class: usize) -> Self {
        let range = volume * field.volume()..(volume + 1) * field.volume();
        let [both, predicted, reference] = field.sum(range, class, |p, t| [p * t, p, t]);
        Self { both, predicted, reference, voxels: field.volume() as f64 }
    }

    /// TP·TN − FP·FN = V·TP − P·R, and the product under the root = P·R·(V−P)·(V−R).
    fn parts(&self) -> (f64, f64) {
        let Self { both, predicted, reference, voxels } = *self;
        let product = predicted * reference * (voxels - predicted) * (voxels - reference);
        (voxels * both - predicted * reference, (product + EPSILON).sqrt())
    }
}

fn all(field: &Field) -> impl Iterator<Item = (usize, usize)> {
    let labels = field.classes - 1;
    (0..field.batch * labels).map(move |i| (i / labels, 1 + i % labels))
}

impl Term for Matthews {
    fn name(&self) -> &'static str {
        "matthews_loss"
    }

    fn value(&self, field: &Field) -> f64 {
        let of = |(volume, class)| {
            let (numerator, root) = Counts::of(field, volume, class).parts();
            1.0 - numerator / root
        };
        all(field).map(of).sum::<f64>() / (field.batch * (field.classes - 1)) as f64
    }

    fn add_gradient(&self, field: &Field, gradient: &mut [f64]) {
        let share = 1.0 / (field.batch * (field.classes - 1)) as f64;
        for (volume, class) in all(field) {
            let counts = Counts::of(field, volume, class);
            let (numerator, root) = counts.parts();
            let Counts { predicted, reference, voxels, .. } = counts;
            let by_product = reference * (voxels - reference) * (voxels - 2.0 * predicted);
            let by_root = numerator * by_product / (2.0 * root * root * root);
            let derivative = |_, t| -share * ((voxels * t - reference) / root - by_root);
            field.add_through_softmax(
                gradient,
                volume * field.volume()..(volume + 1) * field.volume(),
                class,
                derivative,
            );
        }
    }
}
