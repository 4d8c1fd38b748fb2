//! The bits of JPEG and JPEG-LS entropy coded data, without their stuffing.

/// Reads bits from the front; behind the end, or at a marker, they are zeros.
pub(super) struct EntropyBits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, the first on top.
    ahead: u64,
    count: u32,
    /// How many of the bits handed out so far, or ahead, are not in the data.
    invented: u64,
    is_jpeg_ls: bool,
    is_behind_ff: bool,
}

impl<'a> EntropyBits<'a> {
    /// After a byte FF of JPEG stands an empty byte (T.81 F.1.2.3).
    pub(super) fn jpeg(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, ahead: 0, count: 0, invented: 0, is_jpeg_ls: false, is_behind_ff: false }
    }

    /// After a byte FF of JPEG-LS stands an empty bit (T.87 A.1).
    pub(super) fn jpeg_ls(bytes: &'a [u8]) -> Self {
        Self { is_jpeg_ls: true, ..Self::jpeg(bytes) }
    }

    /// Makes at least 56 bits available.
    #[inline]
    pub(super) fn refill(&mut self) {
        while self.count <= 56 {
            let (byte, width) = match self.bytes.get(self.at) {
                Some(&byte) if self.is_jpeg_ls => {
                    if self.is_behind_ff && byte >= 0x80 {
                        (None, 8)
                    } else {
                        let width = if self.is_behind_ff { 7 } else { 8 };
                        self.is_behind_ff = byte == 0xff;
                        self.at += 1;
                        (Some(byte), width)
                    }
                }
                Some(0xff) if self.bytes.get(self.at + 1) != Some(&0) => (None, 8),
                Some(&byte) => {
                    self.at += if byte == 0xff { 2 } else { 1 };
                    (Some(byte), 8)
                }
                None => (None, 8),
            };
            match byte {
                Some(byte) => self.ahead |= u64::from(byte) << (64 - self.count - width),
                None => self.invented += u64::from(width),
            }
            self.count += width;
        }
    }

    /// The next 16 bits, which stay; after [`EntropyBits::refill`].
    #[inline]
    pub(super) fn peek16(&self) -> u32 {
        (self.ahead >> 48) as u32
    }

    /// Drops bits that are available.
    #[inline]
    pub(super) fn drop(&mut self, bits: u32) {
        self.ahead <<= bits;
        self.count -= bits;
    }

    /// The next `bits` bits (32 at most) as a number; after [`EntropyBits::refill`] it takes no time to look.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        if bits == 0 {
            return 0;
        }
        let value = (self.ahead >> (64 - bits)) as u32;
        self.drop(bits);
        value
    }

    /// The next `bits` bits (32 at most) as a number.
    #[inline]
    pub(super) fn bits(&mut self, bits: u32) -> u32 {
        if self.count < bits {
            self.refill();
        }
        self.take(bits)
    }

    /// The next bit.
    #[inline]
    pub(super) fn bit(&mut self) -> u32 {
        self.bits(1)
    }

    /// How many zeros come before the next one, which is dropped too; `None` if more than `most`.
    #[inline]
    pub(super) fn zeros(&mut self, most: u32) -> Option<u32> {
        let mut zeros = 0;
        loop {
            self.refill();
            let here = self.ahead.leading_zeros().min(self.count);
            zeros += here;
            if zeros > most {
                return None;
            }
            if here < self.count {
                self.drop(here);
                self.drop(1);
                return Some(zeros);
            }
            self.drop(here.min(63));
            zeros -= here - here.min(63);
        }
    }

    /// Whether bits were handed out that the data do not have.
    pub(super) fn is_beyond_end(&self) -> bool {
        self.invented > u64::from(self.count)
    }

    /// Goes on behind the restart marker that must follow; its number, or `None` if there is none.
    pub(super) fn restart(&mut self) -> Option<u8> {
        if self.is_beyond_end() {
            return None;
        }
        // What is left of the last byte is filled with ones, and the next byte is the marker.
        let mut at = self.at;
        while self.bytes.get(at) == Some(&0xff) && self.bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let number = match self.bytes.get(at..at + 2)? {
            [0xff, marker @ 0xd0..=0xd7] => marker - 0xd0,
            _ => return None,
        };
        *self = Self { at: at + 2, ..Self::jpeg(self.bytes) };
        Some(number)
    }
}
