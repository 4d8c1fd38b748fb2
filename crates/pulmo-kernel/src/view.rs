//! A value read through what is still pending on it: scale and shift, ReLU, nearest resize, concatenation.
//!
//! A network keeps the outputs of its convolutions; what stands between two of them is read through, one
//! line of voxels at a time, by whoever needs the result.

use rayon::prelude::*;

use crate::Scalar;
use crate::element::{Element, narrow_to};
use crate::simd::{ByChannels, block, block_mut, by_channels, for_vectors, lanes};

/// Scale and shift of each channel.
pub type Affine<'a, T> = (&'a [T], &'a [T]);

/// A run of channels of one stored tensor, with what is pending on them.
///
/// # Shapes
/// `source` is channels-last: (batch, `source_size`, `source_channels`).
#[derive(Debug, Clone)]
pub struct Segment<'a, E: Element> {
    /// The stored values.
    pub source: &'a [E],
    /// Channels of the stored tensor.
    pub source_channels: usize,
    /// Depth, height, width of the stored tensor; where it differs from the view's, voxels are repeated.
    pub source_size: [usize; 3],
    /// First channel that is read.
    pub first_channel: usize,
    /// Number of channels that are read.
    pub channels: usize,
    /// Scale and shift of each channel that is read.
    pub affine: Option<Affine<'a, E::Scalar>>,
    /// Whether negative values become zero, after scale and shift.
    pub relu: bool,
}

/// A channels-last tensor that is a concatenation of [`Segment`]s along the channels.
#[derive(Debug, Clone)]
pub struct View<'a, E: Element> {
    /// Number of volumes.
    pub batch: usize,
    /// Depth, height, width.
    pub size: [usize; 3],
    /// The parts, in the order of their channels.
    pub segments: Vec<Segment<'a, E>>,
}

/// A run of channels and the size of the tensor that holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Number of channels.
    pub channels: usize,
    /// Depth, height, width as stored; where a view is larger, voxels are repeated.
    pub size: [usize; 3],
}

/// The source index of a nearest-neighbour resize: `floor(index · source / target)`, in whole numbers.
///
/// # Agreement
/// PyTorch's `interpolate(mode="nearest")` in float64; in float32 PyTorch rounds the ratio first and is off
/// by one voxel for some sizes.
#[must_use]
pub fn nearest_index(index: usize, source: usize, target: usize) -> usize {
    index * source / target
}

impl<'a, E: Element> View<'a, E> {
    /// A stored tensor with nothing pending.
    ///
    /// # Panics
    /// If the length is not that of the shape.
    #[must_use]
    pub fn plain(source: &'a [E], batch: usize, size: [usize; 3], channels: usize) -> Self {
        let expected = batch * size.iter().product::<usize>() * channels;
        assert_eq!(source.len(), expected, "values of a {batch}x{size:?}x{channels} tensor");
        Self { batch, size, segments: vec![Segment::plain(source, channels, size)] }
    }

    /// Channels of all segments together.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.segments.iter().map(|segment| segment.channels).sum()
    }

    /// On which grids its channels are stored.
    #[must_use]
    pub fn grids(&self) -> Vec<Grid> {
        let grid = |segment: &Segment<'_, E>| Grid { channels: segment.channels, size: segment.source_size };
        self.segments.iter().map(grid).collect()
    }

    /// The same volumes with some of the channels only.
    #[must_use]
    pub fn some_channels(&self, range: std::ops::Range<usize>) -> Self {
        let mut start = 0;
        let mut segments = Vec::new();
        for segment in &self.segments {
            let (from, to) = (range.start.max(start), range.end.min(start + segment.channels));
            if from < to {
                let own = from - start..to - start;
                let affine = segment.affine.map(|(scale, shift)| (&scale[own.clone()], &shift[own.clone()]));
                let first_channel = segment.first_channel + own.start;
                segments.push(Segment { first_channel, channels: own.len(), affine, ..segment.clone() });
            }
            start += segment.channels;
        }
        Self { segments, ..*self }
    }

    /// Lines of voxels: batch × depth × height.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.batch * self.size[0] * self.size[1]
    }

    /// Values of one line: width × channels.
    #[must_use]
    pub fn line_len(&self) -> usize {
        self.size[2] * self.channels()
    }

    /// The stored values themselves, if nothing is pending.
    #[must_use]
    pub fn as_plain(&self) -> Option<&'a [E]> {
        match self.segments.as_slice() {
            [only]
                if only.affine.is_none()
                    && !only.relu
                    && only.source_size == self.size
                    && only.channels == only.source_channels =>
            {
                Some(only.source)
            }
            _ => None,
        }
    }

    /// Writes line `line` (counted over batch, depth, height), width × channels values.
    #[inline(always)]
    pub fn read_line(&self, line: usize, out: &mut [E::Scalar]) {
        let channels = self.channels();
        let mut first = 0;
        for segment in &self.segments {
            segment.read_line(self.size, line, &mut out[first..], channels);
            first += segment.channels;
        }
    }

    /// Writes the whole tensor, rounded to its elements.
    ///
    /// # Panics
    /// If `out` has another length than the view.
    pub fn materialise(&self, out: &mut [E]) {
        assert_eq!(out.len(), self.lines() * self.line_len(), "values of a materialised view");
        let lines = out.par_chunks_mut(self.line_len()).enumerate();
        lines.for_each_init(Vec::new, |buffer, (line, out)| materialise_line(self, line, out, buffer));
    }
}

for_vectors! {
    /// [`View::read_line`], compiled for long vectors.
    pub(crate) fn read_line<E: [Element]>(view: &View<'_, E>, line: usize, out: &mut [E::Scalar]) {
        view.read_line(line, out);
    }

    /// Writes a line's elements; the buffer is for scalars that must be rounded.
    fn materialise_line<E: [Element]>(view: &View<'_, E>, line: usize, out: &mut [E], buffer: &mut Vec<E::Scalar>) {
        match E::as_scalars_mut(out) {
            Some(out) => view.read_line(line, out),
            None => {
                buffer.resize(out.len(), E::Scalar::ZERO);
                view.read_line(line, buffer);
                narrow_to(buffer, out);
            }
        }
    }
}

impl<'a, E: Element> Segment<'a, E> {
    /// All channels of a stored tensor of `size` (depth, height, width), with nothing pending.
    #[must_use]
    pub fn plain(source: &'a [E], channels: usize, size: [usize; 3]) -> Self {
        Self {
            source,
            source_channels: channels,
            source_size: size,
            first_channel: 0,
            channels,
            affine: None,
            relu: false,
        }
    }

    /// Writes this segment's channels of a line into `out`, whose voxels are `stride` values apart.
    #[inline(always)]
    fn read_line(&self, size: [usize; 3], line: usize, out: &mut [E::Scalar], stride: usize) {
        let [depth, height, width] = size;
        let [source_depth, source_height, source_width] = self.source_size;
        let (n, d, h) = (line / (depth * height), line / height % depth, line % height);
        let d = nearest_index(d, source_depth, depth);
        let h = nearest_index(h, source_height, height);
        let start = ((n * source_depth + d) * source_height + h) * source_width * self.source_channels;
        let source = &self.source[start..start + source_width * self.source_channels];
        by_channels(self.channels, Reading { segment: self, source, out, stride, width });
    }
}

/// A segment's line on its way into voxels that are `stride` values apart.
struct Reading<'a, E: Element> {
    segment: &'a Segment<'a, E>,
    source: &'a [E],
    out: &'a mut [E::Scalar],
    stride: usize,
    width: usize,
}

impl<E: Element> ByChannels for Reading<'_, E> {
    #[inline(always)]
    fn channels<const N: usize>(&mut self, first: usize) {
        match (self.segment.affine, self.segment.relu) {
            (None, false) => self.each_voxel::<N>(first, |x, _| x),
            (None, true) => self.each_voxel::<N>(first, |x, _| positive(x)),
            (Some((scale, shift)), relu) => {
                let (scale, shift) = (*block::<N, _>(scale, first), *block::<N, _>(shift, first));
                if relu {
                    self.each_voxel::<N>(first, |x, i| positive(x * scale[i] + shift[i]));
                } else {
                    self.each_voxel::<N>(first, |x, i| x * scale[i] + shift[i]);
                }
            }
        }
    }
}

impl<E: Element> Reading<'_, E> {
    /// Writes channels from `first` on; `apply` gets a value and its place among them.
    #[inline(always)]
    fn each_voxel<const N: usize>(&mut self, first: usize, apply: impl Fn(E::Scalar, usize) -> E::Scalar) {
        let segment = self.segment;
        let source_width = segment.source_size[2];
        let mut from = segment.first_channel + first;
        let mut passed = 0;
        for out in self.out.chunks_mut(self.stride).take(self.width) {
            let source = block::<N, _>(self.source, from);
            // All are read before the first is written, or the compiler takes them one by one.
            *block_mut(out, first) = lanes::<N, _>(|i| apply(source[i].widen(), i));
            // [`nearest_index`] of the next voxel, without dividing.
            passed += source_width;
            while passed >= self.width {
                passed -= self.width;
                from += segment.source_channels;
            }
        }
    }
}

/// ReLU that lets NaN through, so that a broken value is seen and not hidden.
#[inline(always)]
fn positive<T: Scalar>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}
