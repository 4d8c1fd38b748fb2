//! Numbers that describe a list of numbers, and tests that compare two lists of the same cases.
//!
//! | question | file |
//! |---|---|
//! | what is typical, how far does it spread | [`summary`] |
//! | how well is a mean known | [`bootstrap`] |
//! | which cases belong to one patient | [`cluster`] |
//! | do two methods differ on the same cases | [`paired`]: [`permutation`], [`wilcoxon`], corrected for several tests by [`holm`](mod@holm) |
//! | is one worse by less than a margin | [`margin`] |
//! | do two methods measure the same volumes | [`bland_altman`] |
//! | how much does the seed of a training matter | [`runs`] |
//! | does it depend on site, slices or size | [`subgroup`] |
//!
//! Cases of one patient are not independent, so whatever draws or permutes does it with whole patients. Everything
//! that draws is seeded and gives the same bits at any number of threads.

pub mod bland_altman;
pub mod bootstrap;
pub mod cluster;
pub mod holm;
pub mod margin;
pub mod paired;
pub mod permutation;
pub mod runs;
pub mod subgroup;
pub mod summary;
pub mod wilcoxon;

pub use summary::Summary;

use serde::Serialize;

/// An interval that is meant to hold the true value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Nominal coverage from 0 to 1, such as 0.95.
    pub level: f64,
}

/// How numbers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resampling {
    /// Where the sequence of random numbers starts.
    pub seed: u64,
    /// How many times the cases are drawn (bootstrap) or the signs flipped (permutation).
    pub resamples: usize,
    /// Nominal coverage of intervals, over 0 and under 1.
    pub level: f64,
}

impl Default for Resampling {
    /// Seed 1, 10,000 resamples, 95 %.
    fn default() -> Self {
        Self { seed: 1, resamples: 10_000, level: 0.95 }
    }
}

#[cfg(test)]
mod tests;
