//! What a convolution allocates stays below what its geometry announces.

mod counting;

use counting::peak_and_rest;
use pulmo_kernel::view::{Segment, View};
use pulmo_kernel::{Bf16, Call, Conv3d, Convolve, InputPart, Kernels, Scratch};

#[test]
fn allocations_stay_below_the_announced_bound() {
    rayon::join(|| (), || ());
    for (input, channels, kernel, stride, padding) in [
        ([4, 30, 31], [3, 20], [3, 7, 7], [1, 2, 2], [1, 3, 3]),
        ([6, 40, 41], [35, 35], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([3, 7, 7], [128, 256], [3, 3, 3], [1, 1, 1], [2, 2, 2]),
        ([6, 14, 15], [64, 130], [3, 3, 3], [2, 2, 2], [1, 1, 1]),
        ([6, 40, 41], [131, 2], [1, 1, 1], [1, 1, 1], [0, 0, 0]),
        ([8, 30, 40], [8, 8], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([2, 3, 3000], [2, 3], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([9, 5, 16], [131, 70], [3, 3, 3], [1, 1, 1], [2, 2, 2]),
        ([12, 6, 40], [33, 64], [3, 3, 3], [2, 2, 2], [1, 1, 1]),
        ([6, 60, 60], [64, 64], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([10, 28, 28], [96, 96], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
    ] {
        let [in_channels, out_channels] = channels;
        let conv = Conv3d { batch: 1, input, in_channels, out_channels, kernel, stride, padding };
        check::<f32>(&conv);
        check::<Bf16>(&conv);
        check_resized::<f32>(&conv);
        check_resized::<Bf16>(&conv);
    }
}

/// All channels but the last lie on a grid of half the depth and height.
fn check_resized<E: Convolve<Scalar = f32>>(conv: &Conv3d) {
    let one = E::narrow(1.0);
    let [depth, height, width] = conv.input;
    let part = InputPart {
        first_channel: 0,
        channels: conv.in_channels - 1,
        size: [depth.div_ceil(2), height.div_ceil(2), width],
    };
    let stored = |channels, source_size: [usize; 3]| vec![one; source_size.iter().product::<usize>() * channels];
    let (coarse, fine) = (stored(part.channels, part.size), stored(1, conv.input));
    let segments = vec![Segment::plain(&coarse[..], part.channels, part.size), Segment::plain(&fine, 1, conv.input)];
    let view = View { batch: 1, size: conv.input, segments };
    let (w, mut y, mut dx) = (vec![1.0; conv.weight_len()], vec![one; conv.output_len()], coarse.clone());
    let found = peak_and_rest(|| E::conv_forward_through(conv, &view, &w, None, &mut y, Kernels::Fast));
    within(found, conv.scratch_through::<E>(&view.grids()), &format!("{conv:?} through"));
    let mut kept = None;
    let [_, rest] = peak_and_rest(|| kept = E::keep_weights(conv, &view.grids(), &w));
    let bytes = conv.kept_bytes::<E>(&view.grids());
    assert!(rest >= bytes && rest <= bytes + 128, "{conv:?}: {rest} bytes of kept weights, announced {bytes}");
    if let Some(kept) = kept {
        let by = (&w[..], Some(&kept));
        let found = peak_and_rest(|| E::conv_forward_with(conv, &view, by, None, &mut y, Kernels::Fast));
        within(found, conv.kept_scratch_through::<E>(&view.grids()), &format!("{conv:?} by kept weights"));
    }
    let mut dw = w.clone();
    let found = peak_and_rest(|| E::conv_weight_gradient_through(conv, &view, &y, &mut dw, Kernels::Fast));
    within(found, conv.weight_scratch_through::<E>(&view.grids()), &format!("{conv:?} weights through"));
    let found = peak_and_rest(|| E::conv_data_gradient_onto(conv, &part, &y, &w, &mut dx, Kernels::Fast));
    within(found, conv.scratch_onto::<E>(&part), &format!("{conv:?} onto"));
}

fn check<E: Convolve<Scalar = f32>>(conv: &Conv3d) {
    let one = E::narrow(1.0);
    let (mut x, mut w, mut y) =
        (vec![one; conv.input_len()], vec![1.0; conv.weight_len()], vec![one; conv.output_len()]);
    let found = [
        (Call::Forward, peak_and_rest(|| E::conv_forward(conv, &x, &w, None, &mut y, Kernels::Fast))),
        (Call::DataGradient, peak_and_rest(|| E::conv_data_gradient(conv, &y, &w, &mut x, Kernels::Fast))),
        (Call::WeightGradient, peak_and_rest(|| E::conv_weight_gradient(conv, &x, &y, &mut w, Kernels::Fast))),
    ];
    for (call, found) in found {
        within(found, conv.scratch::<E>(call), &format!("{conv:?} {call:?}"));
    }
}

fn within([peak, rest]: [usize; 2], announced: Scratch, what: &str) {
    let (lasting, passing) = (announced.lasting_bytes(), announced.passing);
    assert!(peak > 0, "{what}: nothing was counted");
    assert!(peak <= lasting + passing, "{what}: {peak} bytes, expected at most {lasting} + {passing}");
    assert!(rest <= lasting, "{what}: {rest} bytes stay, expected at most {lasting}");
}
