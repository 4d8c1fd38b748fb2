//! AVX-512 and AVX2 with FMA.

use std::arch::x86_64::*;

use super::{Simd, Variant, kernel_set};

/// The instructions that a variant needs and this processor lacks.
pub(super) fn lacking(variant: Variant) -> Vec<&'static str> {
    let has = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512F", is_x86_feature_detected!("avx512f")),
    ];
    let needed = match variant {
        Variant::Avx512 => 3,
        Variant::Avx2 => 2,
        Variant::Portable => 0,
    };
    has[..needed].iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect()
}

/// 512-bit vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512;

// SAFETY of all methods: only called from kernels compiled with the features, which run where `lacking` names nothing; the
// pointers are good for the floats each method names.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one comment for the whole block of one-line wrappers")]
impl Simd for Avx512 {
    type Vector = __m512;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(((1_u32 << count) - 1) as __mmask16, from) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> __m512 {
        unsafe { _mm512_set1_ps(*from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        unsafe { _mm512_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn sum(vector: __m512) -> f32 {
        // Halves on halves, as the trait's own.
        unsafe { _mm512_reduce_add_ps(vector) }
    }
}

/// 256-bit vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2;

// SAFETY of all methods: as for `Avx512`.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one comment for the whole block of one-line wrappers")]
impl Simd for Avx2 {
    type Vector = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> __m256 {
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> __m256 {
        const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        unsafe {
            let mask = _mm256_loadu_si256(MASKS.as_ptr().add(8 - count).cast());
            _mm256_maskload_ps(from, mask)
        }
    }

    #[inline(always)]
    unsafe fn splat(from: *const f32) -> __m256 {
        unsafe { _mm256_set1_ps(*from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m256) {
        unsafe { _mm256_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn sum(vector: __m256) -> f32 {
        // Halves on halves, as the trait's own.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(vector), _mm256_extractf128_ps::<1>(vector));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}

kernel_set!(AVX512, Avx512, "avx512", rows 14, vectors 2, dot rows 6, features "avx512f,avx2,fma");
kernel_set!(AVX2, Avx2, "avx2", rows 6, vectors 2, dot rows 3, features "avx2,fma");
