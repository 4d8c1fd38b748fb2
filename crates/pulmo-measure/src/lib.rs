//! Label maps in, numbers with units out: metrics of agreement, evaluation of many cases, statistics.
//!
//! ```text
//! reference ──┐
//!             ├─► compare (one number per metric) ─► evaluate (cases × labels × grids) ─► statistics (means)
//! prediction ─┘
//! ```
//!
//! There are no files and no networks here. Read first: [`compare`], then [`evaluate`].
//!
//! # Examples
//! ```
//! use pulmo_ct::{Affine, Grid, LabelMap, Spacing};
//! use pulmo_measure::compare::{MaskPair, Metric, dice::Dice};
//!
//! let grid = Grid::new([1, 1, 4], Affine::axial(Spacing::new([5.0, 1.0, 1.0])?, [0.0; 3]))?;
//! let reference = LabelMap::new(grid, vec![1, 1, 0, 0])?;
//! let prediction = LabelMap::new(grid, vec![0, 1, 1, 0])?;
//! assert_eq!(Dice.compute(&MaskPair::new(&reference, &prediction, 1)?), Some(0.5));
//! # Ok::<(), pulmo_ct::Error>(())
//! ```

pub mod compare;
pub mod evaluate;
pub mod network_grid;
pub mod quantify;
pub mod statistics;
