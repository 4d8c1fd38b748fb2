//! Reliability curves: whether probabilities are what they say.

use super::plot::{Plot, Stroke};
use super::{Axis, Titles, colour, counted, left_out, number};

/// One bin of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Mean probability of its voxels, from 0 to 1.
    pub probability: f64,
    /// Share of them that carries the label in the reference, from 0 to 1.
    pub share: f64,
    /// How many voxels there are.
    pub voxels: u64,
}

/// The share that is there against the probability that was given, on axes from 0 to 1, with the dashed line of perfect
/// calibration. Below that line a model is too sure.
///
/// # Edge cases
/// A bin whose values are not finite, or lie outside 0 to 1, is left out and counted. No bin: empty axes that say so.
#[must_use]
pub fn reliability(titles: Titles<'_>, bins: &[Bin]) -> String {
    let is_share = |value: f64| (0.0..=1.0).contains(&value);
    let drawn: Vec<&Bin> = bins.iter().filter(|bin| is_share(bin.probability) && is_share(bin.share)).collect();
    let axis = Axis::over([0.0, 1.0]);
    let mut plot = Plot::new(titles, [axis, axis], 300.0);
    plot.line(&[[0.0, 0.0], [1.0, 1.0]], Stroke { colour: "currentColor", width: 1.0, dash: "4 3" });
    if drawn.len() > 1 {
        let line: Vec<[f64; 2]> = drawn.iter().map(|bin| [bin.probability, bin.share]).collect();
        plot.line(&line, Stroke { colour: colour(0), width: 2.0, dash: "" });
    }
    let mut about = String::new();
    for bin in &drawn {
        let words = format!(
            "probability {}: {} of {}",
            number(bin.probability),
            number(bin.share),
            counted(bin.voxels, "voxel", "voxels")
        );
        about += &format!(" {words}.");
        plot.mark(plot.at(bin.probability, bin.share), 0, &words);
    }
    if drawn.is_empty() {
        plot.text(plot.middle(), "middle", "no values");
    }
    let below = drawn.iter().filter(|bin| bin.share < bin.probability).count();
    plot.finish(&format!(
        "{}, {below} below the dashed line of perfect calibration.{about}{}",
        counted(drawn.len(), "bin", "bins"),
        left_out(bins.len(), drawn.len())
    ))
}
