//! Tile products in plain Rust: what every machine can run, and the numbers that the instructions must give.

use super::unit::{Job, Row, SIDE, Sums, Unit};
use crate::element::{Bf16, Element};

/// The plain products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

impl Unit for Plain {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    unsafe fn multiply(self, [rows, columns]: [usize; 2], job: &Job<'_>) {
        for row in 0..rows {
            for column in 0..columns {
                // SAFETY: the caller lends these tiles.
                let sums = unsafe { &mut *job.sums.add(row * columns + column) };
                if job.fresh {
                    *sums = Sums::ZERO;
                }
                for step in job.steps {
                    // SAFETY: at every step each base has 16 rows behind it.
                    let (left, right) = unsafe {
                        let left = job.left[row].byte_add(step.left).cast::<[Row; SIDE]>();
                        (&*left, &*job.right[column].byte_add(step.right).cast::<[Row; SIDE]>())
                    };
                    dispatch(left, right, sums);
                }
            }
        }
    }
}

/// The value of some bits, numbers below the normal ones as zero.
#[inline(always)]
fn normal(bits: u16) -> f32 {
    flush(Bf16::from_bits(bits).widen())
}

/// Zero, of the same sign, for numbers below the normal ones.
#[inline(always)]
fn flush(value: f32) -> f32 {
    if value.abs() < f32::MIN_POSITIVE { 0.0_f32.copysign(value) } else { value }
}

/// [`product`], compiled for fused multiply-add where the processor has it: elsewhere each is a call.
fn dispatch(left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn fused(left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
            product(left, right, sums);
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the instructions, as just asked.
            return unsafe { fused(left, right, sums) };
        }
    }
    product(left, right, sums);
}

/// `sums += left * right`, in the order of the instruction.
#[inline(always)]
fn product(left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
    let mut factors = [[[0.0_f32; SIDE]; 2]; SIDE];
    for ([even, odd], row) in factors.iter_mut().zip(right) {
        for (column, pair) in row.0.as_chunks::<2>().0.iter().enumerate() {
            even[column] = normal(pair[0]);
            odd[column] = normal(pair[1]);
        }
    }
    for (sums, row) in sums.0.iter_mut().zip(left) {
        let mut apart = [[0.0_f32; SIDE]; 2];
        for (pair, factors) in factors.iter().enumerate() {
            for place in 0..2 {
                let factor = normal(row.0[2 * pair + place]);
                for (sum, &other) in apart[place].iter_mut().zip(&factors[place]) {
                    *sum = flush(factor.mul_add(other, *sum));
                }
            }
        }
        for (sum, (&even, &odd)) in sums.iter_mut().zip(apart[0].iter().zip(&apart[1])) {
            *sum = flush(flush(*sum) + flush(even + odd));
        }
    }
}
