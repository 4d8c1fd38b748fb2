//! A walk over the element headers of a file before it is parsed.
//!
//! The parser allocates and clears what an element's length field says, up to 4 GiB for one damaged byte, and
//! follows nested sequences by recursion. Here every length is compared with what is left of the file and of the item
//! around it, items must lie in sequences and elements in items, and the nesting is bounded: on what passes, the parser
//! cannot fall out of step and take text for a length. This also names the element at which a file was cut off, and
//! finds the pixel data, so that they need not be parsed at all.

use std::io::{BufRead, BufReader, Read, Seek};
use std::ops::Range;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
/// Sequences and items inside each other; a structured report needs some 40.
const DEEPEST: usize = 256;
/// Elements of the meta group that are kept; longer ones are private and of no use here.
const LONGEST_META: u32 = 4096;

/// Value representations whose length takes two bytes.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];

/// Value representations whose length takes four bytes after two unused ones.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// Whether two bytes name a value representation.
pub(super) fn is_vr(bytes: &[u8]) -> bool {
    SHORT.iter().chain(&LONG).any(|known| *known == bytes)
}

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    pub(super) is_explicit: bool,
    pub(super) is_big_endian: bool,
}

impl Encoding {
    pub(super) const EXPLICIT: Self = Self { is_explicit: true, is_big_endian: false };
    pub(super) const IMPLICIT: Self = Self { is_explicit: false, is_big_endian: false };
    pub(super) const BIG_ENDIAN: Self = Self { is_explicit: true, is_big_endian: true };
}

/// Why a walk ended early: what is damaged.
pub(super) type Walked<T> = std::result::Result<T, String>;

/// Where the pixels of an object lie.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    /// As they are; `is_words` if a big endian file swaps their bytes.
    Native { bytes: Range<u64>, is_words: bool },
    /// In code streams: the Basic Offset Table, which may be empty, and the fragments.
    Encapsulated { offsets: Range<u64>, fragments: Vec<Range<u64>> },
}

/// What a walk over a data set finds.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Where PixelData's element begins, and its content.
    pub(super) pixel_data: Option<(u64, Stored)>,
    /// Where the elements end; zeros may follow.
    pub(super) end: u64,
    /// Elements at the root that only an older encoding can read (VR UN of undefined length).
    pub(super) opaque: Vec<Range<u64>>,
    /// Whether SOPClassUID is there: no DICOM object lacks it.
    pub(super) has_sop_class: bool,
}

/// The header of an element.
struct Element {
    tag: Tag,
    vr: VR,
    length: u32,
    /// Bytes of one number of its value.
    unit: u32,
}

/// A sequence or item that the walk is in.
struct Open {
    is_item: bool,
    /// `None` if a delimiter ends it.
    end: Option<u64>,
    /// Nothing inside may reach beyond: the end of what is around it, if it has none of its own.
    limit: u64,
    /// The encoding to go back to.
    outside: Encoding,
    /// Where it began, if it is an opaque element at the root.
    opaque_from: Option<u64>,
}

/// An element of the file meta group and its value.
pub(super) type MetaElement = (Tag, Vec<u8>);

/// Bytes of one number of a VR; 1 for text and bytes.
fn unit_of(vr: VR) -> u32 {
    match vr {
        VR::US | VR::SS | VR::OW => 2,
        VR::UL | VR::SL | VR::FL | VR::OF | VR::OL | VR::AT => 4,
        VR::FD | VR::SV | VR::UV | VR::OD | VR::OV => 8,
        _ => 1,
    }
}

/// Sequences hold items, items and the root hold elements, and delimiters end what has no length.
fn must_be_in_place(element: &Element, around: Option<&Open>, begin: u64) -> Walked<()> {
    let in_sequence = around.is_some_and(|open| !open.is_item);
    let is_endless = around.is_some_and(|open| open.end.is_none());
    let is_in_place = match element.tag {
        ITEM => in_sequence,
        ITEM_END => !in_sequence && is_endless,
        SEQUENCE_END => in_sequence && is_endless,
        Tag(group, _) => group != ITEM.0 && !in_sequence,
    };
    if is_in_place {
        return Ok(());
    }
    let Tag(group, number) = element.tag;
    Err(format!("element ({group:04x},{number:04x}) at byte {begin} is out of place: the file is damaged"))
}

/// A reader that knows where it is.
pub(super) struct Walk<R> {
    reader: BufReader<R>,
    at: u64,
    length: u64,
    series_uid: Option<Range<u64>>,
}

impl<R: Read + Seek> Walk<R> {
    /// A walk over `length` bytes from `at`.
    pub(super) fn new(source: R, at: u64, length: u64) -> Walked<Self> {
        let mut reader = BufReader::new(source);
        reader.seek(std::io::SeekFrom::Start(at)).map_err(|e| e.to_string())?;
        Ok(Self { reader, at, length, series_uid: None })
    }

    /// The short elements of the file meta group, whatever its group length says; ends where the data set begins.
    pub(super) fn meta(&mut self) -> Walked<(Vec<MetaElement>, u64)> {
        let mut elements = Vec::new();
        // One byte may be the last of a buffer; it tells group 2 from 8 as well.
        while self.reader.fill_buf().is_ok_and(|buffer| buffer.first() == Some(&2)) {
            let Some(element) = self.header(Encoding::EXPLICIT)? else { break };
            self.must_hold(&element)?;
            if element.length <= LONGEST_META {
                let mut bytes = vec![0; element.length as usize];
                self.reader.read_exact(&mut bytes).map_err(|e| e.to_string())?;
                self.at += u64::from(element.length);
                elements.push((element.tag, bytes));
            } else {
                self.skip(u64::from(element.length));
            }
        }
        Ok((elements, self.at))
    }

    /// Checks that no element of the data set claims more bytes than are left.
    pub(super) fn data_set(&mut self, mut encoding: Encoding) -> Walked<Layout> {
        let mut layout = Layout::default();
        let mut inside: Vec<Open> = Vec::new();
        loop {
            while let Some(open) = inside.pop_if(|open| open.end.is_some_and(|end| self.at >= end)) {
                encoding = open.outside;
            }
            let begin = self.at;
            layout.end = begin;
            if begin + 8 > self.length {
                break;
            }
            let element = self.header(encoding)?;
            let Some(element) = element else { break };
            if element.tag == Tag(0, 0) {
                // Some writers fill a file up with zeros behind its pixels. Elsewhere the parser would read on, out of step.
                if inside.is_empty() && layout.pixel_data.is_some() {
                    break;
                }
                return Err(format!("zeros in place of an element at byte {begin}: the file is damaged"));
            }
            must_be_in_place(&element, inside.last(), begin)?;
            match element.tag {
                ITEM_END | SEQUENCE_END => {
                    let open = inside.pop_if(|open| open.end.is_none());
                    encoding = open.as_ref().map_or(encoding, |open| open.outside);
                    layout.opaque.extend(open.and_then(|open| open.opaque_from).map(|from| from..self.at));
                    continue;
                }
                tags::PIXEL_DATA if element.length == UNDEFINED => {
                    let stored = self.fragments(encoding)?;
                    if inside.is_empty() {
                        layout.pixel_data = Some((begin, stored));
                    }
                    continue;
                }
                _ => self.must_hold(&element)?,
            }
            let limit = inside.last().map_or(self.length, |open| open.limit);
            let end = (element.length != UNDEFINED).then(|| self.at + u64::from(element.length));
            if end.unwrap_or(self.at) > limit {
                let Tag(group, number) = element.tag;
                return Err(format!(
                    "element ({group:04x},{number:04x}) at byte {begin} reaches beyond the item around it: the file is damaged"
                ));
            }
            layout.has_sop_class |= inside.is_empty() && element.tag == tags::SOP_CLASS_UID;
            if end.is_none() || element.vr == VR::SQ || element.tag == ITEM {
                let opaque_from = (inside.is_empty() && element.vr == VR::UN && encoding.is_explicit).then_some(begin);
                let (is_item, limit) = (element.tag == ITEM, end.unwrap_or(limit));
                inside.push(Open { is_item, end, limit, outside: encoding, opaque_from });
                if inside.len() > DEEPEST {
                    return Err(format!("its sequences are nested more than {DEEPEST} deep"));
                }
                if element.vr == VR::UN {
                    // PS3.5 section 6.2.2: such a value is written with implicit VR, whatever the rest is.
                    encoding = Encoding::IMPLICIT;
                }
                continue;
            }
            if inside.is_empty() && element.tag == tags::SERIES_INSTANCE_UID && element.length <= 64 {
                self.series_uid = Some(self.at..self.at + u64::from(element.length));
            }
            if inside.is_empty() && element.tag == tags::PIXEL_DATA {
                let bytes = self.at..self.at + u64::from(element.length);
                layout.pixel_data = Some((begin, Stored::Native { bytes, is_words: element.vr != VR::OB }));
            }
            self.skip(u64::from(element.length));
        }
        Ok(layout)
    }

    /// SeriesInstanceUID, if the walk came past it.
    pub(super) fn series_uid(&mut self) -> Option<String> {
        let range = self.series_uid.clone()?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.reader.seek(std::io::SeekFrom::Start(range.start)).ok()?;
        self.reader.read_exact(&mut bytes).ok()?;
        let uid = String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']).to_owned();
        // A damaged UID tells nothing.
        let is_uid = !uid.is_empty() && uid.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
        is_uid.then_some(uid)
    }

    /// The fragments of encapsulated pixel data, from behind their header to their end.
    fn fragments(&mut self, encoding: Encoding) -> Walked<Stored> {
        let mut ranges = Vec::new();
        loop {
            let element = self.header(encoding)?.filter(|element| element.tag.0 == ITEM.0);
            let element = element.ok_or("its pixel data have no end: the file is cut off or damaged")?;
            if element.tag == SEQUENCE_END {
                break;
            }
            if element.length == UNDEFINED {
                return Err("a fragment of its pixel data has no length".to_owned());
            }
            self.must_hold(&element)?;
            let begin = self.at;
            self.skip(u64::from(element.length));
            ranges.push(begin..self.at);
        }
        if ranges.is_empty() {
            return Err("its pixel data hold no fragment".to_owned());
        }
        let offsets = ranges.remove(0);
        Ok(Stored::Encapsulated { offsets, fragments: ranges })
    }

    fn must_hold(&self, element: &Element) -> Walked<()> {
        let left = self.length.saturating_sub(self.at);
        let Tag(group, number) = element.tag;
        if element.length == UNDEFINED {
            return Ok(());
        }
        // The parser reads whole numbers only and would take the rest for the next element.
        if !element.length.is_multiple_of(element.unit) {
            return Err(format!(
                "element ({group:04x},{number:04x}) has {} bytes, expected a multiple of {}: the file is damaged",
                element.length, element.unit
            ));
        }
        if u64::from(element.length) <= left {
            return Ok(());
        }
        Err(format!(
            "element ({group:04x},{number:04x}) claims {} bytes, {left} are left: the file is cut off or damaged",
            element.length
        ))
    }

    /// The header of the next element; `None` at the end.
    fn header(&mut self, encoding: Encoding) -> Walked<Option<Element>> {
        let small = |pair: [u8; 2]| {
            if encoding.is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let large = |four: [u8; 4]| {
            if encoding.is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        };
        let Some([a, b, c, d, rest @ ..]) = self.bytes::<8>() else { return Ok(None) };
        let tag = Tag(small([a, b]), small([c, d]));
        if tag.0 == ITEM.0 {
            return Ok(Some(Element { tag, vr: VR::SQ, length: large(rest), unit: 1 }));
        }
        if !encoding.is_explicit {
            let entry = StandardDataDictionary.by_tag(tag);
            let known = entry.and_then(|entry| entry.vr().exact());
            // As the parser takes them.
            let unit = entry.map_or(1, |entry| unit_of(entry.vr().relaxed()));
            // What has no length is a sequence, known or not.
            let length = large(rest);
            let vr = if length == UNDEFINED { VR::SQ } else { known.unwrap_or(VR::OW) };
            return Ok(Some(Element { tag, vr, length, unit }));
        }
        let vr = [rest[0], rest[1]];
        if SHORT.contains(&&vr) {
            let length = u32::from(small([rest[2], rest[3]]));
            let vr = VR::from_binary(vr).unwrap_or(VR::UN);
            return Ok(Some(Element { tag, vr, length, unit: unit_of(vr) }));
        }
        if !LONG.contains(&&vr) {
            let zeros = tag == Tag(0, 0) && rest == [0; 4];
            return if zeros {
                Ok(Some(Element { tag, vr: VR::UN, length: 0, unit: 1 }))
            } else {
                let vr = vr.escape_ascii();
                let Tag(group, number) = tag;
                Err(format!(
                    "element ({group:04x},{number:04x}) is of an unknown kind (VR `{vr}`): the file is damaged"
                ))
            };
        }
        let Some(length) = self.bytes().map(large) else { return Ok(None) };
        let vr = VR::from_binary(vr).unwrap_or(VR::UN);
        Ok(Some(Element { tag, vr, length, unit: unit_of(vr) }))
    }

    fn bytes<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.reader.read_exact(&mut bytes).ok()?;
        self.at += COUNT as u64;
        Some(bytes)
    }

    fn skip(&mut self, length: u64) {
        // Lengths are below 4 GiB, so this cannot overflow; a failed seek shows at the next read.
        let _ = self.reader.seek_relative(length as i64);
        self.at += length;
    }
}
