//! Plain Rust compiled once more for long vectors, for loops that need no intrinsics.

/// Vectors that [`for_vectors`] compiles for; elsewhere only for those of the compiler's own choice.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vectors {
    /// AVX-512 with lanes of 16 bits.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// Those of the compiler's own choice.
    Plain,
}

/// Those of the chosen kernels; the longest that the processor has before there is a choice, as the bits are the same.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn vectors() -> Vectors {
    let (long, short) = super::chosen().map_or((true, true), |set| (set.name == "avx512", set.name != "portable"));
    let has_avx2 = short && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    if has_avx2 && long && has_avx512 {
        Vectors::Avx512
    } else if has_avx2 {
        Vectors::Avx2
    } else {
        Vectors::Plain
    }
}

/// Defines functions whose bodies are compiled for each of [`Vectors`], and which run as [`vectors`] says.
///
/// The bits of the results are the same: no operation is fused or put in another order. What a body calls is to be
/// `#[inline(always)]`, or it stays as it was compiled; a closure only is if it is small. Bounds stand in brackets.
macro_rules! for_vectors {
    ($($(#[$doc:meta])* $visibility:vis fn $name:ident<$($generic:ident: [$($bound:tt)+]),*>(
        $($argument:ident: $kind:ty),* $(,)?
    ) $body:block)*) => {$(
        $(#[$doc])*
        $visibility fn $name<$($generic: $($bound)+),*>($($argument: $kind),*) {
            #[inline(always)]
            fn body<$($generic: $($bound)+),*>($($argument: $kind),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
                fn avx512<$($generic: $($bound)+),*>($($argument: $kind),*) {
                    body::<$($generic),*>($($argument),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$($generic: $($bound)+),*>($($argument: $kind),*) {
                    body::<$($generic),*>($($argument),*)
                }
                match $crate::simd::vectors() {
                    // SAFETY: the processor has the instructions.
                    $crate::simd::Vectors::Avx512 => return unsafe { avx512::<$($generic),*>($($argument),*) },
                    // SAFETY: as above.
                    $crate::simd::Vectors::Avx2 => return unsafe { avx2::<$($generic),*>($($argument),*) },
                    $crate::simd::Vectors::Plain => {}
                }
            }
            body::<$($generic),*>($($argument),*)
        }
    )*};
}

pub(crate) use for_vectors;
