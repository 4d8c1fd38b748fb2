//! Three-dimensional convolution: its geometry, and the fast float32 kernels behind [`crate::Scalar`].

pub(crate) mod aligned;
mod chunks;
pub(crate) mod fast;
mod lines;
pub(crate) mod onto;
mod packing;
pub(crate) mod parts;
pub(crate) mod passes;
pub(crate) mod reach;
pub(crate) mod scratch;
mod shares;
mod slabs;
mod sums;
pub(crate) mod tiles;
pub(crate) mod turned;
mod weights;
pub(crate) mod winograd;

use crate::element::Element;
use crate::view::View;

/// Geometry of one 3D convolution, sizes in voxels.
///
/// Tensors are channels-last, `(batch, depth, height, width, channels)`; weights are
/// `[depth][height][width][in][out]` of the kernel, `out` fastest. As in PyTorch's `conv3d` the kernel is not
/// flipped: output voxel `o` of an axis reads the input voxels `o * stride + tap - padding`, and voxels outside
/// the input count as zero.
///
/// A transposed convolution of stride 1 and padding `p` is an ordinary one with padding `kernel - 1 - p` and flipped
/// weights, so `padding` may exceed half the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv3d {
    /// Number of volumes.
    pub batch: usize,
    /// Input size as (depth, height, width).
    pub input: [usize; 3],
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Kernel size as (depth, height, width).
    pub kernel: [usize; 3],
    /// Steps between neighbouring output voxels; every one at least 1.
    pub stride: [usize; 3],
    /// Voxels of zero padding on both ends of each axis.
    pub padding: [usize; 3],
}

/// Some channels of a convolution's input, and the grid on which their gradient is wanted: where they were repeated by a
/// nearest resize along depth or height before the convolution, gradients of voxels that are repetitions of one are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputPart {
    /// First channel.
    pub first_channel: usize,
    /// Number of channels.
    pub channels: usize,
    /// Depth, height, width; as wide as the input.
    pub size: [usize; 3],
}

impl Conv3d {
    /// All channels of the input on its own grid.
    pub fn whole_input(&self) -> InputPart {
        InputPart { first_channel: 0, channels: self.in_channels, size: self.input }
    }

    /// The convolution of a part's channels alone.
    pub(crate) fn of_channels(&self, part: &InputPart) -> Self {
        Self { in_channels: part.channels, ..*self }
    }

    /// Output size as (depth, height, width): `(input + 2 padding - kernel) / stride + 1` rounded down, and 0 where
    /// the kernel is longer than the padded input.
    ///
    /// # Panics
    /// When a stride or a kernel size is 0.
    pub fn output(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            assert!(self.stride[axis] > 0, "stride of axis {axis}: expected at least 1, got 0");
            assert!(self.kernel[axis] > 0, "kernel size of axis {axis}: expected at least 1, got 0");
            match (self.input[axis] + 2 * self.padding[axis]).checked_sub(self.kernel[axis]) {
                Some(room) => room / self.stride[axis] + 1,
                None => 0,
            }
        })
    }

    /// Multiply-accumulates of one forward call, taps that fall on the padding counted.
    pub fn macs(&self) -> u64 {
        let voxels: usize = self.output().iter().product();
        [self.batch, voxels, self.taps(), self.in_channels, self.out_channels].iter().map(|&size| size as u64).product()
    }

    /// A stored input as a view with nothing pending.
    ///
    /// # Panics
    /// When the length is not [`input_len`](Self::input_len).
    pub(crate) fn view_of_input<'a, E: Element>(&self, x: &'a [E]) -> View<'a, E> {
        View::plain(x, self.batch, self.input, self.in_channels)
    }

    /// Number of input elements.
    pub fn input_len(&self) -> usize {
        self.batch * self.input.iter().product::<usize>() * self.in_channels
    }

    /// Number of output elements.
    pub fn output_len(&self) -> usize {
        self.batch * self.output().iter().product::<usize>() * self.out_channels
    }

    /// Number of weights.
    pub fn weight_len(&self) -> usize {
        self.taps() * self.in_channels * self.out_channels
    }

    /// Kernel positions.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// The input voxel that output voxel `out` reads through tap `tap` of `axis`, if it lies inside the input.
    pub(crate) fn source(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        (out * self.stride[axis] + tap).checked_sub(self.padding[axis]).filter(|&at| at < self.input[axis])
    }

    /// Asserts that a part lies in the input, and that the gradient has its length.
    pub(crate) fn check_part(&self, part: &InputPart, gradient: usize) {
        let inside = part.first_channel + part.channels <= self.in_channels && part.size[2] == self.input[2];
        assert!(inside, "part of the input: got {part:?} of {self:?}");
        let expected = self.batch * part.size.iter().product::<usize>() * part.channels;
        assert_eq!(gradient, expected, "gradient elements: got {gradient}, expected {expected} for {part:?}");
    }

    /// Asserts that the three slices have the lengths that the geometry asks for.
    pub(crate) fn check_lens(&self, input: usize, weights: usize, output: usize) {
        assert_eq!(input, self.input_len(), "input elements: got {input}, expected {} for {self:?}", self.input_len());
        let expected = self.weight_len();
        assert_eq!(weights, expected, "weights: got {weights}, expected {expected} for {self:?}");
        let expected = self.output_len();
        assert_eq!(output, expected, "output elements: got {output}, expected {expected} for {self:?}");
    }
}

#[cfg(test)]
pub(crate) mod tests;
