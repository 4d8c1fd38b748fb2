//! How the vectors of results are written: as float32, or rounded to bfloat16.

use super::filtering::CollectJob;
use super::{Simd, Transforms};
use crate::element::{Bf16, Element};

/// Elements that the float32 kernels write.
pub(crate) trait Stored: Element<Scalar = f32> {
    /// Stores the first `count` lanes of a vector.
    ///
    /// # Safety
    /// `to` must be writable for `count` elements, and `count` at most `LANES`.
    unsafe fn store<S: Simd>(to: *mut Self, vector: S::Vector, count: usize);

    /// The kernel that writes outputs of this type.
    fn collector(transforms: &Transforms) -> unsafe fn(&CollectJob<Self>);
}

/// A vector's lanes, in an array that holds the longest.
#[inline(always)]
unsafe fn lanes<S: Simd>(vector: S::Vector) -> [f32; 16] {
    let mut lanes = [0.0_f32; 16];
    // SAFETY: 16 floats hold the longest vector.
    unsafe { S::store(lanes.as_mut_ptr(), vector) };
    lanes
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut f32, vector: S::Vector, count: usize) {
        // SAFETY: the caller grants `count` floats.
        unsafe {
            if count == S::LANES {
                S::store(to, vector);
            } else {
                std::ptr::copy_nonoverlapping(lanes::<S>(vector).as_ptr(), to, count);
            }
        }
    }

    fn collector(transforms: &Transforms) -> unsafe fn(&CollectJob<f32>) {
        transforms.collect
    }
}

impl Stored for Bf16 {
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut Bf16, vector: S::Vector, count: usize) {
        // SAFETY: the caller grants `count` elements. All lanes are rounded, which the compiler does in vectors.
        unsafe {
            let rounded = lanes::<S>(vector).map(Bf16::narrow);
            if count == S::LANES {
                std::ptr::copy_nonoverlapping(rounded.as_ptr(), to, S::LANES);
            } else {
                std::ptr::copy_nonoverlapping(rounded.as_ptr(), to, count);
            }
        }
    }

    fn collector(transforms: &Transforms) -> unsafe fn(&CollectJob<Bf16>) {
        transforms.collect_narrow
    }
}
