//! From a graph to what an executor runs: order, what is stored, what is read through, and where.
//!
//! Four passes, one file each: [`fuse`] merges neighbouring nodes, [`recompute`] lets activations go and makes them again
//! where memory is limited, [`views`] decides which values are stored and which are read through, [`slots`] gives each
//! stored value a slot of memory for as long as it lives.

pub mod fuse;
pub mod recompute;
pub mod slots;
pub mod views;

use std::collections::BTreeSet;

use pulmo_kernel::{Call, Element, Scratch};

use crate::graph::{Graph, Kind, Node, Op, ValueId};
use slots::Slots;
use views::{Storage, ViewSpec};

/// Whether BatchNorm takes the statistics of the batch or the running ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Running statistics; nothing is kept for a backward pass.
    Inference,
    /// Statistics of the batch, which also move the running ones.
    Training,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// Slots for inputs that a kernel needs as stored tensors although they are only read through, per input.
    pub scratch: Vec<Option<usize>>,
    /// The input whose memory the first result takes over.
    pub in_place: Option<usize>,
    /// Slots whose memory goes back to the system before the step.
    pub release: Vec<usize>,
    /// Slots that are allocated before the step, after the releases.
    pub allocate: Vec<usize>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Runs the node of that number.
    Node(usize),
    /// Stores a value that was only read through so far.
    Materialise {
        /// The value.
        value: ValueId,
        /// How it was read.
        view: ViewSpec,
    },
}

/// How much memory things take, in scalars.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Values of an activation in one scalar.
    per_scalar: usize,
    /// Bytes of one scalar.
    scalar: usize,
    /// What the kernel of a node allocates for itself.
    scratch: fn(&Graph, &Op) -> Scratch,
}

impl Sizes {
    /// Those where activations are held as `E`.
    #[must_use]
    pub fn of<E: Element>() -> Self {
        Self { per_scalar: E::PER_SCALAR, scalar: size_of::<E::Scalar>(), scratch: scratch_of::<E> }
    }

    /// Scalars that hold a value.
    #[must_use]
    pub fn scalars(self, kind: Kind) -> usize {
        match kind {
            Kind::Activation(shape) => shape.len().div_ceil(self.per_scalar),
            Kind::Flat(len) => len,
        }
    }

    /// Scalars that a step's kernel allocates and gives back.
    fn passing(self, graph: &Graph, action: &Action) -> usize {
        match action {
            Action::Node(node) => (self.scratch)(graph, &graph.nodes[*node].op).passing.div_ceil(self.scalar),
            Action::Materialise { .. } => 0,
        }
    }
}

fn scratch_of<E: Element>(graph: &Graph, op: &Op) -> Scratch {
    match op {
        Op::Convolution { geometry, .. } => geometry.scratch::<E>(Call::Forward),
        Op::ConvolutionDataGradient { geometry, part, .. } => geometry.scratch_onto::<E>(part),
        Op::ConvolutionWeightGradient { geometry } => geometry.scratch::<E>(Call::WeightGradient),
        Op::Loss(_) | Op::LossGradient(_) => {
            Scratch::passing(graph.logits.map_or(0, |logits| 3 * size_of::<f64>() * graph.shape(logits).len()))
        }
        _ => Scratch::default(),
    }
}

/// A graph with everything decided.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The graph, after fusion.
    pub graph: Graph,
    /// How BatchNorm works.
    pub mode: Mode,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Per value: stored, read through, or never needed.
    pub storage: Vec<Storage>,
    /// Per value: its slot, if it is stored.
    pub slot_of: Vec<Option<usize>>,
    /// Scalars that each slot must hold.
    pub slots: Vec<usize>,
    /// Whether slots are allocated and given back during a run; otherwise they stay for the next one.
    pub is_limited: bool,
    /// Whether there is room for [kept weights](pulmo_kernel::KeptWeights); set for inference alone.
    pub keeps_weights: bool,
    /// Activations that are computed twice because there is no room to keep them.
    pub recomputed: Vec<ValueId>,
    peak: usize,
}

impl Plan {
    /// Plans a graph; `keep` lists the values that must be stored when the run has ended.
    #[must_use]
    pub fn new(graph: &Graph, mode: Mode, sizes: Sizes, keep: &BTreeSet<ValueId>) -> Self {
        let graph = fuse::fuse(graph, keep);
        let (actions, storage) = views::resolve(&graph, keep);
        let slots = slots::assign((&graph, sizes), actions, &storage, keep, None);
        Self::of(graph, mode, storage, slots)
    }

    /// Plans a graph for at most `limit` scalars at any time, in slots and for the kernel of a step.
    ///
    /// If the activations do not fit, some are let go after the forward pass and computed again, chosen one by one for the
    /// room that they give and the work that they cost. The results have the same bits: the same kernels run on the same
    /// numbers, and what a BatchNorm has found is kept.
    ///
    /// # Errors
    /// The fewest scalars that this reaches, if they are more than `limit`.
    pub fn within(
        graph: &Graph,
        mode: Mode,
        sizes: Sizes,
        keep: &BTreeSet<ValueId>,
        limit: usize,
    ) -> std::result::Result<Self, usize> {
        let plan = Self::new(graph, mode, sizes, keep);
        if plan.peak <= limit {
            return Ok(plan);
        }
        recompute::plan((plan.graph, sizes), mode, keep, limit)
    }

    fn of(graph: Graph, mode: Mode, storage: Vec<Storage>, slots: Slots) -> Self {
        let Slots { steps, slot_of, slots, peak, .. } = slots;
        Self {
            graph,
            mode,
            steps,
            storage,
            slot_of,
            slots,
            is_limited: false,
            keeps_weights: false,
            recomputed: Vec::new(),
            peak,
        }
    }

    /// The same plan, with packed weights kept or not.
    pub(crate) fn keeping_weights(self, keeps_weights: bool) -> Self {
        Self { keeps_weights, ..self }
    }

    /// The slot of a stored value.
    ///
    /// # Panics
    /// If the value is not stored: a fault in the plan.
    pub(crate) fn slot(&self, value: ValueId) -> usize {
        self.slot_of[value.0].expect("the plan gave every stored value a slot")
    }

    /// Most scalars that are allocated at once for slots and for what the kernel of the same step gives back after it.
    #[must_use]
    pub fn peak_scalars(&self) -> usize {
        self.peak
    }

    /// Multiply-accumulates of the convolutions that run a second time.
    #[must_use]
    pub fn recomputed_macs(&self) -> u64 {
        self.recomputed.iter().map(|&value| recompute::macs(&self.graph, value)).sum()
    }
}

/// The bytes that kernels of this graph keep from step to step for themselves; `kept_weights` says that convolutions are given
/// [kept ones](pulmo_kernel::KeptWeights), which are not counted.
#[must_use]
pub fn kernel_bytes<E: Element>(graph: &Graph, kept_weights: bool) -> usize {
    let (_, storage) = views::resolve(graph, &BTreeSet::new());
    let of_nodes = graph.nodes.iter().map(|node| match &node.op {
        Op::Convolution { geometry, .. } => {
            let grids = views::grids(graph, &storage, node.inputs[0]);
            if kept_weights {
                geometry.kept_scratch_through::<E>(&grids)
            } else {
                geometry.scratch_through::<E>(&grids)
            }
        }
        Op::ConvolutionWeightGradient { geometry } => {
            geometry.weight_scratch_through::<E>(&views::grids(graph, &storage, node.inputs[0]))
        }
        op => scratch_of::<E>(graph, op),
    });
    of_nodes.fold(Scratch::default(), Scratch::or).lasting_bytes()
}

/// The bytes of the weights that can be [kept](pulmo_kernel::KeptWeights) for the convolutions of this graph.
#[must_use]
pub fn kept_bytes<E: Element>(graph: &Graph) -> usize {
    let (_, storage) = views::resolve(graph, &BTreeSet::new());
    let of_node = |node: &Node| match &node.op {
        Op::Convolution { geometry, .. } => geometry.kept_bytes::<E>(&views::grids(graph, &storage, node.inputs[0])),
        _ => 0,
    };
    graph.nodes.iter().map(of_node).sum()
}

/// The inputs of an operation that a kernel needs as stored tensors, by position.
#[must_use]
pub fn needs_stored(op: &Op, input: usize) -> bool {
    match op {
        Op::ConvolutionDataGradient { .. } | Op::Loss(_) | Op::LossGradient(_) => input == 0,
        Op::ConvolutionWeightGradient { .. } => input == 1,
        _ => false,
    }
}

/// The inputs of an operation whose memory its first result may take over, by position.
#[must_use]
pub fn may_take_over(op: &Op, input: usize) -> bool {
    match op {
        Op::Add => input <= 1,
        Op::ReluGradient | Op::BatchNormGradient { .. } => input == 0,
        _ => false,
    }
}
