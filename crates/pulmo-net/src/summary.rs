//! Tables of a network: shapes, parameters and multiplications.

use serde::Serialize;

use crate::graph::{Graph, Op, ParameterId, Role, Shape};

/// One line of the table: a node that computes something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the result.
    pub name: String,
    /// What it does, such as `conv 3x3x3 / 2`.
    pub operation: String,
    /// Channels, depth, height, width of the result.
    pub shape: [usize; 4],
    /// Trained values.
    pub parameters: usize,
    /// Multiply-accumulates for the whole batch, taps on the padding counted.
    pub macs: u64,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// One line per node, in the order in which they run.
    pub rows: Vec<Row>,
    /// Trained values of the network.
    pub parameters: usize,
    /// Multiply-accumulates of one forward pass.
    pub macs: u64,
}

/// Tables a network.
///
/// # Agreement
/// The paper's network: 95,372,348 parameters, 1,980 GMAC at 3x20x224x224, counted as for the authors' code: a
/// transposed convolution counts the voxels of its input.
#[must_use]
pub fn summary(graph: &Graph) -> Summary {
    let rows: Vec<Row> = graph.nodes.iter().filter_map(|node| row(graph, node)).collect();
    let macs = rows.iter().map(|row| row.macs).sum();
    Summary { rows, parameters: graph.parameter_count(), macs }
}

fn row(graph: &Graph, node: &crate::graph::Node) -> Option<Row> {
    let len = |id: ParameterId| graph.parameters[id.0].len();
    let output = *node.outputs.first()?;
    let (operation, parameters, macs) = match node.op {
        Op::Convolution { geometry, weight, bias } => {
            let [depth, height, width] = geometry.kernel;
            let transposed = graph.parameters[weight.0].role == Role::Convolution { transposed: true };
            let kind = if transposed { "transposed conv" } else { "conv" };
            let stride = match geometry.stride {
                [1, 1, 1] => String::new(),
                [depth, height, width] => format!(" / {depth}x{height}x{width}"),
            };
            let macs = if transposed {
                graph.shape(node.inputs[0]).voxels() as u64 * len(weight) as u64
            } else {
                geometry.macs()
            };
            let parameters = len(weight) + bias.map_or(0, len);
            (format!("{kind} {depth}x{height}x{width}{stride}"), parameters, macs)
        }
        Op::BatchNorm(norm) => ("batch norm".to_owned(), len(norm.weight) + len(norm.bias), 0),
        Op::Relu => ("relu".to_owned(), 0, 0),
        Op::Add => ("add".to_owned(), 0, 0),
        Op::Concat => ("concat".to_owned(), 0, 0),
        Op::ResizeNearest => ("nearest resize".to_owned(), 0, 0),
        Op::Input => ("input".to_owned(), 0, 0),
        _ => return None,
    };
    let Shape { channels, size: [depth, height, width], .. } = graph.shape(output);
    let name = graph.value(output).name.clone();
    Some(Row { name, operation, shape: [channels, depth, height, width], parameters, macs })
}
