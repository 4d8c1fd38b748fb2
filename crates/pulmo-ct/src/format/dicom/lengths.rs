//! A walk over the element headers of a file before it is parsed.
//!
//! The parser allocates and clears what an element's length field says, up to 4 GiB for one damaged byte.
//! Here every length is compared with what is left of the file; this also names the element at which a
//! file was cut off.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::codec::{DEFLATED, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR};

const UNDEFINED: u32 = u32::MAX;
const PIXEL_DATA: (u16, u16) = (0x7fe0, 0x0010);
const TRANSFER_SYNTAX: (u16, u16) = (0x0002, 0x0010);
/// Preamble and `DICM`.
const META_AT: u64 = 132;

/// Value representations whose length takes two bytes.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];

/// Value representations whose length takes four bytes after two unused ones.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// How the elements from here on are written.
#[derive(Clone, Copy)]
struct Encoding {
    is_explicit: bool,
    is_big_endian: bool,
}

/// The header of an element.
struct Element {
    tag: (u16, u16),
    length: u32,
    /// Elements follow inside it, so it is entered and not skipped.
    holds_elements: bool,
}

/// Checks that no element of `file` claims more bytes than are left.
pub(super) fn check(file: &Path) -> std::result::Result<(), String> {
    let open = || -> io::Result<_> {
        let file = File::open(file)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::new(file);
        reader.seek_relative(META_AT as i64)?;
        Ok(Walk { reader, at: META_AT, length })
    };
    open().map_err(|e| e.to_string())?.check()
}

struct Walk {
    reader: BufReader<File>,
    at: u64,
    length: u64,
}

impl Walk {
    fn check(&mut self) -> std::result::Result<(), String> {
        let mut encoding = Encoding { is_explicit: true, is_big_endian: false };
        let mut transfer_syntax = String::new();
        let mut is_meta = true;
        let mut is_in_pixel_data = false;
        while self.at + 8 <= self.length {
            if is_meta && self.peek_group() != Some(2) {
                is_meta = false;
                match transfer_syntax.as_str() {
                    // Compressed as a whole: its lengths are not those of the file.
                    DEFLATED => return Ok(()),
                    IMPLICIT_VR => encoding.is_explicit = false,
                    EXPLICIT_VR_BIG_ENDIAN => encoding.is_big_endian = true,
                    _ => (),
                }
            }
            let Some(Element { tag, length, holds_elements }) = self.header(encoding)? else { return Ok(()) };
            if length == UNDEFINED {
                is_in_pixel_data |= tag == PIXEL_DATA;
                continue;
            }
            if u64::from(length) > self.length - self.at.min(self.length) {
                let (group, element) = tag;
                return Err(format!(
                    "element ({group:04x},{element:04x}) claims {length} bytes, {} are left: \
                     the file is cut off or damaged",
                    self.length.saturating_sub(self.at)
                ));
            }
            if tag == TRANSFER_SYNTAX {
                transfer_syntax = self.text(length as usize);
            } else if !holds_elements || is_in_pixel_data {
                self.skip(u64::from(length));
            }
        }
        Ok(())
    }

    /// The group of the next element, always little endian before the data set.
    fn peek_group(&mut self) -> Option<u16> {
        use std::io::BufRead;
        let buffer = self.reader.fill_buf().ok()?;
        // At the end of the buffer two bytes may be split; one byte tells 2 from 8 as well.
        buffer.first().map(|&low| u16::from(low))
    }

    /// The next element. `None` if the walk cannot
    /// go on, which is left to the parser.
    fn header(&mut self, encoding: Encoding) -> std::result::Result<Option<Element>, String> {
        let small = |pair: [u8; 2]| {
            if encoding.is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let large = |four: [u8; 4]| {
            if encoding.is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        let Some([a, b, c, d, rest @ ..]) = self.bytes::<8>() else { return Ok(None) };
        let tag = (small([a, b]), small([c, d]));
        if tag.0 == 0xfffe {
            return Ok(Some(Element { tag, length: large(rest), holds_elements: true }));
        }
        if !encoding.is_explicit {
            return Ok(Some(Element { tag, length: large(rest), holds_elements: false }));
        }
        let vr = &rest[..2];
        if SHORT.iter().any(|known| *known == vr) {
            let length = u32::from(small([rest[2], rest[3]]));
            return Ok(Some(Element { tag, length, holds_elements: false }));
        }
        if !LONG.iter().any(|known| *known == vr) {
            let vr = vr.escape_ascii();
            return Err(format!(
                "element ({:04x},{:04x}) is of an unknown kind (VR `{vr}`): the file is damaged",
                tag.0, tag.1
            ));
        }
        let Some(length) = self.bytes().map(large) else { return Ok(None) };
        // Elements without a kind of their own inside: left to the parser.
        let is_opaque = vr == b"UN" && length == UNDEFINED;
        Ok((!is_opaque).then_some(Element { tag, length, holds_elements: vr == b"SQ" }))
    }

    fn bytes<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.reader.read_exact(&mut bytes).ok()?;
        self.at += COUNT as u64;
        Some(bytes)
    }

    fn text(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        let is_read = self.reader.read_exact(&mut bytes).is_ok();
        self.at += length as u64;
        if !is_read {
            return String::new();
        }
        String::from_utf8_lossy(&bytes).trim_end_matches(['\0', ' ']).to_owned()
    }

    fn skip(&mut self, length: u64) {
        // Lengths are below 4 GiB, so this cannot overflow; a failed seek shows at the next read.
        let _ = self.reader.seek_relative(length as i64);
        self.at += length;
    }
}
