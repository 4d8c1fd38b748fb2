//! How tensors hold numbers: as they are, or as bfloat16, half as long.

use std::fmt::Debug;

use crate::Scalar;

/// A number as a tensor holds it; arithmetic is done in its [`Scalar`](Self::Scalar).
pub trait Element: Copy + Send + Sync + Debug + Default + PartialEq + 'static {
    /// What it is computed in.
    type Scalar: Scalar;
    /// Elements that the memory of one scalar holds.
    const PER_SCALAR: usize;
    /// The value, exact.
    fn widen(self) -> Self::Scalar;
    /// The nearest value of this type, ties to even.
    fn narrow(value: Self::Scalar) -> Self;
    /// The memory of scalars as elements, [`PER_SCALAR`](Self::PER_SCALAR) times as many.
    fn in_memory_of(scalars: &[Self::Scalar]) -> &[Self];
    /// The same, to write.
    fn in_memory_of_mut(scalars: &mut [Self::Scalar]) -> &mut [Self];
    /// The elements as scalars, where both are one type.
    fn as_scalars(values: &[Self]) -> Option<&[Self::Scalar]>;
    /// The same, to write.
    fn as_scalars_mut(values: &mut [Self]) -> Option<&mut [Self::Scalar]>;
}

/// The upper half of a float32: its range, with 8 bits of precision.
///
/// # Agreement
/// Rounds as PyTorch's `bfloat16` does: to nearest, ties to even; NaN stays NaN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(u16);

impl Bf16 {
    /// The bits.
    #[must_use]
    pub fn to_bits(self) -> u16 {
        self.0
    }

    /// The number of these bits.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl Element for Bf16 {
    type Scalar = f32;
    const PER_SCALAR: usize = 2;

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16;
        // Rounding could carry a NaN into an infinity; a quiet bit keeps it one.
        Self(if value.is_nan() { bits >> 16 | 0x40 } else { rounded } as u16)
    }

    fn in_memory_of(scalars: &[f32]) -> &[Self] {
        // SAFETY: two 16-bit numbers, for which any bits are valid, fill a float, whose alignment is stricter.
        unsafe { std::slice::from_raw_parts(scalars.as_ptr().cast(), scalars.len() * 2) }
    }

    fn in_memory_of_mut(scalars: &mut [f32]) -> &mut [Self] {
        // SAFETY: as above, and any bits are a valid float too; the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(scalars.as_mut_ptr().cast(), scalars.len() * 2) }
    }

    #[inline(always)]
    fn as_scalars(_values: &[Self]) -> Option<&[f32]> {
        None
    }

    #[inline(always)]
    fn as_scalars_mut(_values: &mut [Self]) -> Option<&mut [f32]> {
        None
    }
}

/// A scalar that is stored as it is.
macro_rules! stored_as_it_is {
    ($scalar:ty) => {
        impl Element for $scalar {
            type Scalar = Self;
            const PER_SCALAR: usize = 1;

            #[inline(always)]
            fn widen(self) -> Self {
                self
            }

            #[inline(always)]
            fn narrow(value: Self) -> Self {
                value
            }

            fn in_memory_of(scalars: &[Self]) -> &[Self] {
                scalars
            }

            fn in_memory_of_mut(scalars: &mut [Self]) -> &mut [Self] {
                scalars
            }

            #[inline(always)]
            fn as_scalars(values: &[Self]) -> Option<&[Self]> {
                Some(values)
            }

            #[inline(always)]
            fn as_scalars_mut(values: &mut [Self]) -> Option<&mut [Self]> {
                Some(values)
            }
        }
    };
}

stored_as_it_is!(f32);
stored_as_it_is!(f64);

/// Writes the elements' values; both are equally long.
#[inline(always)]
pub(crate) fn widen_to<E: Element>(from: &[E], to: &mut [E::Scalar]) {
    match E::as_scalars(from) {
        Some(from) => to.copy_from_slice(from),
        None => to.iter_mut().zip(from).for_each(|(to, from)| *to = from.widen()),
    }
}

/// Writes the values as elements; both are equally long.
#[inline(always)]
pub(crate) fn narrow_to<E: Element>(from: &[E::Scalar], to: &mut [E]) {
    match E::as_scalars_mut(to) {
        Some(to) => to.copy_from_slice(from),
        None => to.iter_mut().zip(from).for_each(|(to, from)| *to = E::narrow(*from)),
    }
}

/// Something to do to values in their place. A trait and no closure, for that the compiler must inline it.
pub(crate) trait Change<T> {
    /// Does it; to be `#[inline(always)]`.
    fn change(self, values: &mut [T]);
}

/// Changes elements as scalars: in their place, or in a buffer that is rounded back.
#[inline(always)]
pub(crate) fn change_widened<E: Element>(
    values: &mut [E],
    buffer: &mut Vec<E::Scalar>,
    change: impl Change<E::Scalar>,
) {
    if let Some(values) = E::as_scalars_mut(values) {
        return change.change(values);
    }
    buffer.resize(values.len(), E::Scalar::ZERO);
    widen_to(values, buffer);
    change.change(buffer);
    narrow_to(buffer, values);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_rounds_to_nearest_and_ties_to_even() {
        // 1 + 2^-7 is the next after 1; halves of that step are ties.
        let step = 0.0078125_f32;
        let cases = [
            (1.0, 1.0),
            (1.0 + step / 2.0, 1.0),
            (1.0 + step * 1.5, 1.0 + step * 2.0),
            (1.0 + step * 0.51, 1.0 + step),
            (-1.0 - step * 0.49, -1.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (1e-40, 9.183_55e-41),
            (-0.0, -0.0),
        ];
        for (value, expected) in cases {
            let found = Bf16::narrow(value).widen();
            assert_eq!(found.to_bits() >> 16, expected.to_bits() >> 16, "{value} became {found}");
        }
        for bits in [0x7F80_0001_u32, 0xFFFF_FFFF, 0x7FC0_0000] {
            assert!(Bf16::narrow(f32::from_bits(bits)).widen().is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn every_bfloat16_survives_being_widened() {
        for bits in 0..=u16::MAX {
            let value = Bf16::from_bits(bits);
            let back = Bf16::narrow(value.widen());
            assert!(back == value || value.widen().is_nan() && back.widen().is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn memory_of_scalars_holds_twice_as_many() {
        let mut memory = [0.0_f32; 3];
        let values = Bf16::in_memory_of_mut(&mut memory);
        values.iter_mut().enumerate().for_each(|(index, value)| *value = Bf16::narrow(index as f32));
        let back: Vec<f32> = Bf16::in_memory_of(&memory).iter().map(|value| value.widen()).collect();
        assert_eq!(back, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(f64::in_memory_of(&[1.0]), [1.0]);
    }
}
