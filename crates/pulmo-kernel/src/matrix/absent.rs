//! Where no instructions multiply tiles.

use super::plain::Plain;
use super::unit::{Job, Unit};
use crate::conv3d::Conv3d;

/// Nothing can make one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Instructions {}

impl Instructions {
    /// All of them: none.
    pub(super) fn all() -> [Result<Self, &'static str>; 0] {
        []
    }

    /// Why there are none.
    pub(super) fn fastest() -> Result<Self, String> {
        Err("the processor is not of x86-64: it lacks AMX-TILE and AVX-512 BF16".to_owned())
    }

    /// Whether a convolution is faster with them than in float32.
    pub(super) fn pays(self, _conv: &Conv3d) -> bool {
        match self {}
    }

    /// Their name.
    pub(super) fn name(self) -> &'static str {
        match self {}
    }

    /// What gives the same bits in plain Rust.
    pub(super) fn twin(self) -> Plain {
        match self {}
    }
}

impl Unit for Instructions {
    fn session<R>(self, _work: impl FnOnce() -> R) -> R {
        match self {}
    }

    fn granule(self) -> usize {
        match self {}
    }

    unsafe fn multiply(self, _shape: [usize; 2], _job: &Job<'_>) {
        match self {}
    }
}
