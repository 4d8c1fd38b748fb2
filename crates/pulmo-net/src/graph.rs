//! The network as data: values, nodes and parameters, with static shapes.
//!
//! A [`Graph`] is a list of nodes in an order in which they can run. Architectures build it
//! ([`builder`](crate::builder)), [`differentiate`](crate::differentiate) appends the training step to it,
//! [`plan`](crate::plan) decides what is stored, and the executor runs the plan.

use pulmo_kernel::{Conv3d, InputPart};

use crate::loss::Loss;

/// Shape of an activation: batch, channels and (depth, height, width). In memory channels come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of volumes.
    pub batch: usize,
    /// Number of channels.
    pub channels: usize,
    /// Depth, height, width in voxels.
    pub size: [usize; 3],
}

impl Shape {
    /// Voxels of the whole batch.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.batch * self.size.iter().product::<usize>()
    }

    /// Values of the whole batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.voxels() * self.channels
    }

    /// Whether there are no values at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [depth, height, width] = self.size;
        write!(f, "{}x{}x{depth}x{height}x{width}", self.batch, self.channels)
    }
}

/// Number of a value in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// Number of a parameter in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterId(pub usize);

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channels-last volume.
    Activation(Shape),
    /// A run of numbers: coefficients of a BatchNorm, the gradient of a parameter.
    Flat(usize),
}

impl Kind {
    /// Number of values.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Activation(shape) => shape.len(),
            Self::Flat(len) => len,
        }
    }

    /// Whether there are no values at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A result of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// A readable name, such as `encoder.layer1`; gradients carry the name of what they belong to.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Which role a parameter plays: this decides its start, its weight decay and its layout in files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// Weights of a convolution.
    Convolution {
        /// Whether files hold them as those of a transposed convolution: (in, out, …), taps reversed.
        transposed: bool,
    },
    /// Bias of a convolution.
    Bias,
    /// Scale of a BatchNorm.
    NormWeight,
    /// Shift of a BatchNorm.
    NormBias,
    /// Running mean of a BatchNorm: not trained by gradients.
    RunningMean,
    /// Running unbiased variance of a BatchNorm: not trained by gradients.
    RunningVariance,
}

/// How a parameter starts before training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// One value everywhere.
    Constant(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform in plus and minus this bound.
    Uniform(f64),
}

/// A tensor that belongs to the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Readable name, `encoder.` first if it belongs to the encoder.
    pub name: String,
    /// Shape in files: PyTorch's order.
    pub shape: Vec<usize>,
    /// Its role.
    pub role: Role,
    /// Its first value.
    pub start: Start,
}

impl Parameter {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no values at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether gradients train it; running statistics are not.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        !matches!(self.role, Role::RunningMean | Role::RunningVariance)
    }

    /// Whether weight decay applies: not to biases nor to BatchNorm, as in fastai.
    #[must_use]
    pub fn decays(&self) -> bool {
        matches!(self.role, Role::Convolution { .. })
    }

    /// Whether it belongs to the pretrained encoder.
    #[must_use]
    pub fn is_encoder(&self) -> bool {
        self.name.starts_with("encoder.")
    }
}

/// The four tensors of a BatchNorm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norm {
    /// Scale.
    pub weight: ParameterId,
    /// Shift.
    pub bias: ParameterId,
    /// Running mean.
    pub mean: ParameterId,
    /// Running variance.
    pub variance: ParameterId,
}

/// What a node does. Inputs and results are listed as `[inputs] → [results]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// The network's input: `[] → [x]`.
    Input,
    /// 3D convolution: `[x] → [y]`.
    Convolution {
        /// Sizes.
        geometry: Conv3d,
        /// Weights.
        weight: ParameterId,
        /// Bias, if it has one.
        bias: Option<ParameterId>,
    },
    /// BatchNorm: `[x] → [y, coefficients]`; see [`pulmo_kernel::normalise::Coefficients`].
    BatchNorm(Norm),
    /// The result of a BatchNorm made again from the coefficients that it has found: `[x, coefficients] → [y]`.
    Normalise,
    /// `max(x, 0)`: `[x] → [y]`.
    Relu,
    /// Sum: `[a, b] → [y]`.
    Add,
    /// Concatenation of channels: `[a, b, …] → [y]`.
    Concat,
    /// Nearest-neighbour resize to the result's size: `[x] → [y]`.
    ResizeNearest,
    /// A loss against the target: `[logits] → [parts]`.
    Loss(Loss),
    /// `[logits] → [gradient]`.
    LossGradient(Loss),
    /// `[gradient of y] → [gradient of a part of x]`.
    ConvolutionDataGradient {
        /// Sizes of the forward convolution.
        geometry: Conv3d,
        /// Weights.
        weight: ParameterId,
        /// Which part.
        part: InputPart,
    },
    /// `[x, gradient of y] → [gradient of the weights]`.
    ConvolutionWeightGradient {
        /// Sizes of the forward convolution.
        geometry: Conv3d,
    },
    /// `[gradient of y] → [gradient of the bias]`.
    BiasGradient,
    /// `[gradient of y, x, coefficients] → [gradient of x, of the weight, of the bias]`.
    BatchNormGradient {
        /// Whether the gradient is that of a ReLU behind the BatchNorm.
        relu: bool,
    },
    /// `[gradient of y, x] → [gradient of x]`.
    ReluGradient,
    /// Some channels of a gradient: `[x] → [y]`.
    Slice {
        /// First channel.
        first: usize,
    },
    /// `[gradient of y] → [gradient of x]`.
    ResizeNearestGradient,
    /// Updates a parameter: `[gradient] → []`.
    Update(ParameterId),
}

/// One step of the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub outputs: Vec<ValueId>,
}

/// A network, or a network with its training step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// All results.
    pub values: Vec<Value>,
    /// All steps, in an order in which they can run.
    pub nodes: Vec<Node>,
    /// All tensors of the network.
    pub parameters: Vec<Parameter>,
    /// The network's result.
    pub logits: Option<ValueId>,
    /// Gradients of parameters, where a training step keeps them instead of updating.
    pub gradients: Vec<(ParameterId, ValueId)>,
}

impl Graph {
    /// A value.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The shape of a value that is an activation.
    ///
    /// # Panics
    /// If it is not one: a fault in the graph's construction.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> Shape {
        match self.values[id.0].kind {
            Kind::Activation(shape) => shape,
            Kind::Flat(_) => panic!("`{}` is no activation", self.values[id.0].name),
        }
    }

    /// Appends a value.
    pub fn push_value(&mut self, name: impl Into<String>, kind: Kind) -> ValueId {
        self.values.push(Value { name: name.into(), kind });
        ValueId(self.values.len() - 1)
    }

    /// Appends a node.
    pub fn push_node(&mut self, op: Op, inputs: Vec<ValueId>, outputs: Vec<ValueId>) {
        self.nodes.push(Node { op, inputs, outputs });
    }

    /// The value of that name.
    #[must_use]
    pub fn find_value(&self, name: &str) -> Option<ValueId> {
        self.values.iter().position(|value| value.name == name).map(ValueId)
    }

    /// Number of trained values, running statistics left out.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().filter(|p| p.is_trained()).map(Parameter::len).sum()
    }
}
