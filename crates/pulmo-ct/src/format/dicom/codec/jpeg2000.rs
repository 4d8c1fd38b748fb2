//! JPEG 2000 and High-Throughput JPEG 2000, by the Rust translation of OpenJPEG.

use super::{Decoded, Frame, Samples, must_fit};

pub(super) fn decode(bytes: &[u8], frame: Frame) -> Decoded {
    // Checked before decoding, so that a damaged size does not allocate gigabytes.
    if let Some(size) = jpeg_2000_size(bytes) {
        must_fit(size, frame)?;
    }
    let parameters = jpeg2k::DecodeParameters::new().strict(true);
    let image = jpeg2k::Image::from_bytes_with(bytes, parameters)
        .map_err(|e| format!("its JPEG 2000 stream is damaged ({e})"))?;
    let [component] = image.components() else {
        return Err(format!("its JPEG 2000 stream has {} components, expected 1", image.num_components()));
    };
    must_fit((component.height() as usize, component.width() as usize), frame)?;
    let (precision, is_signed) = (component.precision(), component.is_signed());
    if precision > u32::from(frame.bits_allocated) {
        return Err(format!("its JPEG 2000 stream has {precision} bits, BitsAllocated is {}", frame.bits_allocated));
    }
    if is_signed && !frame.is_signed {
        return Err("its JPEG 2000 stream is signed, PixelRepresentation says unsigned".to_owned());
    }
    let words = component.data().iter().map(|&sample| sample as u16).collect();
    // A signed stream arrives sign-extended; an unsigned one with signed pixels holds their bit patterns.
    Ok(Samples { words, bits: if is_signed { 16 } else { precision } })
}

/// Height and width in the SIZ marker of a raw code stream.
fn jpeg_2000_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = |n: usize| Some(u32::from_be_bytes(*bytes.get(n..)?.first_chunk()?));
    if !bytes.starts_with(&[0xff, 0x4f, 0xff, 0x51]) {
        return None;
    }
    let (width, height) = (at(8)?.checked_sub(at(16)?)?, at(12)?.checked_sub(at(20)?)?);
    Some((height as usize, width as usize))
}
