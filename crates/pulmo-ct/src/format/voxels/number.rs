//! How one voxel is stored, and its way to HU or to a label.

/// The type of a stored number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Number {
    Uint8,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Float32,
    Float64,
}

impl Number {
    /// The name nibabel and NumPy give it.
    pub(in crate::format) fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "uint8",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// Bytes of one voxel.
    pub(in crate::format) fn bytes(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Int64 | Self::Uint64 | Self::Float64 => 8,
        }
    }
}

/// How the voxels of a file are to be understood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::format) struct Stored {
    pub(in crate::format) number: Number,
    pub(in crate::format) big_endian: bool,
    /// The value is the stored number times `slope` plus `intercept`; 1 and 0 where the file has no scaling.
    pub(in crate::format) slope: f64,
    pub(in crate::format) intercept: f64,
}

impl Stored {
    /// Numbers that are the values.
    pub(in crate::format) fn plain(number: Number, big_endian: bool) -> Self {
        Self { number, big_endian, slope: 1.0, intercept: 0.0 }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.slope == 1.0 && self.intercept == 0.0
    }
}

/// A number type of Rust as it lies in a file.
pub(super) trait Field<const BYTES: usize>: Copy {
    /// Whether float32 holds every value exactly.
    const EXACT: bool;
    /// Whether every value is finite.
    const FINITE: bool;
    fn read(bytes: [u8; BYTES], big_endian: bool) -> Self;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    /// The label, if it is an integer from 0 to 255 (or misses one by a little, for floats).
    fn label(self) -> Option<u8>;
}

/// How far a float mask may miss an integer.
const LABEL_WITHIN: f64 = 1e-3;

/// The label that a value stands for.
pub(super) fn nearest_label(value: f64) -> Option<u8> {
    let label = value.round();
    ((value - label).abs() <= LABEL_WITHIN && (0.0..=255.0).contains(&label)).then_some(label as u8)
}

macro_rules! field {
    ($($number:ty, $bytes:literal, exact $exact:literal, finite $finite:literal, $label:expr;)*) => { $(
        impl Field<$bytes> for $number {
            const EXACT: bool = $exact;
            const FINITE: bool = $finite;
            fn read(bytes: [u8; $bytes], big_endian: bool) -> Self {
                if big_endian { <$number>::from_be_bytes(bytes) } else { <$number>::from_le_bytes(bytes) }
            }
            fn to_f32(self) -> f32 {
                self as f32
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn label(self) -> Option<u8> {
                let label: fn($number) -> Option<u8> = $label;
                label(self)
            }
        }
    )* };
}

field! {
    u8, 1, exact true, finite true, Some;
    i8, 1, exact true, finite true, |x| u8::try_from(x).ok();
    i16, 2, exact true, finite true, |x| u8::try_from(x).ok();
    u16, 2, exact true, finite true, |x| u8::try_from(x).ok();
    i32, 4, exact false, finite true, |x| u8::try_from(x).ok();
    u32, 4, exact false, finite true, |x| u8::try_from(x).ok();
    i64, 8, exact false, finite true, |x| u8::try_from(x).ok();
    u64, 8, exact false, finite true, |x| u8::try_from(x).ok();
    f32, 4, exact true, finite false, |x| nearest_label(f64::from(x));
    f64, 8, exact false, finite false, nearest_label;
}

/// Calls `$with::<T, BYTES>($arguments)` with the type that `$number` names.
macro_rules! with_field {
    ($number:expr, $with:ident($($argument:expr),*)) => {
        match $number {
            Number::Uint8 => $with::<u8, 1>($($argument),*),
            Number::Int8 => $with::<i8, 1>($($argument),*),
            Number::Int16 => $with::<i16, 2>($($argument),*),
            Number::Uint16 => $with::<u16, 2>($($argument),*),
            Number::Int32 => $with::<i32, 4>($($argument),*),
            Number::Uint32 => $with::<u32, 4>($($argument),*),
            Number::Int64 => $with::<i64, 8>($($argument),*),
            Number::Uint64 => $with::<u64, 8>($($argument),*),
            Number::Float32 => $with::<f32, 4>($($argument),*),
            Number::Float64 => $with::<f64, 8>($($argument),*),
        }
    };
}
pub(super) use with_field;
