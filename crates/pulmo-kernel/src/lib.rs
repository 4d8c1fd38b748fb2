//! CPU kernels for 3D U-Nets: convolution and its gradients, and their neighbours.
//!
//! Tensors are channels-last: (batch, depth, height, width, channels). All functions run on rayon's threads
//! and give the same bits for any number of them. No graph, no files.

pub mod adam;
mod conv3d;
mod dispatch;
mod element;
mod matrix;
mod memory;
pub mod normalise;
pub mod pointwise;
mod reference;
mod self_test;
mod simd;
pub mod view;

pub use conv3d::scratch::{Call, Scratch};
pub use conv3d::{Conv3d, InputPart};
pub use dispatch::{Convolve, Kernels, Scalar};
pub use element::{Bf16, Element};
#[doc(hidden)]
pub use matrix::check as matrix_check;
pub use matrix::{KeptWeights, tile_state};
pub use memory::return_large_blocks;
pub use self_test::{KernelState, kernel_state};
pub use simd::{Variant, force, selected};
