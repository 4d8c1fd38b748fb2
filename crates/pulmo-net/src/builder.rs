//! The words in which an architecture is written down.

use pulmo_kernel::Conv3d;

use crate::graph::{Graph, Kind, Norm, Op, Parameter, ParameterId, Role, Shape, Start, ValueId};

/// ε of every BatchNorm: PyTorch's default.
pub const BATCH_NORM_EPSILON: f64 = 1e-5;
/// Share of the new statistics in the running ones: PyTorch's default.
pub const BATCH_NORM_MOMENTUM: f64 = 0.1;

/// A convolution to append.
#[derive(Debug, Clone, Copy)]
pub struct Convolution {
    /// Channels that come out.
    pub out: usize,
    /// Taps along depth, height, width.
    pub kernel: [usize; 3],
    /// Steps along depth, height, width.
    pub stride: [usize; 3],
    /// Zeros at each side along depth, height, width.
    pub padding: [usize; 3],
    /// Whether it has a bias.
    pub bias: bool,
    /// Whether it is a transposed convolution of stride 1 without padding, which grows by kernel − 1.
    pub transposed: bool,
    /// How the weights start.
    pub start: ConvolutionStart,
}

/// How the weights of a convolution start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConvolutionStart {
    /// Normal, variance 2 / (in · taps).
    KaimingNormalIn,
    /// Normal, variance 2 / (out · taps): torchvision's video ResNets.
    KaimingNormalOut,
    /// Uniform, variance 2 / fan, the fan being (second axis of the file's shape) · taps.
    KaimingUniform,
    /// Uniform within 1 / √fan: PyTorch's default for convolutions.
    TorchDefault,
}

impl Convolution {
    /// A convolution of odd kernel `k` that keeps the size, without bias.
    #[must_use]
    pub fn same(out: usize, k: usize) -> Self {
        Self {
            out,
            kernel: [k; 3],
            stride: [1; 3],
            padding: [k / 2; 3],
            bias: false,
            transposed: false,
            start: ConvolutionStart::KaimingNormalIn,
        }
    }

    /// A transposed 3x3x3 convolution of stride 1 without padding: each size grows by 2.
    #[must_use]
    pub fn transposed(out: usize) -> Self {
        Self { padding: [2; 3], transposed: true, start: ConvolutionStart::KaimingUniform, ..Self::same(out, 3) }
    }

    /// With another stride.
    #[must_use]
    pub fn stride(self, stride: [usize; 3]) -> Self {
        Self { stride, ..self }
    }

    /// With another start.
    #[must_use]
    pub fn start(self, start: ConvolutionStart) -> Self {
        Self { start, ..self }
    }
}

/// Builds a [`Graph`] by appending layers.
#[derive(Debug, Default)]
pub struct Builder {
    graph: Graph,
}

impl Builder {
    /// Starts a network; returns its input.
    #[must_use]
    pub fn new(shape: Shape) -> (Self, ValueId) {
        let mut builder = Self::default();
        let input = builder.append("input", Op::Input, &[], shape);
        (builder, input)
    }

    /// Ends the network with its result.
    #[must_use]
    pub fn finish(mut self, logits: ValueId) -> Graph {
        self.name(logits, "logits");
        self.graph.logits = Some(logits);
        self.graph
    }

    /// The shape of a value.
    #[must_use]
    pub fn shape(&self, value: ValueId) -> Shape {
        self.graph.shape(value)
    }

    /// Gives a value the name under which tables and oracles know it.
    pub fn name(&mut self, value: ValueId, name: &str) -> ValueId {
        name.clone_into(&mut self.graph.values[value.0].name);
        value
    }

    /// A convolution; its weights are `NAME.weight`.
    pub fn convolution(&mut self, name: &str, x: ValueId, convolution: Convolution) -> ValueId {
        let Convolution { out, kernel, stride, padding, bias, transposed, start } = convolution;
        let input = self.shape(x);
        let geometry = Conv3d {
            batch: input.batch,
            input: input.size,
            in_channels: input.channels,
            out_channels: out,
            kernel,
            stride,
            padding,
        };
        let taps: usize = kernel.iter().product();
        let (first, second) = if transposed { (input.channels, out) } else { (out, input.channels) };
        let fan = (second * taps) as f64;
        let start = match start {
            ConvolutionStart::KaimingNormalIn => Start::Normal((2.0 / fan).sqrt()),
            ConvolutionStart::KaimingNormalOut => Start::Normal((2.0 / (first * taps) as f64).sqrt()),
            ConvolutionStart::KaimingUniform => Start::Uniform((6.0 / fan).sqrt()),
            ConvolutionStart::TorchDefault => Start::Uniform(1.0 / fan.sqrt()),
        };
        let shape = [&[first, second], kernel.as_slice()].concat();
        let weight = self.parameter(format!("{name}.weight"), shape, Role::Convolution { transposed }, start);
        // fastai starts the one bias of the paper's network from a narrow normal distribution.
        let bias = bias.then(|| self.parameter(format!("{name}.bias"), vec![out], Role::Bias, Start::Normal(0.01)));
        let shape = Shape { batch: input.batch, channels: out, size: geometry.output() };
        self.append(name, Op::Convolution { geometry, weight, bias }, &[x], shape)
    }

    /// A BatchNorm whose scale starts at `weight` and whose shift starts at `bias`.
    pub fn batch_norm(&mut self, name: &str, x: ValueId, weight: f32, bias: f32) -> ValueId {
        let shape = self.shape(x);
        let mut parameter = |suffix: &str, role, start| {
            self.parameter(format!("{name}.{suffix}"), vec![shape.channels], role, Start::Constant(start))
        };
        let norm = Norm {
            weight: parameter("weight", Role::NormWeight, weight),
            bias: parameter("bias", Role::NormBias, bias),
            mean: parameter("running_mean", Role::RunningMean, 0.0),
            variance: parameter("running_var", Role::RunningVariance, 1.0),
        };
        let y = self.graph.push_value(name, Kind::Activation(shape));
        let coefficients = self.graph.push_value(format!("{name}.coefficients"), Kind::Flat(4 * shape.channels));
        self.graph.push_node(Op::BatchNorm(norm), vec![x], vec![y, coefficients]);
        y
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: ValueId) -> ValueId {
        let name = format!("{}.relu", self.graph.value(x).name);
        self.append(&name, Op::Relu, &[x], self.shape(x))
    }

    /// The sum of two values of one shape.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> ValueId {
        assert_eq!(self.shape(a), self.shape(b), "`{name}` adds equal shapes");
        self.append(name, Op::Add, &[a, b], self.shape(a))
    }

    /// Channels of several values of one size behind each other.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn concat(&mut self, name: &str, values: &[ValueId]) -> ValueId {
        let first = self.shape(values[0]);
        let channels = values.iter().map(|&v| self.shape(v).channels).sum();
        for &value in values {
            assert_eq!(self.shape(value).size, first.size, "`{name}` joins equal sizes");
        }
        self.append(name, Op::Concat, values, Shape { channels, ..first })
    }

    /// Nearest-neighbour resize; the value itself where the size is right already.
    pub fn resize_nearest(&mut self, name: &str, x: ValueId, size: [usize; 3]) -> ValueId {
        let shape = self.shape(x);
        if shape.size == size { x } else { self.append(name, Op::ResizeNearest, &[x], Shape { size, ..shape }) }
    }

    fn append(&mut self, name: &str, op: Op, inputs: &[ValueId], shape: Shape) -> ValueId {
        let output = self.graph.push_value(name, Kind::Activation(shape));
        self.graph.push_node(op, inputs.to_vec(), vec![output]);
        output
    }

    fn parameter(&mut self, name: String, shape: Vec<usize>, role: Role, start: Start) -> ParameterId {
        self.graph.parameters.push(Parameter { name, shape, role, start });
        ParameterId(self.graph.parameters.len() - 1)
    }
}
