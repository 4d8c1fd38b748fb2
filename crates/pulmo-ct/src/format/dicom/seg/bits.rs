//! Eight pixels in a byte: the first one in the lowest bit (PS3.5 section 8.1.1).
//!
//! Frames follow each other without a gap, so a frame may begin inside a byte.

/// Sets the bits of the pixels that hold `label`, from bit `begin` of `out`, which is all zero there.
pub(super) fn pack(labels: &[u8], label: u8, out: &mut [u8], begin: usize) {
    let (first, shift) = (begin / 8, begin % 8);
    let out = &mut out[first..];
    let mut eights = labels.chunks_exact(8);
    let mut at = 0;
    for eight in eights.by_ref() {
        let mut byte = 0_u8;
        for (bit, &found) in eight.iter().enumerate() {
            byte |= u8::from(found == label) << bit;
        }
        if byte != 0 {
            put(out, at, byte, shift);
        }
        at += 1;
    }
    let mut byte = 0;
    for (bit, &found) in eights.remainder().iter().enumerate() {
        byte |= u8::from(found == label) << bit;
    }
    if byte != 0 {
        put(out, at, byte, shift);
    }
}

fn put(out: &mut [u8], at: usize, byte: u8, shift: usize) {
    out[at] |= byte << shift;
    if shift > 0 && byte >> (8 - shift) != 0 {
        out[at + 1] |= byte >> (8 - shift);
    }
}

/// Calls `set(pixel)` for each of `pixels` bits that is set, from bit `begin` of `bits`.
///
/// Bits beyond the end of `bits` count as not set.
pub(super) fn for_each_set(bits: &[u8], begin: usize, pixels: usize, mut set: impl FnMut(usize)) {
    let end = begin.saturating_add(pixels).min(bits.len().saturating_mul(8));
    let mut at = begin;
    while at < end {
        // Whole bytes of background are passed over.
        if at.is_multiple_of(8) && bits[at / 8] == 0 {
            at += 8;
            continue;
        }
        if bits[at / 8] >> (at % 8) & 1 == 1 {
            set(at - begin);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_odd_sizes_share_bytes() {
        // Three frames of 13 x 7 = 91 pixels: the second begins at bit 3 of byte 11.
        let frames: Vec<Vec<u8>> =
            (0..3_usize).map(|n| (0..91_usize).map(|i| [0, 1, 2][(i * 7 + n * 5) % 11 % 3]).collect()).collect();
        let mut bits = vec![0; (3 * 91_usize).div_ceil(8)];
        for (n, frame) in frames.iter().enumerate() {
            pack(frame, 2, &mut bits, n * 91);
        }
        for (n, frame) in frames.iter().enumerate() {
            for (pixel, &label) in frame.iter().enumerate() {
                let at = n * 91 + pixel;
                assert_eq!(bits[at / 8] >> (at % 8) & 1 == 1, label == 2, "frame {n}, pixel {pixel}");
            }
            let mut set = Vec::new();
            for_each_set(&bits, n * 91, 91, |pixel| set.push(pixel));
            let expected: Vec<usize> = (0..91).filter(|&pixel| frame[pixel] == 2).collect();
            assert_eq!(set, expected);
        }
    }

    #[test]
    fn bits_beyond_the_end_are_background() {
        let mut count = 0;
        for_each_set(&[0xff], 3, usize::MAX, |_| count += 1);
        assert_eq!(count, 5);
    }
}
