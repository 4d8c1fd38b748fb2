//! How much memory a training takes, and how it keeps to a limit.

use pulmo_net::forecast::forecast;
use pulmo_net::{Error as NetError, Forecast, Precision, Purpose, Shape};

use crate::error::Result;
use crate::memory::PROGRAM_BYTES;
use crate::recipe::Recipe;

/// What a training may take and will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The phase or validation that takes most.
    pub network: Forecast,
    /// What the network is held to; `None` without a limit.
    pub max_network_bytes: Option<u64>,
    /// Bytes for prepared cases.
    pub cache_bytes: usize,
}

impl Memory {
    /// Shares `max_bytes` out: the network first, then prepared cases, of which at most `cache_bytes`.
    ///
    /// A network that does not fit computes some activations twice; prepared cases are not kept then. The reading of a
    /// case comes on top, as long as it lasts.
    ///
    /// # Errors
    /// [`Error::Net`](crate::Error::Net) if the network cannot be built or does not fit; the latter names the smallest
    /// figure that would do.
    pub fn plan(recipe: &Recipe, max_bytes: Option<u64>, cache_bytes: usize) -> Result<Self> {
        let free = most(recipe, None)?;
        let Some(max_bytes) = max_bytes else {
            return Ok(Self { network: free, max_network_bytes: None, cache_bytes });
        };
        let room = max_bytes.saturating_sub(PROGRAM_BYTES);
        let network = if free.peak_bytes <= room {
            free
        } else {
            most(recipe, Some(room)).map_err(|error| with_program(error, max_bytes))?
        };
        let left = usize::try_from(room - network.peak_bytes).unwrap_or(usize::MAX);
        let cache_bytes = if network.recomputed > 0 { 0 } else { cache_bytes.min(left) };
        Ok(Self { network, max_network_bytes: Some(room - cache_bytes as u64), cache_bytes })
    }

    /// Everything that is known before the run: network, prepared cases and the program itself.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.network.peak_bytes + self.cache_bytes as u64 + PROGRAM_BYTES
    }
}

/// Settings of the recipe that would fit, as `key=value`: a smaller batch first, then bfloat16, then fewer rows and columns.
///
/// Empty if nothing does that is still worth training.
#[must_use]
pub fn settings_that_fit(recipe: &Recipe, max_bytes: u64) -> Vec<String> {
    let fits = |recipe: &Recipe| Memory::plan(recipe, Some(max_bytes), 0).is_ok();
    for batch_size in (1..recipe.training.batch_size).rev() {
        let mut smaller = recipe.clone();
        smaller.training.batch_size = batch_size;
        if fits(&smaller) {
            return vec![format!("training.batch_size={batch_size}")];
        }
    }
    if recipe.training.precision == Precision::Float32 {
        let mut narrower = recipe.clone();
        narrower.training.precision = Precision::Bfloat16;
        if fits(&narrower) {
            return vec!["training.precision=bfloat16".to_owned()];
        }
    }
    let [slices, rows, columns] = recipe.input.grid.size();
    for sixteenths in (4..16).rev() {
        let size = [slices, rows * sixteenths / 16 / 16 * 16, columns * sixteenths / 16 / 16 * 16];
        let mut smaller = recipe.clone();
        smaller.training.batch_size = 1;
        smaller.input.grid.set_size(size);
        if size[1].min(size[2]) >= 32 && fits(&smaller) {
            return vec![format!("input.grid.size={size:?}"), "training.batch_size=1".to_owned()];
        }
    }
    Vec::new()
}

/// The run of a training that takes most.
fn most(recipe: &Recipe, max_bytes: Option<u64>) -> Result<Forecast> {
    let shape = |batch| Shape { batch, channels: recipe.network.input_channels, size: recipe.input.grid.size() };
    let of = |shape, purpose| forecast(&recipe.network, shape, purpose, recipe.training.precision, max_bytes);
    let mut most = of(shape(1), Purpose::Inference)?;
    for phase in &recipe.training.phase {
        let purpose = Purpose::Training { loss: recipe.training.loss, frozen: phase.freeze_encoder };
        let other = of(shape(recipe.training.batch_size), purpose)?;
        if (other.recomputed, other.peak_bytes) > (most.recomputed, most.peak_bytes) {
            most = other;
        }
    }
    Ok(most)
}

/// The user's limit is one of the whole program.
fn with_program(error: crate::Error, max_bytes: u64) -> crate::Error {
    match error {
        crate::Error::Net(NetError::Memory { needed_bytes, .. }) => {
            crate::Error::Net(NetError::Memory { needed_bytes: needed_bytes + PROGRAM_BYTES, max_bytes })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_fits_into_four_gibibytes() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/paper.toml"));
        let mut recipe = Recipe::parse(text, "paper.toml", &[]).unwrap();
        recipe.training.batch_size = 1;
        let free = Memory::plan(&recipe, None, 1 << 30).unwrap();
        assert_eq!((free.network.recomputed, free.max_network_bytes), (0, None));
        let limited = Memory::plan(&recipe, Some(4 << 30), 1 << 30).unwrap();
        assert!(limited.network.recomputed > 0 && limited.peak_bytes() <= 4 << 30, "{limited:?}");
        assert_eq!(limited.cache_bytes, 0, "no room for prepared cases");
        let roomy = Memory::plan(&recipe, Some(8 << 30), 4 << 30).unwrap();
        assert!(roomy.network == free.network && roomy.cache_bytes > 0 && roomy.peak_bytes() == 8 << 30, "{roomy:?}");
        let error = Memory::plan(&recipe, Some(3 << 30), 0).unwrap_err();
        let crate::Error::Net(NetError::Memory { needed_bytes, .. }) = error else { panic!("{error}") };
        assert!(Memory::plan(&recipe, Some(needed_bytes), 0).is_ok(), "what the error names would do");
        assert_eq!(settings_that_fit(&recipe, 3 << 30), ["training.precision=bfloat16"]);
        recipe.training.precision = Precision::Bfloat16;
        let narrow = Memory::plan(&recipe, None, 0).unwrap();
        assert!(narrow.peak_bytes() < 4 << 30 && narrow.network.recomputed == 0, "{narrow:?}");
        let settings = settings_that_fit(&recipe, 2 << 30);
        assert!(settings[0].starts_with("input.grid.size=[20, 1"), "{settings:?}");
        recipe.training.batch_size = 3;
        assert_eq!(settings_that_fit(&recipe, 4 << 30), ["training.batch_size=2"], "some activations computed twice");
        assert!(settings_that_fit(&recipe, 1 << 28).is_empty());
    }
}
