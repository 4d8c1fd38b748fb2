//! Float buffers that begin on a cache line, and two that stay from call to call.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A buffer of floats, zero at first, that begins on a cache line.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// A buffer of `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Aligned { lines: vec![Line([0.0; 16]); len.div_ceil(16)], len }
    }

    /// Makes room for `len` floats, whose contents are arbitrary but initialised.
    pub(crate) fn reserve(&mut self, len: usize) -> &mut [f32] {
        if self.lines.len() * 16 < len {
            self.lines.resize(len.div_ceil(16), Line([0.0; 16]));
        }
        self.len = len;
        self.as_mut()
    }

    /// The floats.
    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: the lines hold at least `len` initialised floats without gaps (repr(C), size 64).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    /// The floats, to write.
    pub(crate) fn as_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// What a lent buffer is for; at most one of each is in use in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Planes of inputs and outputs, weights as the pass reads them, sums.
    Work,
    /// Weights with inputs and outputs swapped.
    SwappedWeights,
}

/// The buffers that were given back last, by use.
static SPARE: [Mutex<Option<Aligned>>; 2] = [const { Mutex::new(None) }; 2];

/// A large buffer that is given back when it is dropped, so that the next call need not ask the system for it.
#[derive(Debug)]
pub(crate) struct Lent {
    buffer: Aligned,
    is_for: Use,
}

impl Lent {
    /// A buffer of `len` floats, whose contents are arbitrary but initialised.
    pub(crate) fn of(is_for: Use, len: usize) -> Self {
        let spare = SPARE[is_for as usize].lock().ok().and_then(|mut spare| spare.take());
        // A smaller one is freed first: its contents are not worth keeping.
        let mut buffer = spare.filter(|spare| spare.lines.len() * 16 >= len).unwrap_or_else(|| Aligned::zeros(len));
        buffer.reserve(len);
        Self { buffer, is_for }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Ok(mut spare) = SPARE[self.is_for as usize].lock() {
            *spare = Some(std::mem::take(&mut self.buffer));
        }
    }
}

impl Deref for Lent {
    type Target = Aligned;

    fn deref(&self) -> &Aligned {
        &self.buffer
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Aligned {
        &mut self.buffer
    }
}
