//! Direct convolutions some planes at a time: the input is read through what is pending on it, widened to float32, and its
//! lines are padded where the taps of a line are merged.

use std::ops::Range;

use rayon::prelude::*;

use super::aligned::{Lent, Use};
use super::tiles::{self, Shared};
use super::turned::Weights;
use super::{Conv3d, passes};
use crate::element::{Element, narrow_to};
use crate::simd::{KernelSet, Stored, for_vectors};
use crate::view::{self, View};

/// Bytes of the planes of input and output that are held at a time, where more than the fewest fit.
const SLAB_BYTES: usize = 8 << 20;

/// Floats of one plane as a slab holds it: of the input, of the output.
fn plane_lens(conv: &Conv3d) -> [usize; 2] {
    let [_, height, width] = conv.output();
    [conv.input[1] * line_len(conv), height * width * conv.out_channels]
}

/// Floats of an input line, padded where that is wanted.
fn line_len(conv: &Conv3d) -> usize {
    (conv.input[2] + 2 * line_padding(conv)) * conv.in_channels
}

/// Voxels of zeros before and behind a line.
pub(super) fn line_padding(conv: &Conv3d) -> usize {
    if passes::merges(conv) { conv.padding[2] } else { 0 }
}

/// Input planes that some output planes read, those in the padding counted.
fn input_planes(conv: &Conv3d, planes: usize) -> usize {
    (planes - 1) * conv.stride[0] + conv.kernel[0]
}

/// Output planes of a slab.
fn slab_planes(conv: &Conv3d) -> usize {
    let [input, output] = plane_lens(conv);
    let fits =
        |planes: &usize| (input_planes(conv, *planes) * input + planes * output) * size_of::<f32>() <= SLAB_BYTES;
    (1..=conv.output()[0]).rev().find(fits).unwrap_or(1)
}

/// The convolution that computes some output planes of one volume: all of them, or some with their padding made of zeros.
fn of_planes(conv: &Conv3d, planes: usize) -> Conv3d {
    let [_, height, width] = conv.input;
    let [_, padding_h, padding_w] = conv.padding;
    let (depth, padding_d) =
        if planes == conv.output()[0] { (conv.input[0], conv.padding[0]) } else { (input_planes(conv, planes), 0) };
    Conv3d { batch: 1, input: [depth, height, width], padding: [padding_d, padding_h, padding_w], ..*conv }
}

/// Floats of a slab's input, filled up to whole cache lines, and of its output.
fn slab_lens(conv: &Conv3d, planes: usize) -> [usize; 2] {
    let [input, output] = plane_lens(conv);
    [(of_planes(conv, planes).input[0] * input).next_multiple_of(16), planes * output]
}

/// Bytes that [`forward`] allocates.
pub(super) fn bytes(conv: &Conv3d) -> usize {
    slab_lens(conv, slab_planes(conv)).iter().sum::<usize>() * size_of::<f32>()
}

/// Computes `y = conv(x, w) + bias`.
pub(super) fn forward<E: Stored>(
    set: &'static KernelSet,
    conv: &Conv3d,
    (x, w, bias): (&View<'_, E>, Weights<'_>, Option<&[f32]>),
    y: &mut [E],
) {
    let depth = conv.output()[0];
    let step = slab_planes(conv);
    let out_plane = plane_lens(conv)[1];
    let mut slab = Lent::of(Use::Work, slab_lens(conv, step).iter().sum());
    for volume in 0..conv.batch {
        for first in (0..depth).step_by(step) {
            let planes = first..(first + step).min(depth);
            let part = of_planes(conv, planes.len());
            let (lines, sums) = slab.as_mut().split_at_mut(slab_lens(conv, planes.len())[0]);
            read_planes(conv, &part, (x, volume, &planes), lines);
            let pass = if passes::merges(conv) { passes::merged(&part) } else { passes::forward(&part) };
            let y = &mut y[(volume * depth + first) * out_plane..][..planes.len() * out_plane];
            if let Some(y) = E::as_scalars_mut(y) {
                tiles::run(set, &pass, lines, (w, bias), Shared(y.as_mut_ptr()));
                continue;
            }
            tiles::run(set, &pass, lines, (w, bias), Shared(sums.as_mut_ptr()));
            round(&sums[..y.len()], y);
        }
    }
}

/// Writes sums as elements.
pub(super) fn round<E: Stored>(sums: &[f32], to: &mut [E]) {
    const RUN: usize = 1 << 14;
    to.par_chunks_mut(RUN).zip(sums.par_chunks(RUN)).for_each(|(to, sums)| round_run(sums, to));
}

for_vectors! {
    fn round_run<E: [Element]>(sums: &[E::Scalar], to: &mut [E]) {
        narrow_to(sums, to);
    }
}

/// Reads the input planes of a slab, with zeros for those outside.
fn read_planes<E: Stored>(
    conv: &Conv3d,
    part: &Conv3d,
    (x, volume, planes): (&View<'_, E>, usize, &Range<usize>),
    to: &mut [f32],
) {
    let [depth, height, _] = conv.input;
    // A slab of all planes has real padding, and begins with the first plane.
    let before = if part.padding[0] == conv.padding[0] { 0 } else { conv.padding[0] };
    to.par_chunks_mut(line_len(conv)).enumerate().take(part.input[0] * height).for_each(|(index, to)| {
        let plane = (planes.start * conv.stride[0] + index / height).checked_sub(before);
        match plane.filter(|&plane| plane < depth) {
            Some(plane) => {
                read_line(x, (volume * depth + plane) * height + index % height, line_padding(conv), to);
            }
            None => to.fill(0.0),
        }
    });
}

/// Reads a line with zeros around it.
pub(super) fn read_line<E: Stored>(x: &View<'_, E>, line: usize, padding: usize, to: &mut [f32]) {
    let (before, behind) = (padding * x.channels(), to.len() - padding * x.channels());
    to[..before].fill(0.0);
    to[behind..].fill(0.0);
    view::read_line(x, line, &mut to[before..behind]);
}
