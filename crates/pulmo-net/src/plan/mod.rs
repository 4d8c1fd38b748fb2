//! From a graph to what an executor runs: order, what is stored, what is read through, and where.
//!
//! Four passes, one file each: [`fuse`] merges neighbouring nodes, [`views`] decides which values are stored
//! and which are read through, [`slots`] gives each stored value a slot of memory for as long as it lives.
//! Recomputation has its place between the last two: today everything that is read through is recomputed
//! at each reading, and every stored value is kept until its last use.

pub mod fuse;
pub mod slots;
pub mod views;

use std::collections::BTreeSet;

use crate::graph::{Graph, Op, ValueId};
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
    /// Values that each slot must hold.
    pub slots: Vec<usize>,
}

impl Plan {
    /// Plans a graph; `keep` lists the values that must be stored when the run has ended.
    #[must_use]
    pub fn new(graph: &Graph, mode: Mode, keep: &BTreeSet<ValueId>) -> Self {
        let graph = fuse::fuse(graph, keep);
        let (actions, storage) = views::resolve(&graph, keep);
        let Slots { steps, slot_of, slots } = slots::assign(&graph, actions, &storage, keep);
        Self { graph, mode, steps, storage, slot_of, slots }
    }

    /// Values that all slots hold together: the peak of what the executor allocates for them.
    #[must_use]
    pub fn slot_values(&self) -> usize {
        self.slots.iter().sum()
    }

    /// The largest bytes that a kernel of this plan allocates for itself.
    #[must_use]
    pub fn kernel_bytes(&self) -> usize {
        let of = |op: &Op| match op {
            Op::Convolution { geometry, .. }
            | Op::ConvolutionDataGradient { geometry, .. }
            | Op::ConvolutionWeightGradient { geometry } => geometry.scratch_bytes(),
            Op::Loss(_) | Op::LossGradient(_) => self.graph.logits.map_or(0, |l| 3 * 8 * self.graph.shape(l).len()),
            _ => 0,
        };
        self.graph.nodes.iter().map(|node| of(&node.op)).max().unwrap_or(0)
    }
}

/// The inputs of an operation that a kernel needs as stored tensors, by position.
#[must_use]
pub fn needs_stored(op: &Op, input: usize) -> bool {
    match op {
        Op::Convolution { .. } | Op::ConvolutionDataGradient { .. } | Op::Loss(_) | Op::LossGradient(_) => input == 0,
        Op::ConvolutionWeightGradient { .. } => input <= 1,
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
