//! Undoing the compression of one frame.
//!
//! | file | transfer syntaxes |
//! |---|---|
//! | `rle` | RLE Lossless |
//! | `jpeg` | JPEG Lossless, baseline and extended (`bits` reads its bits) |
//! | `jpeg_ls` | JPEG-LS, lossless and near-lossless |
//! | `jpeg2000` | JPEG 2000 and High-Throughput JPEG 2000 |
//!
//! The codecs are called directly, not through a DICOM toolkit, so that a code stream of another size,
//! depth or sign than its header claims is an error and never a slice with wrong or missing pixels.

mod bits;
mod jpeg;
mod jpeg2000;
mod jpeg_ls;
mod rle;

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
    let is_jpeg = [uids::JPEG_LOSSLESS, uids::JPEG_LOSSLESS_SV1].contains(&uid) || is_lossy_jpeg(uid);
    is_uncompressed(uid) || uid == uids::RLE_LOSSLESS || is_jpeg || is_jpeg_ls(uid) || is_jpeg_2000(uid)
}

fn is_lossy_jpeg(uid: &str) -> bool {
    [uids::JPEG_BASELINE8_BIT, uids::JPEG_EXTENDED12_BIT].contains(&uid)
}

fn is_jpeg_ls(uid: &str) -> bool {
    [uids::JPEGLS_LOSSLESS, uids::JPEGLS_NEAR_LOSSLESS].contains(&uid)
}

fn is_jpeg_2000(uid: &str) -> bool {
    [uids::JPEG2000_LOSSLESS, uids::JPEG2000, uids::HTJ2K_LOSSLESS, uids::HTJ2K_LOSSLESS_RPCL, uids::HTJ2K]
        .contains(&uid)
}

/// Whether pixels stand in the file as they are.
pub(super) fn is_uncompressed(uid: &str) -> bool {
    [IMPLICIT_VR, uids::EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, DEFLATED].contains(&uid)
}

/// Decodes the code stream of a slice; `bytes` are little endian if it is uncompressed.
pub(super) fn decode(transfer_syntax: &str, bytes: &[u8], frame: Frame) -> Decoded {
    match transfer_syntax {
        uids::RLE_LOSSLESS => rle::decode(bytes, frame),
        uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => guarded("JPEG", || jpeg(bytes, frame, true)),
        uid if is_lossy_jpeg(uid) => guarded("JPEG", || jpeg(bytes, frame, false)),
        uid if is_jpeg_ls(uid) => guarded("JPEG-LS", || jpeg_ls(bytes, frame)),
        uid if is_jpeg_2000(uid) => guarded("JPEG 2000", || jpeg2000::decode(bytes, frame)),
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

fn jpeg(bytes: &[u8], frame: Frame, is_lossless: bool) -> Decoded {
    let header = jpeg::header(bytes)?;
    must_fit((header.rows, header.columns), frame)?;
    let picture = jpeg::decode(bytes)?;
    if picture.is_lossless != is_lossless {
        let [found, said] = [picture.is_lossless, is_lossless].map(|is| if is { "lossless" } else { "lossy" });
        return Err(format!("its JPEG stream is {found}, the transfer syntax says {said}"));
    }
    decoded((picture.rows, picture.columns), picture.precision, picture.words, frame)
}

fn jpeg_ls(bytes: &[u8], frame: Frame) -> Decoded {
    let size = jpeg_ls::size(bytes).ok_or("its JPEG-LS stream has no frame header")?;
    must_fit(size, frame)?;
    let picture = jpeg_ls::decode(bytes)?;
    decoded((picture.rows, picture.columns), picture.precision, picture.words, frame)
}

/// Samples whose size and depth fit the header; their sign is that of the header.
fn decoded(size: (usize, usize), precision: u32, words: Vec<u16>, frame: Frame) -> Decoded {
    must_fit(size, frame)?;
    if precision > u32::from(frame.bits_allocated) {
        return Err(format!("its code stream has {precision} bits, BitsAllocated is {}", frame.bits_allocated));
    }
    Ok(Samples { words, bits: u32::from(frame.bits_stored) })
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
