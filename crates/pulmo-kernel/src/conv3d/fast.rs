//! The fast float32 convolutions, over one set of register kernels.

use super::passes;
use super::tiles::{self, Shared};
use super::weights::Lines;
use super::{Conv3d, weights, winograd};
use crate::simd::KernelSet;
use crate::view::View;

/// Convolution. Lengths are the caller's to check.
pub(crate) fn forward(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, w, bias): (&[f32], &[f32], Option<&[f32]>),
    y: &mut [f32],
) {
    let y = Shared(y.as_mut_ptr());
    if winograd::pays(conv) {
        winograd::run(set, conv, &plain(conv, x), (w, bias), y);
    } else if passes::merges(conv) {
        let lines = passes::padded_lines(conv, x);
        tiles::run(set, &passes::merged(conv), &lines, (w, bias), y);
    } else {
        tiles::run(set, &passes::forward(conv), x, (w, bias), y);
    }
}

/// The input of a convolution as a view with nothing pending.
pub(super) fn plain<'a>(conv: &Conv3d, x: &'a [f32]) -> View<'a, f32> {
    View::plain(x, conv.batch, conv.input, conv.in_channels)
}

/// [`forward`] over an input that is read through, for a convolution that does so ([`Conv3d::reads_through`]).
pub(crate) fn forward_through(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, w, bias): (&View<'_, f32>, &[f32], Option<&[f32]>),
    y: &mut [f32],
) {
    winograd::run(set, conv, x, (w, bias), Shared(y.as_mut_ptr()));
}

/// [`weight_gradient`] over an input that is read through, for a convolution that does so ([`Conv3d::reads_through`]).
pub(crate) fn weight_gradient_through(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, dy): (&View<'_, f32>, &[f32]),
    dw: &mut [f32],
) {
    winograd::weight_gradient(set, conv, (x, dy), dw);
}

/// Gradient with respect to the input. Lengths are the caller's to check.
pub(crate) fn data_gradient(set: &'static KernelSet, conv: &Conv3d, (dy, w): (&[f32], &[f32]), dx: &mut [f32]) {
    if dx.is_empty() {
        return;
    }
    if conv.output_len() == 0 {
        dx.fill(0.0);
        return;
    }
    if let Some(ordinary) = passes::as_forward(conv) {
        let swapped = passes::swap_weights(conv, w, true);
        return forward(set, &ordinary, (dy, &swapped, None), dx);
    }
    let swapped = passes::swap_weights(conv, w, false);
    let dx = Shared(dx.as_mut_ptr());
    for pass in passes::data_gradient(conv) {
        tiles::run(set, &pass, dy, (&swapped, None), dx);
    }
}

/// Gradient with respect to the weights. Lengths are the caller's to check.
pub(crate) fn weight_gradient(set: &'static KernelSet, conv: &Conv3d, (x, dy): (&[f32], &[f32]), dw: &mut [f32]) {
    if winograd::pays(conv) {
        winograd::weight_gradient(set, conv, (&plain(conv, x), dy), dw);
    } else if passes::merges(conv) {
        let lines = passes::padded_lines(conv, x);
        weights::run(set, &passes::merged(conv), Lines::Plain { x: &lines }, dy, dw);
    } else {
        weights::run(set, &passes::forward(conv), Lines::Plain { x }, dy, dw);
    }
}
