//! AVX-512 BF16: dot products of pairs of bfloat16 values, added to float32 lanes.

use std::arch::x86_64::*;

use super::unit::{Job, Row, SIDE, Unit};

/// Proof that this processor has the instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot(());

impl Dot {
    /// The instructions, or that this processor lacks them.
    pub(crate) fn available() -> Result<Self, &'static str> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16");
        if has { Ok(Self(())) } else { Err("the processor lacks AVX-512 BF16") }
    }

    /// Whether they are known to outrun float32: AMD's processors do twice the products of float32 in the same time (timed on
    /// the fourth generation of EPYC). Asked of the maker, not timed, so that one machine always gives the same bits.
    pub(crate) fn pays() -> bool {
        let names = __cpuid(0);
        [names.ebx, names.edx, names.ecx].map(u32::to_le_bytes).as_flattened() == b"AuthenticAMD"
    }
}

impl Unit for Dot {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    fn granule(self) -> usize {
        2
    }

    #[inline]
    unsafe fn multiply(self, [rows, columns]: [usize; 2], job: &Job<'_>) {
        for row in 0..rows {
            // SAFETY: the caller's contract, and a `Dot` proves the instructions. 16 vectors of sums at a time.
            unsafe {
                match (columns, job.wanted > row * SIDE + 8) {
                    (2, true) => {
                        block::<8, 2>(job, (row, 0));
                        block::<8, 2>(job, (row, 8));
                    }
                    (2, false) => block::<8, 2>(job, (row, 0)),
                    _ => block::<16, 1>(job, (row, 0)),
                }
            }
        }
    }
}

/// Adds all products of a job to `ROWS` rows, from `first` on, of one row of tiles. The sums stay in registers.
///
/// # Safety
/// As for [`Unit::multiply`] with `COLUMNS` columns, with the instructions there; `first + ROWS` is at most 16.
#[target_feature(enable = "avx512f,avx512bf16")]
#[expect(clippy::needless_range_loop, reason = "closures of iterators would not be compiled with these features")]
unsafe fn block<const ROWS: usize, const COLUMNS: usize>(job: &Job<'_>, (row, first): (usize, usize)) {
    // SAFETY: the caller lends the tiles of sums, and 16 rows behind every base at every step.
    unsafe {
        let tiles = job.sums.add(row * COLUMNS).cast::<f32>().add(first * SIDE);
        let mut sums = [[_mm512_setzero_ps(); COLUMNS]; ROWS];
        if !job.fresh {
            for at in 0..ROWS {
                for column in 0..COLUMNS {
                    sums[at][column] = _mm512_load_ps(tiles.add((column * SIDE + at) * SIDE));
                }
            }
        }
        for step in job.steps {
            let left = job.left[row].byte_add(step.left).add(first).cast::<i32>();
            let mut right = [std::ptr::null::<Row>(); COLUMNS];
            for column in 0..COLUMNS {
                right[column] = job.right[column].byte_add(step.right);
            }
            for pair in 0..step.pairs {
                let mut factors = [_mm512_setzero_si512(); COLUMNS];
                for column in 0..COLUMNS {
                    factors[column] = _mm512_load_si512(right[column].add(pair).cast());
                }
                for at in 0..ROWS {
                    let factor = pairs(_mm512_set1_epi32(*left.add(at * SIDE + pair)));
                    for column in 0..COLUMNS {
                        sums[at][column] = _mm512_dpbf16_ps(sums[at][column], factor, pairs(factors[column]));
                    }
                }
            }
        }
        for at in 0..ROWS {
            for column in 0..COLUMNS {
                _mm512_store_ps(tiles.add((column * SIDE + at) * SIDE), sums[at][column]);
            }
        }
    }
}

/// The same bits as pairs of bfloat16 values.
#[inline(always)]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of any bits.
    unsafe { std::mem::transmute(bits) }
}
