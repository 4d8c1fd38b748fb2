//! What all tools of a row read: the graph as JSON, weights, an input and a target.

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_net::graph::{Graph, Op, Role, ValueId};
use pulmo_net::weights::write_safetensors;
use pulmo_net::{Network, Shape, Weights};
use serde_json::{Value, json};

/// The networks that are timed.
pub(crate) const NETWORKS: [&str; 3] = ["r3d18", "paper", "light"];

/// A network of [`NETWORKS`] and its input.
pub(crate) fn network(name: &str, size: [usize; 3]) -> Result<(Network, Shape), String> {
    let three = |architecture: &str| Network { architecture: architecture.into(), ..Network::paper() };
    let network = match name {
        "r3d18" => three("fcn"),
        "paper" => three("paper"),
        "light" => Network { widths: vec![16, 32, 64, 128], ..three("unet") },
        _ => return Err(format!("no network `{name}`; there are {}", NETWORKS.join(", "))),
    };
    Ok((network, Shape { batch: 1, channels: 3, size }))
}

/// Input and target of a shape: noise with a block in it, the same every time for a seed.
pub(crate) fn data(shape: Shape, seed: u64) -> (Vec<f32>, Vec<u8>) {
    let mut state = seed as u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let [_, height, width] = shape.size;
    let inside = |voxel: usize| (voxel / width % height) * 5 / height == 2 && (voxel % width) * 4 / width == 1;
    let target: Vec<u8> = (0..shape.voxels()).map(|voxel| u8::from(inside(voxel))).collect();
    let input = (0..shape.len()).map(|at| noise() - 0.5 + f32::from(target[at / shape.channels]));
    (input.collect(), target)
}

/// Weights before training.
pub(crate) fn weights(network: &Network, seed: u64) -> Result<Weights, String> {
    network.initial_weights(seed).map_err(|error| error.to_string())
}

/// A network with what it is run on.
pub(crate) struct Case {
    pub(crate) network: Network,
    pub(crate) shape: Shape,
    pub(crate) input: Vec<f32>,
    pub(crate) target: Vec<u8>,
}

/// Writes a case's files into a folder.
pub(crate) fn write(folder: &Path, case: &Case, weights: &Weights) -> Result<(), String> {
    let failed =
        |what: &str, error: &dyn std::fmt::Display| format!("cannot write {what} in `{}`: {error}", folder.display());
    let graph = case.network.graph(case.shape).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(folder).map_err(|error| failed("files", &error))?;
    let bytes: Vec<u8> = case.input.iter().flat_map(|value| value.to_le_bytes()).collect();
    for (name, bytes) in [
        ("graph.json", description(&graph).to_string().into_bytes()),
        ("input.f32", bytes),
        ("target.u8", case.target.clone()),
    ] {
        std::fs::write(folder.join(name), bytes).map_err(|error| failed(name, &error))?;
    }
    write_safetensors(folder.join("weights.safetensors"), weights, &BTreeMap::new())
        .map_err(|error| failed("weights", &error))
}

fn description(graph: &Graph) -> Value {
    let parameters: Vec<Value> = graph
        .parameters
        .iter()
        .map(|parameter| {
            let transposed = matches!(parameter.role, Role::Convolution { transposed: true });
            json!({ "name": parameter.name, "trained": parameter.is_trained(), "transposed": transposed })
        })
        .collect();
    let input = graph.shape(ValueId(0));
    let [depth, height, width] = input.size;
    let nodes: Vec<Value> = graph.nodes.iter().map(|node| described(graph, node)).collect();
    let logits = graph.logits.map(|logits| logits.0);
    json!({
        "input": [input.batch, depth, height, width, input.channels],
        "parameters": parameters, "nodes": nodes, "logits": logits,
    })
}

fn described(graph: &Graph, node: &pulmo_net::graph::Node) -> Value {
    let name = |id: pulmo_net::graph::ParameterId| graph.parameters[id.0].name.clone();
    let output = node.outputs[0];
    let (op, more) = match node.op {
        Op::Input => ("input", json!({})),
        Op::Convolution { geometry, weight, bias } => (
            "convolution",
            json!({
                "weight": name(weight), "bias": bias.map(name), "stride": geometry.stride, "padding": geometry.padding,
            }),
        ),
        Op::BatchNorm(norm) => {
            let names = [norm.mean, norm.variance, norm.weight, norm.bias].map(name);
            ("batch_norm", json!({ "norm": names }))
        }
        Op::Relu => ("relu", json!({})),
        Op::Add => ("add", json!({})),
        Op::Concat => ("concat", json!({})),
        Op::ResizeNearest => ("resize", json!({ "size": graph.shape(output).size })),
        _ => ("unknown", json!({})),
    };
    let mut value =
        json!({ "op": op, "inputs": node.inputs.iter().map(|id| id.0).collect::<Vec<_>>(), "output": output.0 });
    for (key, field) in more.as_object().into_iter().flatten() {
        value[key] = field.clone();
    }
    value
}
