//! Bytes of any element type as float32.

/// Element types that weight files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

impl Element {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

/// Converts little-endian bytes to float32; what float32 cannot hold is rounded to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "rounding to float32 is what this is for"
)]
pub(super) fn to_f32(element: Element, bytes: &[u8]) -> Vec<f32> {
    match element {
        Element::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        Element::F32 => each(bytes, f32::from_le_bytes),
        Element::F16 => each(bytes, |b| f16_to_f32(u16::from_le_bytes(b))),
        Element::Bf16 => each(bytes, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
        Element::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
        Element::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
        Element::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
        Element::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
        Element::U64 => each(bytes, |b| u64::from_le_bytes(b) as f32),
        Element::U32 => each(bytes, |b| u32::from_le_bytes(b) as f32),
        Element::U16 => each(bytes, |b| f32::from(u16::from_le_bytes(b))),
        Element::U8 => each(bytes, |[b]: [u8; 1]| f32::from(b)),
        Element::Bool => each(bytes, |[b]: [u8; 1]| f32::from(b != 0)),
    }
}

fn each<const WIDTH: usize>(bytes: &[u8], convert: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|&chunk| convert(chunk)).collect()
}

fn f16_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15),
    }
}
