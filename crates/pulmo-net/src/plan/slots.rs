//! Gives each stored value a slot of memory from its birth to its last use.
//!
//! Slots are reused as soon as they are free. Without a limit a value takes the smallest free slot that is large enough,
//! else the largest one grows, and all slots stay allocated from step to step of a training. Under a limit a slot never
//! grows: free slots are given back to the system until a new one of the wanted length fits.

use std::collections::BTreeSet;

use super::views::{SegmentSpec, Storage};
use super::{Action, Sizes, Step, may_take_over, needs_stored};
use crate::graph::{Graph, ValueId};

/// The result of [`assign`].
#[derive(Debug)]
pub struct Slots {
    /// The steps, with their scratch.
    pub steps: Vec<Step>,
    /// Per value its slot.
    pub slot_of: Vec<Option<usize>>,
    /// Scalars per slot.
    pub slots: Vec<usize>,
    /// Most scalars that are allocated at once, with what the kernel of the step gives back after it.
    pub peak: usize,
    /// The step at which that is so.
    pub peak_step: usize,
    /// Per value the steps of its birth and its last use.
    pub lives: Vec<Option<(usize, usize)>>,
}

/// Walks through the steps once, taking and returning slots.
#[must_use]
pub fn assign(
    (graph, sizes): (&Graph, Sizes),
    actions: Vec<Action>,
    storage: &[Storage],
    keep: &BTreeSet<ValueId>,
    limit: Option<usize>,
) -> Slots {
    let mut last_use = vec![0; graph.values.len()];
    for (step, action) in actions.iter().enumerate() {
        reads(graph, storage, action).iter().for_each(|value| last_use[value.0] = step);
        writes(graph, storage, action).iter().for_each(|value| last_use[value.0] = last_use[value.0].max(step));
    }
    keep.iter().for_each(|value| last_use[value.0] = usize::MAX);
    let mut pass = Assign { slot_of: vec![None; graph.values.len()], limit, ..Assign::default() };
    let mut lives = vec![None; graph.values.len()];
    let (mut peak_step, mut most_passing) = (0, 0);
    let mut steps = Vec::with_capacity(actions.len());
    for (index, action) in actions.into_iter().enumerate() {
        let passing = sizes.passing(graph, &action);
        most_passing = most_passing.max(passing);
        let in_place = taken_over(graph, storage, &last_use, &action, index);
        let written = writes(graph, storage, &action);
        let mut outputs = written.iter();
        if let (Some(input), Action::Node(node)) = (in_place, &action) {
            let from = graph.nodes[*node].inputs[input];
            if let Some(first) = outputs.next() {
                pass.slot_of[first.0] = pass.slot_of[from.0];
            }
        }
        outputs.for_each(|value| pass.slot_of[value.0] = Some(pass.take(sizes.scalars(graph.value(*value).kind))));
        let scratch = match &action {
            Action::Node(node) => pass.scratch((graph, sizes), storage, *node),
            Action::Materialise { .. } => Vec::new(),
        };
        pass.make_room(passing);
        pass.free.extend(scratch.iter().flatten());
        let mut ends: BTreeSet<_> = reads(graph, storage, &action).into_iter().chain(written.iter().copied()).collect();
        ends.retain(|value| last_use[value.0] == index);
        if let (Some(input), Action::Node(node)) = (in_place, &action) {
            ends.remove(&graph.nodes[*node].inputs[input]);
        }
        pass.free.extend(ends.iter().filter_map(|value| pass.slot_of[value.0]));
        written.iter().for_each(|value| lives[value.0] = Some((index, last_use[value.0])));
        if pass.allocated + passing > pass.peak {
            (pass.peak, peak_step) = (pass.allocated + passing, index);
        }
        let (release, allocate) = (std::mem::take(&mut pass.release), std::mem::take(&mut pass.allocate));
        steps.push(Step { action, scratch, in_place, release, allocate });
    }
    let peak = if limit.is_some() { pass.peak } else { pass.slots.iter().sum::<usize>() + most_passing };
    Slots { steps, slot_of: pass.slot_of, slots: pass.slots, peak, peak_step, lives }
}

#[derive(Default)]
struct Assign {
    slot_of: Vec<Option<usize>>,
    slots: Vec<usize>,
    free: BTreeSet<usize>,
    limit: Option<usize>,
    /// Scalars of all slots that are allocated now, and the most so far.
    allocated: usize,
    peak: usize,
    /// Slots to be given back and to be allocated before the present step.
    release: Vec<usize>,
    allocate: Vec<usize>,
}

impl Assign {
    fn take(&mut self, len: usize) -> usize {
        let Some(limit) = self.limit else { return self.take_growing(len) };
        // A little room may stay unused as long as there is enough of it.
        let longest = if self.allocated <= limit { len + len / 4 } else { len };
        let fitting = self.free.iter().copied().filter(|&slot| (len..=longest).contains(&self.slots[slot]));
        if let Some(slot) = fitting.min_by_key(|&slot| self.slots[slot]) {
            self.free.remove(&slot);
            return slot;
        }
        self.make_room(len);
        self.slots.push(len);
        self.allocated += len;
        self.allocate.push(self.slots.len() - 1);
        self.slots.len() - 1
    }

    /// Under a limit: gives free slots back, the largest first, until `len` more scalars fit.
    fn make_room(&mut self, len: usize) {
        let Some(limit) = self.limit else { return };
        while self.allocated + len > limit {
            let Some(slot) = self.free.iter().copied().max_by_key(|&slot| self.slots[slot]) else { break };
            self.free.remove(&slot);
            self.allocated -= self.slots[slot];
            self.release.push(slot);
        }
    }

    fn take_growing(&mut self, len: usize) -> usize {
        let fitting = self.free.iter().copied().filter(|&slot| self.slots[slot] >= len);
        let chosen = fitting.min_by_key(|&slot| self.slots[slot]);
        let chosen = chosen.or_else(|| self.free.iter().copied().max_by_key(|&slot| self.slots[slot]));
        if let Some(slot) = chosen {
            self.free.remove(&slot);
            self.slots[slot] = self.slots[slot].max(len);
            return slot;
        }
        self.slots.push(len);
        self.slots.len() - 1
    }

    fn scratch(&mut self, (graph, sizes): (&Graph, Sizes), storage: &[Storage], node: usize) -> Vec<Option<usize>> {
        let node = &graph.nodes[node];
        let inputs = node.inputs.iter().enumerate();
        let slot = |(input, value): (usize, &ValueId)| {
            let pending = matches!(storage[value.0], Storage::Pending(_));
            (pending && needs_stored(&node.op, input)).then(|| self.take(sizes.scalars(graph.value(*value).kind)))
        };
        inputs.map(slot).collect()
    }
}

/// The input whose memory the first result can take over: stored, not needed any more, equally long.
fn taken_over(graph: &Graph, storage: &[Storage], last_use: &[usize], action: &Action, step: usize) -> Option<usize> {
    let Action::Node(node) = action else { return None };
    let node = &graph.nodes[*node];
    let output = node.outputs.first()?;
    (0..node.inputs.len()).find(|&input| {
        let value = node.inputs[input];
        let others = node.inputs.iter().enumerate().filter(|(other, _)| *other != input);
        let read_twice = others.map(|(_, v)| sources(storage, *v)).any(|s| s.contains(&value));
        may_take_over(&node.op, input)
            && storage[value.0] == Storage::Stored
            && last_use[value.0] == step
            && !read_twice
            && graph.value(value).kind == graph.value(*output).kind
    })
}

/// The stored values that a step reads.
fn reads(graph: &Graph, storage: &[Storage], action: &Action) -> Vec<ValueId> {
    match action {
        Action::Node(node) => graph.nodes[*node].inputs.iter().flat_map(|&v| sources(storage, v)).collect(),
        Action::Materialise { view, .. } => view.segments.iter().flat_map(segment_sources).collect(),
    }
}

/// The stored values that a step makes.
fn writes(graph: &Graph, storage: &[Storage], action: &Action) -> Vec<ValueId> {
    match action {
        Action::Node(node) if matches!(graph.nodes[*node].op, crate::graph::Op::BatchNorm(_)) => {
            vec![graph.nodes[*node].outputs[1]]
        }
        Action::Node(node) => {
            let outputs = graph.nodes[*node].outputs.iter().copied();
            outputs.filter(|v| storage[v.0] == Storage::Stored).collect()
        }
        Action::Materialise { value, .. } => vec![*value],
    }
}

fn sources(storage: &[Storage], value: ValueId) -> Vec<ValueId> {
    match &storage[value.0] {
        Storage::Pending(view) => view.segments.iter().flat_map(segment_sources).collect(),
        Storage::Stored => vec![value],
        Storage::Absent => Vec::new(),
    }
}

fn segment_sources(segment: &SegmentSpec) -> impl Iterator<Item = ValueId> {
    [Some(segment.source), segment.coefficients.map(|(value, _)| value)].into_iter().flatten()
}
