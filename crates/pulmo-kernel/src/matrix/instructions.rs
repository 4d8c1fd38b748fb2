//! The instructions of x86-64 processors that multiply tiles, and which of them to use.

use super::amx::Amx;
use super::dot::Dot;
use super::plain::Plain;
use super::unit::{Job, Unit};
use crate::conv3d::{Conv3d, winograd};

/// Fewest weights for which dots pay.
const DOT_WEIGHTS: usize = 2000;

/// Proof that this process may use some instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {
    /// Intel's tiles.
    Amx(Amx),
    /// Dot products of AVX-512.
    Dot(Dot),
}

impl Instructions {
    /// All of them, or why this process cannot use them; fastest first.
    pub(super) fn all() -> [Result<Self, &'static str>; 2] {
        [Amx::available().map(Self::Amx), Dot::available().map(Self::Dot)]
    }

    /// The fastest, if it outruns computing in float32, or why none does.
    pub(super) fn fastest() -> Result<Self, String> {
        let [amx, dot] = Self::all();
        match (amx, dot) {
            (Ok(amx), _) => Ok(amx),
            (_, Ok(dot)) if Dot::pays() => Ok(dot),
            (Err(no_amx), Ok(_)) => Err(format!("{no_amx}, and only AMD's AVX-512 BF16 is known to outrun float32")),
            (Err(no_amx), Err(no_dot)) => Err(format!("{no_amx}; {no_dot}")),
        }
    }

    /// Whether a convolution is faster with them than in float32, as timed by `cargo xtask bench kernels`, `any` and `bfloat16`:
    /// with tiles every one is; with dots none that is filtered, as that takes a quarter of the products, and none of few weights, where
    /// packing takes longer than multiplying.
    pub(super) fn pays(self, conv: &Conv3d) -> bool {
        match self {
            Self::Amx(_) => true,
            Self::Dot(_) => !winograd::pays(conv) && conv.weight_len() >= DOT_WEIGHTS,
        }
    }

    /// Their name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Amx(_) => "AMX",
            Self::Dot(_) => "AVX-512 BF16",
        }
    }

    /// What gives the same bits in plain Rust.
    pub(super) fn twin(self) -> Plain {
        match self {
            Self::Amx(_) => Plain::Tiles,
            Self::Dot(_) => Plain::Dots,
        }
    }
}

impl Unit for Instructions {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            Self::Amx(amx) => amx.session(work),
            Self::Dot(dot) => dot.session(work),
        }
    }

    fn granule(self) -> usize {
        match self {
            Self::Amx(amx) => amx.granule(),
            Self::Dot(dot) => dot.granule(),
        }
    }

    #[inline]
    unsafe fn multiply(self, shape: [usize; 2], job: &Job<'_>) {
        // SAFETY: the caller's contract.
        unsafe {
            match self {
                Self::Amx(amx) => amx.multiply(shape, job),
                Self::Dot(dot) => dot.multiply(shape, job),
            }
        }
    }
}
