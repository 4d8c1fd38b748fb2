//! Merges neighbouring nodes into one.

use std::collections::BTreeSet;

use crate::graph::{Graph, Op, ValueId};

/// Merges the gradient of a ReLU into that of the BatchNorm before it, which saves one pass over both tensors.
///
/// Only where nobody else reads the gradient in between, and only for ReLUs that stand directly behind a
/// BatchNorm.
#[must_use]
pub fn fuse(graph: &Graph, keep: &BTreeSet<ValueId>) -> Graph {
    let mut graph = graph.clone();
    let mut uses = vec![0_usize; graph.values.len()];
    graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|input| uses[input.0] += 1);
    let producer = |graph: &Graph, value: ValueId| graph.nodes.iter().position(|n| n.outputs.first() == Some(&value));
    let mut merged = Vec::new();
    for index in 0..graph.nodes.len() {
        let Op::BatchNormGradient { relu: false } = graph.nodes[index].op else { continue };
        let gradient = graph.nodes[index].inputs[0];
        let Some(behind) = producer(&graph, gradient) else { continue };
        let relu = &graph.nodes[behind];
        if relu.op != Op::ReluGradient || uses[gradient.0] != 1 || keep.contains(&gradient) {
            continue;
        }
        let (before, normalised) = (relu.inputs[0], relu.inputs[1]);
        let coefficients = graph.nodes[index].inputs[2];
        let norm = producer(&graph, normalised).map(|norm| &graph.nodes[norm]);
        if norm.is_some_and(|norm| norm.outputs.get(1) == Some(&coefficients)) {
            graph.nodes[index].op = Op::BatchNormGradient { relu: true };
            graph.nodes[index].inputs[0] = before;
            merged.push(behind);
        }
    }
    let mut index = 0;
    graph.nodes.retain(|_| {
        index += 1;
        !merged.contains(&(index - 1))
    });
    graph
}
