//! Runs the steps of a plan on the CPU: nothing is decided here.

use pulmo_kernel::adam::{AdamStep, adam_update, sum_of_squares};
use pulmo_kernel::normalise::{Coefficients, batch_norm_gradient_assign, channel_statistics, channel_sums};
use pulmo_kernel::pointwise::{add_assign, relu_gradient_assign, resize_nearest_gradient};
use pulmo_kernel::view::{Segment, View};
use pulmo_kernel::{Convolve, Element, KeptWeights, Kernels, Scalar};
use rayon::prelude::*;

use crate::builder::{BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM};
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, Node, Norm, Op, ParameterId, Shape, ValueId};
use crate::loss::Field;
use crate::optimiser::UpdateRule;
use crate::parameters::Parameters;
use crate::plan::views::{SegmentSpec, Storage, ViewSpec};
use crate::plan::{Action, Mode, Plan, Step};

/// One run of a plan, whose activations are held as `E`.
///
/// Slots are memory of scalars: what is no activation lies in them as it is, activations as elements.
pub(crate) struct Executor<'a, E: Element> {
    pub(crate) plan: &'a Plan,
    pub(crate) slots: &'a mut [Vec<E::Scalar>],
    pub(crate) parameters: &'a mut Parameters<E::Scalar>,
    /// Packed weights by the number of the parameter; empty where none are kept.
    pub(crate) kept: &'a [Option<KeptWeights>],
    pub(crate) kernels: Kernels,
    pub(crate) input: &'a [E::Scalar],
    /// What a training step is measured against; empty in inference.
    pub(crate) target: &'a [u8],
    pub(crate) rule: Option<UpdateRule>,
    pub(crate) found: Found,
}

/// What a run finds out beside the values that it stores.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The parts of the loss; empty in inference.
    pub(crate) loss: Vec<f64>,
    /// Sum of the squares of all gradients that updated something.
    pub(crate) gradient_squares: f64,
}

impl<E: Convolve> Executor<'_, E> {
    /// Runs all steps.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss or a gradient is NaN or infinite.
    pub(crate) fn run(&mut self) -> Result<()> {
        let plan = self.plan;
        for step in &plan.steps {
            step.release.iter().for_each(|&slot| self.slots[slot] = Vec::new());
            step.allocate.iter().for_each(|&slot| self.slots[slot] = vec![E::Scalar::ZERO; plan.slots[slot]]);
            match &step.action {
                Action::Node(node) => self.node(&plan.graph.nodes[*node], step)?,
                Action::Materialise { value, view } => {
                    let mut out = self.take(*value);
                    self.view_of(*value, view).materialise(self.elements_mut(*value, &mut out));
                    self.put(*value, out);
                }
            }
        }
        Ok(())
    }

    /// A stored activation.
    fn stored(&self, value: ValueId) -> &[E] {
        &E::in_memory_of(&self.slots[self.slot(value)])[..self.len(value)]
    }

    /// A stored run of numbers that is no activation.
    fn flat(&self, value: ValueId) -> &[E::Scalar] {
        &self.slots[self.slot(value)][..self.len(value)]
    }

    /// The memory of an activation, to write.
    fn elements_mut<'b>(&self, value: ValueId, buffer: &'b mut [E::Scalar]) -> &'b mut [E] {
        &mut E::in_memory_of_mut(buffer)[..self.len(value)]
    }

    fn node(&mut self, node: &Node, step: &Step) -> Result<()> {
        match node.op {
            Op::BatchNorm(norm) => {
                self.batch_norm(norm, node.inputs[0], node.outputs[1]);
                return Ok(());
            }
            Op::Loss(_) => return self.loss(node, step),
            Op::Update(parameter) => return self.update(parameter, node.inputs[0]),
            _ => {}
        }
        let scratch = self.fill_scratch(node, step);
        let Some(&output) = node.outputs.first() else { return Ok(()) };
        let mut buffer = self.take(output);
        let mut further = Vec::new();
        match node.op {
            Op::ConvolutionWeightGradient { geometry } => {
                let (x, dy) = (self.view(node.inputs[0]), self.tensor(node, &scratch, 1));
                E::conv_weight_gradient_through(&geometry, &x, dy, &mut buffer[..self.len(output)], self.kernels);
            }
            Op::BiasGradient => {
                from_f64(&channel_sums(&self.view(node.inputs[0])), &mut buffer[..self.len(output)]);
            }
            _ => further = self.activation(node, &scratch, step.in_place, self.elements_mut(output, &mut buffer)),
        }
        self.put(output, buffer);
        for (&value, values) in node.outputs[1..].iter().zip(&further) {
            let mut buffer = self.take(value);
            from_f64(values, &mut buffer[..self.len(value)]);
            self.put(value, buffer);
        }
        self.return_scratch(step, scratch);
        Ok(())
    }

    /// Operations whose first result is an activation; returns the further results.
    fn activation(
        &self,
        node: &Node,
        scratch: &[Option<Vec<E::Scalar>>],
        taken_over: Option<usize>,
        out: &mut [E],
    ) -> Vec<Vec<f64>> {
        match node.op {
            Op::Input => {
                assert_eq!(self.input.len(), out.len(), "values of the input");
                out.par_iter_mut().zip(self.input).for_each(|(out, &x)| *out = E::narrow(x));
            }
            Op::Convolution { geometry, weight, bias } => {
                let bias = bias.map(|bias| self.parameters.of(bias));
                let (x, w) = (self.view(node.inputs[0]), self.parameters.of(weight));
                let kept = self.kept.get(weight.0).and_then(Option::as_ref);
                E::conv_forward_with(&geometry, &x, (w, kept), bias, out, self.kernels);
            }
            Op::ConvolutionDataGradient { geometry, weight, part } => {
                let dy = self.tensor(node, scratch, 0);
                E::conv_data_gradient_onto(&geometry, &part, dy, self.parameters.of(weight), out, self.kernels);
            }
            Op::LossGradient(_) => self.loss_gradient(node, self.tensor(node, scratch, 0), out),
            Op::ResizeNearestGradient => {
                let size = self.graph().shape(node.outputs[0]).size;
                resize_nearest_gradient(&self.view(node.inputs[0]), size, out);
            }
            Op::Add | Op::ReluGradient | Op::BatchNormGradient { .. } => return self.in_place(node, taken_over, out),
            _ => unreachable!("pending operations are no steps"),
        }
        Vec::new()
    }

    /// Operations that change their first operand; where its memory was not taken over it is copied first.
    fn in_place(&self, node: &Node, taken_over: Option<usize>, out: &mut [E]) -> Vec<Vec<f64>> {
        if taken_over.is_none() {
            self.view(node.inputs[0]).materialise(out);
        }
        match node.op {
            Op::Add => {
                let other = if taken_over == Some(1) { 0 } else { 1 };
                add_assign(out, &self.view(node.inputs[other]));
                Vec::new()
            }
            Op::ReluGradient => {
                relu_gradient_assign(out, &self.view(node.inputs[1]));
                Vec::new()
            }
            Op::BatchNormGradient { relu } => {
                let coefficients = Coefficients::of(self.flat(node.inputs[2]));
                let x = self.view(node.inputs[1]);
                let (of_weight, of_bias) = batch_norm_gradient_assign(out, &x, coefficients, relu);
                vec![of_weight, of_bias]
            }
            _ => unreachable!("no operation in place"),
        }
    }

    fn batch_norm(&mut self, norm: Norm, x: ValueId, coefficients: ValueId) {
        let (mean, variance) = match self.plan.mode {
            Mode::Training => {
                let (mean, variance) = channel_statistics(&self.view(x));
                self.move_running(norm, &mean, &variance, self.graph().shape(x).voxels());
                (mean, variance)
            }
            Mode::Inference => {
                let of = |id| self.parameters.of(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
                (of(norm.mean), of(norm.variance))
            }
        };
        let channels = mean.len();
        let mut buffer = self.take(coefficients);
        for c in 0..channels {
            let inverse = 1.0 / (variance[c] + BATCH_NORM_EPSILON).sqrt();
            let scale = inverse * self.parameters.of(norm.weight)[c].to_f64();
            let shift = self.parameters.of(norm.bias)[c].to_f64() - mean[c] * scale;
            for (run, value) in [mean[c], inverse, scale, shift].into_iter().enumerate() {
                buffer[run * channels + c] = E::Scalar::from_f64(value);
            }
        }
        self.put(coefficients, buffer);
    }

    /// Moves the running statistics towards those of the batch; the variance is the unbiased one, as in PyTorch.
    fn move_running(&mut self, norm: Norm, mean: &[f64], variance: &[f64], count: usize) {
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        for (id, values, factor) in [(norm.mean, mean, 1.0), (norm.variance, variance, unbiased)] {
            for (running, value) in self.parameters.values[id.0].iter_mut().zip(values) {
                let moved = (1.0 - BATCH_NORM_MOMENTUM) * running.to_f64() + BATCH_NORM_MOMENTUM * value * factor;
                *running = E::Scalar::from_f64(moved);
            }
        }
    }

    fn loss(&mut self, node: &Node, step: &Step) -> Result<()> {
        let Op::Loss(loss) = node.op else { return Ok(()) };
        let scratch = self.fill_scratch(node, step);
        let parts: Vec<f64> = {
            let Shape { batch, channels, .. } = self.graph().shape(node.inputs[0]);
            let field = Field::new(self.tensor(node, &scratch, 0), channels, batch, self.target);
            loss.terms().iter().map(|term| term.value(&field)).collect()
        };
        self.return_scratch(step, scratch);
        let finite = parts.iter().all(|part| part.is_finite());
        self.found.loss = parts;
        if finite { Ok(()) } else { Err(Error::NotFinite { what: "loss".into() }) }
    }

    fn loss_gradient(&self, node: &Node, logits: &[E], out: &mut [E]) {
        let Op::LossGradient(loss) = node.op else { return };
        let Shape { batch, channels, .. } = self.graph().shape(node.inputs[0]);
        let field = Field::new(logits, channels, batch, self.target);
        let mut gradient = vec![0.0; logits.len()];
        loss.terms().iter().for_each(|term| term.add_gradient(&field, &mut gradient));
        let narrow = |value: f64| E::narrow(E::Scalar::from_f64(value));
        out.par_iter_mut().zip(&gradient).for_each(|(out, &value)| *out = narrow(value));
    }

    fn update(&mut self, id: ParameterId, gradient: ValueId) -> Result<()> {
        let Some(rule) = self.rule else { return Ok(()) };
        let described = &self.plan.graph.parameters[id.0];
        let gradient = &self.slots[self.slot(gradient)][..self.len(gradient)];
        let squares = sum_of_squares(gradient);
        if !squares.is_finite() {
            return Err(Error::NotFinite { what: format!("the gradient of `{}`", described.name) });
        }
        self.found.gradient_squares += squares;
        let adam = &mut self.parameters.adam[id.0];
        adam.average.resize(described.len(), E::Scalar::ZERO);
        adam.squared.resize(described.len(), E::Scalar::ZERO);
        adam.steps += 1;
        let by = AdamStep {
            learning_rate: if described.is_encoder() { rule.rate.encoder } else { rule.rate.rest },
            momentum: rule.adam.momentum,
            squared_momentum: rule.adam.squared_momentum,
            epsilon: rule.adam.epsilon,
            weight_decay: if described.decays() { rule.adam.weight_decay } else { 0.0 },
            step: adam.steps,
        };
        adam_update(&mut self.parameters.values[id.0], gradient, &mut adam.average, &mut adam.squared, &by);
        Ok(())
    }

    /// Stores the inputs that a kernel needs as tensors although they are pending.
    fn fill_scratch(&mut self, node: &Node, step: &Step) -> Vec<Option<Vec<E::Scalar>>> {
        let mut filled = Vec::with_capacity(step.scratch.len());
        for (slot, &value) in step.scratch.iter().zip(&node.inputs) {
            filled.push(slot.map(|slot| {
                let mut buffer = std::mem::take(&mut self.slots[slot]);
                self.view(value).materialise(self.elements_mut(value, &mut buffer));
                buffer
            }));
        }
        filled
    }

    /// Gives back what [`fill_scratch`](Self::fill_scratch) took.
    fn return_scratch(&mut self, step: &Step, scratch: Vec<Option<Vec<E::Scalar>>>) {
        for (slot, buffer) in step.scratch.iter().zip(scratch) {
            if let (Some(slot), Some(buffer)) = (slot, buffer) {
                self.slots[*slot] = buffer;
            }
        }
    }

    /// An input as a stored tensor.
    fn tensor<'b>(&'b self, node: &Node, scratch: &'b [Option<Vec<E::Scalar>>], input: usize) -> &'b [E] {
        let value = node.inputs[input];
        match &scratch[input] {
            Some(buffer) => &E::in_memory_of(buffer)[..self.len(value)],
            None => self.stored(value),
        }
    }

    fn view(&self, value: ValueId) -> View<'_, E> {
        match &self.plan.storage[value.0] {
            Storage::Pending(view) => self.view_of(value, view),
            Storage::Stored | Storage::Absent => {
                let Shape { batch, channels, size } = self.graph().shape(value);
                View::plain(self.stored(value), batch, size, channels)
            }
        }
    }

    fn view_of(&self, value: ValueId, view: &ViewSpec) -> View<'_, E> {
        let Shape { batch, size, .. } = self.graph().shape(value);
        View { batch, size, segments: view.segments.iter().map(|segment| self.segment(segment)).collect() }
    }

    fn segment(&self, spec: &SegmentSpec) -> Segment<'_, E> {
        let source = self.graph().shape(spec.source);
        let affine = spec.coefficients.map(|(value, first)| {
            let coefficients = Coefficients::of(self.flat(value));
            let run = first..first + spec.channels;
            (&coefficients.scale[run.clone()], &coefficients.shift[run])
        });
        Segment {
            source: self.stored(spec.source),
            source_channels: source.channels,
            source_size: source.size,
            first_channel: spec.first_channel,
            channels: spec.channels,
            affine,
            relu: spec.relu,
        }
    }

    fn graph(&self) -> &Graph {
        &self.plan.graph
    }

    fn len(&self, value: ValueId) -> usize {
        match self.graph().value(value).kind {
            Kind::Activation(shape) => shape.len(),
            Kind::Flat(len) => len,
        }
    }

    fn slot(&self, value: ValueId) -> usize {
        self.plan.slot(value)
    }

    fn take(&mut self, value: ValueId) -> Vec<E::Scalar> {
        let slot = self.slot(value);
        std::mem::take(&mut self.slots[slot])
    }

    fn put(&mut self, value: ValueId, buffer: Vec<E::Scalar>) {
        let slot = self.slot(value);
        self.slots[slot] = buffer;
    }
}

fn from_f64<T: Scalar>(values: &[f64], out: &mut [T]) {
    out.par_iter_mut().zip(values).for_each(|(out, &value)| *out = T::from_f64(value));
}
