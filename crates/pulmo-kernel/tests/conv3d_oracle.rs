//! Convolutions and their gradients against numbers computed with PyTorch (`oracles/conv3d`).

use pulmo_kernel::{Conv3d, Kernels, Scalar, Variant, force};
use serde_json::Value;

/// Element `i` is `((i * factor + offset) mod 101) / 50 - 1`.
fn numbers<T: Scalar>(len: usize, factor: usize, offset: usize) -> Vec<T> {
    (0..len).map(|index| T::from_f64(((index * factor + offset) % 101) as f64 / 50.0 - 1.0)).collect()
}

fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap() as usize
}

fn sizes(case: &Value, key: &str) -> [usize; 3] {
    std::array::from_fn(|axis| case[key][axis].as_u64().unwrap() as usize)
}

fn assert_near<T: Scalar>(got: &[T], expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(got.len(), expected.len(), "{what}");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        let (got, expected) = (got.to_f64(), expected.as_f64().unwrap());
        assert!((got - expected).abs() <= tolerance, "{what}, element {index}: got {got}, expected {expected}");
    }
}

fn check<T: Scalar>(case: &Value, tolerance: f64, what: &str) {
    let conv = Conv3d {
        batch: size(case, "batch"),
        input: sizes(case, "input"),
        in_channels: size(case, "in_channels"),
        out_channels: size(case, "out_channels"),
        kernel: sizes(case, "kernel"),
        stride: sizes(case, "stride"),
        padding: sizes(case, "padding"),
    };
    let x: Vec<T> = numbers(conv.input_len(), 37, 11);
    let w: Vec<T> = numbers(conv.weight_len(), 29, 5);
    let bias: Vec<T> = numbers(conv.out_channels, 17, 3);
    let dy: Vec<T> = numbers(conv.output_len(), 43, 7);
    let (mut y, mut dx, mut dw) = (vec![T::ONE; dy.len()], vec![T::ONE; x.len()], vec![T::ONE; w.len()]);
    T::conv_forward(&conv, &x, &w, Some(&bias), &mut y, Kernels::Fast);
    T::conv_data_gradient(&conv, &dy, &w, &mut dx, Kernels::Fast);
    T::conv_weight_gradient(&conv, &x, &dy, &mut dw, Kernels::Fast);
    assert_near(&y, &case["y"], tolerance, &format!("{what} forward of {conv:?}"));
    assert_near(&dx, &case["dx"], tolerance, &format!("{what} data gradient of {conv:?}"));
    let sums: Vec<T> = dw.chunks(conv.out_channels).map(|row| row.iter().copied().sum()).collect();
    assert_near(&sums, &case["dw_sums"], tolerance, &format!("{what} weight gradient sums of {conv:?}"));
    let first = dw.len().min(200);
    assert_near(&dw[..first], &case["dw_first"], tolerance, &format!("{what} weight gradient of {conv:?}"));
}

#[test]
fn convolutions_agree_with_pytorch() {
    let truth: Value = serde_json::from_str(include_str!("../../../oracles/conv3d/truth.json")).unwrap();
    for case in truth["cases"].as_array().unwrap() {
        check::<f64>(case, 1e-12, "float64");
        for variant in Variant::available() {
            force(Some(variant));
            check::<f32>(case, 2e-4, &format!("{variant:?}"));
        }
        force(None);
    }
}
