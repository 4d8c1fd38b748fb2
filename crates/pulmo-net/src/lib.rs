//! The network and its training step as data.
//!
//! An architecture is a function that builds a graph with static shapes; differentiation adds the
//! gradient and optimiser nodes; the plan fixes order and buffers; the executor only runs planned
//! nodes. No files but weights, no millimetres, no HU.

pub mod error;
pub mod schedule;
pub mod tensor;
pub mod weights;

pub use error::{Error, Result};
pub use tensor::{Tensor, Weights};
