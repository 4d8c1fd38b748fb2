//! (in the making)

mod conv3d;
mod dispatch;
mod reference;

pub use conv3d::Conv3d;
pub use dispatch::{Kernels, Scalar};
