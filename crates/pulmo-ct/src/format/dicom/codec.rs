//! Undoing the compression of one slice: uncompressed, RLE, JPEG Lossless and JPEG 2000.
//!
//! The codecs are called directly, not through a DICOM toolkit, so that a code stream of another size,
//! depth or sign than its header claims is an error and never a slice with wrong or missing pixels.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::uids;

/// Retired in 2006 and still found in archives.
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub(super) const IMPLICIT_VR: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
pub(super) const DEFLATED: &str = uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;

/// The pixels of a slice as they are stored.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) words: Vec<u16>,
    /// How many low bits of a word carry the value, its sign included.
    pub(super) bits: u32,
}

/// Why a slice cannot be decoded.
pub(super) type Decoded = std::result::Result<Samples, String>;

/// What the header promises of the code stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) bits_allocated: u16,
    pub(super) bits_stored: u16,
    pub(super) is_signed: bool,
}

impl Frame {
    fn pixels(&self) -> usize {
        self.rows * self.columns
    }
}

/// The name of a transfer syntax, with its UID if it is not a usual one.
pub(super) fn transfer_syntax_name(uid: &str) -> String {
    let name = match uid {
        IMPLICIT_VR => "Implicit VR Little Endian",
        uids::EXPLICIT_VR_LITTLE_ENDIAN => "Explicit VR Little Endian",
        EXPLICIT_VR_BIG_ENDIAN => "Explicit VR Big Endian",
        DEFLATED => "Deflated Explicit VR Little Endian",
        uids::RLE_LOSSLESS => "RLE Lossless",
        uids::JPEG_BASELINE8_BIT => "JPEG Baseline (8 bit)",
        uids::JPEG_EXTENDED12_BIT => "JPEG Extended (12 bit)",
        uids::JPEG_LOSSLESS => "JPEG Lossless",
        uids::JPEG_LOSSLESS_SV1 => "JPEG Lossless SV1",
        uids::JPEGLS_LOSSLESS => "JPEG-LS Lossless",
        uids::JPEGLS_NEAR_LOSSLESS => "JPEG-LS Near-Lossless",
        uids::JPEG2000_LOSSLESS => "JPEG 2000 Lossless",
        uids::JPEG2000 => "JPEG 2000",
        uids::HTJ2K_LOSSLESS => "High-Throughput JPEG 2000 Lossless",
        uids::HTJ2K_LOSSLESS_RPCL => "High-Throughput JPEG 2000 Lossless RPCL",
        uids::HTJ2K => "High-Throughput JPEG 2000",
        "1.2.840.10008.1.2.4.110" => "JPEG XL Lossless",
        "1.2.840.10008.1.2.4.111" => "JPEG XL JPEG Recompression",
        "1.2.840.10008.1.2.4.112" => "JPEG XL",
        other => return format!("transfer syntax {other}"),
    };
    name.to_owned()
}

/// Whether [`decode`] knows the transfer syntax.
pub(super) fn can_decode(uid: &str) -> bool {
    is_uncompressed(uid)
        || [uids::RLE_LOSSLESS, uids::JPEG_LOSSLESS, uids::JPEG_LOSSLESS_SV1, uids::JPEG2000_LOSSLESS, uids::JPEG2000]
            .contains(&uid)
}

/// Whether pixels stand in the file as they are.
pub(super) fn is_uncompressed(uid: &str) -> bool {
    [IMPLICIT_VR, uids::EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, DEFLATED].contains(&uid)
}

/// Decodes the code stream of a slice; `bytes` are little endian if it is uncompressed.
pub(super) fn decode(transfer_syntax: &str, bytes: &[u8], frame: Frame) -> Decoded {
    match transfer_syntax {
        uids::RLE_LOSSLESS => rle(bytes, frame),
        uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => guarded("JPEG", || jpeg_lossless(bytes, frame)),
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => guarded("JPEG 2000", || jpeg_2000(bytes, frame)),
        uid if is_uncompressed(uid) => uncompressed(bytes, frame),
        uid => Err(format!("{} is not supported", transfer_syntax_name(uid))),
    }
}

/// A decoder that panics on a damaged stream must not take the program with it.
fn guarded(name: &str, decode: impl FnOnce() -> Decoded) -> Decoded {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(format!("the {name} decoder gave up on it")))
}

fn uncompressed(bytes: &[u8], frame: Frame) -> Decoded {
    let expected = frame.pixels() * usize::from(frame.bits_allocated / 8);
    // PixelData has an even length, so a byte may follow the last pixel.
    if bytes.len() != expected && bytes.len() != expected.next_multiple_of(2) {
        return Err(format!("PixelData has {} bytes, expected {expected}", bytes.len()));
    }
    let words = if frame.bits_allocated == 8 {
        bytes[..expected].iter().map(|&byte| u16::from(byte)).collect()
    } else {
        bytes[..expected].as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair)).collect()
    };
    Ok(Samples { words, bits: u32::from(frame.bits_stored) })
}

/// RLE (PS3.5 annex G): one run-length coded segment per byte of a pixel, the high byte first.
fn rle(bytes: &[u8], frame: Frame) -> Decoded {
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

fn jpeg_lossless(bytes: &[u8], frame: Frame) -> Decoded {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let failed = |e: jpeg_decoder::Error| format!("its JPEG stream is damaged ({e})");
    decoder.read_info().map_err(failed)?;
    let info = decoder.info().ok_or("its JPEG stream has no header")?;
    if info.coding_process != jpeg_decoder::CodingProcess::Lossless {
        return Err("its JPEG stream is not lossless, as the transfer syntax says".to_owned());
    }
    must_fit((usize::from(info.height), usize::from(info.width)), frame)?;
    let pixels = decoder.decode().map_err(failed)?;
    let words: Vec<u16> = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => pixels.into_iter().map(u16::from).collect(),
        jpeg_decoder::PixelFormat::L16 => {
            pixels.as_chunks::<2>().0.iter().map(|&pair| u16::from_ne_bytes(pair)).collect()
        }
        other => return Err(format!("its JPEG stream holds {other:?} pixels, expected grey values")),
    };
    if words.len() != frame.pixels() {
        return Err(format!("its JPEG stream holds {} pixels, expected {}", words.len(), frame.pixels()));
    }
    Ok(Samples { words, bits: u32::from(frame.bits_stored) })
}

fn jpeg_2000(bytes: &[u8], frame: Frame) -> Decoded {
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

fn must_fit((rows, columns): (usize, usize), frame: Frame) -> std::result::Result<(), String> {
    if (rows, columns) == (frame.rows, frame.columns) {
        return Ok(());
    }
    Err(format!("its code stream has {rows} x {columns} pixels, the header says {} x {}", frame.rows, frame.columns))
}

/// Whether decoded pixels are not those that were encoded.
pub(super) fn is_lossy(uid: &str) -> bool {
    [uids::JPEG_BASELINE8_BIT, uids::JPEG_EXTENDED12_BIT, uids::JPEGLS_NEAR_LOSSLESS, uids::JPEG2000, uids::HTJ2K]
        .contains(&uid)
}
