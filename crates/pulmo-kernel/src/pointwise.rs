//! Voxel by voxel: sums, the gradient of ReLU, the gradient of a nearest resize, slices of channels.

use rayon::prelude::*;

use crate::Scalar;
use crate::simd::wide;
use crate::view::{View, nearest_index};

/// `out += view`.
///
/// # Panics
/// If the lengths differ.
pub fn add_assign<T: Scalar>(out: &mut [T], view: &View<'_, T>) {
    combine(out, view, |out, x| *out += x);
}

/// Sets the gradient to zero where the input of a ReLU was not positive (PyTorch's rule at zero).
///
/// # Panics
/// If the lengths differ.
pub fn relu_gradient_assign<T: Scalar>(gradient: &mut [T], input: &View<'_, T>) {
    combine(gradient, input, |gradient, x| {
        *gradient = if x <= T::ZERO { T::ZERO } else { *gradient };
    });
}

fn combine<T: Scalar>(out: &mut [T], view: &View<'_, T>, apply: impl Fn(&mut T, T) + Sync) {
    let line_len = view.line_len();
    assert_eq!(out.len(), view.lines() * line_len, "values of the tensor and of the view");
    out.par_chunks_mut(line_len).enumerate().for_each_init(
        || vec![T::ZERO; line_len],
        |line, (index, out)| {
            wide(|| {
                view.read_line(index, line);
                out.iter_mut().zip(line.iter()).for_each(|(out, &x)| apply(out, x));
            });
        },
    );
}

/// Gradient of a nearest resize: each source voxel receives the sum over the voxels that repeat it.
///
/// # Shapes
/// `gradient` is (batch, target size, channels); `out` is (batch, `source_size`, channels).
/// # Panics
/// If `out` has another length.
pub fn resize_nearest_gradient<T: Scalar>(gradient: &View<'_, T>, source_size: [usize; 3], out: &mut [T]) {
    let channels = gradient.channels();
    let [depth, height, width] = source_size;
    assert_eq!(out.len(), gradient.batch * depth * height * width * channels, "values of a resize gradient");
    let repeats: [Vec<std::ops::Range<usize>>; 3] =
        std::array::from_fn(|axis| repeats_of(source_size[axis], gradient.size[axis]));
    out.par_chunks_mut(width * channels).enumerate().for_each_init(
        || vec![T::ZERO; gradient.line_len()],
        |line, (index, out)| {
            let (n, d, h) = (index / (depth * height), index / height % depth, index % height);
            out.fill(T::ZERO);
            for target_d in repeats[0][d].clone() {
                for target_h in repeats[1][h].clone() {
                    gradient.read_line((n * gradient.size[0] + target_d) * gradient.size[1] + target_h, line);
                    for (out, range) in out.chunks_mut(channels).zip(&repeats[2]) {
                        for voxel in line[range.start * channels..range.end * channels].chunks(channels) {
                            out.iter_mut().zip(voxel).for_each(|(out, &x)| *out += x);
                        }
                    }
                }
            }
        },
    );
}

/// For each source index the target indices that [`nearest_index`] sends to it.
fn repeats_of(source: usize, target: usize) -> Vec<std::ops::Range<usize>> {
    let mut ranges = vec![0..0; source];
    for index in 0..target {
        let range = &mut ranges[nearest_index(index, source, target)];
        if range.start == range.end {
            *range = index..index + 1;
        } else {
            range.end = index + 1;
        }
    }
    ranges
}
