//! The fast kernels of every variant against the float64 reference.

mod resized;

use rayon::ThreadPoolBuilder;

use super::tiles::Shared;
use super::winograd::step::{Filtering, STEPS, Step};
use super::{Conv3d, fast, winograd};
use crate::simd::Filter;
use crate::view::{Segment, View};
use crate::{Bf16, Convolve, Element, Kernels, Variant};

/// A small generator of reproducible numbers.
pub(crate) struct Stream(pub(crate) u64);

impl Stream {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    pub(crate) fn pick(&mut self, choices: &[usize]) -> usize {
        choices[self.next() as usize % choices.len()]
    }

    pub(crate) fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.next() as f32 / (1_u64 << 31) as f32) * 2.0 - 1.0).collect()
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn magnitudes(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value.abs())).collect()
}

/// Units of float32 rounding that a direct sum may be off.
const DIRECT: f64 = 16.0;
/// The same for minimal filtering, where an output also takes the rounding of its neighbours' larger inputs.
const FILTERED: f64 = 64.0;
/// The same along and across lines, four outputs of each of four lines at a time, or seven of seven.
const SQUARES: f64 = 128.0;
const LARGE_SQUARES: f64 = 1536.0;

/// Asserts that errors stay below some units of float32 rounding of the sum of the magnitudes of all products.
fn assert_close(fast: &[f32], exact: &[f64], scale: &[f64], units: f64, what: &str) {
    assert_eq!(fast.len(), exact.len());
    for (index, ((&fast, &exact), &scale)) in fast.iter().zip(exact).zip(scale).enumerate() {
        let error = (f64::from(fast) - exact).abs();
        let bound = units * f64::from(f32::EPSILON) * scale + 1e-30;
        assert!(error <= bound, "{what}, element {index}: got {fast}, expected {exact}, error {error:e} > {bound:e}");
    }
}

/// The squares of float32.
const SQUARE: Step = Step::Square(Filter::Four);

/// Units of float32 rounding that they may be off.
fn units_of(step: Step) -> f64 {
    match step {
        Step::Line => FILTERED,
        Step::Square(Filter::Four) => SQUARES,
        Step::Square(Filter::Seven) => LARGE_SQUARES,
    }
}

/// The largest scale of an element and its neighbours along a line and across `lines`, which minimal filtering computes
/// together; with the elements of a voxel and of a line.
fn of_neighbours(step: Step, scale: &[f64], [voxel, line]: [usize; 2]) -> Vec<f64> {
    let along = of_neighbours_along(step, scale, voxel);
    match step {
        Step::Line => along,
        Step::Square(_) => of_neighbours_along(step, &along, line),
    }
}

fn of_neighbours_along(step: Step, scale: &[f64], pitch: usize) -> Vec<f64> {
    let at = |index: usize| {
        (1..step.outputs()).flat_map(move |step| [index.checked_sub(step * pitch), Some(index + step * pitch)])
    };
    let largest =
        |index: usize| at(index).flatten().filter_map(|near| scale.get(near)).fold(scale[index], |a, &b| a.max(b));
    (0..scale.len()).map(largest).collect()
}

/// Elements of a voxel and of a line of outputs.
fn pitches_of_outputs(conv: &Conv3d) -> [usize; 2] {
    [conv.out_channels, conv.output()[2] * conv.out_channels]
}

/// The same of weights, where taps take the place of voxels.
fn pitches_of_weights(conv: &Conv3d) -> [usize; 2] {
    let tap = conv.in_channels * conv.out_channels;
    [tap, conv.kernel[2] * tap]
}

/// All three calls of one geometry, fast for every variant, against the float64 reference.
fn check(conv: &Conv3d, stream: &mut Stream) {
    let x = stream.floats(conv.input_len());
    let w = stream.floats(conv.weight_len());
    let dy = stream.floats(conv.output_len());
    let bias = stream.floats(conv.out_channels);
    let with_bias = stream.next().is_multiple_of(2);
    let exact = |x: &[f64], w: &[f64], dy: &[f64], bias: &[f64]| {
        let mut y = vec![f64::NAN; dy.len()];
        let mut dx = vec![f64::NAN; x.len()];
        let mut dw = vec![f64::NAN; w.len()];
        f64::conv_forward(conv, x, w, with_bias.then_some(bias), &mut y, Kernels::Fast);
        f64::conv_data_gradient(conv, dy, w, &mut dx, Kernels::Fast);
        f64::conv_weight_gradient(conv, x, dy, &mut dw, Kernels::Fast);
        [y, dx, dw]
    };
    let values = exact(&widen(&x), &widen(&w), &widen(&dy), &widen(&bias));
    let scales = exact(&magnitudes(&x), &magnitudes(&w), &magnitudes(&dy), &magnitudes(&bias));
    for variant in Variant::available() {
        let set = variant.kernels().unwrap();
        let mut y = vec![f32::NAN; dy.len()];
        let mut dx = vec![f32::NAN; x.len()];
        let mut dw = vec![f32::NAN; w.len()];
        let view = conv.view_of_input(&x);
        fast::forward(set, conv, (&view, &w, with_bias.then_some(&bias)), &mut y);
        fast::data_gradient(set, conv, &conv.whole_input(), (&dy, &w), &mut dx);
        fast::weight_gradient(set, conv, (&view, &dy), &mut dw);
        let is_filtered = winograd::pays(conv);
        let units = if is_filtered { SQUARES } else { DIRECT };
        let around = |scale: &[f64], pitches| {
            if is_filtered { of_neighbours(SQUARE, scale, pitches) } else { scale.to_vec() }
        };
        let of_inputs = [conv.in_channels, conv.input[2] * conv.in_channels];
        let [scale_y, scale_dx, scale_dw] = [
            around(&scales[0], pitches_of_outputs(conv)),
            around(&scales[1], of_inputs),
            around(&scales[2], pitches_of_weights(conv)),
        ];
        assert_close(&y, &values[0], &scale_y, units, &format!("forward, {variant:?}, {conv:?}"));
        for filtering in Filtering::all(conv) {
            let (mut filtered, mut of_weights) = (vec![f32::NAN; dy.len()], vec![f32::NAN; w.len()]);
            let shared = Shared(filtered.as_mut_ptr());
            winograd::compute((set, conv), &filtering, &view, (&w, with_bias.then_some(&bias)), shared);
            winograd::weight_gradient_by(set, conv, &filtering, (&view, &dy), &mut of_weights);
            let what = format!("by {:?}, {variant:?}, {conv:?}", filtering.step);
            let scale = of_neighbours(filtering.step, &scales[0], pitches_of_outputs(conv));
            assert_close(&filtered, &values[0], &scale, units_of(filtering.step), &format!("forward {what}"));
            let scale = of_neighbours(filtering.step, &scales[2], pitches_of_weights(conv));
            assert_close(&of_weights, &values[2], &scale, units_of(filtering.step), &format!("weights {what}"));
        }
        assert_close(&dx, &values[1], &scale_dx, units, &format!("data gradient, {variant:?}, {conv:?}"));
        assert_close(&dw, &values[2], &scale_dw, units, &format!("weight gradient, {variant:?}, {conv:?}"));
    }
    check_narrow(conv, [&x, &w, &dy], with_bias.then_some(&bias[..]));
}

/// All three calls on bfloat16 tensors, for every variant, against the float64 reference on the same numbers.
///
/// Outputs may be off by their own rounding beside that of the sums: far less than 2^-8 of the magnitudes of all products.
fn check_narrow(conv: &Conv3d, [x, w, dy]: [&[f32]; 3], bias: Option<&[f32]>) {
    let narrow = |values: &[f32]| values.iter().map(|&value| Bf16::narrow(value)).collect::<Vec<_>>();
    let widened = |values: &[Bf16]| values.iter().map(|value| value.widen()).collect::<Vec<_>>();
    let (x, dy) = (narrow(x), narrow(dy));
    let exact = |x: &[f64], w: &[f64], dy: &[f64], bias: Option<&[f64]>| {
        let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        f64::conv_forward(conv, x, w, bias, &mut y, Kernels::Fast);
        f64::conv_data_gradient(conv, dy, w, &mut dx, Kernels::Fast);
        f64::conv_weight_gradient(conv, x, dy, &mut dw, Kernels::Fast);
        [y, dx, dw]
    };
    let (x_wide, dy_wide) = (widened(&x), widened(&dy));
    let values = exact(&widen(&x_wide), &widen(w), &widen(&dy_wide), bias.map(widen).as_deref());
    let of_bias = bias.map(magnitudes);
    let scales = exact(&magnitudes(&x_wide), &magnitudes(w), &magnitudes(&dy_wide), of_bias.as_deref());
    for variant in Variant::available() {
        let set = variant.kernels().unwrap();
        let (mut y, mut dx) = (vec![Bf16::narrow(f32::NAN); dy.len()], vec![Bf16::narrow(f32::NAN); x.len()]);
        let mut dw = vec![f32::NAN; w.len()];
        fast::forward(set, conv, (&conv.view_of_input(&x), w, bias), &mut y);
        fast::data_gradient(set, conv, &conv.whole_input(), (&dy, w), &mut dx);
        fast::weight_gradient(set, conv, (&conv.view_of_input(&x), &dy), &mut dw);
        let found = [widened(&y), widened(&dx), dw];
        for (call, name) in ["forward", "data gradient", "weight gradient"].into_iter().enumerate() {
            let is_rounded = call < 2;
            for (index, &found) in found[call].iter().enumerate() {
                let (exact, scale) = (values[call][index], scales[call][index]);
                let rounding = if is_rounded { exact.abs() / 256.0 } else { 0.0 };
                let bound = rounding + FILTERED * f64::from(f32::EPSILON) * scale.max(1.0) + 1e-30;
                let error = (f64::from(found) - exact).abs();
                assert!(error <= bound, "{name} in bfloat16, {variant:?}, {conv:?}, element {index}: {found}, {exact}");
                assert!(error <= scale / 256.0 || scale < 1e-3, "{name}: error {error:e} of {scale}");
            }
        }
    }
}

/// A small geometry of any kind.
pub(crate) fn random_geometry(stream: &mut Stream) -> Conv3d {
    let channels = [1, 2, 3, 5, 8, 16, 17, 31, 33, 64];
    Conv3d {
        kernel: [[1, 1, 1], [3, 3, 3], [3, 7, 7], [1, 3, 3], [2, 2, 2]][stream.pick(&[0, 1, 1, 2, 3, 4])],
        batch: stream.pick(&[1, 2, 3]),
        input: std::array::from_fn(|_| stream.pick(&[1, 3, 4, 6, 7, 9])),
        in_channels: stream.pick(&channels),
        out_channels: stream.pick(&channels),
        stride: std::array::from_fn(|_| stream.pick(&[1, 1, 2, 3])),
        padding: std::array::from_fn(|_| stream.pick(&[0, 1, 2, 3])),
    }
}

#[test]
fn fast_kernels_agree_with_the_reference_on_random_geometries() {
    let mut stream = Stream(7);
    for _ in 0..150 {
        check(&random_geometry(&mut stream), &mut stream);
    }
}

fn cube(input: [usize; 3], channels: [usize; 2], kernel: usize, stride: usize, padding: usize) -> Conv3d {
    Conv3d {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [kernel; 3],
        stride: [stride; 3],
        padding: [padding; 3],
    }
}

#[test]
fn fast_kernels_agree_with_the_reference_on_the_network_s_layers() {
    let mut stream = Stream(11);
    let stem = Conv3d {
        batch: 2,
        input: [4, 21, 22],
        in_channels: 3,
        out_channels: 64,
        kernel: [3, 7, 7],
        stride: [1, 2, 2],
        padding: [1, 3, 3],
    };
    check(&stem, &mut stream);
    check(&cube([3, 11, 17], [131, 131], 3, 1, 1), &mut stream);
    check(&cube([4, 9, 8], [131, 2], 1, 1, 0), &mut stream);
    check(&cube([3, 7, 7], [64, 128], 3, 1, 2), &mut stream);
    check(&cube([5, 14, 14], [64, 128], 1, 2, 0), &mut stream);
    check(&cube([5, 14, 14], [64, 70], 3, 2, 1), &mut stream);
    // Large enough for minimal filtering, in several chunks of planes.
    check(&cube([6, 18, 23], [24, 35], 3, 1, 1), &mut stream);
    check(&cube([5, 22, 14], [131, 131], 3, 1, 2), &mut stream);
    // Longer than one part of space in the weight gradient.
    check(&cube([5, 30, 30], [9, 20], 3, 1, 1), &mut stream);
    check(&cube([5, 30, 30], [33, 3], 1, 1, 0), &mut stream);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut stream = Stream(3);
    for conv in [cube([5, 20, 31], [35, 35], 3, 1, 1), cube([6, 20, 20], [3, 19], 3, 2, 1)] {
        let x = stream.floats(conv.input_len());
        let w = stream.floats(conv.weight_len());
        let dy = stream.floats(conv.output_len());
        for variant in Variant::available() {
            let set = variant.kernels().unwrap();
            let runs: Vec<Vec<u32>> = [1, 2, 4]
                .iter()
                .map(|&threads| {
                    let mut y = vec![0.0; dy.len()];
                    let mut dx = vec![0.0; x.len()];
                    let mut dw = vec![0.0; w.len()];
                    let mut by_steps = Vec::new();
                    ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                        let view = conv.view_of_input(&x);
                        fast::forward(set, &conv, (&view, &w, None), &mut y);
                        fast::data_gradient(set, &conv, &conv.whole_input(), (&dy, &w), &mut dx);
                        fast::weight_gradient(set, &conv, (&view, &dy), &mut dw);
                        for filtering in Filtering::all(&conv) {
                            let halves = [conv.output()[0] / 2, conv.output()[1] / 2, conv.output()[2]];
                            let sums = Filtering::of_sums_by(filtering.step, &conv, halves).unwrap();
                            let (mut filtered, mut of_weights) = (vec![0.0; 2 * dy.len()], vec![0.0; w.len()]);
                            let (first, second) = filtered.split_at_mut(dy.len());
                            let to = Shared(first.as_mut_ptr());
                            winograd::compute((set, &conv), &filtering, &view, (&w, None), to);
                            winograd::compute((set, &conv), &sums, &view, (&w, None), Shared(second.as_mut_ptr()));
                            winograd::weight_gradient_by(set, &conv, &filtering, (&view, &dy), &mut of_weights);
                            by_steps.extend(filtered.into_iter().chain(of_weights));
                        }
                    });
                    y.iter().chain(&dx).chain(&dw).chain(&by_steps).map(|value| value.to_bits()).collect()
                })
                .collect();
            assert_eq!(runs[0], runs[1], "{variant:?}: 1 and 2 threads differ");
            assert_eq!(runs[0], runs[2], "{variant:?}: 1 and 4 threads differ");
        }
    }
}

#[test]
fn reference_gradients_are_adjoints_of_the_convolution() {
    let mut stream = Stream(5);
    for conv in [cube([4, 6, 5], [3, 4], 3, 1, 1), cube([5, 7, 6], [2, 5], 3, 2, 1), cube([3, 4, 4], [3, 2], 3, 1, 2)] {
        let x = widen(&stream.floats(conv.input_len()));
        let w = widen(&stream.floats(conv.weight_len()));
        let dy = widen(&stream.floats(conv.output_len()));
        let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        f64::conv_forward(&conv, &x, &w, None, &mut y, Kernels::Reference);
        f64::conv_data_gradient(&conv, &dy, &w, &mut dx, Kernels::Reference);
        f64::conv_weight_gradient(&conv, &x, &dy, &mut dw, Kernels::Reference);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let expected = dot(&y, &dy);
        assert!((dot(&x, &dx) - expected).abs() < 1e-11, "data gradient of {conv:?}");
        assert!((dot(&w, &dw) - expected).abs() < 1e-11, "weight gradient of {conv:?}");
    }
}

#[test]
fn geometry_counts_outputs_and_work() {
    let conv = cube([20, 112, 112], [131, 131], 3, 1, 1);
    assert_eq!(conv.output(), [20, 112, 112]);
    assert_eq!(conv.macs(), 20 * 112 * 112 * 27 * 131 * 131);
    assert_eq!(cube([3, 7, 7], [1, 1], 3, 1, 2).output(), [5, 9, 9]);
    assert_eq!(cube([5, 14, 13], [1, 1], 3, 2, 1).output(), [3, 7, 7]);
    assert_eq!(cube([2, 9, 9], [1, 1], 3, 1, 0).output(), [0, 7, 7]);
}

#[test]
#[should_panic(expected = "input elements: got 3, expected 8")]
fn a_wrong_length_is_named() {
    let conv = cube([2, 2, 2], [1, 1], 1, 1, 0);
    f32::conv_forward(&conv, &[0.0; 3], &[0.0], None, &mut [0.0; 8], Kernels::Fast);
}

#[test]
fn an_input_read_through_gives_the_bits_of_a_stored_one() {
    // By minimal filtering, directly in several slabs, with merged taps, and with strides. Nothing is repeated between lines
    // where filtering would add up the weights of several taps, which rounds in another order.
    let large = Conv3d { padding: [2, 0, 1], ..cube([40, 90, 60], [19, 5], 1, 1, 0) };
    let filtered = cube([5, 18, 20], [19, 33], 3, 1, 1);
    for (conv, coarse) in [
        (filtered, [5, 18, 4]),
        (filtered, [7, 20, 25]),
        (large, [3, 5, 4]),
        (cube([5, 6, 8], [19, 4], 3, 2, 1), [3, 5, 4]),
    ] {
        read_through(&conv, coarse);
    }
}

fn read_through(conv: &Conv3d, coarse_size: [usize; 3]) {
    let mut stream = Stream(13);
    let [depth, height, width] = conv.input;
    let fine = stream.floats(depth * height * width * 9);
    let coarse = stream.floats(coarse_size.iter().product::<usize>() * 12);
    let (scale, shift) = (stream.floats(9), stream.floats(9));
    let segment = |source, channels, size| Segment { relu: true, ..Segment::plain(source, channels, size) };
    let segments = vec![
        Segment { affine: Some((&scale, &shift)), ..segment(&fine, 9, conv.input) },
        Segment { first_channel: 2, channels: 10, ..segment(&coarse, 12, coarse_size) },
    ];
    let view = View { batch: 1, size: conv.input, segments };
    let mut x = vec![0.0; conv.input_len()];
    view.materialise(&mut x);
    let (w, dy) = (stream.floats(conv.weight_len()), stream.floats(conv.output_len()));
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let (mut stored, mut through) = (vec![0.0; dy.len()], vec![1.0; dy.len()]);
    f32::conv_forward(conv, &x, &w, None, &mut stored, Kernels::Fast);
    f32::conv_forward_through(conv, &view, &w, None, &mut through, Kernels::Fast);
    assert_eq!(bits(&stored), bits(&through), "{conv:?}");
    let (mut stored, mut through) = (vec![0.0; w.len()], vec![1.0; w.len()]);
    f32::conv_weight_gradient(conv, &x, &dy, &mut stored, Kernels::Fast);
    f32::conv_weight_gradient_through(conv, &view, &dy, &mut through, Kernels::Fast);
    assert_eq!(bits(&stored), bits(&through), "{conv:?}");
}
