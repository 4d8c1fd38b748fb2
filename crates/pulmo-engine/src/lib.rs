//! Where volumes meet tensors: recipes, sampling, augmentation, training, segmentation.
//!
//! Nothing here prints; progress goes to a closure the caller gives. Same seed and recipe, same kind of
//! processor: the same bits, at any thread count and after any interruption.
//!
//! Read first: [`recipe`], then [`batch`].

pub mod augment;
pub mod batch;
pub mod case_key;
pub mod demo;
pub mod digest;
pub mod error;
pub mod memory;
pub mod model;
pub mod output;
pub mod predict;
pub mod random;
pub mod recipe;
pub mod result;
pub mod sample;
pub mod segment;
pub mod train;

pub use error::{Error, Result};
pub use model::Model;
pub use recipe::Recipe;
