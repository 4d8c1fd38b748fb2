//! The data gradient of some input channels, on the grid on which they are stored.

use super::{Conv3d, InputPart};
use crate::Scalar;
use crate::element::Element;
use crate::pointwise::resize_nearest_gradient;

/// Computes the gradient of a part of the input by `run`, which knows convolutions of all channels on their own grid only:
/// weights are copied where there are other channels, and the gradient is made on the larger grid and added up.
pub(crate) fn on_own_grid<E: Element>(
    conv: &Conv3d,
    part: &InputPart,
    w: &[E::Scalar],
    dx: &mut [E],
    run: impl FnOnce(&Conv3d, &[E::Scalar], &mut [E]),
) {
    let own = conv.of_channels(part);
    let rows = conv.out_channels * part.first_channel..conv.out_channels * (part.first_channel + part.channels);
    let of_tap = |w: &[E::Scalar]| w[rows.clone()].to_vec();
    let copied: Vec<E::Scalar> = if part.channels == conv.in_channels {
        Vec::new()
    } else {
        w.chunks_exact(conv.in_channels * conv.out_channels).flat_map(of_tap).collect()
    };
    let w = if copied.is_empty() { w } else { &copied };
    if part.size == conv.input {
        return run(&own, w, dx);
    }
    let mut seen = vec![E::narrow(E::Scalar::ZERO); own.input_len()];
    run(&own, w, &mut seen);
    resize_nearest_gradient(&own.view_of_input(&seen), part.size, dx);
}

/// Bytes that it allocates.
pub(crate) fn bytes<E: Element>(conv: &Conv3d, part: &InputPart) -> usize {
    let own = conv.of_channels(part);
    let weights = if part.channels == conv.in_channels { 0 } else { own.weight_len() };
    let seen = if part.size == conv.input { 0 } else { own.input_len() };
    weights * size_of::<E::Scalar>() + seen * size_of::<E>()
}
