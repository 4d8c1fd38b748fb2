//! What a convolution on tiles allocates stays below what its geometry announces.

mod counting;

use counting::peak_and_rest;
use pulmo_kernel::matrix_check::Multiplier;
use pulmo_kernel::{Call, Conv3d, matrix_check};

/// Smallest layers first, as buffers stay from call to call.
#[test]
fn calls_stay_below_the_bound() {
    let layer = |input, channels: [usize; 2], kernel: [usize; 3], stride| Conv3d {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride,
        padding: kernel.map(|kernel| kernel / 2),
    };
    // The threads, and what the first call leaves behind for good.
    matrix_check::rehearse(&layer([2, 2, 2], [1, 1], [1; 3], [1; 3]), 0, Multiplier::Plain).unwrap();
    let mut most_so_far = 0;
    for conv in [
        layer([3, 9, 8], [131, 2], [1; 3], [1; 3]),
        layer([5, 14, 14], [64, 70], [3; 3], [2; 3]),
        layer([3, 7, 7], [256, 200], [3; 3], [1; 3]),
        layer([3, 40, 44], [3, 64], [3, 7, 7], [1, 2, 2]),
        layer([6, 24, 28], [35, 67], [3; 3], [1; 3]),
    ] {
        for (call, which) in [Call::Forward, Call::DataGradient, Call::WeightGradient].into_iter().enumerate() {
            let of_bfloat16 = conv.input_len() + conv.output_len() + [conv.output_len(), conv.input_len(), 0][call];
            let tensors = 2 * of_bfloat16 + 4 * conv.weight_len();
            let [rehearsed, _] = peak_and_rest(|| {
                matrix_check::rehearse(&conv, call, Multiplier::Plain).unwrap();
            });
            let most = rehearsed.saturating_sub(tensors);
            let bound = matrix_check::scratch_bytes(&conv, which, Multiplier::Plain).unwrap();
            assert!(most <= bound, "call {call} of {conv:?}: {most} bytes, announced {bound}");
            // A bound far above what is ever taken would forbid what fits.
            most_so_far = most_so_far.max(most);
            assert!(bound <= 4 * most_so_far + (1 << 20), "call {call} of {conv:?}: {most} bytes, announced {bound}");
        }
    }
}
