//! How much memory the kernels allocate.

use super::chunks::chunk_size;
use super::parts::Part;
use super::winograd::step::{Filtering, Step};
use super::{Conv3d, InputPart, fast, onto, passes, shares, slabs, tiles, weights, winograd};
use crate::element::Element;
use crate::matrix::{self, KeptWeights};
use crate::simd::MAX_ROWS;
use crate::view::Grid;

/// Bytes of a float.
const FLOAT: usize = size_of::<f32>();
/// Slack for lists of tasks, tiles and line numbers, per thread.
const THREAD_SLACK: usize = 256 << 10;
/// Floats of the longest row of a tile, and of the longest vector.
const WIDTH: usize = 32;
const LANES: usize = 16;

/// What a convolution is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// The convolution itself.
    Forward,
    /// The same by [kept weights](crate::KeptWeights).
    KeptForward,
    /// Gradient with respect to the input.
    DataGradient,
    /// Gradient with respect to the weights.
    WeightGradient,
}

/// Upper bounds, in bytes, of what a call allocates for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scratch {
    lasting: [usize; BUFFERS],
    /// What is given back when the call ends.
    pub passing: usize,
}

/// Buffers that stay for the next call, each as large as the largest call so far wanted it.
const BUFFERS: usize = 5;
/// The lent ones, see [`super::aligned::Use`].
const WORK: usize = 0;
const SWAPPED_WEIGHTS: usize = 1;
/// Those of threads: passes over tiles, minimal filtering, weight gradients.
const OF_TILES: usize = 2;
const OF_FILTERING: usize = 3;
const OF_GRADIENTS: usize = 4;

impl Scratch {
    fn lasting<const N: usize>(buffers: [(usize, usize); N]) -> Self {
        let mut scratch = Self::default();
        buffers.into_iter().for_each(|(buffer, bytes)| scratch.lasting[buffer] += bytes);
        scratch
    }

    fn of_tiles(bytes: matrix::Bytes) -> Self {
        let lasting = Self::lasting([(WORK, bytes.shared), (OF_TILES, bytes.of_threads)]);
        Self { passing: bytes.passing, ..lasting }
    }

    /// That of a call which keeps nothing.
    #[must_use]
    pub fn passing(passing: usize) -> Self {
        Self { passing, ..Self::default() }
    }

    /// What stays allocated when a call has ended.
    #[must_use]
    pub fn lasting_bytes(&self) -> usize {
        self.lasting.iter().sum()
    }

    /// What one and another call take, one after the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let lasting = std::array::from_fn(|buffer| self.lasting[buffer].max(other.lasting[buffer]));
        Self { lasting, passing: self.passing.max(other.passing) }
    }
}

impl Conv3d {
    /// What one call on stored tensors of `E` allocates at a time, with as many threads as the current pool has.
    pub fn scratch<E: Element>(&self, call: Call) -> Scratch {
        match call {
            Call::Forward => self.scratch_through::<E>(&self.own_grid()),
            Call::KeptForward => self.kept_scratch_through::<E>(&self.own_grid()),
            Call::DataGradient => self.scratch_onto::<E>(&self.whole_input()),
            Call::WeightGradient => self.weight_scratch_through::<E>(&self.own_grid()),
        }
    }

    /// The grid of an input that is stored as the convolution sees it.
    pub(crate) fn own_grid(&self) -> [Grid; 1] {
        [Grid { channels: self.in_channels, size: self.input }]
    }

    /// That of the gradient with respect to the weights where the channels of the input are read through from the given grids.
    pub fn weight_scratch_through<E: Element>(&self, input: &[Grid]) -> Scratch {
        let threads = rayon::current_num_threads();
        on_tiles::<E>(self, input, Call::WeightGradient)
            .unwrap_or_else(|| weight_gradient_scratch::<E>(self, input, threads))
    }

    /// That of the convolution where the channels of the input are read through from the given grids.
    pub fn scratch_through<E: Element>(&self, input: &[Grid]) -> Scratch {
        on_tiles::<E>(self, input, Call::Forward)
            .unwrap_or_else(|| pass_scratch::<E>(self, input, rayon::current_num_threads()))
    }

    /// [`scratch_through`](Self::scratch_through) by [kept weights](crate::KeptWeights), where there are any.
    pub fn kept_scratch_through<E: Element>(&self, input: &[Grid]) -> Scratch {
        on_tiles::<E>(self, input, Call::KeptForward).unwrap_or_else(|| self.scratch_through::<E>(input))
    }

    /// Bytes of the [kept weights](crate::KeptWeights) of the convolution on tensors of `E`; 0 where none are kept.
    pub fn kept_bytes<E: Element>(&self, input: &[Grid]) -> usize {
        let unit = matrix::chosen(self).filter(|_| E::PER_SCALAR > 1);
        unit.map_or(0, |unit| KeptWeights::bytes(unit, (self, input)))
    }

    /// That of the gradient with respect to a part of the input.
    pub fn scratch_onto<E: Element>(&self, part: &InputPart) -> Scratch {
        let own = self.of_channels(part);
        if let Some(unit) = matrix::chosen(&own).filter(|_| E::PER_SCALAR > 1)
            && let Some(bytes) = matrix::scratch_bytes_of_sums(unit, self, part)
        {
            return Scratch::of_tiles(bytes);
        }
        let [own_weights, own_grid] = onto::bytes::<E>(self, part);
        if let Some(scratch) = on_tiles::<E>(&own, &own.own_grid(), Call::DataGradient) {
            return Scratch { passing: scratch.passing + own_weights + own_grid, ..scratch };
        }
        let threads = rayon::current_num_threads();
        let swapped = Scratch::lasting([(SWAPPED_WEIGHTS, lines_of(own.weight_len()))]);
        if let Some(ordinary) = fast::filtered_gradient(self, part) {
            return swapped.or(filtered_scratch(
                winograd::bytes(&ordinary, &Filtering::of_sums::<E>(&ordinary, part.size)),
                threads,
            ));
        }
        let ordinary = passes::as_forward(&own);
        let swapped = if ordinary.as_ref().is_some_and(passes::merges) { swapped } else { Scratch::default() };
        let conv = ordinary.unwrap_or(own);
        let stored = Grid { channels: conv.in_channels, size: conv.input };
        let pass = swapped.or(pass_scratch::<E>(&conv, &[stored], threads));
        // What is not stored as float32 is widened whole where there are strides.
        let widened = ordinary.is_none() && E::PER_SCALAR > 1;
        let widened = if widened { (own.input_len() + own.output_len()) * FLOAT } else { 0 };
        Scratch { passing: pass.passing + widened + own_grid, ..pass }
    }
}

/// Bytes of some floats in whole cache lines.
fn lines_of(floats: usize) -> usize {
    floats.next_multiple_of(16) * FLOAT
}

/// That of calls on tensors of `E`, where they are products of tiles.
fn on_tiles<E: Element>(conv: &Conv3d, input: &[Grid], call: Call) -> Option<Scratch> {
    let unit = matrix::chosen(conv).filter(|_| E::PER_SCALAR > 1)?;
    Some(Scratch::of_tiles(matrix::scratch_bytes(unit, conv, input, call)))
}

/// That of minimal filtering.
fn filtered_scratch([work, of_thread]: [usize; 2], threads: usize) -> Scratch {
    Scratch::lasting([(WORK, work), (OF_FILTERING, threads * (of_thread + THREAD_SLACK))])
}

/// A pass: the planes of a slab, and the panel, sums and tiles of every thread.
fn pass_scratch<E: Element>(conv: &Conv3d, input: &[Grid], threads: usize) -> Scratch {
    if winograd::pays(conv) {
        return filtered_scratch(winograd::bytes(conv, &Filtering::of_input::<E>(conv, input)), threads);
    }
    let depth = conv.in_channels.max(conv.out_channels) * if passes::merges(conv) { conv.kernel[2] } else { 1 };
    let panel = tiles::PANEL_BYTES.max(depth * WIDTH * FLOAT) + conv.taps() * 4 * (depth + WIDTH) * FLOAT;
    let sums = 2 * tiles::TASK_TILES * MAX_ROWS * WIDTH * FLOAT;
    let tile = tiles::TASK_TILES * (512 + 4 * conv.kernel.iter().sum::<usize>());
    let of_threads = threads * (panel + sums + tile + THREAD_SLACK) + 128 * conv.taps();
    Scratch::lasting([(WORK, slabs::bytes(conv)), (OF_TILES, of_threads)])
}

/// A weight gradient: the sums of all parts of space, and the packed lines of every thread.
fn weight_gradient_scratch<E: Element>(conv: &Conv3d, input: &[Grid], threads: usize) -> Scratch {
    let [depth, height, width] = conv.output();
    let filtered = winograd::pays(conv);
    let merged = if passes::merges(conv) && !filtered { conv.kernel[2] } else { 1 };
    // Strips of rows and vectors of columns are filled up; the few last channels may be rows of their own.
    let rows = conv.in_channels * merged + MAX_ROWS;
    let filtering = filtered.then(|| Filtering::of_weights::<E>(conv, input));
    let step = filtering.as_ref().map(|filtering| filtering.step);
    let whole = [Part::seen(conv, 0..conv.in_channels)];
    let inputs = filtering.as_ref().map_or(&whole[..], |filtering| &filtering.parts);
    let columns = conv.out_channels + LANES;
    // Points instead of taps.
    let points = step.map_or(1, Step::points);
    let along = step.map_or(conv.kernel[2] / merged, Step::points);
    let taps = conv.kernel[0] * step.map_or(conv.kernel[1], |step| step.height(conv.kernel[1])) * along;
    let most_sets = inputs.iter().map(Part::tap_sets).max().unwrap_or(0) * along;
    let summed = inputs.iter().map(|part| part.tap_sets() * (part.channels.len() * merged + MAX_ROWS)).sum::<usize>();
    let places = conv.batch * depth * step.map_or(height * width, |step| step.rows(conv) * step.steps(conv));
    let taps_along = if filtered { 1 } else { conv.kernel[2] };
    let parts = shares::parts(inputs, [taps_along, points, conv.out_channels], places);
    // All sums of every part of space, or those of a thread's own share.
    let (shared_sums, sums_of_thread) = match parts {
        1 => (0, most_sets * shares::most_rows(rows, LANES) * columns),
        parts => (parts * summed * along * columns * FLOAT, 0),
    };
    let [planes, lines] = match step {
        Some(step) => weights::chunk_of_steps(conv, step),
        None => chunk_size(conv.output(), weights::CHUNK_VOXELS),
    };
    let read_by = |axis: usize, outputs: usize| {
        (outputs.saturating_sub(1) * conv.stride[axis] + conv.kernel[axis]).min(conv.input[axis])
    };
    let input_lines = read_by(0, planes) * read_by(1, lines);
    // Packed voxels of a line of the input and of the output, or of a row of steps: all points of each.
    let [line, output_line] = match (step, merged > 1) {
        (Some(step), _) => [points * step.steps(conv); 2],
        (None, true) => [width; 2],
        (None, false) => [conv.input[2], width],
    };
    let packed = input_lines * line * rows + planes * lines * output_line * columns;
    // One more line as it is read, with zeros around; lines of which squares are made.
    let read = (2 * line.max(width) + 2 * conv.padding[2] + step.map_or(0, Step::outputs)) * rows.max(columns) + 32;
    // A list that grows may have twice the room. All points share one, with a place for each step and no taps along a line.
    let pairs = 2 * (taps * planes * lines * output_line * 2).div_ceil(points * points);
    let slots = conv.batch * conv.input[0] * conv.input[1] + 8 * input_lines;
    let of_threads = threads * ((packed + read + pairs + slots + sums_of_thread) * FLOAT + THREAD_SLACK);
    Scratch::lasting([(WORK, shared_sums), (OF_GRADIENTS, of_threads)])
}
