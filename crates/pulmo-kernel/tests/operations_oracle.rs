//! What stands between convolutions, against numbers computed with PyTorch (`oracles/operations`).

use pulmo_kernel::normalise::{Coefficients, batch_norm_gradient_assign, channel_statistics, channel_sums};
use pulmo_kernel::pointwise::{add_assign, relu_gradient_assign, resize_nearest_gradient};
use pulmo_kernel::view::{Segment, View};
use serde_json::Value;

fn numbers(len: usize, factor: usize, offset: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * factor + offset) % 101) as f64 / 50.0 - 1.0).collect()
}

fn truth() -> Value {
    serde_json::from_str(include_str!("../../../oracles/operations/truth.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn size(value: &Value) -> [usize; 3] {
    std::array::from_fn(|axis| count(&value[axis]))
}

fn assert_close(found: &[f64], expected: &Value, what: &str) {
    let expected = list(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
        assert!((f - e).abs() < 1e-12, "{what} {i}: found {f}, expected {e}");
    }
}

/// Mean, inverse deviation, scale and shift behind each other.
fn coefficients(mean: &[f64], variance: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
    let scale: Vec<f64> = inverse.iter().zip(weight).map(|(i, w)| i * w).collect();
    let shift: Vec<f64> = bias.iter().zip(mean.iter().zip(&scale)).map(|(b, (m, s))| b - m * s).collect();
    [mean, &inverse, &scale, &shift].concat()
}

fn read_through(x: &View<'_, f64>, buffer: &[f64], relu: bool) -> Vec<f64> {
    let coefficients = Coefficients::of(buffer);
    let affine = Some((coefficients.scale, coefficients.shift));
    let segments = x.segments.iter().map(|segment| Segment { affine, relu, ..segment.clone() }).collect();
    let view = View { segments, ..x.clone() };
    let mut out = vec![0.0; view.lines() * view.line_len()];
    view.materialise(&mut out);
    out
}

#[test]
fn batch_norm_and_its_gradients() {
    for case in truth()["batch_norm"].as_array().unwrap() {
        let (batch, size, channels) = (count(&case["batch"]), size(&case["size"]), count(&case["channels"]));
        let relu = case["relu"].as_bool().unwrap();
        let values = numbers(batch * size.iter().product::<usize>() * channels, 37, 11);
        let x = View::plain(&values, batch, size, channels);
        let weight: Vec<f64> = numbers(channels, 29, 5).iter().map(|w| w + 1.5).collect();
        let bias = numbers(channels, 17, 3);
        let (mean, variance) = channel_statistics(&x);
        let buffer = coefficients(&mean, &variance, &weight, &bias);
        assert_close(&read_through(&x, &buffer, relu), &case["y"], "y");
        let mut gradient = numbers(values.len(), 43, 7);
        let (of_weight, of_bias) = batch_norm_gradient_assign(&mut gradient, &x, Coefficients::of(&buffer), relu);
        assert_close(&gradient, &case["dx"], "dx");
        assert_close(&of_weight, &case["dweight"], "dweight");
        assert_close(&of_bias, &case["dbias"], "dbias");
        let running = coefficients(&list(&case["running_mean"]), &list(&case["running_var"]), &weight, &bias);
        assert_close(&read_through(&x, &running, false), &case["y_eval"], "y_eval");
    }
}

#[test]
fn nearest_resize_and_its_gradient() {
    for case in truth()["resize_nearest"].as_array().unwrap() {
        let (batch, source, channels) = (count(&case["batch"]), size(&case["size"]), count(&case["channels"]));
        let target = size(&case["target"]);
        let values = numbers(batch * source.iter().product::<usize>() * channels, 37, 11);
        let view = View { size: target, ..View::plain(&values, batch, source, channels) };
        let mut y = vec![0.0; view.lines() * view.line_len()];
        view.materialise(&mut y);
        assert_close(&y, &case["y"], "y");
        let gradient = numbers(y.len(), 43, 7);
        let mut dx = vec![0.0; values.len()];
        resize_nearest_gradient(&View::plain(&gradient, batch, target, channels), source, &mut dx);
        assert_close(&dx, &case["dx"], "dx");
    }
}

#[test]
fn relu_of_a_concatenation_of_a_sum() {
    for case in truth()["relu_of_sum_and_concat"].as_array().unwrap() {
        let (batch, size, channels) = (count(&case["batch"]), size(&case["size"]), count(&case["channels"]));
        let len = batch * size.iter().product::<usize>() * channels;
        let b = numbers(len, 29, 5);
        let mut sum = numbers(len, 37, 11);
        add_assign(&mut sum, &View::plain(&b, batch, size, channels));
        let plain = |values| View::plain(values, batch, size, channels).segments.remove(0);
        let joined = View { batch, size, segments: vec![plain(&sum), plain(&b)] };
        let pending = joined.segments.iter().map(|segment| Segment { relu: true, ..segment.clone() }).collect();
        let mut y = vec![0.0; 2 * len];
        View { segments: pending, ..joined.clone() }.materialise(&mut y);
        assert_close(&y, &case["y"], "y");
        let mut gradient = numbers(2 * len, 43, 7);
        relu_gradient_assign(&mut gradient, &joined);
        let part = |first_channel| {
            let whole = View::plain(&gradient, batch, size, 2 * channels).segments.remove(0);
            View { batch, size, segments: vec![Segment { first_channel, channels, ..whole }] }
        };
        let mut da = vec![0.0; len];
        part(0).materialise(&mut da);
        assert_close(&da, &case["da"], "da");
        add_assign(&mut da, &part(channels));
        assert_close(&da, &case["db"], "db");
        let sums = channel_sums(&part(channels));
        let by_hand = gradient.chunks(2 * channels).fold(vec![0.0; channels], |mut total, voxel| {
            total.iter_mut().zip(&voxel[channels..]).for_each(|(t, x)| *t += x);
            total
        });
        assert!(sums.iter().zip(&by_hand).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
