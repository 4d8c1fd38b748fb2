//! Voxel by voxel: sums, the gradient of ReLU, the gradient of a nearest resize, slices of channels.

use rayon::prelude::*;

use crate::Scalar;
use crate::element::{Change, Element, change_widened, narrow_to};
use crate::simd::for_vectors;
use crate::view::{View, nearest_index};

/// `out += view`.
///
/// # Panics
/// If the lengths differ.
pub fn add_assign<E: Element>(out: &mut [E], view: &View<'_, E>) {
    combine(out, view, |out, x| *out += x);
}

/// Sets the gradient to zero where the input of a ReLU was not positive (PyTorch's rule at zero).
///
/// # Panics
/// If the lengths differ.
pub fn relu_gradient_assign<E: Element>(gradient: &mut [E], input: &View<'_, E>) {
    combine(gradient, input, |gradient, x| {
        *gradient = if x <= E::Scalar::ZERO { E::Scalar::ZERO } else { *gradient };
    });
}

fn combine<E: Element>(out: &mut [E], view: &View<'_, E>, apply: impl Fn(&mut E::Scalar, E::Scalar) + Copy + Sync) {
    let line_len = view.line_len();
    assert_eq!(out.len(), view.lines() * line_len, "values of the tensor and of the view");
    out.par_chunks_mut(line_len).enumerate().for_each_init(
        || (vec![E::Scalar::ZERO; line_len], Vec::new()),
        |(line, buffer), (index, out)| combine_line(out, (view, index), apply, line, buffer),
    );
}

for_vectors! {
    /// Applies a line of a view to a line of elements; the buffers are for scalars.
    fn combine_line<E: [Element], F: [Fn(&mut E::Scalar, E::Scalar)]>(
        out: &mut [E],
        from: (&View<'_, E>, usize),
        apply: F,
        line: &mut [E::Scalar],
        buffer: &mut Vec<E::Scalar>,
    ) {
        let (view, index) = from;
        view.read_line(index, line);
        change_widened(out, buffer, Combine { line, apply });
    }
}

struct Combine<'a, T, F> {
    line: &'a [T],
    apply: F,
}

impl<T: Scalar, F: Fn(&mut T, T)> Change<T> for Combine<'_, T, F> {
    #[inline(always)]
    fn change(self, values: &mut [T]) {
        values.iter_mut().zip(self.line).for_each(|(value, &x)| (self.apply)(value, x));
    }
}

/// Gradient of a nearest resize: each source voxel receives the sum over the voxels that repeat it.
///
/// # Shapes
/// `gradient` is (batch, target size, channels); `out` is (batch, `source_size`, channels).
/// # Panics
/// If `out` has another length.
pub fn resize_nearest_gradient<E: Element>(gradient: &View<'_, E>, source_size: [usize; 3], out: &mut [E]) {
    let channels = gradient.channels();
    let [depth, height, width] = source_size;
    assert_eq!(out.len(), gradient.batch * depth * height * width * channels, "values of a resize gradient");
    let repeats: [Vec<std::ops::Range<usize>>; 3] =
        std::array::from_fn(|axis| repeats_of(source_size[axis], gradient.size[axis]));
    out.par_chunks_mut(width * channels).enumerate().for_each_init(
        || (vec![E::Scalar::ZERO; gradient.line_len()], vec![E::Scalar::ZERO; width * channels]),
        |(line, sums), (index, out)| {
            let (n, d, h) = (index / (depth * height), index / height % depth, index % height);
            sums.fill(E::Scalar::ZERO);
            for target_d in repeats[0][d].clone() {
                for target_h in repeats[1][h].clone() {
                    gradient.read_line((n * gradient.size[0] + target_d) * gradient.size[1] + target_h, line);
                    for (sums, range) in sums.chunks_mut(channels).zip(&repeats[2]) {
                        for voxel in line[range.start * channels..range.end * channels].chunks(channels) {
                            sums.iter_mut().zip(voxel).for_each(|(sum, &x)| *sum += x);
                        }
                    }
                }
            }
            narrow_to(sums, out);
        },
    );
}

/// For each source index the target indices that [`nearest_index`] sends to it.
pub(crate) fn repeats_of(source: usize, target: usize) -> Vec<std::ops::Range<usize>> {
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
