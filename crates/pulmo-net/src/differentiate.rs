//! From a network to its training step: loss, gradients and updates as further nodes.

use crate::graph::{Graph, Kind, Norm, Op, Parameter, ParameterId, ValueId};
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
                if wanted(x) {
                    self.value_gradient(x, Op::ConvolutionDataGradient { geometry, weight }, vec![dy]);
                }
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

    fn push_parameter_gradient(&mut self, of: ParameterId) -> ValueId {
        let parameter = &self.graph.parameters[of.0];
        let (name, len) = (format!("gradient of {}", parameter.name), parameter.len());
        self.graph.push_value(name, Kind::Flat(len))
    }
}
