//! Plain convolution loops, generic over the scalar: what the fast kernels are tested against, and the float64 path.
//!
//! Every output element is summed in one fixed order (taps, then channels), whatever the number of threads.

use rayon::prelude::*;

use crate::conv3d::Conv3d;
use crate::dispatch::Scalar;

/// Input channels whose weight gradients one task owns.
const CHANNEL_BLOCK: usize = 16;

/// `y += a * x` over equally long slices.
#[inline(always)]
fn add_scaled<T: Scalar>(y: &mut [T], a: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// One output line `(batch, depth, height)` of the convolution.
#[inline(always)]
fn forward_line<T: Scalar>(conv: &Conv3d, tensors: (&[T], &[T], Option<&[T]>), index: usize, line: &mut [T]) {
    let (x, w, bias) = tensors;
    let [out_d, out_h, _] = conv.output();
    let (n, d, h) = (index / (out_d * out_h), index / out_h % out_d, index % out_h);
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    for (column, y) in line.chunks_exact_mut(cout).enumerate() {
        match bias {
            Some(bias) => y.copy_from_slice(bias),
            None => y.fill(T::ZERO),
        }
        for tap in 0..conv.taps() {
            let Some(voxel) = source_voxel(conv, [n, d, h, column], tap) else { continue };
            for channel in 0..cin {
                let weights = &w[(tap * cin + channel) * cout..][..cout];
                add_scaled(y, x[voxel * cin + channel], weights);
            }
        }
    }
}

/// Index of the input voxel that an output voxel reads through a tap, if inside.
#[inline(always)]
fn source_voxel(conv: &Conv3d, [n, d, h, w]: [usize; 4], tap: usize) -> Option<usize> {
    let [_, kernel_h, kernel_w] = conv.kernel;
    let d = conv.source(0, d, tap / (kernel_h * kernel_w))?;
    let h = conv.source(1, h, tap / kernel_w % kernel_h)?;
    let w = conv.source(2, w, tap % kernel_w)?;
    Some(((n * conv.input[0] + d) * conv.input[1] + h) * conv.input[2] + w)
}

/// One input line of the data gradient; `flipped` holds the weights as `[tap][out][in]`.
#[inline(always)]
fn data_gradient_line<T: Scalar>(conv: &Conv3d, (dy, flipped): (&[T], &[T]), index: usize, line: &mut [T]) {
    let [in_d, in_h, _] = conv.input;
    let (n, d, h) = (index / (in_d * in_h), index / in_h % in_d, index % in_h);
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    for (column, dx) in line.chunks_exact_mut(cin).enumerate() {
        dx.fill(T::ZERO);
        for tap in 0..conv.taps() {
            let Some(voxel) = target_voxel(conv, [n, d, h, column], tap) else { continue };
            for channel in 0..cout {
                let weights = &flipped[(tap * cout + channel) * cin..][..cin];
                add_scaled(dx, dy[voxel * cout + channel], weights);
            }
        }
    }
}

/// Index of the output voxel that an input voxel feeds through a tap, if there is one.
#[inline(always)]
fn target_voxel(conv: &Conv3d, [n, d, h, w]: [usize; 4], tap: usize) -> Option<usize> {
    let [_, kernel_h, kernel_w] = conv.kernel;
    let output = conv.output();
    let along = |axis: usize, at: usize, tap: usize| {
        let shifted = (at + conv.padding[axis]).checked_sub(tap)?;
        let out = shifted / conv.stride[axis];
        (shifted % conv.stride[axis] == 0 && out < output[axis]).then_some(out)
    };
    let d = along(0, d, tap / (kernel_h * kernel_w))?;
    let h = along(1, h, tap / kernel_w % kernel_h)?;
    let w = along(2, w, tap % kernel_w)?;
    Some(((n * output[0] + d) * output[1] + h) * output[2] + w)
}

/// The gradients of the weights of some input channels of one tap.
#[inline(always)]
fn weight_gradient_block<T: Scalar>(conv: &Conv3d, (x, dy): (&[T], &[T]), tap: usize, (first, dw): (usize, &mut [T])) {
    let [out_d, out_h, out_w] = conv.output();
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    dw.fill(T::ZERO);
    for index in 0..conv.batch * out_d * out_h * out_w {
        let at =
            [index / (out_d * out_h * out_w), index / (out_h * out_w) % out_d, index / out_w % out_h, index % out_w];
        let Some(voxel) = source_voxel(conv, at, tap) else { continue };
        let dy = &dy[index * cout..][..cout];
        for (channel, row) in dw.chunks_exact_mut(cout).enumerate() {
            add_scaled(row, x[voxel * cin + first + channel], dy);
        }
    }
}

/// Runs a generic body compiled for the widest vectors this processor has.
macro_rules! widest {
    ($body:ident, $($argument:ident : $kind:ty),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn avx512<T: Scalar>($($argument: $kind),*) { $body($($argument),*) }
            #[target_feature(enable = "avx2,fma")]
            fn avx2<T: Scalar>($($argument: $kind),*) { $body($($argument),*) }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { avx512($($argument),*) };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: as above.
                return unsafe { avx2($($argument),*) };
            }
        }
        $body($($argument),*)
    }};
}

/// Convolution by plain loops. Lengths are the caller's to check.
pub(crate) fn forward<T: Scalar>(conv: &Conv3d, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    if y.is_empty() {
        return;
    }
    let tensors = (x, w, bias);
    y.par_chunks_mut(conv.output()[2] * conv.out_channels).enumerate().for_each(|(index, line)| {
        widest!(forward_line, conv: &Conv3d, tensors: (&[T], &[T], Option<&[T]>), index: usize, line: &mut [T])
    });
}

/// Gradient with respect to the input by plain loops. Lengths are the caller's to check.
pub(crate) fn data_gradient<T: Scalar>(conv: &Conv3d, dy: &[T], w: &[T], dx: &mut [T]) {
    if dx.is_empty() {
        return;
    }
    let flipped = swap_channels(conv, w);
    let tensors = (dy, flipped.as_slice());
    dx.par_chunks_mut(conv.input[2] * conv.in_channels).enumerate().for_each(
        |(index, line)| widest!(data_gradient_line, conv: &Conv3d, tensors: (&[T], &[T]), index: usize, line: &mut [T]),
    );
}

/// Gradient with respect to the weights by plain loops. Lengths are the caller's to check.
pub(crate) fn weight_gradient<T: Scalar>(conv: &Conv3d, x: &[T], dy: &[T], dw: &mut [T]) {
    if dw.is_empty() {
        return;
    }
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    let tensors = (x, dy);
    dw.par_chunks_mut(cin * cout).enumerate().for_each(|(tap, dw)| {
        dw.par_chunks_mut(CHANNEL_BLOCK * cout).enumerate().for_each(|(block, dw)| {
            let part = (block * CHANNEL_BLOCK, dw);
            widest!(weight_gradient_block, conv: &Conv3d, tensors: (&[T], &[T]), tap: usize, part: (usize, &mut [T]))
        })
    });
}

/// Weights `[tap][in][out]` as `[tap][out][in]`.
pub(crate) fn swap_channels<T: Scalar>(conv: &Conv3d, w: &[T]) -> Vec<T> {
    const TILE: usize = 16;
    let (cin, cout) = (conv.in_channels, conv.out_channels);
    let mut swapped = vec![T::ZERO; w.len()];
    if w.is_empty() {
        return swapped;
    }
    swapped.par_chunks_mut(cin * cout).zip(w.par_chunks(cin * cout)).for_each(|(swapped, w)| {
        swapped.par_chunks_mut(TILE * cin).enumerate().for_each(|(block, rows)| {
            let first = block * TILE;
            for start in (0..cin).step_by(TILE) {
                for (offset, row) in rows.chunks_exact_mut(cin).enumerate() {
                    for channel in start..cin.min(start + TILE) {
                        row[channel] = w[channel * cout + first + offset];
                    }
                }
            }
        })
    });
    swapped
}
