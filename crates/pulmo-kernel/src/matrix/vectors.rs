//! Loops compiled once more for the longest vectors there are.

/// Defines a function whose body is compiled for AVX-512 with 16-bit lanes, for AVX2 and as the compiler does it anyway, and which runs the
/// first that this processor has. The bits of the results are the same. What the body calls is to be `#[inline(always)]`.
///
/// [`wide`](crate::simd::wide) takes a closure, which the compiler only inlines, and so only compiles for vectors, while it is small.
macro_rules! for_vectors {
    ($(#[$doc:meta])* fn $name:ident<$($generic:ident: $bound:ty),*>($($argument:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        fn $name<$($generic: $crate::element::Element<Scalar = $bound>),*>($($argument: $kind),*) {
            #[inline(always)]
            fn body<$($generic: $crate::element::Element<Scalar = $bound>),*>($($argument: $kind),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2")]
                fn avx512<$($generic: $crate::element::Element<Scalar = $bound>),*>($($argument: $kind),*) {
                    body::<$($generic),*>($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2<$($generic: $crate::element::Element<Scalar = $bound>),*>($($argument: $kind),*) {
                    body::<$($generic),*>($($argument),*)
                }
                let has_avx2 = is_x86_feature_detected!("avx2");
                if has_avx2 && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the processor has the instructions, as just asked.
                    return unsafe { avx512::<$($generic),*>($($argument),*) };
                }
                if has_avx2 {
                    // SAFETY: as above.
                    return unsafe { avx2::<$($generic),*>($($argument),*) };
                }
            }
            body::<$($generic),*>($($argument),*)
        }
    };
}

pub(super) use for_vectors;
