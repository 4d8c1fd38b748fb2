//! Decides which values are stored and which are read through.
//!
//! Outputs of convolutions, sums and gradients are stored. BatchNorm, ReLU, concatenation, nearest resize and
//! slices of channels are *pending*: their results are described as segments of stored values with scale
//! and shift, ReLU and an index map, and whoever needs them reads through. Where a description has no room
//! for one more pending operation, the value is stored after all.

use std::collections::BTreeSet;

use pulmo_kernel::view::Grid;

use super::Action;
use crate::graph::{Graph, Node, Op, ValueId};

/// How a value can be had.
#[derive(Debug, Clone, PartialEq)]
pub enum Storage {
    /// Nobody makes it.
    Absent,
    /// It lies in memory.
    Stored,
    /// It is read through stored values.
    Pending(ViewSpec),
}

/// A run of channels of a stored value, with what is pending on them.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentSpec {
    /// The stored value; a resize is pending where its size differs from the view's.
    pub source: ValueId,
    /// First channel read.
    pub first_channel: usize,
    /// Number of channels read.
    pub channels: usize,
    /// Coefficients of a pending BatchNorm, and the first of its channels that is read.
    pub coefficients: Option<(ValueId, usize)>,
    /// Whether a ReLU is pending.
    pub relu: bool,
}

/// Segments in the order of their channels.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewSpec {
    /// The parts.
    pub segments: Vec<SegmentSpec>,
}

/// The steps that make all stored values, and how every value can be had.
#[must_use]
pub fn resolve(graph: &Graph, keep: &BTreeSet<ValueId>) -> (Vec<Action>, Vec<Storage>) {
    let mut stored = keep.clone();
    loop {
        let storage = vec![Storage::Absent; graph.values.len()];
        let mut pass = Resolve { graph, actions: Vec::new(), storage, demanded: BTreeSet::new() };
        for (index, node) in graph.nodes.iter().enumerate() {
            pass.node(index, node);
            node.outputs.iter().filter(|output| stored.contains(output)).for_each(|&output| pass.materialise(output));
        }
        // A value must be stored from its birth on, so that everybody finds it in the same place.
        if pass.demanded.is_subset(&stored) {
            return (pass.actions, pass.storage);
        }
        stored.append(&mut pass.demanded);
    }
}

/// On which grids the channels of an activation are stored.
#[must_use]
pub fn grids(graph: &Graph, storage: &[Storage], value: ValueId) -> Vec<Grid> {
    let of = |source: ValueId, channels: usize| Grid { channels, size: graph.shape(source).size };
    match &storage[value.0] {
        Storage::Pending(view) => view.segments.iter().map(|segment| of(segment.source, segment.channels)).collect(),
        Storage::Stored | Storage::Absent => vec![of(value, graph.shape(value).channels)],
    }
}

struct Resolve<'a> {
    graph: &'a Graph,
    actions: Vec<Action>,
    storage: Vec<Storage>,
    /// Pending values that had to be stored.
    demanded: BTreeSet<ValueId>,
}

impl Resolve<'_> {
    fn node(&mut self, index: usize, node: &Node) {
        let pending = match node.op {
            Op::BatchNorm(_) => {
                let view = self.pending_norm(node.inputs[0], node.outputs[1]);
                self.storage[node.outputs[1].0] = Storage::Stored;
                self.actions.push(Action::Node(index));
                view
            }
            Op::Normalise => self.pending_norm(node.inputs[0], node.inputs[1]),
            Op::Relu => self.pending_relu(node.inputs[0]),
            Op::Concat => {
                let views = node.inputs.iter().map(|&x| self.view(x).segments);
                ViewSpec { segments: views.flatten().collect() }
            }
            Op::ResizeNearest => self.pending_resize(node.inputs[0]),
            Op::Slice { first } => self.slice(node.inputs[0], first, self.graph.shape(node.outputs[0]).channels),
            _ => {
                node.outputs.iter().for_each(|output| self.storage[output.0] = Storage::Stored);
                self.actions.push(Action::Node(index));
                return;
            }
        };
        self.storage[node.outputs[0].0] = Storage::Pending(pending);
    }

    /// A value's description; a stored one is one segment with nothing pending.
    fn view(&self, value: ValueId) -> ViewSpec {
        match &self.storage[value.0] {
            Storage::Pending(view) => view.clone(),
            Storage::Stored | Storage::Absent => ViewSpec {
                segments: vec![SegmentSpec {
                    source: value,
                    first_channel: 0,
                    channels: self.graph.shape(value).channels,
                    coefficients: None,
                    relu: false,
                }],
            },
        }
    }

    fn materialise(&mut self, value: ValueId) {
        if let Storage::Pending(view) = &self.storage[value.0] {
            self.actions.push(Action::Materialise { value, view: view.clone() });
            self.storage[value.0] = Storage::Stored;
            self.demanded.insert(value);
        }
    }

    fn pending_norm(&mut self, x: ValueId, coefficients: ValueId) -> ViewSpec {
        let has_room = match self.view(x).segments.as_slice() {
            [only] => only.coefficients.is_none() && !only.relu,
            _ => false,
        };
        if !has_room {
            self.materialise(x);
        }
        let mut view = self.view(x);
        view.segments[0].coefficients = Some((coefficients, 0));
        view
    }

    fn pending_relu(&self, x: ValueId) -> ViewSpec {
        let mut view = self.view(x);
        view.segments.iter_mut().for_each(|segment| segment.relu = true);
        view
    }

    /// Scale, shift and ReLU act on each voxel alone, so a repetition of voxels may come after them.
    fn pending_resize(&mut self, x: ValueId) -> ViewSpec {
        let size = self.graph.shape(x).size;
        if self.view(x).segments.iter().any(|segment| self.graph.shape(segment.source).size != size) {
            self.materialise(x);
        }
        self.view(x)
    }

    fn slice(&self, x: ValueId, first: usize, channels: usize) -> ViewSpec {
        let mut start = 0;
        let mut segments = Vec::new();
        for segment in self.view(x).segments {
            let from = first.max(start);
            let to = (first + channels).min(start + segment.channels);
            if from < to {
                let skipped = from - start;
                segments.push(SegmentSpec {
                    first_channel: segment.first_channel + skipped,
                    channels: to - from,
                    coefficients: segment.coefficients.map(|(value, offset)| (value, offset + skipped)),
                    ..segment
                });
            }
            start += segment.channels;
        }
        ViewSpec { segments }
    }
}
