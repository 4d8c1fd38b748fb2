//! Holds the network to golden numbers of the authors' code.
//!
//! A folder of golden numbers names a batch size, an input size and a salt; weights, input and target follow from a
//! formula ([`formula`]). [`verify`] runs the paper's network on them and compares ([`compare`]) logits, activations,
//! loss, gradients, running statistics, a frozen and an unfrozen optimiser step, the one-cycle curve, keys and shapes.

pub mod compare;
pub mod formula;
pub mod golden;
mod npy;
mod run;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::Serialize;

pub use self::compare::Arithmetic;
pub use self::golden::Golden;
pub use self::run::verify;

use self::compare::Check;

/// What to verify with, and what to leave behind.
#[derive(Debug, Clone)]
pub struct Options {
    /// float32 with the fast kernels, or float64 with the reference kernels.
    pub precision: Arithmetic,
    /// Use the plain reference kernels for float32 too.
    pub reference_kernels: bool,
    /// Write all tensors to this safetensors file, by faimed3d's keys and in PyTorch's layout.
    pub dump: Option<PathBuf>,
    /// A file that a float64 run has dumped: float32 tensors are then compared with it value by value.
    pub against: Option<PathBuf>,
}

/// The outcome for one kind of numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kind {
    /// `logits_eval`, `gradients`, …
    pub kind: &'static str,
    /// The largest deviation, measured in its bound.
    pub deviation: f64,
    /// The bound of that comparison.
    pub bound: f64,
    /// Where it occurred: the tensor, and what about it.
    pub at: String,
    /// Number of comparisons.
    pub checks: usize,
    /// Those out of bounds.
    pub failed: usize,
    /// Whether all are within bounds.
    pub passes: bool,
}

impl Kind {
    fn new(kind: &'static str, checks: &[Check]) -> Self {
        let worst = checks.iter().max_by(|a, b| a.severity().total_cmp(&b.severity()));
        let failed = checks.iter().filter(|check| !check.passes()).count();
        Self {
            kind,
            deviation: worst.map_or(f64::NAN, |check| check.deviation),
            bound: worst.map_or(0.0, |check| check.bound),
            at: worst.map_or_else(|| "nothing to compare".to_owned(), |check| check.what.clone()),
            checks: checks.len(),
            failed,
            passes: failed == 0 && worst.is_some(),
        }
    }
}

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// `float32` or `float64`.
    pub precision: &'static str,
    /// `fast` or `reference`.
    pub kernels: &'static str,
    /// N, C, D, H, W of the golden input.
    pub input: [usize; 5],
    /// The time all passes took.
    pub elapsed_s: f64,
    /// One entry per kind of numbers.
    pub kinds: Vec<Kind>,
}

impl Verification {
    /// Whether everything is within bounds.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.kinds.iter().all(|kind| kind.passes)
    }
}
