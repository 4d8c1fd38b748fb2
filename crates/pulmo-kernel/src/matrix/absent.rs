//! Where there is no AMX.

use super::unit::{Job, Unit};

/// Nothing can make one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amx {}

impl Amx {
    /// Why this process cannot use the instructions.
    pub(crate) fn available() -> Result<Self, &'static str> {
        Err("the processor lacks AMX-TILE")
    }
}

impl Unit for Amx {
    fn session<R>(self, _work: impl FnOnce() -> R) -> R {
        match self {}
    }

    unsafe fn multiply(self, _shape: [usize; 2], _job: &Job<'_>) {
        match self {}
    }
}
