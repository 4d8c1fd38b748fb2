//! The network and its training step as data.
//!
//! An architecture is a function that builds a graph with static shapes; differentiation adds the
//! gradient and optimiser nodes; the plan fixes order and buffers; the executor only runs planned
//! nodes. No files but weights, no millimetres, no HU.

pub mod architecture;
pub mod builder;
pub mod differentiate;
pub mod error;
mod execute;
pub mod forecast;
pub mod graph;
mod initialise;
pub mod loss;
pub mod optimiser;
pub mod parameters;
pub mod plan;
pub mod precision;
pub mod schedule;
pub mod session;
pub mod summary;
pub mod tensor;
pub mod verify;
pub mod weights;

pub use architecture::Network;
pub use error::{Error, Result};
pub use forecast::Forecast;
pub use graph::Shape;
pub use loss::Loss;
pub use optimiser::{Adam, LearningRate};
pub use parameters::OptimiserState;
pub use precision::Precision;
pub use pulmo_kernel::{Kernels, Scalar};
pub use session::{Purpose, Session, Step, StepReport};
pub use tensor::{Tensor, Weights};
