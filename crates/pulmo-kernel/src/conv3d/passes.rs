//! Convolutions and their data gradients as passes: voxels on a regular sub-grid of the output, each a sum over taps.

use super::Conv3d;
use super::winograd::step::Step;

/// Up to this many input channels the taps of a line are merged into the channels, as they lie side by side in memory.
const MERGE_CHANNELS: usize = 16;

/// One axis of a pass: output `first + step * j`, `j < count`, reads input `advance * j + shift` for every tap.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) count: usize,
    pub(crate) first: usize,
    pub(crate) step: usize,
    pub(crate) advance: usize,
    /// Size of the input.
    pub(crate) extent: usize,
    /// Index of the tap in the weights, and its shift.
    pub(crate) taps: Vec<(usize, isize)>,
}

impl Axis {
    /// The input voxel of output `j` through a tap's shift, if inside.
    pub(crate) fn source(&self, j: usize, shift: isize) -> Option<usize> {
        (j * self.advance).checked_add_signed(shift).filter(|&at| at < self.extent)
    }
}

/// A sum over taps for every voxel of a sub-grid of the output.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) batch: usize,
    pub(crate) axes: [Axis; 3],
    /// Kernel size as it lies in the weights.
    pub(crate) kernel: [usize; 3],
    /// Floats between neighbouring input voxels along each axis, and between volumes.
    pub(crate) pitches: [usize; 3],
    pub(crate) volume: usize,
    /// Size of the whole output.
    pub(crate) output: [usize; 3],
    /// Channels summed over (of the virtual input voxels) and computed.
    pub(crate) depth: usize,
    pub(crate) channels: usize,
}

impl Pass {
    /// Voxels that the pass computes.
    pub(crate) fn voxels(&self) -> usize {
        self.batch * self.axes.iter().map(|axis| axis.count).product::<usize>()
    }
}

/// The forward pass of a convolution over an input with `depth` channels a voxel.
pub(crate) fn forward(conv: &Conv3d) -> Pass {
    let output = conv.output();
    let axes = std::array::from_fn(|axis| Axis {
        count: output[axis],
        first: 0,
        step: 1,
        advance: conv.stride[axis],
        extent: conv.input[axis],
        taps: (0..conv.kernel[axis]).map(|tap| (tap, tap as isize - conv.padding[axis] as isize)).collect(),
    });
    Pass {
        batch: conv.batch,
        axes,
        kernel: conv.kernel,
        pitches: pitches(conv.input, conv.in_channels),
        volume: conv.input.iter().product::<usize>() * conv.in_channels,
        output,
        depth: conv.in_channels,
        channels: conv.out_channels,
    }
}

/// The passes of the data gradient: one for every residue of the input voxels by the stride, as all voxels of one
/// residue have the same taps. The weights are to be `[tap][out][in]`.
pub(crate) fn data_gradient(conv: &Conv3d) -> Vec<Pass> {
    let [residues_d, residues_h, residues_w] = conv.stride;
    let mut passes = Vec::new();
    for d in 0..residues_d {
        for h in 0..residues_h {
            for w in 0..residues_w {
                let residue = [d, h, w];
                let axes = std::array::from_fn(|axis| residue_axis(conv, axis, residue[axis]));
                let output = conv.output();
                passes.push(Pass {
                    batch: conv.batch,
                    axes,
                    kernel: conv.kernel,
                    pitches: pitches(output, conv.out_channels),
                    volume: output.iter().product::<usize>() * conv.out_channels,
                    output: conv.input,
                    depth: conv.out_channels,
                    channels: conv.in_channels,
                });
            }
        }
    }
    passes
}

/// The input voxels `residue + stride * j` of one axis: they are fed by the output voxels `j + shift`.
fn residue_axis(conv: &Conv3d, axis: usize, residue: usize) -> Axis {
    let stride = conv.stride[axis] as isize;
    let taps = (0..conv.kernel[axis]).filter_map(|tap| {
        let shifted = residue as isize + conv.padding[axis] as isize - tap as isize;
        (shifted.rem_euclid(stride) == 0).then_some((tap, shifted.div_euclid(stride)))
    });
    Axis {
        count: conv.input[axis].saturating_sub(residue).div_ceil(conv.stride[axis]),
        first: residue,
        step: conv.stride[axis],
        advance: 1,
        extent: conv.output()[axis],
        taps: taps.collect(),
    }
}

/// Floats between neighbouring voxels along each axis.
fn pitches(size: [usize; 3], channels: usize) -> [usize; 3] {
    [size[1] * size[2] * channels, size[2] * channels, channels]
}

/// The data gradient of a convolution of stride 1 as an ordinary convolution of `dy`, where the padding allows it.
pub(crate) fn as_forward(conv: &Conv3d) -> Option<Conv3d> {
    let fits = (0..3).all(|axis| conv.stride[axis] == 1 && conv.padding[axis] < conv.kernel[axis]);
    fits.then(|| Conv3d {
        batch: conv.batch,
        input: conv.output(),
        in_channels: conv.out_channels,
        out_channels: conv.in_channels,
        kernel: conv.kernel,
        stride: conv.stride,
        padding: std::array::from_fn(|axis| conv.kernel[axis] - 1 - conv.padding[axis]),
    })
}

/// Whether the taps along a line are to be merged into the channels.
pub(super) fn merges(conv: &Conv3d) -> bool {
    conv.in_channels <= MERGE_CHANNELS && conv.kernel[2] > 1 && conv.output_len() > 0
}

/// Width of a line padded with zeros, in voxels.
fn padded_width(conv: &Conv3d) -> usize {
    conv.input[2] + 2 * conv.padding[2]
}

/// The forward pass over lines padded with zeros: a voxel's channels are those of all taps of a line.
pub(super) fn merged(conv: &Conv3d) -> Pass {
    let plain = forward(conv);
    let line = padded_width(conv) * conv.in_channels;
    let [axis_d, axis_h, _] = plain.axes;
    let width = plain.output[2];
    let axis_w = Axis { count: width, first: 0, step: 1, advance: 1, extent: width, taps: vec![(0, 0)] };
    Pass {
        axes: [axis_d, axis_h, axis_w],
        kernel: [conv.kernel[0], conv.kernel[1], 1],
        pitches: [conv.input[1] * line, line, conv.stride[2] * conv.in_channels],
        volume: conv.input[0] * conv.input[1] * line,
        depth: conv.kernel[2] * conv.in_channels,
        ..plain
    }
}

/// The forward pass over the points of minimal filtering.
pub(super) fn of_points(conv: &Conv3d, step: Step) -> Pass {
    let plain = forward(conv);
    let [axis_d, axis_h, _] = plain.axes;
    let axis = |count: usize| Axis { count, first: 0, step: 1, advance: 1, extent: count, taps: vec![(0, 0)] };
    let axis_h = match step {
        Step::Line => axis_h,
        Step::Square(_) => axis(step.rows(conv)),
    };
    Pass {
        axes: [axis_d, axis_h, axis(step.steps(conv))],
        kernel: [conv.kernel[0], step.height(conv.kernel[1]), 1],
        ..plain
    }
}
