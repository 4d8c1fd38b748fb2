//! bfloat16 as bits: the upper half of a float32.

/// The nearest bfloat16, ties to even. Not-a-number stays what it is.
#[inline(always)]
pub(crate) fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16) as u16;
    // Rounding could carry a not-a-number over to zero or infinity.
    if value.is_nan() { (bits >> 16) as u16 | 0x40 } else { rounded }
}

/// The value of some bits, exact.
#[inline(always)]
pub(crate) fn widen(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Rounds as many values as `to` has.
#[inline(always)]
pub(crate) fn round_all(from: &[f32], to: &mut [u16]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = round(from));
}

/// What a float32 sum may be stored as.
pub(crate) trait Stored: Copy + Send + Sync {
    /// The nearest stored value.
    fn of_sum(sum: f32) -> Self;
}

impl Stored for f32 {
    #[inline(always)]
    fn of_sum(sum: f32) -> Self {
        sum
    }
}

/// The bits of a bfloat16.
impl Stored for u16 {
    #[inline(always)]
    fn of_sum(sum: f32) -> Self {
        round(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_and_ties_to_even() {
        for (value, bits) in [
            (1.0, 0x3F80),
            (-2.5, 0xC020),
            (f32::from_bits(0x3F80_8000), 0x3F80),
            (f32::from_bits(0x3F81_8000), 0x3F82),
            (f32::from_bits(0x3F80_8001), 0x3F81),
            (f32::MAX, 0x7F80),
            (f32::NEG_INFINITY, 0xFF80),
            (-0.0, 0x8000),
        ] {
            assert_eq!(round(value), bits, "{value}");
        }
        assert!(widen(round(f32::from_bits(0x7FFF_FFFF))).is_nan());
        assert!(widen(round(f32::from_bits(0xFF80_0001))).is_nan());
        assert_eq!(widen(0x4049), 3.140625);
    }
}
