//! Transforms of training items, done right.
//!
//! The set is that of the paper's library, faimed3d at the time of the paper. Where that code does not do
//! what its names say (brightness and contrast with constant strength, a warp whose sign never changes,
//! "rotations" that are reflections, interpolated labels), this does what the name says.
//!
//! Drawing and applying are apart: [`draw`] makes plain, serialisable parameters, [`apply`] uses them. All
//! spatial transforms of an item are composed and resampled once: intensities trilinearly, labels by the
//! nearest voxel, so that blur does not add up. Intensity transforms follow, in their order.

mod blur;
mod brightness;
mod contrast;
mod flip;
mod noise;
mod perspective;
mod resample;
mod rotate;
mod shear;
mod trapezoid;
mod warp;

use serde::{Deserialize, Serialize};

use crate::batch::Item;
use crate::random::Random;

pub use blur::{Blur, BlurDrawn};
pub use brightness::{Brightness, BrightnessDrawn};
pub use contrast::{Contrast, ContrastDrawn};
pub use flip::{Flip, FlipDrawn};
pub use noise::{Noise, NoiseDrawn};
pub use perspective::{Perspective, PerspectiveDrawn};
pub use rotate::{Rotate, RotateDrawn};
pub use shear::{Shear, ShearDrawn};
pub use trapezoid::{Trapezoid, TrapezoidDrawn};
pub use warp::{Warp, WarpDrawn};

/// One entry of a recipe's `[[augmentation]]`: a transform and how often it acts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Probability that the transform acts on an item.
    pub probability: f64,
    /// What it does, and how strongly.
    pub transform: Transform,
}

macro_rules! transforms {
    ($($(#[$doc:meta])* $name:ident / $drawn:ident),* $(,)?) => {
        /// What an augmentation does, and how strongly.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Transform { $($(#[$doc])* $name($name)),* }

        /// What was drawn for one item.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Drawn { $($(#[$doc])* $name($drawn)),* }

        impl Transform {
            /// Draws the parameters of one application.
            pub fn draw(&self, random: &mut Random) -> Drawn {
                match self { $(Self::$name(strength) => Drawn::$name(strength.draw(random))),* }
            }

            /// What is wrong with the strengths, beginning with the key; nothing if they are sound.
            #[must_use]
            pub fn problem(&self) -> Option<String> {
                match self { $(Self::$name(strength) => strength.problem()),* }
            }
        }
    };
}

transforms! {
    /// Perspective in the axial plane.
    Perspective / PerspectiveDrawn,
    /// Stretches one part of the axial plane and squeezes the other.
    Warp / WarpDrawn,
    /// Shears the axial plane.
    Shear / ShearDrawn,
    /// Widens the axial plane at one end.
    Trapezoid / TrapezoidDrawn,
    /// Reflects axes, and exchanges rows with columns.
    Flip / FlipDrawn,
    /// Rotates, in millimetres.
    Rotate / RotateDrawn,
    /// Adds a constant.
    Brightness / BrightnessDrawn,
    /// Multiplies by a constant.
    Contrast / ContrastDrawn,
    /// Adds normal noise.
    Noise / NoiseDrawn,
    /// Blurs within slices.
    Blur / BlurDrawn,
}

/// Draws for one item: each transform acts or does not.
///
/// The same numbers are taken from `random` whether a transform acts or not, so changing one probability
/// leaves the others' draws as they are.
pub fn draw(list: &[Augmentation], random: &mut Random) -> Vec<Drawn> {
    let mut drawn = Vec::new();
    for entry in list {
        let acts = random.happens(entry.probability);
        let mut own = Random::new(crate::random::Purpose::Augmentation, &[random.bits()]);
        let parameters = entry.transform.draw(&mut own);
        if acts {
            drawn.push(parameters);
        }
    }
    drawn
}

/// Applies what was drawn: all spatial transforms in one resampling, then the others in their order.
#[must_use]
pub fn apply(drawn: &[Drawn], item: Item) -> Item {
    let mut item = resample::apply(drawn, item);
    for parameters in drawn {
        match parameters {
            Drawn::Brightness(parameters) => parameters.apply(&mut item.values),
            Drawn::Contrast(parameters) => parameters.apply(&mut item.values),
            Drawn::Noise(parameters) => parameters.apply(&mut item.values),
            Drawn::Blur(parameters) => parameters.apply(&mut item),
            _ => {}
        }
    }
    item
}

/// The lowest value and the distance to the highest.
fn range(values: &[f32]) -> (f32, f32) {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if values.is_empty() { (0.0, 0.0) } else { (low, high - low) }
}

/// "`transform.<key>` = value, expected …" unless `low <= value <= high`.
fn outside(key: &str, value: f64, low: f64, high: f64) -> Option<String> {
    (!(low..=high).contains(&value)).then(|| format!("transform.{key}` = {value}, expected {low} to {high}"))
}

#[cfg(test)]
mod tests;
