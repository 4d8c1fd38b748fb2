//! A network at work: its parameters, its optimiser and the plans of the shapes it has met.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pulmo_kernel::{Convolve, Element, KeptWeights, Kernels, Scalar};

use crate::architecture::Network;
use crate::differentiate::{Gradients, differentiate};
use crate::error::Result;
use crate::execute::{Executor, Found};
use crate::forecast::{Forecast, forecast_of, plan_for};
use crate::graph::{Graph, Op, Shape, ValueId};
use crate::loss::Loss;
use crate::optimiser::{Adam, LearningRate, UpdateRule};
use crate::parameters::{OptimiserState, Parameters};
use crate::plan::{Mode, Plan, Sizes, views};
use crate::precision::Precision;
use crate::tensor::Weights;

/// One training step to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What to minimise.
    pub loss: Loss,
    /// Whether the encoder's convolutions stay as they are; its BatchNorms train all the same, as in fastai.
    pub freeze_encoder: bool,
    /// The optimiser.
    pub adam: Adam,
    /// The learning rates.
    pub learning_rate: LearningRate,
}

/// What a training step has found.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Sum of the parts.
    pub loss: f64,
    /// The terms of the loss by name.
    pub parts: Vec<(&'static str, f64)>,
    /// Euclidean norm of all gradients that updated something.
    pub gradient_norm: f64,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Logits with running statistics.
    Inference,
    /// A training step.
    Training {
        /// The loss.
        loss: Loss,
        /// Whether the encoder's convolutions get no gradient.
        frozen: bool,
    },
}

/// Everything a verification wants to see of one pass; no parameter is updated.
#[derive(Debug, Clone)]
pub struct Trace<T> {
    /// N, D, H, W, classes.
    pub logits: Vec<T>,
    /// The terms of the loss by name; empty in evaluation mode.
    pub loss: Vec<(&'static str, f64)>,
    /// Values by name: shape and N, D, H, W, C values.
    pub activations: BTreeMap<String, (Shape, Vec<T>)>,
    /// Gradients by parameter name, in the layout of files; empty in evaluation mode.
    pub gradients: BTreeMap<String, Vec<f64>>,
}

/// A network with parameters that can infer and train, in float32 or float64.
#[derive(Debug)]
pub struct Session<T> {
    network: Network,
    kernels: Kernels,
    precision: Precision,
    parameters: Parameters<T>,
    plans: HashMap<(Shape, Purpose), Plan>,
    /// Memory for activations, shared by all plans.
    slots: Vec<Vec<T>>,
    /// Weights packed for the inferences of one shape, by the number of the parameter.
    kept: Option<(Shape, Vec<Option<KeptWeights>>)>,
    /// Bytes that a [`Forecast`] may not exceed.
    max_bytes: Option<u64>,
}

impl<T: Scalar> Session<T> {
    /// Puts weights into a network.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) if it cannot be built, [`Error::Weights`](crate::Error::Weights)
    /// naming the tensor that is missing, unknown or of another shape.
    pub fn new(network: &Network, weights: &Weights, kernels: Kernels) -> Result<Self> {
        // A forecast holds only if what a step gives back is gone.
        pulmo_kernel::return_large_blocks();
        let parameters = Parameters::new(&network.smallest_graph()?.parameters, weights)?;
        let (plans, slots, kept) = (HashMap::new(), Vec::new(), None);
        let precision = Precision::default();
        Ok(Self { network: network.clone(), kernels, precision, parameters, plans, slots, kept, max_bytes: None })
    }

    /// Sets the bytes that activations, parameters, optimiser and kernels may take together; `None` for no limit.
    ///
    /// A training step that would take more computes some activations twice, with the same bits as a result. What does
    /// not fit all the same is refused before it begins.
    pub fn set_max_bytes(&mut self, max_bytes: Option<u64>) {
        self.plans.clear();
        self.kept = None;
        self.max_bytes = max_bytes;
    }

    /// Sets in which numbers activations are held; float32 at first. A session of float64 holds them as float64 either way.
    pub fn set_precision(&mut self, precision: Precision) {
        self.plans.clear();
        self.kept = None;
        self.precision = precision;
    }

    /// Gives the memory of activations and of packed weights back to the system; the next run takes it again.
    pub fn free_activations(&mut self) {
        self.slots = Vec::new();
        self.kept = None;
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Logits of a batch, with running statistics.
    ///
    /// # Shapes
    /// `input`: N, D, H, W, C; result: N, D, H, W, classes.
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) if the shape is none the network can take.
    /// # Panics
    /// If `input` has not the length of `shape`.
    pub fn infer(&mut self, shape: Shape, input: &[T]) -> Result<Vec<T>> {
        let plan = self.plan(shape, Purpose::Inference)?;
        let logits = plan.graph.logits;
        if plan.keeps_weights && self.kept.as_ref().is_none_or(|kept| kept.0 != shape) {
            self.kept = None;
            self.kept = Some((shape, self.pack(&plan)));
        }
        let run = self.run(&plan, input, &[], None);
        let result = run.map(|_| logits.map_or_else(Vec::new, |logits| self.activation(&plan, logits)));
        self.plans.insert((shape, Purpose::Inference), plan);
        result
    }

    /// One training step: forward, loss, backward, update.
    ///
    /// # Shapes
    /// `input`: N, D, H, W, C; `target`: N, D, H, W.
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if the loss or a gradient is NaN or infinite; some parameters
    /// may have been updated then, so the session must not be used any more.
    /// # Panics
    /// If the lengths are not those of `shape`, or a target is no class.
    pub fn train_step(&mut self, shape: Shape, input: &[T], target: &[u8], step: &Step) -> Result<StepReport> {
        let purpose = Purpose::Training { loss: step.loss, frozen: step.freeze_encoder };
        self.kept = None;
        let plan = self.plan(shape, purpose)?;
        let rule = UpdateRule { adam: step.adam, rate: step.learning_rate };
        let run = self.run(&plan, input, target, Some(rule));
        let report = run.map(|run| StepReport {
            loss: run.loss.iter().sum(),
            parts: named(step.loss, &run.loss),
            gradient_norm: run.gradient_squares.sqrt(),
        });
        self.plans.insert((shape, purpose), plan);
        report
    }

    /// One pass without updates, of which everything is kept.
    ///
    /// With `loss` the network is in training mode: statistics of the batch, which also move the running ones, and
    /// the gradients of all parameters. Without it, in evaluation mode.
    ///
    /// # Errors
    /// As [`train_step`](Self::train_step).
    /// # Panics
    /// As [`train_step`](Self::train_step).
    pub fn trace(
        &mut self,
        shape: Shape,
        input: &[T],
        target: Option<(&[u8], Loss)>,
        names: &[&str],
    ) -> Result<Trace<T>> {
        let network = self.network.graph(shape)?;
        let (graph, mode) = match target {
            Some((_, loss)) => (differentiate(&network, loss, Gradients::Keep, |_| true), Mode::Training),
            None => (network, Mode::Inference),
        };
        let named_values: Vec<_> = names.iter().filter_map(|&name| Some((name, graph.find_value(name)?))).collect();
        let mut keep: BTreeSet<ValueId> = named_values.iter().map(|(_, id)| *id).collect();
        keep.extend(graph.logits);
        keep.extend(graph.gradients.iter().map(|(_, value)| *value));
        let plan = Plan::new(&graph, mode, self.sizes(), &keep);
        let run = self.run(&plan, input, target.map_or(&[], |(target, _)| target), None)?;
        let activation = |(name, id): (&str, ValueId)| (name.to_owned(), (graph.shape(id), self.activation(&plan, id)));
        let gradients =
            graph.gradients.iter().map(|&(id, value)| self.parameters.to_file_f64(id, self.flat(&plan, value)));
        Ok(Trace {
            logits: graph.logits.map_or_else(Vec::new, |logits| self.activation(&plan, logits)),
            loss: target.map_or_else(Vec::new, |(_, loss)| named(loss, &run.loss)),
            activations: named_values.into_iter().map(activation).collect(),
            gradients: gradients.collect(),
        })
    }

    /// All tensors, running statistics included.
    #[must_use]
    pub fn weights(&self) -> Weights {
        self.parameters.weights()
    }

    /// All tensors in float64, in the layout of files.
    #[must_use]
    pub fn weights_f64(&self) -> BTreeMap<String, Vec<f64>> {
        self.parameters.weights_f64()
    }

    /// Replaces all tensors; the optimiser keeps its state.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) naming the tensor that does not fit.
    pub fn set_weights(&mut self, weights: &Weights) -> Result<()> {
        let parameters = Parameters::new(&self.network.smallest_graph()?.parameters, weights)?;
        self.parameters.values = parameters.values;
        self.kept = None;
        Ok(())
    }

    /// What the optimiser remembers.
    #[must_use]
    pub fn optimiser_state(&self) -> OptimiserState {
        self.parameters.optimiser_state()
    }

    /// Gives the optimiser its memory back.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) if it belongs to another network.
    pub fn set_optimiser_state(&mut self, state: &OptimiserState) -> Result<()> {
        self.parameters.set_optimiser_state(state)
    }

    /// What a run will take, under the limit that is set.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) if the shape is none the network can take, [`Error::Memory`] if the limit
    /// cannot be kept.
    pub fn forecast(&self, shape: Shape, purpose: Purpose) -> Result<Forecast> {
        match self.precision {
            Precision::Float32 => forecast_of::<T>(&self.network, shape, purpose, self.max_bytes),
            Precision::Bfloat16 => forecast_of::<T::Narrow>(&self.network, shape, purpose, self.max_bytes),
        }
    }

    fn sizes(&self) -> Sizes {
        match self.precision {
            Precision::Float32 => Sizes::of::<T>(),
            Precision::Bfloat16 => Sizes::of::<T::Narrow>(),
        }
    }

    fn plan(&mut self, shape: Shape, purpose: Purpose) -> Result<Plan> {
        match (self.plans.remove(&(shape, purpose)), self.precision) {
            (Some(plan), _) => Ok(plan),
            (None, Precision::Float32) => plan_for::<T>(&self.network, shape, purpose, self.max_bytes),
            (None, Precision::Bfloat16) => plan_for::<T::Narrow>(&self.network, shape, purpose, self.max_bytes),
        }
    }

    /// A stored activation, after a run.
    fn activation(&self, plan: &Plan, value: ValueId) -> Vec<T> {
        fn read<E: Element>(graph: &Graph, value: ValueId, slot: &[E::Scalar]) -> Vec<E::Scalar> {
            E::in_memory_of(slot)[..graph.shape(value).len()].iter().map(|value| value.widen()).collect()
        }
        let slot = &self.slots[plan.slot(value)];
        match self.precision {
            Precision::Float32 => read::<T>(&plan.graph, value, slot),
            Precision::Bfloat16 => read::<T::Narrow>(&plan.graph, value, slot),
        }
    }

    /// A stored value that is no activation, after a run.
    fn flat(&self, plan: &Plan, value: ValueId) -> &[T] {
        &self.slots[plan.slot(value)][..plan.graph.value(value).kind.len()]
    }

    /// Packs the weights of a plan's convolutions, where their kernels read packed ones.
    fn pack(&self, plan: &Plan) -> Vec<Option<KeptWeights>> {
        fn all<E: Convolve>(plan: &Plan, parameters: &Parameters<E::Scalar>) -> Vec<Option<KeptWeights>> {
            let mut kept = vec![None; parameters.values.len()];
            for node in &plan.graph.nodes {
                if let Op::Convolution { geometry, weight, .. } = node.op {
                    let grids = views::grids(&plan.graph, &plan.storage, node.inputs[0]);
                    kept[weight.0] = E::keep_weights(&geometry, &grids, parameters.of(weight));
                }
            }
            kept
        }
        match (self.kernels, self.precision) {
            (Kernels::Reference, _) => Vec::new(),
            (Kernels::Fast, Precision::Float32) => all::<T>(plan, &self.parameters),
            (Kernels::Fast, Precision::Bfloat16) => all::<T::Narrow>(plan, &self.parameters),
        }
    }

    fn run(&mut self, plan: &Plan, input: &[T], target: &[u8], rule: Option<UpdateRule>) -> Result<Found> {
        if plan.is_limited || self.max_bytes.is_some() {
            // The steps of a limited plan allocate them; others must not find more than they know of.
            self.slots.clear();
            self.slots.resize_with(plan.slots.len(), Vec::new);
        }
        let lasting = if plan.is_limited { &[][..] } else { &plan.slots };
        for (index, &len) in lasting.iter().enumerate() {
            match self.slots.get_mut(index) {
                // A fresh vector instead of a longer one: the old values are not worth copying.
                Some(slot) if slot.len() < len => {
                    *slot = Vec::new();
                    *slot = vec![T::ZERO; len];
                }
                Some(_) => {}
                None => self.slots.push(vec![T::ZERO; len]),
            }
        }
        match self.precision {
            Precision::Float32 => self.execute::<T>(plan, input, target, rule),
            Precision::Bfloat16 => self.execute::<T::Narrow>(plan, input, target, rule),
        }
    }

    fn execute<E: Convolve<Scalar = T>>(
        &mut self,
        plan: &Plan,
        input: &[T],
        target: &[u8],
        rule: Option<UpdateRule>,
    ) -> Result<Found> {
        let (slots, parameters, kernels) = (&mut self.slots[..], &mut self.parameters, self.kernels);
        let kept = self.kept.as_ref().filter(|_| plan.keeps_weights).map_or(&[][..], |(_, kept)| kept);
        let found = Found::default();
        let mut executor = Executor::<E> { plan, slots, parameters, kept, kernels, input, target, rule, found };
        executor.run()?;
        Ok(executor.found)
    }
}

fn named(loss: Loss, parts: &[f64]) -> Vec<(&'static str, f64)> {
    loss.terms().iter().zip(parts).map(|(term, &part)| (term.name(), part)).collect()
}

#[cfg(test)]
mod tests;
