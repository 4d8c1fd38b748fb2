//! What the processor can do at most: multiply-adds on registers alone, in float32 or of pairs of bfloat16 values.

use std::hint::black_box;
use std::time::Instant;

/// Multiply-adds in flight: enough for two units of a latency of four, with room.
const CHAINS: usize = 12;
const TURNS: usize = 4_000_000;

/// GFLOP/s of all threads of the pool together, with the longest vectors of the kernels that are selected.
pub(crate) fn gflops(threads: usize, kernels: &str) -> f64 {
    let run = || match kernels {
        // SAFETY: these kernels are only selected where the processor has the features.
        #[cfg(target_arch = "x86_64")]
        "avx512" => unsafe { avx512() },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        "avx2" => unsafe { avx2() },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        "AVX-512 BF16" => unsafe { avx512_bf16() },
        _ => plain(),
    };
    let lanes = match kernels {
        "AVX-512 BF16" => 32,
        "avx512" => 16,
        "avx2" => 8,
        _ => 4,
    };
    let best = (0..3).map(|_| {
        let start = Instant::now();
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(run))));
        start.elapsed().as_secs_f64()
    });
    let seconds = best.fold(f64::INFINITY, f64::min);
    (threads * TURNS * CHAINS * lanes * 2) as f64 / seconds / 1e9
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512() {
    use std::arch::x86_64::*;
    let (factor, addend) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(1.0)));
    let mut chains = [addend; CHAINS];
    for _ in 0..black_box(TURNS) {
        chains.iter_mut().for_each(|chain| *chain = _mm512_fmadd_ps(*chain, factor, addend));
    }
    black_box(chains);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn avx512_bf16() {
    use std::arch::x86_64::*;
    // SAFETY: 64 bytes of any bits are pairs of bfloat16 values: here of 1.
    let factors: __m512bh = unsafe { std::mem::transmute(_mm512_set1_epi32(black_box(0x3F80_3F80))) };
    let mut chains = [_mm512_set1_ps(black_box(1.0)); CHAINS];
    for _ in 0..black_box(TURNS) {
        chains.iter_mut().for_each(|chain| *chain = _mm512_dpbf16_ps(*chain, factors, factors));
    }
    black_box(chains);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2() {
    use std::arch::x86_64::*;
    let (factor, addend) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(1.0)));
    let mut chains = [addend; CHAINS];
    for _ in 0..black_box(TURNS) {
        chains.iter_mut().for_each(|chain| *chain = _mm256_fmadd_ps(*chain, factor, addend));
    }
    black_box(chains);
}

fn plain() {
    let (factor, addend) = (black_box(0.5_f32), black_box(1.0_f32));
    let mut chains = [[addend; 4]; CHAINS];
    for _ in 0..black_box(TURNS) {
        chains.iter_mut().flatten().for_each(|chain| *chain = *chain * factor + addend);
    }
    black_box(chains);
}
