//! Lets activations go after the forward pass and computes them again when the backward pass comes to them.
//!
//! A dropped value gets a second node before its first use behind the loss, and all uses from there on read that. What
//! is only read through needs no node of its own but must be described again from what was made again. Weights change
//! only after the gradients of their own layer are known, which is after every second computation that reads them.

use std::collections::{BTreeMap, BTreeSet};

use super::slots::{self, Slots};
use super::views::{self, Storage};
use super::{Mode, Plan, Sizes};
use crate::graph::{Graph, Kind, Node, Op, ValueId};

/// Plans a fused graph for at most `limit` scalars at any time.
///
/// Greedy: of the activations that wait at the fullest step for the backward pass, the one goes whose second computation
/// costs least for the room that it gives; one that brings nothing comes back.
///
/// # Errors
/// The fewest scalars that were reached.
pub(super) fn plan(
    (graph, sizes): (Graph, Sizes),
    mode: Mode,
    keep: &BTreeSet<ValueId>,
    limit: usize,
) -> Result<Plan, usize> {
    let Some(turn) = graph.nodes.iter().position(|node| matches!(node.op, Op::LossGradient(_))) else {
        return finish((graph, sizes), mode, keep, limit);
    };
    let (_, storage) = views::resolve(&graph, keep);
    let mut candidates = candidates(&graph, &storage, turn);
    candidates.retain(|value| !keep.contains(value));
    let mut dropped = BTreeSet::new();
    let mut best = tight((&rewrite(&graph, &storage, turn, &dropped), sizes), keep);
    let mut useless = BTreeSet::new();
    while best.peak > limit {
        let waits = |value: &&ValueId| {
            !dropped.contains(*value)
                && !useless.contains(*value)
                && best.lives[value.0].is_some_and(|(birth, last)| birth < best.peak_step && last > best.peak_step)
        };
        let cost = |value: &&ValueId| macs(&graph, **value) as f64 / graph.value(**value).kind.len() as f64;
        let Some(&chosen) = candidates.iter().filter(waits).min_by(|a, b| cost(a).total_cmp(&cost(b))) else {
            return Err(best.peak);
        };
        dropped.insert(chosen);
        let next = tight((&rewrite(&graph, &storage, turn, &dropped), sizes), keep);
        // The fullest step may have an equal further on, so standing still is progress if it comes later.
        if (next.peak, std::cmp::Reverse(next.peak_step)) < (best.peak, std::cmp::Reverse(best.peak_step)) {
            best = next;
            useless.clear();
        } else {
            dropped.remove(&chosen);
            useless.insert(chosen);
        }
    }
    let plan = finish((rewrite(&graph, &storage, turn, &dropped), sizes), mode, keep, limit)?;
    Ok(Plan { recomputed: dropped.into_iter().collect(), ..plan })
}

/// Multiply-accumulates of the node that makes a value.
pub(super) fn macs(graph: &Graph, value: ValueId) -> u64 {
    match graph.nodes.iter().find(|node| node.outputs.first() == Some(&value)).map(|node| &node.op) {
        Some(Op::Convolution { geometry, .. }) => geometry.macs(),
        _ => 0,
    }
}

/// Slots for a graph in which all is decided.
fn finish((graph, sizes): (Graph, Sizes), mode: Mode, keep: &BTreeSet<ValueId>, limit: usize) -> Result<Plan, usize> {
    let (actions, storage) = views::resolve(&graph, keep);
    let mut slots = slots::assign((&graph, sizes), actions.clone(), &storage, keep, Some(limit));
    if slots.peak > limit {
        // Room left unused in slots that were taken again was too much.
        slots = slots::assign((&graph, sizes), actions, &storage, keep, Some(0));
    }
    if slots.peak > limit {
        return Err(slots.peak);
    }
    Ok(Plan { is_limited: true, ..Plan::of(graph, mode, storage, slots) })
}

/// The slots of a graph where nothing is allocated beyond need.
fn tight((graph, sizes): (&Graph, Sizes), keep: &BTreeSet<ValueId>) -> Slots {
    let (actions, storage) = views::resolve(graph, keep);
    slots::assign((graph, sizes), actions, &storage, keep, Some(0))
}

/// Stored activations of the forward pass that can be made again.
fn candidates(graph: &Graph, storage: &[Storage], turn: usize) -> Vec<ValueId> {
    let forward = graph.nodes[..turn].iter().filter(|node| !matches!(node.op, Op::Input | Op::Loss(_)));
    let first = forward.filter_map(|node| node.outputs.first().copied());
    let is_stored = |value: &ValueId| {
        storage[value.0] == Storage::Stored && matches!(graph.value(*value).kind, Kind::Activation(_))
    };
    first.filter(is_stored).collect()
}

/// The graph in which `dropped` are made again for the nodes from `turn` on.
fn rewrite(graph: &Graph, storage: &[Storage], turn: usize, dropped: &BTreeSet<ValueId>) -> Graph {
    let mut maker = BTreeMap::new();
    for (index, node) in graph.nodes[..turn].iter().enumerate() {
        node.outputs.first().map(|&output| maker.insert(output, index));
    }
    let mut out = graph.clone();
    out.nodes.truncate(turn);
    let mut pass = Rewrite { graph, storage, dropped, maker, late: BTreeMap::new(), out };
    for node in &graph.nodes[turn..] {
        let inputs = node.inputs.iter().map(|&input| pass.late(input)).collect();
        pass.out.nodes.push(Node { inputs, ..node.clone() });
    }
    pass.out
}

struct Rewrite<'a> {
    graph: &'a Graph,
    storage: &'a [Storage],
    dropped: &'a BTreeSet<ValueId>,
    /// The node of the forward pass that makes a value.
    maker: BTreeMap<ValueId, usize>,
    /// What stands for a value behind the loss.
    late: BTreeMap<ValueId, ValueId>,
    out: Graph,
}

impl Rewrite<'_> {
    /// What the backward pass reads in place of a value; nodes that make it again are appended.
    fn late(&mut self, value: ValueId) -> ValueId {
        if let Some(&late) = self.late.get(&value) {
            return late;
        }
        let late = self.again(value).unwrap_or(value);
        self.late.insert(value, late);
        late
    }

    /// A second node for a value, if it needs one.
    fn again(&mut self, value: ValueId) -> Option<ValueId> {
        let node = &self.graph.nodes[*self.maker.get(&value)?];
        let is_dropped = self.dropped.contains(&value);
        if self.storage[value.0] == Storage::Stored && !is_dropped {
            return None;
        }
        let mut inputs: Vec<ValueId> = node.inputs.iter().map(|&input| self.late(input)).collect();
        if !is_dropped && inputs == node.inputs {
            return None;
        }
        let mut op = node.op;
        if matches!(op, Op::BatchNorm(_)) {
            op = Op::Normalise;
            inputs.push(node.outputs[1]);
        }
        let described = self.graph.value(value);
        let again = self.out.push_value(format!("{} again", described.name), described.kind);
        self.out.push_node(op, inputs, vec![again]);
        Some(again)
    }
}
