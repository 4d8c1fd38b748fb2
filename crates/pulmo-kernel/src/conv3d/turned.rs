//! Weights as a pass reads them, `[tap][summed over][computed]`: as they lie, or with inputs and outputs exchanged, which is how
//! data gradients read them.

use std::ops::Range;

use rayon::prelude::*;

use super::Conv3d;
use super::aligned::{Lent, Use};
use super::tiles::Block;
use crate::simd::for_vectors;

/// Side of the squares in which weights are turned: a cache line of floats.
const SIDE: usize = 16;

/// A square of weights.
type Square = [[f32; SIDE]; SIDE];

/// The weights of a pass.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a> {
    /// As the pass reads them.
    Plain(&'a [f32]),
    /// `[tap][channel][summed over]`, where the computed channels are some of those; `reverse` if the pass counts taps from
    /// the last one on.
    Turned { w: &'a [f32], of: usize, first: usize, reverse: bool },
}

/// Sizes of a pass's weights.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) taps: usize,
    /// Channels summed over and computed.
    pub(super) depth: usize,
    pub(super) channels: usize,
}

impl<'a> Weights<'a> {
    /// Those of a data gradient: of some input channels of a convolution's weights.
    pub(super) fn of_gradient(conv: &Conv3d, w: &'a [f32], first: usize, reverse: bool) -> Self {
        Self::Turned { w, of: conv.in_channels, first, reverse }
    }

    /// The weights of a tap as they lie.
    fn of_tap(&self, tap: usize, sizes: Sizes) -> &'a [f32] {
        let len = sizes.depth * sizes.channels;
        match *self {
            Self::Plain(w) => &w[tap * len..][..len],
            Self::Turned { w, of, first, reverse } => {
                let tap = if reverse { sizes.taps - 1 - tap } else { tap };
                &w[(tap * of + first) * sizes.depth..][..len]
            }
        }
    }

    /// Copies the weights of a tap and a block of computed channels: `[depth][width]`, zero past the block.
    pub(super) fn pack(&self, tap: usize, sizes: Sizes, block: &Block, panel: &mut [f32]) {
        let w = self.of_tap(tap, sizes);
        let width = panel.len() / sizes.depth.max(1);
        match self {
            Self::Plain(_) => {
                for (to, from) in panel.chunks_exact_mut(width).zip(w.chunks_exact(sizes.channels)) {
                    to[..block.width].copy_from_slice(&from[block.first..block.first + block.width]);
                    to[block.width..].fill(0.0);
                }
            }
            Self::Turned { .. } => {
                for first in (0..width).step_by(SIDE) {
                    let count = block.width.saturating_sub(first).min(SIDE);
                    let rows = &w[(block.first + first.min(block.width)) * sizes.depth..][..count * sizes.depth];
                    turn_rows((rows, sizes.depth), count, (&mut panel[first..], width));
                }
            }
        }
    }

    /// Copies the weights of a tap and a computed channel into a row.
    pub(super) fn pack_row(&self, tap: usize, sizes: Sizes, channel: usize, row: &mut [f32]) {
        let w = self.of_tap(tap, sizes);
        match self {
            Self::Plain(_) => {
                row.iter_mut().zip(w.chunks_exact(sizes.channels)).for_each(|(to, from)| *to = from[channel]);
            }
            Self::Turned { .. } => row[..sizes.depth].copy_from_slice(&w[channel * sizes.depth..][..sizes.depth]),
        }
    }
}

/// Weights `[tap][in][out]` of some input channels as `[tap][out][in]`, the taps in reverse order.
pub(super) fn swap_weights(conv: &Conv3d, w: &[f32], channels: Range<usize>) -> Lent {
    let (cin, cout) = (channels.len(), conv.out_channels);
    let mut swapped = Lent::of(Use::SwappedWeights, conv.taps() * cin * cout);
    swapped.as_mut().par_chunks_mut(cin * cout).enumerate().for_each(|(tap, swapped)| {
        let tap = conv.taps() - 1 - tap;
        let w = &w[(tap * conv.in_channels + channels.start) * cout..][..cin * cout];
        for first in (0..cin).step_by(SIDE) {
            let count = (cin - first).min(SIDE);
            let rows = &w[first * cout..][..count * cout];
            for (block, to) in swapped.chunks_mut(SIDE * cin).enumerate() {
                let columns = block * SIDE..(block * SIDE + SIDE).min(cout);
                turn_square((&rows[columns.start..], cout), [count, columns.len()], (&mut to[first..], cin));
            }
        }
    });
    swapped
}

for_vectors! {
    /// Turns `count` rows of `depth` values: value `d` of row `c` goes to place `c` of row `d`, of which the first [`SIDE`]
    /// places are written as far as there are any, zeros behind `count`. Rows begin `pitch` values apart.
    fn turn_rows<>(from: (&[f32], usize), count: usize, to: (&mut [f32], usize)) {
        let ((rows, depth), (out, pitch)) = (from, to);
        for first in (0..depth).step_by(SIDE) {
            let width = SIDE.min(depth - first);
            let square = turned(&read_square((&rows[first.min(rows.len())..], depth), [count, width]));
            for (to, row) in out[first * pitch..].chunks_mut(pitch).zip(&square).take(width) {
                let room = to.len().min(SIDE);
                to[..room].copy_from_slice(&row[..room]);
            }
        }
    }

    /// Turns a square of `size` rows and columns; rows begin so many values apart.
    fn turn_square<>(from: (&[f32], usize), size: [usize; 2], to: (&mut [f32], usize)) {
        let square = turned(&read_square(from, size));
        let ((out, pitch), [count, width]) = (to, size);
        for (to, row) in out.chunks_mut(pitch).zip(&square).take(width) {
            to[..count].copy_from_slice(&row[..count]);
        }
    }
}

/// Some rows and columns as a square, zeros behind them.
#[inline(always)]
fn read_square((rows, pitch): (&[f32], usize), [count, width]: [usize; 2]) -> Square {
    let mut square = [[0.0; SIDE]; SIDE];
    for (to, from) in square.iter_mut().zip(rows.chunks(pitch)).take(count) {
        match from.first_chunk::<SIDE>() {
            Some(from) if width == SIDE => *to = *from,
            _ => to[..width].copy_from_slice(&from[..width]),
        }
    }
    square
}

/// Rows and columns change places: four perfect shuffles, each of which moves the eight bits of (row, column) by one.
#[inline(always)]
pub(crate) fn turned<T: Copy + Default>(square: &[[T; SIDE]; SIDE]) -> [[T; SIDE]; SIDE] {
    shuffled(&shuffled(&shuffled(&shuffled(square))))
}

/// Interleaves the rows of the upper half with those of the lower.
#[inline(always)]
fn shuffled<T: Copy + Default>(square: &[[T; SIDE]; SIDE]) -> [[T; SIDE]; SIDE] {
    let mut to = [[T::default(); SIDE]; SIDE];
    for index in 0..SIDE / 2 {
        let (upper, lower) = (&square[index], &square[index + SIDE / 2]);
        for half in 0..2 {
            for column in 0..SIDE / 2 {
                to[2 * index + half][2 * column] = upper[half * SIDE / 2 + column];
                to[2 * index + half][2 * column + 1] = lower[half * SIDE / 2 + column];
            }
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_weights_are_packed_as_swapped_ones_are() {
        let conv = Conv3d {
            batch: 1,
            input: [1; 3],
            in_channels: 37,
            out_channels: 21,
            kernel: [1, 2, 2],
            stride: [1; 3],
            padding: [0; 3],
        };
        let w: Vec<f32> = (0..conv.weight_len()).map(|index| index as f32).collect();
        let channels = 3..36;
        let swapped = swap_weights(&conv, &w, channels.clone());
        let sizes = Sizes { taps: 4, depth: 21, channels: channels.len() };
        let (plain, turned) = (Weights::Plain(swapped.as_slice()), Weights::of_gradient(&conv, &w, 3, true));
        for tap in 0..4 {
            for (first, width, vectors) in [(0, 32, 2), (32, 1, 1), (16, 17, 3)] {
                let block = Block { first, width, vectors };
                let pack = |weights: Weights<'_>| {
                    let mut panel = vec![f32::NAN; 21 * vectors * 16];
                    weights.pack(tap, sizes, &block, &mut panel);
                    panel
                };
                let packed = pack(turned);
                assert_eq!(packed, pack(plain), "tap {tap}, {block:?}");
                let at = |d: usize, channel: usize| ((3 - tap) * 37 + 3 + first + channel) * 21 + d;
                assert!((0..21).all(|d| packed[d * vectors * 16] == at(d, 0) as f32), "tap {tap}, {block:?}");
            }
            let row = |weights: Weights<'_>| {
                let mut row = vec![0.0; 32];
                weights.pack_row(tap, sizes, 5, &mut row);
                row
            };
            assert_eq!(row(turned), row(plain));
        }
    }
}
