//! How far float32 is from the exact sums: where sums are direct, and where they are filtered along and across lines.

use pulmo_kernel::{Conv3d, Convolve, Kernels};

use super::numbers;

/// Prints the errors of a layer of 128 channels by how it is computed, which goes by its number of voxels.
pub(crate) fn print() {
    println!(
        "error of float32 beside float64, root mean squares, 128 to 128 channels: of 3x20x20 direct, of 4x20x20 filtered"
    );
    let [direct, filtered] = [3, 4].map(errors);
    for (call, (direct, filtered)) in
        ["forward", "data gradient", "weight gradient"].iter().zip(direct.iter().zip(filtered))
    {
        println!("{call:16} {direct:.2e} {filtered:.2e}, {:.1} times", filtered / direct);
    }
}

/// Root mean square error of all three calls, as a share of the root mean square of the exact values.
fn errors(depth: usize) -> [f64; 3] {
    let conv = Conv3d {
        batch: 1,
        input: [depth, 20, 20],
        in_channels: 128,
        out_channels: 128,
        kernel: [3; 3],
        stride: [1; 3],
        padding: [1; 3],
    };
    let (x, w, dy) =
        (numbers::<f32>(conv.input_len()), numbers::<f32>(conv.weight_len()), numbers::<f32>(conv.output_len()));
    let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
    f32::conv_forward(&conv, &x, &w, None, &mut y, Kernels::Fast);
    f32::conv_data_gradient(&conv, &dy, &w, &mut dx, Kernels::Fast);
    f32::conv_weight_gradient(&conv, &x, &dy, &mut dw, Kernels::Fast);
    let [wide_x, wide_w, wide_dy] = [&x, &w, &dy].map(|all| all.iter().map(|&one| f64::from(one)).collect::<Vec<_>>());
    let (mut exact_y, mut exact_dx, mut exact_dw) = (wide_dy.clone(), wide_x.clone(), wide_w.clone());
    f64::conv_forward(&conv, &wide_x, &wide_w, None, &mut exact_y, Kernels::Fast);
    f64::conv_data_gradient(&conv, &wide_dy, &wide_w, &mut exact_dx, Kernels::Fast);
    f64::conv_weight_gradient(&conv, &wide_x, &wide_dy, &mut exact_dw, Kernels::Fast);
    [(y, exact_y), (dx, exact_dx), (dw, exact_dw)].map(|(found, exact)| relative_error(&found, &exact))
}

fn relative_error(found: &[f32], exact: &[f64]) -> f64 {
    let error: f64 = found.iter().zip(exact).map(|(&found, exact)| (f64::from(found) - exact).powi(2)).sum();
    (error / exact.iter().map(|exact| exact * exact).sum::<f64>()).sqrt()
}
