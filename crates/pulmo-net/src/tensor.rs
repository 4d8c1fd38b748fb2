//! Named tensors as weight files hold them.

use std::collections::BTreeMap;

/// Float32 values with a shape, in C order.
///
/// # Shapes
/// Convolution weights have PyTorch's order (out, in, depth, height, width); weights of transposed
/// convolutions (in, out, depth, height, width).
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes, slowest axis first; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values, as many as the product of the shape.
    pub values: Vec<f32>,
}

impl Tensor {
    /// A tensor filled with one value.
    #[must_use]
    pub fn filled(shape: &[usize], value: f32) -> Self {
        Self { shape: shape.to_vec(), values: vec![value; shape.iter().product()] }
    }
}

/// Parameters and running statistics by name.
pub type Weights = BTreeMap<String, Tensor>;
