//! The scalars that have convolution kernels, and the choice of kernels.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::conv3d::onto::{on_own_grid, with_own_weights};
use crate::conv3d::{Conv3d, InputPart, fast};
use crate::element::{Bf16, Element, narrow_to};
use crate::matrix::KeptWeights;
use crate::view::{Grid, View};
use crate::{matrix, reference, simd};

/// Which convolution kernels to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kernels {
    /// The fastest for this processor; float64 has only the reference.
    #[default]
    Fast,
    /// Plain loops, for verification.
    Reference,
}

/// What is computed in: `f32` and `f64`.
pub trait Scalar:
    Convolve<Scalar = Self>
    + Copy
    + Send
    + Sync
    + Debug
    + Display
    + Default
    + PartialOrd
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
{
    /// The element in which tensors of such values take less memory.
    type Narrow: Convolve<Scalar = Self>;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The value in float64, exact.
    fn to_f64(self) -> f64;
    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The larger of two; the other one where one is not a number.
    fn max(self, other: Self) -> Self;
    /// The smaller of two; the other one where one is not a number.
    fn min(self, other: Self) -> Self;
    /// Magnitude.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Neither infinite nor not-a-number.
    fn is_finite(self) -> bool;
}

/// Elements with convolution kernels: `f32` and [`Bf16`] (fast kernels, chosen at run time, float32 arithmetic) and `f64`
/// (reference).
///
/// Results are rounded to the element once, from sums in its scalar. Bit-identical for any number of threads.
pub trait Convolve: Element {
    /// Convolution: `y = conv(x, w) + bias`, overwriting `y`.
    ///
    /// `x` is `(N, D, H, W, in)` and read through what is pending on it, `w` `[kd][kh][kw][in][out]`, `bias` `[out]`, `y`
    /// `(N, D', H', W', out)`. Agrees with PyTorch's `conv3d`.
    ///
    /// # Panics
    /// When a length is not what `conv` asks for.
    fn conv_forward_through(
        conv: &Conv3d,
        x: &View<'_, Self>,
        w: &[Self::Scalar],
        bias: Option<&[Self::Scalar]>,
        y: &mut [Self],
        which: Kernels,
    ) {
        Self::conv_forward_with(conv, x, (w, None), bias, y, which);
    }

    /// [`conv_forward_through`](Self::conv_forward_through), with the same bits, by what [`keep_weights`](Self::keep_weights) has made
    /// of `w` for `conv` and the grids of `x`, where that is given.
    ///
    /// # Panics
    /// As [`conv_forward_through`](Self::conv_forward_through).
    fn conv_forward_with(
        conv: &Conv3d,
        x: &View<'_, Self>,
        weights: (&[Self::Scalar], Option<&KeptWeights>),
        bias: Option<&[Self::Scalar]>,
        y: &mut [Self],
        which: Kernels,
    );

    /// Weights for many calls of [`conv_forward_with`](Self::conv_forward_with) on inputs that are read from the same grids, so that they
    /// are packed only once; `None` where the kernels read weights as they lie.
    ///
    /// # Panics
    /// When `w` has not the length that `conv` asks for.
    fn keep_weights(_conv: &Conv3d, _input: &[Grid], _w: &[Self::Scalar]) -> Option<KeptWeights> {
        None
    }

    /// [`conv_forward_through`](Self::conv_forward_through) of a stored tensor.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_forward(
        conv: &Conv3d,
        x: &[Self],
        w: &[Self::Scalar],
        bias: Option<&[Self::Scalar]>,
        y: &mut [Self],
        which: Kernels,
    ) {
        conv.check_lens(x.len(), w.len(), y.len());
        Self::conv_forward_through(conv, &conv.view_of_input(x), w, bias, y, which);
    }

    /// Gradient with respect to a part of the input, overwriting `dx`; `dy` is the gradient with respect to the output.
    ///
    /// `dx` is `(N, part's size, part's channels)`.
    ///
    /// # Panics
    /// When a length is not what `conv` and `part` ask for, or the part does not lie in the input.
    fn conv_data_gradient_onto(
        conv: &Conv3d,
        part: &InputPart,
        dy: &[Self],
        w: &[Self::Scalar],
        dx: &mut [Self],
        which: Kernels,
    );

    /// Gradient with respect to the input, overwriting `dx`; `dy` is the gradient with respect to the output.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_data_gradient(conv: &Conv3d, dy: &[Self], w: &[Self::Scalar], dx: &mut [Self], which: Kernels) {
        Self::conv_data_gradient_onto(conv, &conv.whole_input(), dy, w, dx, which);
    }

    /// Gradient with respect to the weights, overwriting `dw`; `dy` is the gradient with respect to the output.
    ///
    /// # Panics
    /// When a length is not what `conv` asks for.
    fn conv_weight_gradient_through(
        conv: &Conv3d,
        x: &View<'_, Self>,
        dy: &[Self],
        dw: &mut [Self::Scalar],
        which: Kernels,
    );

    /// [`conv_weight_gradient_through`](Self::conv_weight_gradient_through) of a stored tensor.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_weight_gradient(conv: &Conv3d, x: &[Self], dy: &[Self], dw: &mut [Self::Scalar], which: Kernels) {
        conv.check_lens(x.len(), dw.len(), dy.len());
        Self::conv_weight_gradient_through(conv, &conv.view_of_input(x), dy, dw, which);
    }
}

/// Calls `run` with the values of a view.
fn with_values<E: Element, R>(x: &View<'_, E>, run: impl FnOnce(&[E::Scalar]) -> R) -> R {
    if let Some(x) = x.as_plain().and_then(E::as_scalars) {
        return run(x);
    }
    let line = x.line_len();
    let mut values = vec![E::Scalar::ZERO; x.lines() * line];
    values.chunks_exact_mut(line.max(1)).enumerate().for_each(|(index, out)| x.read_line(index, out));
    run(&values)
}

/// Calls `run` with a place for results, which are rounded to elements behind it.
fn with_results<E: Element>(out: &mut [E], run: impl FnOnce(&mut [E::Scalar])) {
    if let Some(out) = E::as_scalars_mut(out) {
        return run(out);
    }
    let mut values = vec![E::Scalar::ZERO; out.len()];
    run(&mut values);
    narrow_to(&values, out);
}

/// The three calls by plain loops.
macro_rules! by_reference {
    (forward $conv:ident, $x:ident, $w:ident, $bias:ident, $y:ident) => {
        with_values($x, |x| with_results($y, |y| reference::forward($conv, x, $w, $bias, y)))
    };
    (data_gradient $conv:ident, $part:ident, $dy:ident, $w:ident, $dx:ident) => {{
        let dy = View::plain($dy, $conv.batch, $conv.output(), $conv.out_channels);
        let own = $conv.of_channels($part);
        with_own_weights($conv, $part, $w, |w| {
            on_own_grid($conv, $part, $dx, |dx| {
                with_values(&dy, |dy| with_results(dx, |dx| reference::data_gradient(&own, dy, w, dx)))
            })
        })
    }};
    (weight_gradient $conv:ident, $x:ident, $dy:ident, $dw:ident) => {{
        let dy = View::plain($dy, $conv.batch, $conv.output(), $conv.out_channels);
        with_values($x, |x| with_values(&dy, |dy| reference::weight_gradient($conv, x, dy, $dw)))
    }};
}

/// Asserts the length of a bias.
fn check_bias<T>(conv: &Conv3d, bias: Option<&[T]>) {
    if let Some(bias) = bias {
        let (got, expected) = (bias.len(), conv.out_channels);
        assert_eq!(got, expected, "bias elements: got {got}, expected {expected} for {conv:?}");
    }
}

/// The arithmetic of a [`Scalar`], by the type's own methods.
macro_rules! arithmetic {
    ($scalar:ty) => {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
        fn from_f64(value: f64) -> Self {
            value as $scalar
        }
        fn to_f64(self) -> f64 {
            f64::from(self)
        }
        fn mul_add(self, factor: Self, addend: Self) -> Self {
            <$scalar>::mul_add(self, factor, addend)
        }
        fn max(self, other: Self) -> Self {
            <$scalar>::max(self, other)
        }
        fn min(self, other: Self) -> Self {
            <$scalar>::min(self, other)
        }
        fn abs(self) -> Self {
            <$scalar>::abs(self)
        }
        fn sqrt(self) -> Self {
            <$scalar>::sqrt(self)
        }
        fn exp(self) -> Self {
            <$scalar>::exp(self)
        }
        fn ln(self) -> Self {
            <$scalar>::ln(self)
        }
        fn is_finite(self) -> bool {
            <$scalar>::is_finite(self)
        }
    };
}

impl Scalar for f32 {
    type Narrow = Bf16;
    arithmetic!(f32);
}

impl Scalar for f64 {
    // There is nothing narrower with float64 arithmetic.
    type Narrow = f64;
    arithmetic!(f64);
}

/// The calls of an element whose scalar is float32: on the unit that `$tiles` gives for a convolution
/// and call, if it gives one, else in float32.
macro_rules! in_float32 {
    ($element:ty, tiles $tiles:expr) => {
        impl Convolve for $element {
            fn keep_weights(conv: &Conv3d, input: &[Grid], w: &[f32]) -> Option<KeptWeights> {
                $tiles(conv).map(|unit| KeptWeights::new(unit, (conv, input), w))
            }

            fn conv_forward_with(
                conv: &Conv3d,
                x: &View<'_, Self>,
                (w, kept): (&[f32], Option<&KeptWeights>),
                bias: Option<&[f32]>,
                y: &mut [Self],
                which: Kernels,
            ) {
                conv.check_lens(x.lines() * x.line_len(), w.len(), y.len());
                check_bias(conv, bias);
                match (which, $tiles(conv)) {
                    (Kernels::Fast, Some(unit)) => matrix::forward_through(unit, conv, (x, w, bias), kept, y),
                    (Kernels::Fast, None) => fast::forward(simd::kernels(), conv, (x, w, bias), y),
                    (Kernels::Reference, _) => by_reference!(forward conv, x, w, bias, y),
                }
            }

            fn conv_data_gradient_onto(
                conv: &Conv3d,
                part: &InputPart,
                dy: &[Self],
                w: &[f32],
                dx: &mut [Self],
                which: Kernels,
            ) {
                conv.check_lens(conv.input_len(), w.len(), dy.len());
                conv.check_part(part, dx.len());
                match (which, $tiles(&conv.of_channels(part))) {
                    (Kernels::Fast, Some(unit)) => matrix::data_gradient_onto(unit, conv, part, (dy, w), dx),
                    (Kernels::Fast, None) => fast::data_gradient(simd::kernels(), conv, part, (dy, w), dx),
                    (Kernels::Reference, _) => by_reference!(data_gradient conv, part, dy, w, dx),
                }
            }

            fn conv_weight_gradient_through(
                conv: &Conv3d,
                x: &View<'_, Self>,
                dy: &[Self],
                dw: &mut [f32],
                which: Kernels,
            ) {
                conv.check_lens(x.lines() * x.line_len(), dw.len(), dy.len());
                match (which, $tiles(conv)) {
                    (Kernels::Fast, Some(unit)) => matrix::weight_gradient_through(unit, conv, (x, dy), dw),
                    (Kernels::Fast, None) => fast::weight_gradient(simd::kernels(), conv, (x, dy), dw),
                    (Kernels::Reference, _) => by_reference!(weight_gradient conv, x, dy, dw),
                }
            }
        }
    };
}

// Tiles would round float32 inputs.
in_float32!(f32, tiles |_: &Conv3d| None::<matrix::Instructions>);
in_float32!(Bf16, tiles matrix::chosen);

impl Convolve for f64 {
    fn conv_forward_with(
        conv: &Conv3d,
        x: &View<'_, Self>,
        (w, _): (&[f64], Option<&KeptWeights>),
        bias: Option<&[f64]>,
        y: &mut [Self],
        _which: Kernels,
    ) {
        conv.check_lens(x.lines() * x.line_len(), w.len(), y.len());
        check_bias(conv, bias);
        by_reference!(forward conv, x, w, bias, y);
    }

    fn conv_data_gradient_onto(
        conv: &Conv3d,
        part: &InputPart,
        dy: &[Self],
        w: &[f64],
        dx: &mut [Self],
        _which: Kernels,
    ) {
        conv.check_lens(conv.input_len(), w.len(), dy.len());
        conv.check_part(part, dx.len());
        by_reference!(data_gradient conv, part, dy, w, dx);
    }

    fn conv_weight_gradient_through(conv: &Conv3d, x: &View<'_, Self>, dy: &[Self], dw: &mut [f64], _which: Kernels) {
        conv.check_lens(x.lines() * x.line_len(), dw.len(), dy.len());
        by_reference!(weight_gradient conv, x, dy, dw);
    }
}
