//! Weights that are packed once for many calls.

use super::forward;
use super::layout::Layout;
use super::source::{self, Channels};
use super::unit::{Row, Unit};
use super::weights;
use crate::conv3d::Conv3d;
use crate::view::Grid;

/// Weights of one convolution as its forward passes read them, made by
/// [`Convolve::keep_weights`](crate::Convolve::keep_weights).
#[derive(Debug, Clone)]
pub struct KeptWeights {
    /// Of every run of input channels that are read alike.
    of_channels: Vec<Vec<Row>>,
}

impl KeptWeights {
    /// Those of a convolution whose input channels lie on some grids.
    pub(crate) fn new(unit: impl Unit, (conv, input): (&Conv3d, &[Grid]), w: &[f32]) -> Self {
        assert_eq!(w.len(), conv.weight_len(), "weights of {conv:?}");
        let pack = |some: &Channels| {
            let layout = layout(unit, some);
            let mut rows = vec![Row::ZERO; weights::rows(&some.source.pass, &layout)];
            weights::pack(&some.source.pass, &layout, &some.weights(conv, w), &mut rows);
            rows
        };
        Self { of_channels: source::channels(conv, input).iter().map(pack).collect() }
    }

    /// Bytes of them.
    pub(crate) fn bytes(unit: impl Unit, (conv, input): (&Conv3d, &[Grid])) -> usize {
        let rows = |some: &Channels| weights::rows(&some.source.pass, &layout(unit, some));
        source::channels(conv, input).iter().map(rows).sum::<usize>() * size_of::<Row>()
    }

    /// Those of one run of channels, by its number.
    pub(super) fn of(&self, number: usize) -> forward::Given<'_> {
        forward::Given::Packed(&self.of_channels[number])
    }
}

fn layout(unit: impl Unit, some: &Channels) -> Layout {
    Layout::new(&some.source, unit.granule(), false)
}
