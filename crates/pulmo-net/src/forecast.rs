//! What a run of a network will take, before it runs.

use std::collections::BTreeSet;

use pulmo_kernel::{Bf16, Element};

use crate::architecture::Network;
use crate::differentiate::{Gradients, differentiate};
use crate::error::{Error, Result};
use crate::graph::{Graph, Parameter, Shape, ValueId};
use crate::plan::{Mode, Plan, Sizes, kept_bytes, kernel_bytes};
use crate::precision::Precision;
use crate::session::Purpose;
use crate::summary::summary;

/// What a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Bytes that activations, parameters, optimiser and kernels take at most; the program itself comes on top.
    pub peak_bytes: u64,
    /// Multiply-accumulates of the forward pass.
    pub macs: u64,
    /// Number of activations that are computed twice to save memory.
    pub recomputed: usize,
    /// Multiply-accumulates of their second computation.
    pub recomputed_macs: u64,
}

/// What a run of a network in float32 arithmetic will take, with `max_bytes` for all of it.
///
/// # Errors
/// [`Error::Network`](crate::Error::Network) if the shape is none the network can take, [`Error::Memory`] if it does not
/// fit into `max_bytes`.
pub fn forecast(
    network: &Network,
    shape: Shape,
    purpose: Purpose,
    precision: Precision,
    max_bytes: Option<u64>,
) -> Result<Forecast> {
    match precision {
        Precision::Float32 => forecast_of::<f32>(network, shape, purpose, max_bytes),
        Precision::Bfloat16 => forecast_of::<Bf16>(network, shape, purpose, max_bytes),
    }
}

/// [`forecast`] with activations held as `E`.
pub(crate) fn forecast_of<E: Element>(
    network: &Network,
    shape: Shape,
    purpose: Purpose,
    max_bytes: Option<u64>,
) -> Result<Forecast> {
    let plan = plan_for::<E>(network, shape, purpose, max_bytes)?;
    let fixed = fixed_bytes::<E>(&plan.graph, purpose, plan.keeps_weights);
    let peak_bytes = fixed + (plan.peak_scalars() * size_of::<E::Scalar>()) as u64;
    let (recomputed, recomputed_macs) = (plan.recomputed.len(), plan.recomputed_macs());
    Ok(Forecast { peak_bytes, macs: summary(&network.graph(shape)?).macs, recomputed, recomputed_macs })
}

/// Plans a network for a shape and a purpose, with `max_bytes` for all of it.
///
/// # Errors
/// As [`forecast`].
pub(crate) fn plan_for<E: Element>(
    network: &Network,
    shape: Shape,
    purpose: Purpose,
    max_bytes: Option<u64>,
) -> Result<Plan> {
    let sizes = Sizes::of::<E>();
    let graph = network.graph(shape)?;
    let (graph, mode, keep) = match purpose {
        Purpose::Inference => {
            let keep = logits_of(&graph);
            (graph, Mode::Inference, keep)
        }
        Purpose::Training { loss, frozen } => {
            let trains = |p: &Parameter| !(frozen && p.is_encoder() && p.decays());
            (differentiate(&graph, loss, Gradients::Update, trains), Mode::Training, BTreeSet::new())
        }
    };
    let keeps_weights = purpose == Purpose::Inference;
    let Some(max_bytes) = max_bytes else {
        return Ok(Plan::new(&graph, mode, sizes, &keep).keeping_weights(keeps_weights));
    };
    let within = |keeps_weights: bool| {
        let fixed = fixed_bytes::<E>(&graph, purpose, keeps_weights);
        let room = max_bytes.saturating_sub(fixed) / size_of::<E::Scalar>() as u64;
        let plan = Plan::within(&graph, mode, sizes, &keep, usize::try_from(room).unwrap_or(usize::MAX));
        plan.map(|plan| plan.keeping_weights(keeps_weights))
            .map_err(|least| fixed + (least * size_of::<E::Scalar>()) as u64)
    };
    let plan = if keeps_weights { within(true).or_else(|_| within(false)) } else { within(false) };
    plan.map_err(|needed_bytes| Error::Memory { needed_bytes, max_bytes })
}

/// Bytes that do not depend on the plan: parameters, optimiser, what kernels keep for themselves and, if so, weights packed for
/// them.
fn fixed_bytes<E: Element>(graph: &Graph, purpose: Purpose, keeps_weights: bool) -> u64 {
    let copies = if purpose == Purpose::Inference { 1 } else { 3 };
    let parameters: usize = graph.parameters.iter().map(Parameter::len).sum();
    let kept = if keeps_weights { kept_bytes::<E>(graph) } else { 0 };
    (copies * parameters * size_of::<E::Scalar>() + kernel_bytes::<E>(graph, keeps_weights) + kept) as u64
}

fn logits_of(graph: &Graph) -> BTreeSet<ValueId> {
    graph.logits.into_iter().collect()
}
