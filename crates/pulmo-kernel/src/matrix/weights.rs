//! Weights rounded to bfloat16, as factors on the right.

use std::borrow::Cow;

use rayon::prelude::*;

use super::layout::Layout;
use super::unit::{DEPTH, Row, SIDE};
use crate::conv3d::passes::Pass;
use crate::conv3d::turned::turned;
use crate::element::{Bf16, Element};
use crate::simd::for_vectors;

/// Where the weights of a pass lie.
#[derive(Clone)]
pub(super) struct Weights<'a> {
    /// `[tap][in][out]`.
    pub(super) w: Cow<'a, [f32]>,
    /// Whether `out` is summed over, as in the data gradient.
    pub(super) turned: bool,
}

/// Rows of the packed weights.
pub(super) fn rows(pass: &Pass, layout: &Layout) -> usize {
    pairs(pass) * steps(pass, layout) * 2 * SIDE
}

/// Pairs of tiles of computed channels.
pub(super) fn pairs(pass: &Pass) -> usize {
    pass.channels.div_ceil(2 * SIDE)
}

/// Products that an output is summed from.
pub(super) fn steps(pass: &Pass, layout: &Layout) -> usize {
    pass.axes[0].taps.len() * layout.entries.len()
}

/// Packs the weights as `[pair][tap of depth][entry][half of the pair]`, each a factor of 16 rows.
pub(super) fn pack(pass: &Pass, layout: &Layout, weights: &Weights<'_>, to: &mut [Row]) {
    let steps = steps(pass, layout);
    to.par_chunks_mut(2 * SIDE).enumerate().for_each(|(index, tiles)| {
        pack_step(pass, layout, weights, [index / steps, index % steps], tiles);
    });
}

/// Packs the two factors of one pair and step, counted over taps of depth and entries.
pub(super) fn pack_step(
    pass: &Pass,
    layout: &Layout,
    weights: &Weights<'_>,
    [pair, step]: [usize; 2],
    tiles: &mut [Row],
) {
    let entries = &layout.entries;
    let plane = pass.kernel[1] * pass.kernel[2];
    // Between neighbouring summed and neighbouring computed channels.
    let [summed, computed] = if weights.turned { [1, pass.depth] } else { [pass.channels, 1] };
    let (depth, _) = pass.axes[0].taps[step / entries.len()];
    let entry = &entries[step % entries.len()];
    let first = pair * 2 * SIDE * computed;
    // Where the weights of each summed value and the first column lie.
    let starts: [Option<usize>; DEPTH] = std::array::from_fn(|value| {
        let (tap, channel) = layout.source(entry, value)?;
        Some((depth * plane + tap) * pass.depth * pass.channels + channel * summed + first)
    });
    tiles.fill(Row::ZERO);
    let held = (pass.channels - pair * 2 * SIDE).min(2 * SIDE);
    match weights.turned {
        false => pack_rows(&weights.w, &starts, held, tiles),
        true => pack_columns(&weights.w, (&starts, pass.depth), held, tiles),
    }
}

/// The bits of the nearest bfloat16.
#[inline(always)]
fn round(value: f32) -> u16 {
    Bf16::narrow(value).to_bits()
}

for_vectors! {
    /// Packs weights whose columns lie side by side, two summed values at a time.
    fn pack_rows<>(w: &[f32], starts: &[Option<usize>; DEPTH], held: usize, tiles: &mut [Row]) {
        const NONE: [f32; SIDE] = [0.0; SIDE];
        for half in 0..held.div_ceil(SIDE) {
            let columns = (held - half * SIDE).min(SIDE);
            let part = |value: usize| starts[value].map_or(&NONE[..columns], |start| &w[start + half * SIDE..][..columns]);
            for (pair, row) in tiles[half * SIDE..][..SIDE].iter_mut().enumerate() {
                let (even, odd) = (part(2 * pair), part(2 * pair + 1));
                let (places, _) = row.0.as_chunks_mut::<2>();
                match (even.first_chunk::<SIDE>(), odd.first_chunk::<SIDE>()) {
                    // Of a length known to the compiler.
                    (Some(even), Some(odd)) => {
                        for (place, (even, odd)) in places.iter_mut().zip(even.iter().zip(odd)) {
                            *place = [round(*even), round(*odd)];
                        }
                    }
                    _ => {
                        for (place, (even, odd)) in places.iter_mut().zip(even.iter().zip(odd)) {
                            *place = [round(*even), round(*odd)];
                        }
                    }
                }
            }
        }
    }
}

/// Packs weights whose columns are `pitch` apart.
fn pack_columns(w: &[f32], (starts, pitch): (&[Option<usize>; DEPTH], usize), held: usize, tiles: &mut [Row]) {
    if let Some(first) = starts[0].filter(|first| (0..DEPTH).all(|value| starts[value] == Some(first + value))) {
        return turn_columns(&w[first..], pitch, held, tiles);
    }
    for column in 0..held {
        for (value, start) in starts.iter().enumerate() {
            let Some(start) = *start else { continue };
            tiles[column / SIDE * SIDE + value / 2].0[column % SIDE * 2 + value % 2] = round(w[start + column * pitch]);
        }
    }
}

for_vectors! {
    /// The same where the summed values of a column lie side by side: pairs of them change places with columns.
    fn turn_columns<>(w: &[f32], pitch: usize, held: usize, tiles: &mut [Row]) {
        for (half, tile) in tiles.chunks_exact_mut(SIDE).enumerate() {
            let mut pairs = [[0_u32; SIDE]; SIDE];
            for (column, pairs) in pairs.iter_mut().enumerate().take(held.saturating_sub(half * SIDE)) {
                let values = &w[(half * SIDE + column) * pitch..][..DEPTH];
                for (pair, values) in pairs.iter_mut().zip(values.as_chunks::<2>().0) {
                    *pair = u32::from(round(values[0])) | u32::from(round(values[1])) << 16;
                }
            }
            for (row, pairs) in tile.iter_mut().zip(&turned(&pairs)) {
                for (place, pair) in row.0.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
                    *place = [*pair as u16, (*pair >> 16) as u16];
                }
            }
        }
    }
}
