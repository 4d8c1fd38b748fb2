//! Float buffers that begin on a cache line.

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// A buffer of floats, zero at first, that begins on a cache line.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// A buffer of `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        Aligned { lines: vec![Line([0.0; 16]); len.div_ceil(16)], len }
    }

    /// Makes room for `len` floats, whose contents are arbitrary but initialised.
    pub(super) fn reserve(&mut self, len: usize) -> &mut [f32] {
        if self.lines.len() * 16 < len {
            self.lines.resize(len.div_ceil(16), Line([0.0; 16]));
        }
        self.len = len;
        self.as_mut()
    }

    /// The floats.
    pub(super) fn as_slice(&self) -> &[f32] {
        // SAFETY: the lines hold at least `len` initialised floats without gaps (repr(C), size 64).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    /// The floats, to write.
    pub(super) fn as_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
