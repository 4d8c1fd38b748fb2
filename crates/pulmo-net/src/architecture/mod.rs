//! Networks by name: one file each, listed in [`ALL`].

pub mod fcn;
pub mod paper;
pub mod r3d18;
pub mod unet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::{Graph, Shape};
use crate::initialise;
use crate::tensor::Weights;

/// A way to build a network.
pub trait Architecture: Sync + std::fmt::Debug {
    /// Name in recipes and model files.
    fn name(&self) -> &'static str;
    /// One line for lists.
    fn summary(&self) -> &'static str;
    /// A window along (depth, height, width) should be a multiple of this; any size works all the same.
    fn size_multiple(&self, network: &Network) -> [usize; 3];
    /// Builds the network for one input shape.
    ///
    /// # Errors
    /// [`Error::Network`] if the description cannot be built.
    fn graph(&self, network: &Network, shape: Shape) -> Result<Graph>;
}

/// All architectures. To add one: a new file, and its line here.
pub const ALL: &[&dyn Architecture] = &[&paper::Paper, &fcn::Fcn, &unet::UNet];

/// The description of a network, as recipes and model files hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Name of an architecture in [`ALL`].
    pub architecture: String,
    /// Channels of the input; a CT is repeated on all of them.
    pub input_channels: usize,
    /// Classes, background included.
    pub classes: usize,
    /// Channels per level, fine to coarse; only for architectures of free width.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<usize>,
}

impl Network {
    /// The paper's network: three identical input channels, background and infiltrate.
    #[must_use]
    pub fn paper() -> Self {
        Self { architecture: "paper".into(), input_channels: 3, classes: 2, widths: Vec::new() }
    }

    /// Builds the graph for one input shape.
    ///
    /// # Errors
    /// [`Error::Network`] if the architecture is unknown or the shape cannot be its input.
    pub fn graph(&self, shape: Shape) -> Result<Graph> {
        let problem = if self.classes < 2 {
            format!("{} classes; expected background and at least one label", self.classes)
        } else if self.input_channels == 0 || shape.channels != self.input_channels {
            format!("input with {} channels; expected {}", shape.channels, self.input_channels)
        } else if shape.is_empty() {
            format!("input of shape {shape} holds no voxels")
        } else {
            return self.architecture()?.graph(self, shape);
        };
        Err(Error::Network { problem })
    }

    /// Weights before any training: the same for the same seed.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn initial_weights(&self, seed: u64) -> Result<Weights> {
        Ok(initialise::weights(&self.smallest_graph()?.parameters, seed))
    }

    /// Names and shapes of all tensors, running statistics included, in PyTorch's order of axes.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn parameter_shapes(&self) -> Result<Vec<(String, Vec<usize>)>> {
        Ok(self.smallest_graph()?.parameters.into_iter().map(|p| (p.name, p.shape)).collect())
    }

    /// A window should be a multiple of this along (depth, height, width); any size works all the same.
    ///
    /// # Errors
    /// [`Error::Network`] if the architecture is unknown.
    pub fn size_multiple(&self) -> Result<[usize; 3]> {
        Ok(self.architecture()?.size_multiple(self))
    }

    /// The graph of one small volume: tensors do not depend on the input's size.
    pub(crate) fn smallest_graph(&self) -> Result<Graph> {
        self.graph(Shape { batch: 1, channels: self.input_channels, size: [8, 32, 32] })
    }

    fn architecture(&self) -> Result<&'static dyn Architecture> {
        ALL.iter().copied().find(|a| a.name() == self.architecture).ok_or_else(|| {
            let known: Vec<_> = ALL.iter().map(|a| a.name()).collect();
            Error::Network { problem: format!("no architecture `{}`; known: {}", self.architecture, known.join(", ")) }
        })
    }
}
