//! Vector instructions behind one trait, and the register kernels built on them, compiled once per instruction set.

mod channels;
mod filter;
pub(crate) mod filtering;
mod portable;
mod registers;
mod stored;
mod vectors;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::element::Bf16;
use crate::self_test::{KernelState, kernel_state};

pub(crate) use channels::{ByChannels, block, block_mut, by_channels, lanes};
pub(crate) use filter::{Filter, MOST_POINTS};
pub(crate) use filtering::{CollectJob, SpreadJob};
pub(crate) use registers::{DotJob, OuterJob, Tap, TileJob};
pub(crate) use stored::Stored;
pub(crate) use vectors::for_vectors;
#[cfg(target_arch = "x86_64")]
pub(crate) use vectors::{Vectors, vectors};

/// Most rows that a register kernel holds, over all instruction sets.
pub(crate) const MAX_ROWS: usize = 14;
/// Most output channels that a dot-product kernel computes at once.
pub(crate) const MAX_DOTS: usize = 4;

/// A float32 vector of one instruction set.
///
/// # Safety
/// Methods may only be called on a processor that has the instruction set.
pub(crate) trait Simd: Copy {
    /// The vector.
    type Vector: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// All zero.
    unsafe fn zero() -> Self::Vector;
    /// `LANES` floats from `from`.
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// The first `count < LANES` floats from `from`, zero behind; nothing further is read.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::Vector;
    /// One float in all lanes.
    unsafe fn splat(from: *const f32) -> Self::Vector;
    /// Stores `LANES` floats.
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    /// `a + b`.
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`.
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    unsafe fn sum(vector: Self::Vector) -> f32 {
        let mut lanes = [0.0_f32; 16];
        // SAFETY: 16 floats hold the longest vector.
        unsafe { Self::store(lanes.as_mut_ptr(), vector) };
        let mut width = Self::LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        lanes[0]
    }
}

/// The register kernels of one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct KernelSet {
    /// Name, as [`selected`] gives it.
    pub(crate) name: &'static str,
    /// Floats in a vector.
    pub(crate) lanes: usize,
    /// Most rows of a tile.
    pub(crate) rows: usize,
    /// Most vectors in a row of a tile.
    pub(crate) vectors: usize,
    /// `tile[vectors - 1][rows - 1]`.
    pub(crate) tile: [[unsafe fn(&TileJob); MAX_ROWS]; 2],
    /// `dot[channels - 1]`.
    pub(crate) dot: [unsafe fn(&DotJob); MAX_DOTS],
    /// `outer[vectors - 1][rows - 1]`.
    pub(crate) outer: [[unsafe fn(&OuterJob); MAX_ROWS]; 2],
    /// The transforms of every [`Filter`], by its number.
    pub(crate) transforms: [Transforms; 2],
}

/// The transforms of one way to filter.
#[derive(Clone, Copy)]
pub(crate) struct Transforms {
    /// Inputs to points.
    pub(crate) spread: unsafe fn(&SpreadJob),
    /// Output gradients to points.
    pub(crate) spread_gradients: unsafe fn(&SpreadJob),
    /// Points to outputs.
    pub(crate) collect: unsafe fn(&CollectJob<f32>),
    /// Points to outputs in bfloat16.
    pub(crate) collect_narrow: unsafe fn(&CollectJob<Bf16>),
}

impl KernelSet {
    /// The transforms of a filter.
    pub(crate) fn transforms(&self, filter: Filter) -> &Transforms {
        &self.transforms[filter as usize]
    }
}

/// An instruction set with convolution kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// AVX-512F: vectors of 16 floats, 32 registers.
    Avx512,
    /// AVX2 with FMA: vectors of 8 floats, 16 registers.
    Avx2,
    /// Plain Rust, vectorised by the compiler for whatever it targets.
    Portable,
}

impl Variant {
    /// All variants, fastest first.
    pub const ALL: [Variant; 3] = [Variant::Avx512, Variant::Avx2, Variant::Portable];

    /// Its name, as [`selected`] gives it.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Avx512 => "avx512",
            Variant::Avx2 => "avx2",
            Variant::Portable => "portable",
        }
    }

    /// The instructions that it needs and this processor lacks.
    pub(crate) fn lacking(self) -> Vec<&'static str> {
        #[cfg(target_arch = "x86_64")]
        return x86::lacking(self);
        #[cfg(not(target_arch = "x86_64"))]
        if self == Variant::Portable { Vec::new() } else { vec!["x86-64"] }
    }

    /// The variants that this processor can run, fastest first.
    pub fn available() -> Vec<Variant> {
        Self::ALL.into_iter().filter(|one| one.kernels().is_some()).collect()
    }

    /// The kernels, if the processor can run them.
    pub(crate) fn kernels(self) -> Option<&'static KernelSet> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512 if x86::lacking(self).is_empty() => Some(&x86::AVX512),
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2 if x86::lacking(self).is_empty() => Some(&x86::AVX2),
            Variant::Portable => Some(&portable::PORTABLE),
            _ => None,
        }
    }
}

/// What [`force`] asked for: 0 nothing, else one more than the variant's place.
static FORCED: AtomicU8 = AtomicU8::new(0);

/// Makes later convolutions use one variant of the float32 kernels, untested; `None` goes back to the fastest that passes its
/// self-test, and to tiles for bfloat16. For tests and measurements.
///
/// # Panics
/// When the processor cannot run the variant.
pub fn force(variant: Option<Variant>) {
    if let Some(variant) = variant {
        assert!(variant.kernels().is_some(), "this processor cannot run {variant:?}, expected one of those available");
    }
    let code = match variant {
        None => 0,
        Some(Variant::Avx512) => 1,
        Some(Variant::Avx2) => 2,
        Some(Variant::Portable) => 3,
    };
    FORCED.store(code, Ordering::Relaxed);
}

/// Whether [`force`] holds convolutions to one variant.
pub(crate) fn is_forced() -> bool {
    FORCED.load(Ordering::Relaxed) != 0
}

/// Name of the kernels that float32 convolutions use now: `avx512`, `avx2` or `portable`.
pub fn selected() -> &'static str {
    kernels().name
}

/// The kernels that float32 convolutions use now.
pub(crate) fn kernels() -> &'static KernelSet {
    chosen().unwrap_or_else(|| FASTEST.get_or_init(|| fastest(|variant| *kernel_state(variant) == KernelState::Passed)))
}

/// The same; `None` as long as no convolution has made the choice, so that a self-test does not wait for itself.
pub(crate) fn chosen() -> Option<&'static KernelSet> {
    let forced = match FORCED.load(Ordering::Relaxed) {
        1 => Variant::Avx512.kernels(),
        2 => Variant::Avx2.kernels(),
        3 => Variant::Portable.kernels(),
        _ => None,
    };
    forced.or_else(|| FASTEST.get().copied())
}

/// The choice, once it is made.
static FASTEST: OnceLock<&'static KernelSet> = OnceLock::new();

/// The kernels of the fastest variant that passes; the portable ones if none does.
pub(crate) fn fastest(passes: impl Fn(Variant) -> bool) -> &'static KernelSet {
    let fastest =
        Variant::ALL.into_iter().filter(|variant| variant.kernels().is_some()).find(|variant| passes(*variant));
    fastest.and_then(Variant::kernels).unwrap_or(&portable::PORTABLE)
}

/// A table of one kernel for 1 to [`MAX_ROWS`] rows; row counts beyond `$most` repeat the last and are never asked for.
macro_rules! by_rows {
    ($kernel:ident, $vectors:literal, 14) => {
        [
            $kernel::<1, $vectors>,
            $kernel::<2, $vectors>,
            $kernel::<3, $vectors>,
            $kernel::<4, $vectors>,
            $kernel::<5, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<7, $vectors>,
            $kernel::<8, $vectors>,
            $kernel::<9, $vectors>,
            $kernel::<10, $vectors>,
            $kernel::<11, $vectors>,
            $kernel::<12, $vectors>,
            $kernel::<13, $vectors>,
            $kernel::<14, $vectors>,
        ]
    };
    ($kernel:ident, $vectors:literal, 6) => {
        [
            $kernel::<1, $vectors>,
            $kernel::<2, $vectors>,
            $kernel::<3, $vectors>,
            $kernel::<4, $vectors>,
            $kernel::<5, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
            $kernel::<6, $vectors>,
        ]
    };
}
pub(crate) use by_rows;

/// Compiles the register kernels for one instruction set.
macro_rules! kernel_set {
    ($set:ident, $simd:ty, $name:literal, rows $rows:tt, vectors $vectors:literal, dot rows $dots:literal
     $(, features $features:literal)?) => {
        pub(super) static $set: crate::simd::KernelSet = {
            use crate::simd::{by_rows, filter, filtering, registers};
            $(#[target_feature(enable = $features)])?
            unsafe fn tile<const ROWS: usize, const VECTORS: usize>(job: &registers::TileJob) {
                // SAFETY: the caller keeps the contract of the job and has the instructions.
                unsafe { registers::tile::<$simd, ROWS, VECTORS>(job) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn dot<const DOTS: usize>(job: &registers::DotJob) {
                // SAFETY: as above.
                unsafe { registers::dot::<$simd, $dots, DOTS>(job) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn outer<const ROWS: usize, const VECTORS: usize>(job: &registers::OuterJob) {
                // SAFETY: as above.
                unsafe { registers::outer::<$simd, ROWS, VECTORS>(job) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn spread<P: filter::Points, const GRADIENTS: bool>(job: &filtering::SpreadJob) {
                // SAFETY: as above.
                unsafe { filtering::spread::<$simd, P, GRADIENTS>(job) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn collect<P: filter::Points, E: crate::simd::Stored>(job: &filtering::CollectJob<E>) {
                // SAFETY: as above.
                unsafe { filtering::collect::<$simd, P, E>(job) }
            }
            const fn transforms<P: filter::Points>() -> crate::simd::Transforms {
                crate::simd::Transforms {
                    spread: spread::<P, false>,
                    spread_gradients: spread::<P, true>,
                    collect: collect::<P, f32>,
                    collect_narrow: collect::<P, crate::element::Bf16>,
                }
            }
            crate::simd::KernelSet {
                name: $name,
                lanes: <$simd as crate::simd::Simd>::LANES,
                rows: $rows,
                vectors: $vectors,
                tile: [by_rows!(tile, 1, $rows), by_rows!(tile, $vectors, $rows)],
                dot: [dot::<1>, dot::<2>, dot::<3>, dot::<4>],
                outer: [by_rows!(outer, 1, $rows), by_rows!(outer, $vectors, $rows)],
                transforms: [transforms::<filter::Four>(), transforms::<filter::Seven>()],
            }
        };
    };
}
pub(crate) use kernel_set;
