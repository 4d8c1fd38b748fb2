//! From a network to its training step: loss, gradients and updates as further nodes.

use pulmo_kernel::{Conv3d, InputPart};

use crate::graph::{Graph, Kind, Node, Norm, Op, Parameter, ParameterId, Shape, ValueId};
use crate::loss::Loss;

/// What happens to the gradient of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gradients {
    /// The parameter is updated at once and the gradient forgotten.
    Update,
    /// The gradient is kept as a result, listed in [`Graph::gradients`].
    Keep,
}

/// Appends loss, gradients and updates to a network.
///
/// `trains` says which parameters get a gradient; running statistics never do.
///
/// # Panics
/// If the graph has no logits, or is differentiated already.
#[must_use]
pub fn differentiate(network: &Graph, loss: Loss, gradients: Gradients, trains: impl Fn(&Parameter) -> bool) -> Graph {
    let logits = network.logits.expect("a finished network has logits");
    let trains = network.parameters.iter().map(|p| p.is_trained() && trains(p)).collect();
    let of_value = vec![Vec::new(); network.values.len()];
    let mut pass = Backward { graph: network.clone(), trains, of_value, gradients };
    let parts = pass.graph.push_value("loss", Kind::Flat(loss.terms().len()));
    pass.graph.push_node(Op::Loss(loss), vec![logits], vec![parts]);
    let gradient = pass.push_gradient(logits);
    pass.graph.push_node(Op::LossGradient(loss), vec![logits], vec![gradient]);
    pass.of_value[logits.0].push(gradient);
    let needed = pass.values_with_training_behind();
    for node in (0..network.nodes.len()).rev() {
        pass.node(node, &needed);
    }
    pass.graph
}

/// A value that is a run of channels of another.
#[derive(Debug, Clone, Copy)]
struct Source {
    value: ValueId,
    first_channel: usize,
    /// Whether a ReLU comes behind it.
    relu: bool,
}

struct Backward {
    graph: Graph,
    /// Per parameter: whether it gets a gradient.
    trains: Vec<bool>,
    /// Per value of the network: the gradients that reach it, to be added.
    of_value: Vec<Vec<ValueId>>,
    gradients: Gradients,
}

impl Backward {
    /// Which values depend on a parameter that trains; no gradient needs to reach the others.
    fn values_with_training_behind(&self) -> Vec<bool> {
        let mut needed = vec![false; self.of_value.len()];
        for node in &self.graph.nodes {
            let trains = match node.op {
                Op::Convolution { weight, bias, .. } => self.trains(weight) || bias.is_some_and(|b| self.trains(b)),
                Op::BatchNorm(Norm { weight, bias, .. }) => self.trains(weight) || self.trains(bias),
                Op::Loss(_) | Op::LossGradient(_) => break,
                _ => false,
            };
            let needs = trains || node.inputs.iter().any(|input| needed[input.0]);
            node.outputs.iter().for_each(|output| needed[output.0] = needs);
        }
        needed
    }

    fn trains(&self, parameter: ParameterId) -> bool {
        self.trains[parameter.0]
    }

    /// Appends the gradients of one node of the network.
    fn node(&mut self, index: usize, needed: &[bool]) {
        let node = self.graph.nodes[index].clone();
        let Some(&y) = node.outputs.first() else { return };
        let Some(dy) = self.total(y) else { return };
        let x = node.inputs.first().copied();
        let wanted = |x: ValueId| needed[x.0];
        match (node.op, x) {
            (Op::Convolution { geometry, weight, bias }, Some(x)) => {
                // First of all: the weights are updated as soon as their own gradient is known.
                self.convolution_input(x, (geometry, weight), dy, needed);
                if let Some(bias) = bias.filter(|&bias| self.trains(bias)) {
                    self.parameter_gradient(bias, |dw| (Op::BiasGradient, vec![dy], vec![dw]));
                }
                if self.trains(weight) {
                    let op = Op::ConvolutionWeightGradient { geometry };
                    self.parameter_gradient(weight, |dw| (op, vec![x, dy], vec![dw]));
                }
            }
            (Op::BatchNorm(norm), Some(x)) => self.batch_norm(norm, [dy, x, node.outputs[1]]),
            (Op::Relu, Some(x)) if wanted(x) => self.value_gradient(x, Op::ReluGradient, vec![dy, x]),
            (Op::ResizeNearest, Some(x)) if wanted(x) => {
                self.value_gradient(x, Op::ResizeNearestGradient, vec![dy]);
            }
            (Op::Add, _) => {
                for &x in node.inputs.iter().filter(|x| wanted(**x)) {
                    self.of_value[x.0].push(dy);
                }
            }
            (Op::Concat, _) => {
                let mut first = 0;
                for &x in &node.inputs {
                    if wanted(x) {
                        self.value_gradient(x, Op::Slice { first }, vec![dy]);
                    }
                    first += self.graph.shape(x).channels;
                }
            }
            _ => {}
        }
    }

    /// Appends the gradients of what a convolution reads. Where that was put together of several values or resized, those get
    /// theirs one by one and on the grid on which they are stored: no gradient of the whole is ever made.
    fn convolution_input(&mut self, x: ValueId, of: (Conv3d, ParameterId), dy: ValueId, needed: &[bool]) {
        let (geometry, weight) = of;
        let sources = self.sources(x);
        for Source { value, first_channel, relu } in sources.into_iter().filter(|source| needed[source.value.0]) {
            let stored = self.before_resize(value);
            let Shape { channels, size: [depth, height, _], .. } = self.graph.shape(stored);
            let size = [depth, height, geometry.input[2]];
            let part = InputPart { first_channel, channels, size };
            let op = Op::ConvolutionDataGradient { geometry, weight, part };
            let mut gradient = self.push_gradient_of_size(stored, size);
            self.graph.push_node(op, vec![dy], vec![gradient]);
            if size != self.graph.shape(stored).size {
                let narrower = self.push_gradient(stored);
                self.graph.push_node(Op::ResizeNearestGradient, vec![gradient], vec![narrower]);
                gradient = narrower;
            }
            // A second ReLU changes nothing.
            if relu && !self.is_relu(stored) {
                let closed = self.push_gradient(stored);
                self.graph.push_node(Op::ReluGradient, vec![gradient, stored], vec![closed]);
                gradient = closed;
            }
            self.of_value[stored.0].push(gradient);
        }
    }

    /// The values of which one was put together by concatenation, and by ReLU behind it; itself if it was not.
    fn sources(&self, x: ValueId) -> Vec<Source> {
        let itself = vec![Source { value: x, first_channel: 0, relu: false }];
        let Some(node) = self.producer(x) else { return itself };
        match node.op {
            Op::Relu => {
                let behind = self.sources(node.inputs[0]);
                // A ReLU of one value has a gradient of its own, which may join that of a BatchNorm.
                if behind.len() == 1 {
                    itself
                } else {
                    behind.into_iter().map(|s| Source { relu: true, ..s }).collect()
                }
            }
            Op::Concat => {
                let mut first = 0;
                let mut sources = Vec::new();
                for &input in &node.inputs {
                    let moved = |source: Source| Source { first_channel: first + source.first_channel, ..source };
                    sources.extend(self.sources(input).into_iter().map(moved));
                    first += self.graph.shape(input).channels;
                }
                sources
            }
            _ => itself,
        }
    }

    /// What a nearest resize reads, if the value is its result; else the value itself.
    fn before_resize(&self, value: ValueId) -> ValueId {
        let resized = self.producer(value).filter(|node| node.op == Op::ResizeNearest);
        resized.map_or(value, |node| node.inputs[0])
    }

    fn is_relu(&self, value: ValueId) -> bool {
        self.producer(value).is_some_and(|node| node.op == Op::Relu)
    }

    /// The node whose first result a value is.
    fn producer(&self, value: ValueId) -> Option<&Node> {
        self.graph.nodes.iter().find(|node| node.outputs.first() == Some(&value))
    }

    fn batch_norm(&mut self, norm: Norm, [dy, x, coefficients]: [ValueId; 3]) {
        let dx = self.push_gradient(x);
        let [of_weight, of_bias] = [norm.weight, norm.bias].map(|p| self.push_parameter_gradient(p));
        let op = Op::BatchNormGradient { relu: false };
        self.graph.push_node(op, vec![dy, x, coefficients], vec![dx, of_weight, of_bias]);
        self.of_value[x.0].push(dx);
        for (parameter, gradient) in [(norm.weight, of_weight), (norm.bias, of_bias)] {
            if self.trains(parameter) {
                self.use_gradient(parameter, gradient);
            }
        }
    }

    fn value_gradient(&mut self, of: ValueId, op: Op, inputs: Vec<ValueId>) {
        let gradient = self.push_gradient(of);
        self.graph.push_node(op, inputs, vec![gradient]);
        self.of_value[of.0].push(gradient);
    }

    fn parameter_gradient(
        &mut self,
        parameter: ParameterId,
        node: impl FnOnce(ValueId) -> (Op, Vec<ValueId>, Vec<ValueId>),
    ) {
        let gradient = self.push_parameter_gradient(parameter);
        let (op, inputs, outputs) = node(gradient);
        self.graph.push_node(op, inputs, outputs);
        self.use_gradient(parameter, gradient);
    }

    fn use_gradient(&mut self, parameter: ParameterId, gradient: ValueId) {
        match self.gradients {
            Gradients::Update => self.graph.push_node(Op::Update(parameter), vec![gradient], vec![]),
            Gradients::Keep => self.graph.gradients.push((parameter, gradient)),
        }
    }

    /// The sum of all gradients that reach a value, if any does.
    fn total(&mut self, value: ValueId) -> Option<ValueId> {
        let mut parts = std::mem::take(&mut self.of_value[value.0]).into_iter();
        let mut total = parts.next()?;
        for part in parts {
            let sum = self.push_gradient(value);
            self.graph.push_node(Op::Add, vec![total, part], vec![sum]);
            total = sum;
        }
        Some(total)
    }

    fn push_gradient(&mut self, of: ValueId) -> ValueId {
        let value = self.graph.value(of);
        let (name, kind) = (format!("gradient of {}", value.name), value.kind);
        self.graph.push_value(name, kind)
    }

    /// The gradient of a value along depth, height and width of another size.
    fn push_gradient_of_size(&mut self, of: ValueId, size: [usize; 3]) -> ValueId {
        let gradient = self.push_gradient(of);
        let kind = &mut self.graph.values[gradient.0].kind;
        if let Kind::Activation(shape) = kind {
            shape.size = size;
        }
        gradient
    }

    fn push_parameter_gradient(&mut self, of: ParameterId) -> ValueId {
        let parameter = &self.graph.parameters[of.0];
        let (name, len) = (format!("gradient of {}", parameter.name), parameter.len());
        self.graph.push_value(name, Kind::Flat(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Network;

    #[test]
    fn what_was_joined_gets_its_gradients_part_by_part_and_only_where_they_are_wanted() {
        let shape = Shape { batch: 1, channels: 3, size: [8, 32, 32] };
        let network = Network::paper().graph(shape).unwrap();
        let graph = differentiate(&network, Loss::DiceCrossEntropy, Gradients::Update, |_| true);
        let parts_of = |channels: [usize; 2]| -> Vec<InputPart> {
            let part = |node: &Node| match node.op {
                Op::ConvolutionDataGradient { geometry, part, .. }
                    if [geometry.in_channels, geometry.out_channels] == channels =>
                {
                    Some(part)
                }
                _ => None,
            };
            graph.nodes.iter().filter_map(part).collect()
        };
        // 128 channels that were resized along all axes, joined with the raw input, of which nobody asks for a gradient; the
        // other one of the block reads all of them as they are.
        let resized = InputPart { first_channel: 0, channels: 128, size: [10, 18, 32] };
        let whole = InputPart { first_channel: 0, channels: 131, size: [8, 32, 32] };
        assert_eq!(parts_of([131, 131]), [whole, resized]);
        // Both parts of a decoder's input.
        let skip = InputPart { first_channel: 192, channels: 64, size: [8, 16, 16] };
        let up = InputPart { first_channel: 0, channels: 192, size: [6, 10, 16] };
        assert_eq!(parts_of([256, 128]), [up, skip]);
    }
}
