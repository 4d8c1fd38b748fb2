//! Writing voxels, compressed in parallel.
//!
//! As pigz does it: blocks are compressed independently and joined by empty stored blocks into ONE deflate
//! stream with one checksum, which every reader takes as any other. The blocks do not depend on the number
//! of threads, so neither do the bytes.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress};
use rayon::prelude::*;

use super::values::Values;

/// Bytes of a block before compression. A block does not see the one before it, which costs little at this size.
const BLOCK_BYTES: usize = 1 << 19;

/// Blocks in memory at a time.
const BLOCKS: usize = 16;

/// How hard to try: a noisy CT becomes 1.6 % larger than at level 4 or 6 and takes a fifth less time; at level 1 it would
/// be 40 % larger.
const LEVEL: u32 = 2;

/// The bytes around a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Wrapper {
    /// Not compressed.
    None,
    Gzip,
    Zlib,
}

/// Writes `head` and then the voxels; returns how many bytes that became.
pub(in crate::format) fn pack(
    out: &mut dyn Write,
    wrapper: Wrapper,
    head: &[u8],
    values: &Values<'_>,
) -> io::Result<u64> {
    let voxels = BLOCK_BYTES / values.number().bytes();
    let starts: Vec<usize> = (0..values.len()).step_by(voxels).collect();
    let end = |start: usize| (start + voxels).min(values.len());
    if wrapper == Wrapper::None {
        out.write_all(head)?;
        let mut bytes = Vec::new();
        for start in starts {
            values.put(start, end(start), &mut bytes);
            out.write_all(&bytes)?;
        }
        return Ok((head.len() + values.len() * values.number().bytes()) as u64);
    }
    let mut sum = Checksum::new(wrapper);
    let opening: &[u8] = match wrapper {
        // No name, no time, made on an unknown system: the same voxels give the same file.
        Wrapper::Gzip => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        _ => &[0x78, 0x5e],
    };
    out.write_all(opening)?;
    let mut written = opening.len();
    if !head.is_empty() {
        let block = Packer::new().block(head, wrapper)?;
        out.write_all(&block.bytes)?;
        written += block.bytes.len();
        sum.join(&block.sum);
    }
    for batch in starts.chunks(BLOCKS) {
        let blocks: Vec<io::Result<Block>> = batch
            .par_iter()
            .map_init(Packer::new, |packer, &start| {
                let mut bytes = std::mem::take(&mut packer.bytes);
                values.put(start, end(start), &mut bytes);
                let block = packer.block(&bytes, wrapper);
                packer.bytes = bytes;
                block
            })
            .collect();
        for block in blocks {
            let block = block?;
            out.write_all(&block.bytes)?;
            written += block.bytes.len();
            sum.join(&block.sum);
        }
    }
    // An empty last block ends the stream.
    let closing = [&[3, 0], sum.closing().as_slice()].concat();
    out.write_all(&closing)?;
    Ok((written + closing.len()) as u64)
}

/// One compressed block.
struct Block {
    bytes: Vec<u8>,
    sum: Checksum,
}

/// What a thread keeps between blocks.
struct Packer {
    deflate: Compress,
    bytes: Vec<u8>,
}

impl Packer {
    fn new() -> Self {
        Self { deflate: Compress::new(Compression::new(LEVEL), false), bytes: Vec::new() }
    }

    fn block(&mut self, bytes: &[u8], wrapper: Wrapper) -> io::Result<Block> {
        self.deflate.reset();
        let mut packed = Vec::with_capacity(bytes.len() / 2 + 1024);
        loop {
            let done = self.deflate.total_in() as usize;
            self.deflate.compress_vec(&bytes[done..], &mut packed, FlushCompress::Sync).map_err(io::Error::other)?;
            // Room that was left over means that all is out.
            if packed.len() < packed.capacity() {
                break;
            }
            packed.reserve(bytes.len() / 4 + 1024);
        }
        let mut sum = Checksum::new(wrapper);
        sum.update(bytes);
        Ok(Block { bytes: packed, sum })
    }
}

/// The checksum of a stream, and how many bytes it is over.
enum Checksum {
    Crc(Crc, u64),
    Adler { a: u32, b: u32, bytes: u64 },
}

/// The modulus of Adler-32, and how many bytes can be summed before the sums must be reduced.
const ADLER: u32 = 65_521;
const ADLER_RUN: usize = 5552;

impl Checksum {
    fn new(wrapper: Wrapper) -> Self {
        if wrapper == Wrapper::Zlib { Self::Adler { a: 1, b: 0, bytes: 0 } } else { Self::Crc(Crc::new(), 0) }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(crc, bytes) => {
                crc.update(data);
                *bytes += data.len() as u64;
            }
            Self::Adler { a, b, bytes } => {
                for run in data.chunks(ADLER_RUN) {
                    for &byte in run {
                        *a += u32::from(byte);
                        *b += *a;
                    }
                    *a %= ADLER;
                    *b %= ADLER;
                }
                *bytes += data.len() as u64;
            }
        }
    }

    /// Appends the bytes that `next` is over.
    fn join(&mut self, next: &Self) {
        match (self, next) {
            (Self::Crc(crc, bytes), Self::Crc(next, more)) => {
                crc.combine(next);
                *bytes += more;
            }
            (Self::Adler { a, b, bytes }, Self::Adler { a: next_a, b: next_b, bytes: more }) => {
                // Each of the later bytes' sums starts at `a` instead of 1.
                let shift = (u64::from(*a) + u64::from(ADLER) - 1) % u64::from(ADLER) * (more % u64::from(ADLER));
                *b = ((u64::from(*b) + u64::from(*next_b) + shift) % u64::from(ADLER)) as u32;
                *a = (*a + next_a + ADLER - 1) % ADLER;
                *bytes += more;
            }
            // Both are made for one wrapper.
            _ => {}
        }
    }

    /// What stands after the stream.
    fn closing(&self) -> Vec<u8> {
        match self {
            Self::Crc(crc, bytes) => [crc.sum().to_le_bytes(), (*bytes as u32).to_le_bytes()].concat(),
            Self::Adler { a, b, .. } => (b << 16 | a).to_be_bytes().to_vec(),
        }
    }
}
