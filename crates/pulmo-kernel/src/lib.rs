//! (in the making)

mod conv3d;
mod dispatch;
mod reference;
mod simd;

pub use conv3d::Conv3d;
pub use dispatch::{Kernels, Scalar};
pub use simd::{Variant, force, selected};
