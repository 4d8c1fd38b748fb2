//! RLE Lossless (PS3.5 annex G).

use super::{Decoded, Frame, Samples};

/// One run-length coded segment per byte of a pixel, the high byte first.
pub(super) fn decode(bytes: &[u8], frame: Frame) -> Decoded {
    let field = |n: usize| {
        let at = bytes.get(4 * n..).and_then(|rest| rest.first_chunk::<4>());
        at.map(|four| u32::from_le_bytes(*four) as usize).ok_or("its RLE header is cut off")
    };
    let segments = usize::from(frame.bits_allocated / 8);
    if field(0)? != segments {
        return Err(format!("it has {} RLE segments, expected {segments}", field(0)?));
    }
    let mut words = vec![0_u16; frame.pixels()];
    for segment in 0..segments {
        let begin = field(1 + segment)?;
        let end = if segment + 1 < segments { field(2 + segment)? } else { bytes.len() };
        let coded = bytes.get(begin..end).ok_or("an RLE segment lies outside the pixel data")?;
        let plane = packbits(coded, frame.pixels())
            .ok_or_else(|| format!("RLE segment {} ends before {} pixels", segment + 1, frame.pixels()))?;
        for (word, byte) in words.iter_mut().zip(plane) {
            *word = *word << 8 | u16::from(byte);
        }
    }
    Ok(Samples { words, bits: u32::from(frame.bits_stored) })
}

/// Exactly `length` bytes of a run-length coded segment, or `None` if it holds fewer.
fn packbits(coded: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut plane = Vec::with_capacity(length);
    let mut at = 0;
    while plane.len() < length {
        let count = *coded.get(at)? as i8;
        at += 1;
        match count {
            0.. => {
                let literal = coded.get(at..at + count as usize + 1)?;
                plane.extend_from_slice(literal);
                at += literal.len();
            }
            -128 => (),
            _ => {
                plane.resize(plane.len() + usize::from(count.unsigned_abs()) + 1, *coded.get(at)?);
                at += 1;
            }
        }
    }
    plane.truncate(length);
    Some(plane)
}
