//! From HU to the numbers a network sees.
//!
//! One [`Intensity`] stands in a recipe and in a model file; training and use apply the very same.

pub mod clahe;
pub mod histogram;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use clahe::Clahe;

/// One way to scale intensities; in TOML `kind = "window"` and so on, with the variant's fields beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Intensity {
    /// `(x − min) / (max − min)` over the volume, to [0, 1]: the paper's library.
    ///
    /// Padding and metal move the scale of the whole volume; a constant volume becomes 0.
    MinMax {},
    /// A HU window, to [0, 1], clipped.
    Window {
        /// Middle of the window in HU.
        center_hu: f32,
        /// Width of the window in HU, above 0.
        width_hu: f32,
    },
    /// Clip, then `(x − mean) / std` with the given numbers of a data set.
    ClipZScore {
        /// Lowest HU kept.
        lower_hu: f32,
        /// Highest HU kept.
        upper_hu: f32,
        /// Mean in HU.
        mean_hu: f32,
        /// Standard deviation in HU, above 0.
        std_hu: f32,
    },
    /// Piecewise linear histogram matching (Nyúl and Udupa), root, then min-max: see [`histogram`].
    Histogram {
        /// Standard values of the percentiles [`histogram::PERCENTILES`], rising.
        landmarks: Vec<f32>,
    },
    /// Each slice to 8 bits by its own minimum and maximum, then CLAHE, to [0, 1]: see [`clahe`].
    SliceMinMaxClahe {
        /// HU below are raised to this first. The published slices were made without: the default of -1200
        /// lies below what a bicubic resize overshoots to, and only tames padding.
        #[serde(default = "lowest_hu")]
        lower_hu: f32,
        /// HU above are lowered to this first; 3071 by default, for the same reason.
        #[serde(default = "highest_hu")]
        upper_hu: f32,
        /// Contrast limit, in multiples of a flat histogram; 0 for none. 7 made the published slices.
        clip_limit: f32,
        /// Tiles along rows and along columns. 8 made the published slices.
        tiles: usize,
    },
    /// `x / 255`, for volumes stored as 8-bit greys.
    EightBit {},
}

fn lowest_hu() -> f32 {
    -1200.0
}

fn highest_hu() -> f32 {
    3071.0
}

impl Intensity {
    /// The scaling that gives HU the look of 8-bit COVID-19-CT-Seg slices, for networks trained on those
    /// with [`Intensity::EightBit`]; the steps before it, numbers and limits stand in [`clahe`].
    #[must_use]
    pub fn like_eight_bit_slices() -> Self {
        Self::SliceMinMaxClahe { lower_hu: lowest_hu(), upper_hu: highest_hu(), clip_limit: 7.0, tiles: 8 }
    }

    /// Checks the numbers without a volume, so that a recipe fails when read.
    ///
    /// # Errors
    /// [`Error::Value`] naming the field.
    pub fn check(&self) -> Result<()> {
        let fail = |field: &str, problem: String| Err(Error::Value { problem: format!("intensity {field} {problem}") });
        let positive = |field: &str, value: f32| {
            if value.is_finite() && value > 0.0 { Ok(()) } else { fail(field, format!("{value}: expected above 0")) }
        };
        let ordered = |lower: f32, upper: f32| {
            let good = lower.is_finite() && upper.is_finite() && lower < upper;
            if good { Ok(()) } else { fail("lower_hu", format!("{lower}: expected below upper_hu {upper}")) }
        };
        let finite = |field: &str, value: f32| {
            if value.is_finite() { Ok(()) } else { fail(field, format!("{value}: expected a finite number")) }
        };
        match self {
            Self::MinMax {} | Self::EightBit {} => Ok(()),
            Self::Window { center_hu, width_hu } => {
                finite("center_hu", *center_hu)?;
                positive("width_hu", *width_hu)
            }
            Self::ClipZScore { lower_hu, upper_hu, mean_hu, std_hu } => {
                ordered(*lower_hu, *upper_hu)?;
                finite("mean_hu", *mean_hu)?;
                positive("std_hu", *std_hu)
            }
            Self::Histogram { landmarks } => histogram::check(landmarks),
            Self::SliceMinMaxClahe { lower_hu, upper_hu, clip_limit, tiles } => {
                ordered(*lower_hu, *upper_hu)?;
                if !(clip_limit.is_finite() && *clip_limit >= 0.0) {
                    return fail("clip_limit", format!("{clip_limit}: expected 0 or more"));
                }
                if (1..=64).contains(tiles) { Ok(()) } else { fail("tiles", format!("{tiles}: expected 1 to 64")) }
            }
        }
    }

    /// Scales a volume of `shape` (slices, rows, columns), C order.
    ///
    /// # Errors
    /// [`Error::Value`] if a number is out of its range, or there are not as many values as voxels.
    pub fn apply(&self, shape: [usize; 3], hu: &[f32]) -> Result<Vec<f32>> {
        self.check()?;
        let voxels: usize = shape.iter().product();
        if hu.len() != voxels || voxels == 0 {
            return Err(Error::Value { problem: format!("{} values for shape {shape:?}", hu.len()) });
        }
        let each = |scale: &(dyn Fn(f32) -> f32 + Sync)| hu.par_iter().map(|&x| scale(x)).collect();
        Ok(match self {
            Self::MinMax {} => min_max(hu),
            Self::Window { center_hu, width_hu } => {
                let lower = center_hu - 0.5 * width_hu;
                each(&|x| ((x - lower) / width_hu).clamp(0.0, 1.0))
            }
            Self::ClipZScore { lower_hu, upper_hu, mean_hu, std_hu } => {
                each(&|x| (x.clamp(*lower_hu, *upper_hu) - mean_hu) / std_hu)
            }
            Self::Histogram { landmarks } => histogram::apply(landmarks, hu),
            Self::SliceMinMaxClahe { lower_hu, upper_hu, clip_limit, tiles } => {
                let plane = [shape[1], shape[2]];
                let clahe = Clahe { clip_limit: *clip_limit, tiles: *tiles };
                let scale = |slice: &[f32]| {
                    let clipped: Vec<f32> = slice.iter().map(|x| x.clamp(*lower_hu, *upper_hu)).collect();
                    let grey = clahe.apply(plane, &clahe::slice_to_eight_bit(&clipped));
                    grey.into_iter().map(|x| f32::from(x) / 255.0).collect::<Vec<f32>>()
                };
                hu.par_chunks(plane[0] * plane[1]).flat_map_iter(scale).collect()
            }
            Self::EightBit {} => each(&|x| x / 255.0),
        })
    }
}

/// Scales to [0, 1] by the extremes; constant values become 0.
pub(crate) fn min_max(values: &[f32]) -> Vec<f32> {
    let (lowest, highest) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    let range = highest - lowest;
    values.par_iter().map(|&x| if range > 0.0 { (x - lowest) / range } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Intensity, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn simple_scalings_do_what_their_formula_says() {
        let hu = [-1000.0, -600.0, 0.0, 400.0];
        let apply = |intensity: Intensity| intensity.apply([1, 2, 2], &hu).unwrap();
        assert_eq!(apply(Intensity::Window { center_hu: -600.0, width_hu: 1200.0 }), [1.0 / 6.0, 0.5, 1.0, 1.0]);
        let z = Intensity::ClipZScore { lower_hu: -900.0, upper_hu: 100.0, mean_hu: -400.0, std_hu: 250.0 };
        assert_eq!(apply(z), [-2.0, -0.8, 1.6, 2.0]);
        let scaled = apply(Intensity::MinMax {});
        assert_eq!((scaled[0], scaled[3]), (0.0, 1.0));
        assert!((scaled[1] - 2.0 / 7.0).abs() < 1e-6);
        assert_eq!(Intensity::MinMax {}.apply([1, 1, 2], &[5.0, 5.0]).unwrap(), [0.0, 0.0]);
        assert_eq!(Intensity::EightBit {}.apply([1, 1, 2], &[0.0, 255.0]).unwrap(), [0.0, 1.0]);
    }

    #[test]
    fn recipes_are_read_strictly() {
        assert_eq!(read("kind = 'min_max'").unwrap(), Intensity::MinMax {});
        let clahe = read("kind = 'slice_min_max_clahe'\nclip_limit = 7.0\ntiles = 8").unwrap();
        assert_eq!(clahe, Intensity::like_eight_bit_slices());
        assert!(read("kind = 'min_max'\nwidth_hu = 3.0").is_err());
        assert!(read("kind = 'window'\ncenter_hu = 3.0\nwidth_hu = 3.0\nwidht_hu = 3.0").is_err());
        assert!(read("kind = 'magic'").is_err());
        let written = toml::to_string(&clahe).unwrap();
        assert_eq!(read(&written).unwrap(), clahe);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        for (bad, field) in [
            (Intensity::Window { center_hu: 0.0, width_hu: 0.0 }, "width_hu"),
            (Intensity::ClipZScore { lower_hu: 1.0, upper_hu: 0.0, mean_hu: 0.0, std_hu: 1.0 }, "lower_hu"),
            (Intensity::Histogram { landmarks: vec![1.0, 2.0] }, "landmarks"),
            (Intensity::SliceMinMaxClahe { lower_hu: -1.0, upper_hu: 1.0, clip_limit: 7.0, tiles: 0 }, "tiles"),
        ] {
            let error = bad.apply([1, 1, 1], &[0.0]).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
        assert!(Intensity::MinMax {}.apply([1, 1, 3], &[0.0]).is_err());
    }
}
