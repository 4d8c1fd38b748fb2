//! Convolutions of channels that were resized, read through line by line, against the float64 reference.

use super::*;
use crate::conv3d::reach::Reach;
use crate::conv3d::turned::swap_weights;
use crate::conv3d::{InputPart, passes};
use crate::pointwise::resize_nearest_gradient;
use crate::view::Grid;

/// Taps whose weights were added up, against the float64 reference on the tensor that the view stands for.
#[test]
fn a_resize_read_through_line_by_line_agrees_with_the_reference() {
    let mut stream = Stream(29);
    let mut added = [0; STEPS.len()];
    for _ in 0..90 {
        let size: [usize; 3] = std::array::from_fn(|_| stream.pick(&[1, 2, 5, 8, 13, 20]));
        let kernel = [stream.pick(&[1, 3]), stream.pick(&[1, 3, 3, 5]), 3];
        let (large, small) = (stream.pick(&[1, 3, 16, 20, 35, 100]), stream.pick(&[0, 1, 3, 18]));
        let conv = Conv3d {
            batch: stream.pick(&[1, 2]),
            input: size,
            in_channels: large + small,
            out_channels: stream.pick(&[1, 3, 16, 34, 67, 100]),
            kernel,
            stride: [1; 3],
            padding: kernel.map(|taps| stream.pick(&[taps / 2, taps / 2, taps - 1, 0])),
        };
        let coarse_size = size.map(|size| size.div_ceil(stream.pick(&[1, 2, 2, 3])) + stream.pick(&[0, 0, 0, 1]));
        if winograd::fits(&conv) {
            let grids = [Grid { channels: large, size: coarse_size }, Grid { channels: small, size }];
            let adds_taps = |step| {
                let filtering = Filtering::by(step, &conv, &grids);
                filtering.is_some_and(|all| all.parts.iter().any(|part| part.reach.iter().any(Reach::adds_taps)))
            };
            for (added, step) in added.iter_mut().zip(STEPS) {
                *added += usize::from(adds_taps(step));
            }
            check_resized(&conv, (large, small), coarse_size, &mut stream);
        }
    }
    assert!(added.iter().all(|&added| added >= 8), "weights of several taps were added up in {added:?} cases only");
}

fn check_resized(conv: &Conv3d, (large, small): (usize, usize), coarse_size: [usize; 3], stream: &mut Stream) {
    let coarse = stream.floats(conv.batch * coarse_size.iter().product::<usize>() * large);
    let fine = stream.floats(conv.batch * conv.input.iter().product::<usize>() * small);
    let (w, bias) = (stream.floats(conv.weight_len()), stream.floats(conv.out_channels));
    let mut segments = vec![Segment::plain(&coarse[..], large, coarse_size)];
    if small > 0 {
        segments.push(Segment::plain(&fine, small, conv.input));
    }
    let view = View { batch: conv.batch, size: conv.input, segments };
    let mut x = vec![0.0; conv.input_len()];
    view.materialise(&mut x);
    let exact = |x: &[f64], w: &[f64], bias: &[f64]| {
        let mut y = vec![0.0; conv.output_len()];
        f64::conv_forward(conv, x, w, Some(bias), &mut y, Kernels::Fast);
        y
    };
    let values = exact(&widen(&x), &widen(&w), &widen(&bias));
    let scales = exact(&magnitudes(&x), &magnitudes(&w), &magnitudes(&bias));
    for filtering in STEPS.iter().filter_map(|&step| Filtering::by(step, conv, &view.grids())) {
        let scales = of_neighbours(filtering.step, &scales, pitches_of_outputs(conv));
        for variant in Variant::available() {
            let mut y = vec![f32::NAN; conv.output_len()];
            let (set, to) = (variant.kernels().unwrap(), Shared(y.as_mut_ptr()));
            winograd::compute((set, conv), &filtering, &view, (&w, Some(&bias)), to);
            let what = format!("by {:?}, {variant:?}, {conv:?} of {coarse_size:?}", filtering.step);
            assert_close(&y, &values, &scales, units_of(filtering.step), &what);
        }
    }
    let dy = stream.floats(conv.output_len());
    check_weights_of_resized(conv, &view, (&x, &dy));
    check_gradient_of_resized(conv, large, coarse_size, &w, &dy);
}

/// The weight gradient of an input of which some channels were resized, against that of the tensor that it stands for.
fn check_weights_of_resized(conv: &Conv3d, view: &View<'_, f32>, (x, dy): (&[f32], &[f32])) {
    let exact = |x: &[f64], dy: &[f64]| {
        let mut dw = vec![0.0; conv.weight_len()];
        f64::conv_weight_gradient(conv, x, dy, &mut dw, Kernels::Fast);
        dw
    };
    let values = exact(&widen(x), &widen(dy));
    let scales = exact(&magnitudes(x), &magnitudes(dy));
    for filtering in STEPS.iter().filter_map(|&step| Filtering::by(step, conv, &view.grids())) {
        let scales = of_neighbours(filtering.step, &scales, pitches_of_weights(conv));
        for variant in Variant::available() {
            let mut dw = vec![f32::NAN; conv.weight_len()];
            winograd::weight_gradient_by(variant.kernels().unwrap(), conv, &filtering, (view, dy), &mut dw);
            let what = format!("weights by {:?}, {variant:?}, {conv:?}", filtering.step);
            assert_close(&dw, &values, &scales, units_of(filtering.step), &what);
        }
    }
}

/// The gradient of the channels that were resized, against the gradient of the whole input on its own grid in float64.
fn check_gradient_of_resized(conv: &Conv3d, channels: usize, coarse_size: [usize; 3], w: &[f32], dy: &[f32]) {
    // As wide as the input: only what is repeated along depth and height is added up.
    let part = InputPart { first_channel: 0, channels, size: [coarse_size[0], coarse_size[1], conv.input[2]] };
    let len = conv.batch * part.size.iter().product::<usize>() * channels;
    let exact = |w: &[f64], dy: &[f64]| {
        let mut dx = vec![0.0; conv.input_len()];
        f64::conv_data_gradient(conv, dy, w, &mut dx, Kernels::Fast);
        let view = conv.view_of_input(&dx).some_channels(0..channels);
        let mut sums = vec![0.0; len];
        resize_nearest_gradient(&view, part.size, &mut sums);
        sums
    };
    let values = exact(&widen(w), &widen(dy));
    let pitches = [channels, conv.input[2] * channels];
    let of_step = |step| of_neighbours(step, &exact(&magnitudes(w), &magnitudes(dy)), pitches);
    let scales = of_step(SQUARE);
    let mut by_reference = vec![f64::NAN; len];
    f64::conv_data_gradient_onto(conv, &part, &widen(dy), &widen(w), &mut by_reference, Kernels::Fast);
    assert!(by_reference.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-10), "{conv:?}, {part:?}");
    for variant in Variant::available() {
        let set = variant.kernels().unwrap();
        let mut dx = vec![f32::NAN; len];
        fast::data_gradient(set, conv, &part, (dy, w), &mut dx);
        assert_close(&dx, &values, &scales, SQUARES, &format!("gradient, {variant:?}, {conv:?} onto {part:?}"));
        if let Some(ordinary) = passes::as_forward(&conv.of_channels(&part)).filter(winograd::fits) {
            let swapped = swap_weights(conv, w, 0..channels);
            let dy = (&ordinary.view_of_input(dy), swapped.as_slice());
            for filtering in STEPS.iter().filter_map(|&step| Filtering::of_sums_by(step, &ordinary, part.size)) {
                dx.fill(f32::NAN);
                winograd::compute((set, &ordinary), &filtering, dy.0, (dy.1, None), Shared(dx.as_mut_ptr()));
                let what = format!("sums by {:?}, {variant:?}, {conv:?} onto {part:?}", filtering.step);
                assert_close(&dx, &values, &of_step(filtering.step), units_of(filtering.step), &what);
            }
        }
    }
}
