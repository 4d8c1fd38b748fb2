//! Convolutions on tiles, in plain Rust, against the float64 reference.

use rayon::ThreadPoolBuilder;

use super::KeptWeights;
use super::plain::Plain;
use super::source;
use super::{
    data_gradient, data_gradient_of, data_gradient_onto, forward, forward_through, weight_gradient,
    weight_gradient_through,
};
use crate::conv3d::tests::{Stream, random_geometry};
use crate::conv3d::{Conv3d, InputPart};
use crate::dispatch::{Convolve, Kernels};
use crate::element::{Bf16, Element};
use crate::reference;
use crate::view::{Segment, View};

/// Numbers in [-1, 1) that are bfloat16 already.
fn floats(stream: &mut Stream, len: usize) -> Vec<f32> {
    stream.floats(len).into_iter().map(rounded).collect()
}

/// The nearest bfloat16.
fn rounded(value: f32) -> f32 {
    Bf16::narrow(value).widen()
}

/// A reader of a stored tensor.
fn lines(values: &[f32], len: usize) -> impl Fn(usize, &mut [f32]) + Sync {
    move |line, to| to.copy_from_slice(&values[line * len..][..len])
}

/// What the three calls gave: output, gradient of the input, gradient of the weights.
fn all(conv: &Conv3d, (x, w, dy): (&[f32], &[f32], &[f32]), bias: Option<&[f32]>) -> [Vec<f32>; 3] {
    let mut y = vec![f32::NAN; dy.len()];
    let mut dx = vec![f32::NAN; x.len()];
    let mut dw = vec![f32::NAN; w.len()];
    let x = lines(x, conv.input[2] * conv.in_channels);
    let dy = lines(dy, conv.output()[2] * conv.out_channels);
    forward(Plain::Tiles, conv, (&x, w, bias), &mut y);
    data_gradient(Plain::Tiles, conv, (&dy, w), &mut dx);
    weight_gradient(Plain::Tiles, conv, (&x, &dy), &mut dw);
    [y, dx, dw]
}

/// Units of float32 rounding of the sum of the magnitudes of all products that a result may be off.
const UNITS: f64 = 32.0;

fn check(conv: &Conv3d, stream: &mut Stream) {
    let (x, w) = (floats(stream, conv.input_len()), floats(stream, conv.weight_len()));
    let (dy, bias) = (floats(stream, conv.output_len()), floats(stream, conv.out_channels));
    let bias = stream.next().is_multiple_of(2).then_some(bias.as_slice());
    let exact = |of: fn(f32) -> f64| {
        let [x, w, dy] = [&x, &w, &dy].map(|values| values.iter().map(|&value| of(value)).collect::<Vec<_>>());
        let bias: Option<Vec<f64>> = bias.map(|bias| bias.iter().map(|&value| of(value)).collect());
        let mut results = [dy.len(), x.len(), w.len()].map(|len| vec![f64::NAN; len]);
        reference::forward(conv, &x, &w, bias.as_deref(), &mut results[0]);
        reference::data_gradient(conv, &dy, &w, &mut results[1]);
        reference::weight_gradient(conv, &x, &dy, &mut results[2]);
        results
    };
    let (values, scales) = (exact(f64::from), exact(|value| f64::from(value.abs())));
    let found = all(conv, (&x, &w, &dy), bias);
    for (index, what) in ["forward", "data gradient", "weight gradient"].into_iter().enumerate() {
        assert_close(&found[index], (&values[index], &scales[index]), &format!("{what}, {conv:?}"));
    }
}

fn assert_close(found: &[f32], (values, scales): (&[f64], &[f64]), what: &str) {
    for (at, (&found, (&exact, &scale))) in found.iter().zip(values.iter().zip(scales)).enumerate() {
        let error = (f64::from(found) - exact).abs();
        let bound = UNITS * f64::from(f32::EPSILON) * scale + 1e-30;
        assert!(error <= bound, "{what}, element {at}: {found}, expected {exact}, {error:e} > {bound:e}");
    }
}

pub(super) fn shape(input: [usize; 3], channels: [usize; 2], kernel: [usize; 3], stride: [usize; 3]) -> Conv3d {
    Conv3d {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride,
        padding: kernel.map(|kernel| kernel / 2),
    }
}

#[test]
fn the_network_s_layers() {
    let mut stream = Stream(11);
    check(&Conv3d { batch: 2, ..shape([4, 21, 22], [3, 64], [3, 7, 7], [1, 2, 2]) }, &mut stream);
    check(&shape([3, 11, 17], [131, 131], [3; 3], [1; 3]), &mut stream);
    check(&shape([4, 9, 8], [131, 2], [1; 3], [1; 3]), &mut stream);
    check(&shape([4, 9, 8], [2, 131], [1; 3], [1; 3]), &mut stream);
    check(&shape([5, 14, 14], [64, 128], [1; 3], [2; 3]), &mut stream);
    check(&shape([5, 14, 14], [64, 70], [3; 3], [2; 3]), &mut stream);
    check(&shape([3, 14, 15], [64, 32], [3; 3], [1, 2, 2]), &mut stream);
    check(&shape([5, 22, 14], [16, 32], [3; 3], [1; 3]), &mut stream);
    check(&shape([2, 7, 7], [256, 300], [3; 3], [1; 3]), &mut stream);
    check(&Conv3d { padding: [2; 3], ..shape([3, 7, 7], [64, 48], [3; 3], [1; 3]) }, &mut stream);
}

#[test]
fn random_geometries() {
    let mut stream = Stream(7);
    for _ in 0..150 {
        check(&random_geometry(&mut stream), &mut stream);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut stream = Stream(3);
    for conv in [
        shape([5, 20, 31], [35, 35], [3; 3], [1; 3]),
        shape([6, 20, 20], [3, 19], [3; 3], [2; 3]),
        shape([3, 20, 20], [131, 131], [3; 3], [1; 3]),
    ] {
        let (x, w) = (floats(&mut stream, conv.input_len()), floats(&mut stream, conv.weight_len()));
        let dy = floats(&mut stream, conv.output_len());
        let runs = [1, 2, 4].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let results = pool.install(|| all(&conv, (&x, &w, &dy), None));
            results.concat().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        });
        assert_eq!(runs[0], runs[1], "1 and 2 threads differ");
        assert_eq!(runs[0], runs[2], "1 and 4 threads differ");
    }
}

#[test]
fn inputs_are_rounded_and_outputs_can_be() {
    let conv = shape([2, 5, 6], [37, 18], [3; 3], [1; 3]);
    let mut stream = Stream(5);
    let (x, w) = (floats(&mut stream, conv.input_len()), floats(&mut stream, conv.weight_len()));
    // A third of a unit in the last place is rounded away.
    let off: Vec<f32> = x.iter().map(|value| value * (1.0 + 0.3 / 256.0)).collect();
    let rounded: Vec<f32> = off.iter().map(|&value| rounded(value)).collect();
    let line = conv.input[2] * conv.in_channels;
    let [mut from_off, mut from_rounded] = [(); 2].map(|()| vec![0.0_f32; conv.output_len()]);
    forward(Plain::Tiles, &conv, (&lines(&off, line), &w, None), &mut from_off);
    forward(Plain::Tiles, &conv, (&lines(&rounded, line), &w, None), &mut from_rounded);
    assert_eq!(from_off, from_rounded);
    let mut stored = vec![Bf16::default(); conv.output_len()];
    forward(Plain::Tiles, &conv, (&lines(&x, line), &w, None), &mut stored);
    forward(Plain::Tiles, &conv, (&lines(&x, line), &w, None), &mut from_rounded);
    assert!(stored.iter().zip(&from_rounded).all(|(&stored, &sum)| stored == Bf16::narrow(sum)));
}

/// Taps whose weights are added up, against the float64 reference on the tensor that the view stands for. Weights are
/// sixteenths, so that no sum of them is rounded.
#[test]
fn a_resize_read_through_line_by_line_agrees_with_the_reference() {
    let mut stream = Stream(29);
    let mut added = 0;
    for _ in 0..200 {
        let size: [usize; 3] = std::array::from_fn(|_| stream.pick(&[2, 5, 8, 13, 20]));
        let kernel = [stream.pick(&[1, 3]), stream.pick(&[1, 3, 5]), stream.pick(&[1, 3])];
        let (large, small) = (stream.pick(&[1, 3, 16, 35, 64]), stream.pick(&[0, 1, 3, 18, 32]));
        let conv = Conv3d {
            batch: stream.pick(&[1, 2]),
            input: size,
            in_channels: large + small,
            out_channels: stream.pick(&[1, 3, 16, 34, 67]),
            kernel,
            stride: [1; 3],
            padding: kernel.map(|taps| stream.pick(&[taps / 2, taps / 2, taps - 1, 0])),
        };
        let coarse = size.map(|size| size.div_ceil(stream.pick(&[1, 2, 2, 3])) + stream.pick(&[0, 0, 0, 1]));
        added += usize::from(check_resized(&conv, (large, small), coarse, &mut stream));
    }
    assert!(added >= 10, "weights of several taps were added up in {added} cases only");
}

/// Whether any weights were added up.
fn check_resized(conv: &Conv3d, (large, small): (usize, usize), size: [usize; 3], stream: &mut Stream) -> bool {
    let coarse = floats(stream, conv.batch * size.iter().product::<usize>() * large);
    let fine = floats(stream, conv.batch * conv.input.iter().product::<usize>() * small);
    let w: Vec<f32> = stream.floats(conv.weight_len()).iter().map(|value| (value * 16.0).round() / 16.0).collect();
    let mut segments = vec![Segment::plain(&coarse[..], large, size)];
    if small > 0 {
        segments.push(Segment::plain(&fine, small, conv.input));
    }
    let view = View { batch: conv.batch, size: conv.input, segments };
    let mut x = vec![0.0; conv.input_len()];
    view.materialise(&mut x);
    let exact = |of: fn(f32) -> f64| {
        let [x, w] = [&x, &w].map(|values| values.iter().map(|&value| of(value)).collect::<Vec<_>>());
        let mut y = vec![f64::NAN; conv.output_len()];
        reference::forward(conv, &x, &w, None, &mut y);
        y
    };
    let (values, scales) = (exact(f64::from), exact(|value| f64::from(value.abs())));
    for twin in [Plain::Tiles, Plain::Dots] {
        let mut y = vec![f32::NAN; conv.output_len()];
        forward_through(twin, conv, (&view, &w, None), None, &mut y);
        assert_close(&y, (&values, &scales), &format!("{twin:?}, {conv:?} of {size:?}"));
        let kept = KeptWeights::new(twin, (conv, &view.grids()), &w);
        let mut by_kept = vec![f32::NAN; conv.output_len()];
        forward_through(twin, conv, (&view, &[], None), Some(&kept), &mut by_kept);
        assert_eq!(by_kept, y, "kept weights, {twin:?}, {conv:?} of {size:?}");
    }
    let dy = floats(stream, conv.output_len());
    let exact = |of: fn(f32) -> f64| {
        let [x, dy] = [&x, &dy].map(|values| values.iter().map(|&value| of(value)).collect::<Vec<_>>());
        let mut dw = vec![f64::NAN; conv.weight_len()];
        reference::weight_gradient(conv, &x, &dy, &mut dw);
        dw
    };
    let (values, scales) = (exact(f64::from), exact(|value| f64::from(value.abs())));
    for twin in [Plain::Tiles, Plain::Dots] {
        let mut dw = vec![f32::NAN; conv.weight_len()];
        weight_gradient_through(twin, conv, (&view, &dy), &mut dw);
        assert_close(&dw, (&values, &scales), &format!("weights, {twin:?}, {conv:?} of {size:?}"));
    }
    // As wide as the input: only what is repeated along depth and height is added up.
    let part = InputPart { first_channel: 0, channels: large, size: [size[0], size[1], conv.input[2]] };
    let exact = |of: fn(f32) -> f64| {
        let [w, dy] = [&w, &dy].map(|values| values.iter().map(|&value| of(value)).collect::<Vec<_>>());
        let mut dx = vec![f64::NAN; conv.batch * part.size.iter().product::<usize>() * large];
        f64::conv_data_gradient_onto(conv, &part, &dy, &w, &mut dx, Kernels::Reference);
        dx
    };
    let (values, scales) = (exact(f64::from), exact(|value| f64::from(value.abs())));
    for twin in [Plain::Tiles, Plain::Dots] {
        let mut dx = vec![f32::NAN; values.len()];
        data_gradient_onto(twin, conv, &part, (&dy, &w), &mut dx);
        assert_close(&dx, (&values, &scales), &format!("sums, {twin:?}, {conv:?} onto {size:?}"));
    }
    source::channels(conv, &view.grids()).iter().any(|some| some.source.classes.len() > 1)
}

#[test]
fn tensors_read_through_give_what_their_lines_give() {
    let conv = shape([3, 6, 8], [21, 18], [3; 3], [1; 3]);
    let mut stream = Stream(9);
    let narrow = |values: Vec<f32>| values.into_iter().map(Bf16::narrow).collect::<Vec<_>>();
    let (fine, coarse) = (narrow(floats(&mut stream, 3 * 6 * 8 * 9)), narrow(floats(&mut stream, 3 * 6 * 2 * 12)));
    let (scale, shift) = (floats(&mut stream, 9), floats(&mut stream, 9));
    let segment = |source, channels, size| Segment { relu: true, ..Segment::plain(source, channels, size) };
    let pending = Segment { affine: Some((&scale, &shift)), ..segment(&fine, 9, conv.input) };
    let view = View { batch: 1, size: conv.input, segments: vec![pending, segment(&coarse, 12, [3, 6, 2])] };
    let line = view.line_len();
    let mut x = vec![0.0; conv.input_len()];
    x.chunks_exact_mut(line).enumerate().for_each(|(index, to)| view.read_line(index, to));
    let (w, dy) = (floats(&mut stream, conv.weight_len()), floats(&mut stream, conv.output_len()));
    let [y, dx, dw] = all(&conv, (&x, &w, &dy), None);

    let mut through = vec![Bf16::default(); y.len()];
    forward_through(Plain::Tiles, &conv, (&view, &w, None), None, &mut through);
    assert_eq!(through, narrow(y));
    let dy = narrow(dy);
    let mut through = vec![Bf16::default(); dx.len()];
    data_gradient_of(Plain::Tiles, &conv, (&dy, &w), &mut through);
    assert_eq!(through, narrow(dx));
    let mut through = vec![0.0; dw.len()];
    weight_gradient_through(Plain::Tiles, &conv, (&view, &dy), &mut through);
    assert_eq!(through, dw);
}
