//! The fast convolutions in float32, over one set of register kernels and any element that they can write.

use super::lines::Lines;
use super::parts::Part;
use super::passes;
use super::tiles::{self, Shared};
use super::turned::{Weights, swap_weights};
use super::{Conv3d, InputPart, onto, slabs, weights, winograd};
use crate::element::widen_to;
use crate::simd::{KernelSet, Stored};
use crate::view::View;

/// Convolution. Lengths are the caller's to check.
pub(crate) fn forward<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, w, bias): (&View<'_, E>, &[f32], Option<&[f32]>),
    y: &mut [E],
) {
    if conv.output_len() == 0 {
        return;
    }
    if winograd::pays(conv) {
        return winograd::run(set, conv, x, (w, bias), Shared(y.as_mut_ptr()));
    }
    direct(set, conv, (x, Weights::Plain(w), bias), y);
}

/// Convolution by direct sums.
fn direct<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, w, bias): (&View<'_, E>, Weights<'_>, Option<&[f32]>),
    y: &mut [E],
) {
    if let Some(x) = x.as_plain().and_then(E::as_scalars).filter(|_| !passes::merges(conv))
        && let Some(y) = E::as_scalars_mut(y)
    {
        return tiles::run(set, &passes::forward(conv), x, (w, bias), Shared(y.as_mut_ptr()));
    }
    slabs::forward(set, conv, (x, w, bias), y);
}

/// Gradient with respect to a part of the input. Lengths are the caller's to check.
pub(crate) fn data_gradient<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    part: &InputPart,
    (dy, w): (&[E], &[f32]),
    dx: &mut [E],
) {
    if dx.is_empty() {
        return;
    }
    if let Some(ordinary) = filtered_gradient(conv, part) {
        let channels = part.first_channel..part.first_channel + part.channels;
        let swapped = swap_weights(conv, w, channels);
        let dy = (&ordinary.view_of_input(dy), swapped.as_slice());
        return winograd::sums((set, &ordinary), part.size, dy, Shared(dx.as_mut_ptr()));
    }
    onto::on_own_grid(conv, part, dx, |dx| direct_data_gradient(set, conv, part, (dy, w), dx));
}

/// The convolution of `dy` that is the gradient of a part of the input, if it is to be computed by minimal filtering.
pub(super) fn filtered_gradient(conv: &Conv3d, part: &InputPart) -> Option<Conv3d> {
    passes::as_forward(&conv.of_channels(part)).filter(winograd::pays)
}

/// Gradient with respect to a part's channels on the input's own grid, by direct sums.
fn direct_data_gradient<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    part: &InputPart,
    (dy, w): (&[E], &[f32]),
    dx: &mut [E],
) {
    if conv.output_len() == 0 {
        dx.fill(E::narrow(0.0));
        return;
    }
    let own = conv.of_channels(part);
    if let Some(ordinary) = passes::as_forward(&own) {
        let dy = ordinary.view_of_input(dy);
        if passes::merges(&ordinary) {
            let swapped = swap_weights(conv, w, part.first_channel..part.first_channel + part.channels);
            return direct(set, &ordinary, (&dy, Weights::Plain(swapped.as_slice()), None), dx);
        }
        return direct(set, &ordinary, (&dy, Weights::of_gradient(conv, w, part.first_channel, true), None), dx);
    }
    let w = Weights::of_gradient(conv, w, part.first_channel, false);
    let run = |dy: &[f32], dx: &mut [f32]| {
        let dx = Shared(dx.as_mut_ptr());
        for pass in passes::data_gradient(&own) {
            tiles::run(set, &pass, dy, (w, None), dx);
        }
    };
    match (E::as_scalars(dy), E::as_scalars_mut(dx)) {
        (Some(dy), Some(dx)) => run(dy, dx),
        // Strided layers are small beside those around them.
        _ => {
            let (mut wide_dy, mut wide_dx) = (vec![0.0; dy.len()], vec![0.0; dx.len()]);
            widen_to(dy, &mut wide_dy);
            run(&wide_dy, &mut wide_dx);
            slabs::round(&wide_dx, dx);
        }
    }
}

/// Gradient with respect to the weights. Lengths are the caller's to check.
pub(crate) fn weight_gradient<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, dy): (&View<'_, E>, &[E]),
    dw: &mut [f32],
) {
    if winograd::pays(conv) {
        return winograd::weight_gradient(set, conv, (x, dy), dw);
    }
    let pass = if passes::merges(conv) { passes::merged(conv) } else { passes::forward(conv) };
    let whole = Part::seen(conv, 0..pass.depth);
    weights::run(set, (&pass, &[whole]), Lines::Direct { padding: slabs::line_padding(conv), x }, dy, dw);
}
