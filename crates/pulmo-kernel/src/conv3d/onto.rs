//! The data gradient of some input channels, on the grid on which they are stored, by what knows neither.

use super::{Conv3d, InputPart};
use crate::Scalar;
use crate::element::Element;
use crate::pointwise::resize_nearest_gradient;

/// Calls `run` with the weights of a part's channels, copied where there are others.
pub(crate) fn with_own_weights<T: Scalar>(conv: &Conv3d, part: &InputPart, w: &[T], run: impl FnOnce(&[T])) {
    if part.channels == conv.in_channels {
        return run(w);
    }
    let rows = conv.out_channels * part.first_channel..conv.out_channels * (part.first_channel + part.channels);
    let mut own = Vec::with_capacity(conv.of_channels(part).weight_len());
    w.chunks_exact(conv.in_channels * conv.out_channels).for_each(|tap| own.extend_from_slice(&tap[rows.clone()]));
    run(&own);
}

/// Calls `run` with a place for the gradient of a part's channels on the input's own grid, and adds up what belongs together.
pub(crate) fn on_own_grid<E: Element>(conv: &Conv3d, part: &InputPart, dx: &mut [E], run: impl FnOnce(&mut [E])) {
    if part.size == conv.input {
        return run(dx);
    }
    let own = conv.of_channels(part);
    let mut seen = vec![E::narrow(E::Scalar::ZERO); own.input_len()];
    run(&mut seen);
    resize_nearest_gradient(&own.view_of_input(&seen), part.size, dx);
}

/// Bytes that both allocate.
pub(crate) fn bytes<E: Element>(conv: &Conv3d, part: &InputPart) -> [usize; 2] {
    let own = conv.of_channels(part);
    let weights = if part.channels == conv.in_channels { 0 } else { own.weight_len() };
    let seen = if part.size == conv.input { 0 } else { own.input_len() };
    [weights * size_of::<E::Scalar>(), seen * size_of::<E>()]
}
