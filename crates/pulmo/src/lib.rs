#![doc = include_str!("../../../README.md")]
//!
//! # The crates as one
//! This library is a facade: nothing but the crates below under shorter names.

pub mod chart;
#[cfg(test)]
mod colour_blind;
pub mod page;
pub mod picture;
pub mod report;

pub use pulmo_ct as ct;
pub use pulmo_engine as engine;
pub use pulmo_kernel as kernel;
pub use pulmo_measure as measure;
pub use pulmo_net as net;

/// What stands wherever a result is shown.
pub const RESEARCH_USE: &str = "Research software. Not a medical device, not CE-marked or FDA-cleared. \
                                Not for diagnosis or treatment decisions.";
