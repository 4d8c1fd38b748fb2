//! Convolutions in bfloat16 with float32 sums, by products of 16 x 32 x 16.
//!
//! Inputs are read line by line, rounded and packed into planes in which every tap is a constant offset (`layout.rs`,
//! `planes.rs`), so that factors are loaded from there as they lie. The forward pass and the data gradient are one algorithm
//! (`forward.rs`), the weight gradient is another (`gradient.rs`), both over anything that multiplies tiles (`unit.rs`):
//! Intel's AMX, dot products of AVX-512, or plain Rust that gives the bits of either on every machine.

#[cfg(target_arch = "x86_64")]
mod amx;
pub mod check;
#[cfg(target_arch = "x86_64")]
mod dot;
mod forward;
mod gradient;
#[cfg_attr(not(target_arch = "x86_64"), path = "absent.rs")]
mod instructions;
mod kept;
mod layout;
mod pairs;
mod plain;
mod planes;
mod sizes;
mod source;
mod turning;
mod unit;
mod weights;

use forward::{Given, Input};
pub(crate) use instructions::Instructions;
pub use kept::KeptWeights;
use source::{Channels, Source};
pub(crate) use unit::Unit;
use unit::{Row, Sums};
use weights::Weights;

use crate::conv3d::onto::{on_own_grid, with_own_weights};
use crate::conv3d::passes::Pass;
use crate::conv3d::scratch::Call;
use crate::conv3d::tiles::Shared;
use crate::conv3d::{Conv3d, InputPart, passes};
use crate::element::{Bf16, Element};
use crate::simd::{self, for_vectors};
use crate::view::{Grid, View, read_line};

/// Writes a line of a tensor, counted over batch, depth and height: width x channels values.
pub(crate) trait Reader: Fn(usize, &mut [f32]) + Sync {}

impl<F: Fn(usize, &mut [f32]) + Sync> Reader for F {}

for_vectors! {
    /// Writes the bits of the nearest bfloat16 of every value.
    fn round_all<>(from: &[f32], to: &mut [u16]) {
        to.iter_mut().zip(from).for_each(|(to, &from)| *to = Bf16::narrow(from).to_bits());
    }
}

for_vectors! {
    /// `sums += others`.
    fn add<>(sums: &mut [f32], others: &[f32]) {
        sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
    }
}

/// A buffer that begins on a cache line, as rows.
fn rows_of(floats: &mut [f32]) -> &mut [Row] {
    // SAFETY: any bits are a row, and what does not fill one is left out.
    let (before, rows, _) = unsafe { floats.align_to_mut::<Row>() };
    assert!(before.is_empty(), "the buffer begins on a cache line");
    rows
}

/// Rows as tiles of sums.
fn sums_of(rows: &mut [Row]) -> &mut [Sums] {
    // SAFETY: any bits are a tile, and rows are aligned as tiles are.
    unsafe { rows.align_to_mut::<Sums>().1 }
}

/// Convolution of an input that is read by lines: `y = conv(x, w) + bias`, overwriting `y`. Bit-identical for any number of threads.
pub(crate) fn forward<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    (x, w, bias): (&impl Reader, &[f32], Option<&[f32]>),
    y: &mut [E],
) {
    conv.check_lens(conv.input_len(), w.len(), y.len());
    if y.is_empty() {
        return;
    }
    let source = Source::of_pass(&passes::forward(conv));
    let weights = Given::Plain(Weights { w: w.into(), turned: false });
    forward::run(unit, &[Input { source: &source, read: x, weights }], bias, Shared(y.as_mut_ptr()));
}

/// Gradient with respect to the input, overwriting `dx`, of an output gradient that is read by lines.
pub(crate) fn data_gradient<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    (dy, w): (&impl Reader, &[f32]),
    dx: &mut [E],
) {
    conv.check_lens(dx.len(), w.len(), conv.output_len());
    if dx.is_empty() {
        return;
    }
    let to = Shared(dx.as_mut_ptr());
    for pass in passes::data_gradient(conv) {
        let source = Source::of_pass(&pass);
        let weights = Given::Plain(Weights { w: w.into(), turned: true });
        forward::run(unit, &[Input { source: &source, read: dy, weights }], None, to);
    }
}

/// Gradient with respect to the weights, overwriting `dw`, of an input and an output gradient that are read by lines.
pub(crate) fn weight_gradient<U: Unit>(unit: U, conv: &Conv3d, (x, dy): (&impl Reader, &impl Reader), dw: &mut [f32]) {
    conv.check_lens(conv.input_len(), dw.len(), conv.output_len());
    if conv.output_len() == 0 || conv.input_len() == 0 {
        return dw.fill(0.0);
    }
    gradient::run(unit, &Source::of_pass(&passes::forward(conv)), (x, dy), dw);
}

/// The instructions that convolutions of [`Bf16`] are multiplied with (`AMX` or `AVX-512 BF16`), or why they are computed in
/// float32: what the processor or the system lacks, or what the self-test found.
///
/// # Errors
/// The reason.
pub fn tile_state() -> Result<&'static str, &'static str> {
    check::usable().map(Instructions::name)
}

/// What a call on bfloat16 tensors is multiplied with: the instructions, where they can be used and no set of float32 kernels is
/// forced; `None` where float32 kernels are faster.
pub(crate) fn chosen(conv: &Conv3d) -> Option<Instructions> {
    let usable = if simd::is_forced() { None } else { check::usable().ok() };
    usable.filter(|instructions| instructions.pays(conv))
}

/// [`fn@forward`] of a tensor that is read through, by kept weights where they are given.
pub(crate) fn forward_through<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    (x, w, bias): (&View<'_, E>, &[f32], Option<&[f32]>),
    kept: Option<&KeptWeights>,
    y: &mut [E],
) {
    conv.check_lens(conv.input_len(), kept.map_or(w.len(), |_| conv.weight_len()), y.len());
    if y.is_empty() {
        return;
    }
    let channels = source::channels(conv, &x.grids());
    let views: Vec<_> = channels.iter().map(|some| some.part().view(x, some.range())).collect();
    let readers: Vec<_> =
        views.iter().map(|view| move |line: usize, to: &mut [f32]| read_line(view, line, to)).collect();
    let weights = |number: usize| match kept {
        Some(kept) => kept.of(number),
        None => Given::Plain(channels[number].weights(conv, w)),
    };
    let inputs = channels.iter().zip(&readers).enumerate();
    let inputs: Vec<_> =
        inputs.map(|(number, (some, read))| Input { source: &some.source, read, weights: weights(number) }).collect();
    forward::run(unit, &inputs, bias, Shared(y.as_mut_ptr()));
}

/// [`data_gradient`] of a stored tensor.
pub(crate) fn data_gradient_of<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    (dy, w): (&[E], &[f32]),
    dx: &mut [E],
) {
    let dy = View::plain(dy, conv.batch, conv.output(), conv.out_channels);
    data_gradient(unit, conv, (&|line: usize, to: &mut [f32]| read_line(&dy, line, to), w), dx);
}

/// [`data_gradient`] of a stored tensor with respect to a part of the input.
pub(crate) fn data_gradient_onto<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    part: &InputPart,
    (dy, w): (&[E], &[f32]),
    dx: &mut [E],
) {
    let Some(sums) = source::sums(conv, part).filter(|_| !dx.is_empty()) else {
        let own = conv.of_channels(part);
        return with_own_weights(conv, part, w, |w| {
            on_own_grid(conv, part, dx, |dx| data_gradient_of(unit, &own, (dy, w), dx));
        });
    };
    let dy = View::plain(dy, conv.batch, conv.output(), conv.out_channels);
    let read = |line: usize, to: &mut [f32]| read_line(&dy, line, to);
    let input = Input { source: &sums.source, read: &read, weights: Given::Plain(sums.weights(conv, w)) };
    forward::run(unit, &[input], None, Shared(dx.as_mut_ptr()));
}

/// [`weight_gradient`] of an input that is read through and a stored output gradient.
pub(crate) fn weight_gradient_through<U: Unit, E: Element<Scalar = f32>>(
    unit: U,
    conv: &Conv3d,
    (x, dy): (&View<'_, E>, &[E]),
    dw: &mut [f32],
) {
    let dy = View::plain(dy, conv.batch, conv.output(), conv.out_channels);
    conv.check_lens(conv.input_len(), dw.len(), conv.output_len());
    if conv.output_len() == 0 || conv.input_len() == 0 {
        return dw.fill(0.0);
    }
    let read_dy = |line: usize, to: &mut [f32]| read_line(&dy, line, to);
    for some in source::channels(conv, &x.grids()) {
        let view = some.part().view(x, some.range());
        let read_x = |line: usize, to: &mut [f32]| read_line(&view, line, to);
        match some.made_weights(conv) {
            0 => gradient::run(unit, &some.source, (&read_x, &read_dy), dw),
            len => {
                let mut made = vec![0.0; len];
                gradient::run(unit, &some.source, (&read_x, &read_dy), &mut made);
                some.spread(conv, &made, dw);
            }
        }
    }
}

/// Slack for lists of tasks and lines, per thread.
const THREAD_SLACK: usize = 128 << 10;

/// Upper bounds, in bytes, of what a call allocates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    /// Of all threads together, kept for the next call.
    pub(crate) shared: usize,
    /// Of the threads of the current pool, kept as well.
    pub(crate) of_threads: usize,
    /// Given back when the call ends.
    pub(crate) passing: usize,
}

impl Bytes {
    fn new([shared, of_thread]: [usize; 2], made_weights: usize) -> Self {
        let of_threads = rayon::current_num_threads() * (of_thread + THREAD_SLACK);
        Self { shared, of_threads, passing: made_weights * size_of::<f32>() }
    }

    fn or(self, other: Self) -> Self {
        Self {
            shared: self.shared.max(other.shared),
            of_threads: self.of_threads.max(other.of_threads),
            passing: self.passing.max(other.passing),
        }
    }
}

/// Those of one call on an input that is stored on some grids.
pub(crate) fn scratch_bytes(unit: impl Unit, conv: &Conv3d, input: &[Grid], call: Call) -> Bytes {
    let is_empty = conv.output_len() * conv.input_len() == 0;
    match call {
        Call::Forward | Call::KeptForward => {
            let is_kept = call == Call::KeptForward;
            let channels = source::channels(conv, input);
            let sources: Vec<&Source> = channels.iter().map(|some| &some.source).collect();
            let made: usize = channels.iter().map(|some| some.made_weights(conv)).sum();
            Bytes::new(sizes::bytes(unit, &sources, is_kept), if is_kept { 0 } else { made })
        }
        Call::DataGradient => {
            let bytes = |pass: &Pass| Bytes::new(sizes::bytes(unit, &[&Source::of_pass(pass)], false), 0);
            passes::data_gradient(conv).iter().map(bytes).fold(Bytes::default(), Bytes::or)
        }
        Call::WeightGradient if is_empty => Bytes::default(),
        Call::WeightGradient => {
            let bytes = |some: &Channels| Bytes::new(gradient::bytes(&some.source), some.made_weights(conv));
            source::channels(conv, input).iter().map(bytes).fold(Bytes::default(), Bytes::or)
        }
    }
}

/// Those of the gradient of a part of the input, where it is computed on the grid of the part.
pub(crate) fn scratch_bytes_of_sums(unit: impl Unit, conv: &Conv3d, part: &InputPart) -> Option<Bytes> {
    let sums = source::sums(conv, part)?;
    Some(Bytes::new(sizes::bytes(unit, &[&sums.source], false), sums.made_weights(conv)))
}

#[cfg(test)]
mod tests;
