//! Tile products in plain Rust: what every machine can run, and the numbers that the instructions must give.
//!
//! Every operation rounds to nearest even, and numbers below the normal ones count as zero.

use super::unit::{DEPTH, Job, Row, SIDE, Sums, Unit};
use crate::element::{Bf16, Element};

/// The plain products, in the order of one of the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    /// Of each product of tiles the terms of even and of odd places are summed apart, in order, by fused multiply-add; the two sums
    /// are added, and then to what was there: Intel's TDPBF16PS.
    Tiles,
    /// Pair by pair, the term of the odd place and then that of the even one are added to what was there, by fused
    /// multiply-add: VDPBF16PS, as Intel describes it and AMD computes it.
    Dots,
}

impl Unit for Plain {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    fn granule(self) -> usize {
        match self {
            Plain::Tiles => DEPTH,
            Plain::Dots => 2,
        }
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
                    self.dispatch(left, right, sums);
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

impl Plain {
    /// [`Plain::product`], compiled for fused multiply-add where the processor has it: elsewhere each is a call.
    fn dispatch(self, left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn fused(plain: Plain, left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
                plain.product(left, right, sums);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor has the instructions, as just asked.
                return unsafe { fused(self, left, right, sums) };
            }
        }
        self.product(left, right, sums);
    }

    /// `sums += left * right`, in the order of the instruction.
    #[inline(always)]
    fn product(self, left: &[Row; SIDE], right: &[Row; SIDE], sums: &mut Sums) {
        let mut factors = [[[0.0_f32; SIDE]; 2]; SIDE];
        for ([even, odd], row) in factors.iter_mut().zip(right) {
            for (column, pair) in row.0.as_chunks::<2>().0.iter().enumerate() {
                even[column] = normal(pair[0]);
                odd[column] = normal(pair[1]);
            }
        }
        for (sums, row) in sums.0.iter_mut().zip(left) {
            match self {
                Plain::Tiles => {
                    let mut apart = [[0.0_f32; SIDE]; 2];
                    for (pair, factors) in factors.iter().enumerate() {
                        for place in 0..2 {
                            add_term(&mut apart[place], normal(row.0[2 * pair + place]), &factors[place]);
                        }
                    }
                    for (sum, (&even, &odd)) in sums.iter_mut().zip(apart[0].iter().zip(&apart[1])) {
                        *sum = flush(flush(*sum) + flush(even + odd));
                    }
                }
                Plain::Dots => {
                    *sums = sums.map(flush);
                    for (pair, factors) in factors.iter().enumerate() {
                        for place in [1, 0] {
                            add_term(sums, normal(row.0[2 * pair + place]), &factors[place]);
                        }
                    }
                }
            }
        }
    }
}

/// `sums += factor * others`.
#[inline(always)]
fn add_term(sums: &mut [f32; SIDE], factor: f32, others: &[f32; SIDE]) {
    for (sum, &other) in sums.iter_mut().zip(others) {
        *sum = flush(factor.mul_add(other, *sum));
    }
}
