//! Plain Rust compiled once more for long vectors, for loops that need no intrinsics.

/// Runs `work` compiled for the vectors of the chosen kernels; before there is a choice, as the compiler does it anyway.
///
/// The results have the same bits whichever it is: no operation is fused or put in another order. What `work` calls must
/// be inlined (`#[inline(always)]`), or it stays as it was compiled.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match super::chosen().map_or("", |set| set.name) {
        // SAFETY: these kernels are only selected on a processor that has the features.
        "avx512" => return unsafe { with_avx512(work) },
        // SAFETY: as above.
        "avx2" => return unsafe { with_avx2(work) },
        _ => {}
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
