//! How far results are from the exact sums: where sums are direct, and where they are filtered along and across lines.

use pulmo_kernel::{Bf16, Conv3d, Convolve, Kernels};

use super::numbers;

/// Prints the errors of a layer of 128 channels by how it is computed, which goes by its number of voxels.
pub(crate) fn print() {
    println!(
        "error of float32 beside float64, root mean squares, 128 to 128 channels: of 3x20x20 direct, of 4x20x20 filtered"
    );
    let [direct, filtered] = [3, 4].map(|depth| errors::<f32>([depth, 20, 20]));
    for (call, ([direct, _], [filtered, _])) in CALLS.iter().zip(direct.iter().zip(filtered)) {
        println!("{call:16} {direct:.2e} {filtered:.2e}, {:.1} times", filtered / direct);
    }
    println!(
        "the same in bfloat16, of 4x56x56, where no set of kernels is asked for; and of exact outputs, rounded to bfloat16"
    );
    for (call, [error, rounded]) in CALLS.iter().zip(errors::<Bf16>([4, 56, 56])) {
        println!("{call:16} {error:.3e} {rounded:.3e}");
    }
}

const CALLS: [&str; 3] = ["forward", "data gradient", "weight gradient"];

/// Root mean square error of all three calls, as a share of the root mean square of the exact values; and that of rounding alone.
fn errors<E: Convolve<Scalar = f32>>(input: [usize; 3]) -> [[f64; 2]; 3] {
    let conv = Conv3d {
        batch: 1,
        input,
        in_channels: 128,
        out_channels: 128,
        kernel: [3; 3],
        stride: [1; 3],
        padding: [1; 3],
    };
    let (x, w, dy) =
        (numbers::<E>(conv.input_len()), numbers::<f32>(conv.weight_len()), numbers::<E>(conv.output_len()));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    E::conv_forward(&conv, &x, &w, None, &mut y, Kernels::Fast);
    E::conv_data_gradient(&conv, &dy, &w, &mut dx, Kernels::Fast);
    E::conv_weight_gradient(&conv, &x, &dy, &mut dw, Kernels::Fast);
    let wide = |all: &[E]| all.iter().map(|one| f64::from(one.widen())).collect::<Vec<_>>();
    let (wide_x, wide_dy) = (wide(&x), wide(&dy));
    let wide_w: Vec<f64> = w.iter().map(|&one| f64::from(one)).collect();
    let (mut exact_y, mut exact_dx, mut exact_dw) = (wide_dy.clone(), wide_x.clone(), wide_w.clone());
    f64::conv_forward(&conv, &wide_x, &wide_w, None, &mut exact_y, Kernels::Fast);
    f64::conv_data_gradient(&conv, &wide_dy, &wide_w, &mut exact_dx, Kernels::Fast);
    f64::conv_weight_gradient(&conv, &wide_x, &wide_dy, &mut exact_dw, Kernels::Fast);
    let dw: Vec<f64> = dw.iter().map(|&one| f64::from(one)).collect();
    let rounded = |exact: &[f64]| wide(&exact.iter().map(|&one| E::narrow(one as f32)).collect::<Vec<_>>());
    [
        (wide(&y), rounded(&exact_y), exact_y),
        (wide(&dx), rounded(&exact_dx), exact_dx),
        (dw, exact_dw.clone(), exact_dw),
    ]
    .map(|(found, rounded, exact)| [&found, &rounded].map(|some| relative_error(some, &exact)))
}

fn relative_error(found: &[f64], exact: &[f64]) -> f64 {
    let error: f64 = found.iter().zip(exact).map(|(found, exact)| (found - exact).powi(2)).sum();
    (error / exact.iter().map(|exact| exact * exact).sum::<f64>()).sqrt()
}
