//! Eight floats in an array, for processors without hand-written kernels.

use super::{Simd, kernel_set};

/// Vectors the compiler makes of arrays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

impl Simd for Plain {
    type Vector = [f32; 8];
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> [f32; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 8] {
        // SAFETY: the caller gives 8 readable floats; an array has their alignment.
        unsafe { from.cast::<[f32; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> [f32; 8] {
        let mut vector = [0.0; 8];
        for (lane, value) in vector.iter_mut().enumerate().take(count) {
            // SAFETY: the caller gives `count` readable floats.
            *value = unsafe { from.add(lane).read() };
        }
        vector
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> [f32; 8] {
        // SAFETY: the caller gives a readable float.
        [unsafe { from.read() }; 8]
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: [f32; 8]) {
        // SAFETY: the caller gives 8 writable floats.
        unsafe { to.cast::<[f32; 8]>().write(vector) }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn multiply_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        // Two roundings: a fused operation would be a library call where the processor has none.
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
}

kernel_set!(PORTABLE, Plain, "portable", rows 6, vectors 1, dot rows 2);
