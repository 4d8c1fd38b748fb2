//! The scalars that have convolution kernels, and the choice of kernels.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::conv3d::{Conv3d, fast};
use crate::view::View;
use crate::{reference, simd};

/// Which convolution kernels to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kernels {
    /// The fastest for this processor; float64 has only the reference.
    #[default]
    Fast,
    /// Plain loops, for verification.
    Reference,
}

/// Scalars with convolution kernels: `f32` (fast kernels, chosen at run time) and `f64` (reference).
pub trait Scalar:
    Copy
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

    /// Convolution: `y = conv(x, w) + bias`, overwriting `y`.
    ///
    /// `x` is `(N, D, H, W, in)`, `w` `[kd][kh][kw][in][out]`, `bias` `[out]`, `y` `(N, D', H', W', out)`. Agrees
    /// with PyTorch's `conv3d`. Bit-identical for any number of threads.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_forward(conv: &Conv3d, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self], which: Kernels);

    /// [`conv_forward`](Self::conv_forward) of a value that is read through; it is stored first where the kernels need that
    /// (unless [`Conv3d::reads_through`]).
    ///
    /// # Panics
    /// When a length is not what `conv` asks for.
    fn conv_forward_through(
        conv: &Conv3d,
        x: &View<'_, Self>,
        w: &[Self],
        bias: Option<&[Self]>,
        y: &mut [Self],
        which: Kernels,
    ) {
        with_stored(x, |x| Self::conv_forward(conv, x, w, bias, y, which));
    }

    /// [`conv_weight_gradient`](Self::conv_weight_gradient) with an input that is read through, as above.
    ///
    /// # Panics
    /// When a length is not what `conv` asks for.
    fn conv_weight_gradient_through(conv: &Conv3d, x: &View<'_, Self>, dy: &[Self], dw: &mut [Self], which: Kernels) {
        with_stored(x, |x| Self::conv_weight_gradient(conv, x, dy, dw, which));
    }

    /// Gradient with respect to the input, overwriting `dx`; `dy` is the gradient with respect to the output.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_data_gradient(conv: &Conv3d, dy: &[Self], w: &[Self], dx: &mut [Self], which: Kernels);

    /// Gradient with respect to the weights, overwriting `dw`; `dy` is the gradient with respect to the output.
    ///
    /// # Panics
    /// When a slice has not the length that `conv` asks for.
    fn conv_weight_gradient(conv: &Conv3d, x: &[Self], dy: &[Self], dw: &mut [Self], which: Kernels);
}

/// Calls `run` with the values of a view.
fn with_stored<T: Scalar, R>(x: &View<'_, T>, run: impl FnOnce(&[T]) -> R) -> R {
    match x.as_plain() {
        Some(x) => run(x),
        None => {
            let mut stored = vec![T::ZERO; x.lines() * x.line_len()];
            x.materialise(&mut stored);
            run(&stored)
        }
    }
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
    arithmetic!(f32);

    fn conv_forward(conv: &Conv3d, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self], which: Kernels) {
        conv.check_lens(x.len(), w.len(), y.len());
        check_bias(conv, bias);
        match which {
            Kernels::Fast => fast::forward(simd::kernels(), conv, (x, w, bias), y),
            Kernels::Reference => reference::forward(conv, x, w, bias, y),
        }
    }

    fn conv_forward_through(
        conv: &Conv3d,
        x: &View<'_, Self>,
        w: &[Self],
        bias: Option<&[Self]>,
        y: &mut [Self],
        which: Kernels,
    ) {
        if which == Kernels::Reference || !conv.reads_through() {
            return with_stored(x, |x| Self::conv_forward(conv, x, w, bias, y, which));
        }
        conv.check_lens(x.lines() * x.line_len(), w.len(), y.len());
        check_bias(conv, bias);
        fast::forward_through(simd::kernels(), conv, (x, w, bias), y);
    }

    fn conv_weight_gradient_through(conv: &Conv3d, x: &View<'_, Self>, dy: &[Self], dw: &mut [Self], which: Kernels) {
        if which == Kernels::Reference || !conv.reads_through() {
            return with_stored(x, |x| Self::conv_weight_gradient(conv, x, dy, dw, which));
        }
        conv.check_lens(x.lines() * x.line_len(), dw.len(), dy.len());
        fast::weight_gradient_through(simd::kernels(), conv, (x, dy), dw);
    }

    fn conv_data_gradient(conv: &Conv3d, dy: &[Self], w: &[Self], dx: &mut [Self], which: Kernels) {
        conv.check_lens(dx.len(), w.len(), dy.len());
        match which {
            Kernels::Fast => fast::data_gradient(simd::kernels(), conv, (dy, w), dx),
            Kernels::Reference => reference::data_gradient(conv, dy, w, dx),
        }
    }

    fn conv_weight_gradient(conv: &Conv3d, x: &[Self], dy: &[Self], dw: &mut [Self], which: Kernels) {
        conv.check_lens(x.len(), dw.len(), dy.len());
        match which {
            Kernels::Fast => fast::weight_gradient(simd::kernels(), conv, (x, dy), dw),
            Kernels::Reference => reference::weight_gradient(conv, x, dy, dw),
        }
    }
}

impl Scalar for f64 {
    arithmetic!(f64);

    fn conv_forward(conv: &Conv3d, x: &[Self], w: &[Self], bias: Option<&[Self]>, y: &mut [Self], _which: Kernels) {
        conv.check_lens(x.len(), w.len(), y.len());
        check_bias(conv, bias);
        reference::forward(conv, x, w, bias, y);
    }

    fn conv_data_gradient(conv: &Conv3d, dy: &[Self], w: &[Self], dx: &mut [Self], _which: Kernels) {
        conv.check_lens(dx.len(), w.len(), dy.len());
        reference::data_gradient(conv, dy, w, dx);
    }

    fn conv_weight_gradient(conv: &Conv3d, x: &[Self], dy: &[Self], dw: &mut [Self], _which: Kernels) {
        conv.check_lens(x.len(), dw.len(), dy.len());
        reference::weight_gradient(conv, x, dy, dw);
    }
}
