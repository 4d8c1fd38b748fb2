//! Reads the elements at the head of a DICOM file as bytes, so that they can be copied exactly.
//!
//! dicom-object decodes text by the declared character set, which loses what it does not know (ISO 2022 with
//! several sets, text that is not declared). Here nothing is decoded. Only wanted elements are kept; the reader
//! stops at the first tag beyond the last one that is wanted, so pixels are never touched.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use super::codec::{DEFLATED, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR};
use super::dataset::{DataSet, Element, Value, vr_of};
use crate::error::{Error, Result};

/// How many bytes are read first; doubled until the wanted elements are there.
const FIRST_READ: u64 = 64 << 10;
/// The most that a deflated header may grow to.
const LARGEST_INFLATED: u64 = 64 << 20;
/// Sequences nested deeper than this are damage.
const DEEPEST: usize = 16;
const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// Why a part of a file does not give its elements.
#[derive(Debug)]
enum Stop {
    /// The bytes at hand end before the element does.
    NeedsMore,
    Damaged(String),
}

type Step<T> = std::result::Result<T, Stop>;

/// Reads the elements up to and with `last` that `is_wanted` chooses, nested ones included.
///
/// # Errors
/// [`Error::Io`], or [`Error::Invalid`] if the file ends inside an element or is not DICOM.
pub(super) fn read_head(path: &Path, last: Tag, is_wanted: &dyn Fn(Tag) -> bool) -> Result<DataSet> {
    let failed = |e| Error::read(path, e);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    let mut wanted = FIRST_READ;
    loop {
        let missing = wanted - bytes.len() as u64;
        file.by_ref().take(missing).read_to_end(&mut bytes).map_err(failed)?;
        let is_whole = bytes.len() as u64 >= length || (bytes.len() as u64) < wanted;
        match elements_of_file(&bytes, is_whole, last, is_wanted) {
            Ok(data) => return Ok(data),
            Err(Stop::NeedsMore) if !is_whole => wanted *= 2,
            Err(stop) => {
                let problem = match stop {
                    Stop::NeedsMore => "it ends inside an element".to_owned(),
                    Stop::Damaged(problem) => problem,
                };
                return Err(Error::invalid(path, problem, "copy the file again from its source"));
            }
        }
    }
}

/// How a data set is written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Encoding {
    is_explicit: bool,
    is_big_endian: bool,
}

const EXPLICIT: Encoding = Encoding { is_explicit: true, is_big_endian: false };
const IMPLICIT: Encoding = Encoding { is_explicit: false, is_big_endian: false };

fn elements_of_file(bytes: &[u8], is_whole: bool, last: Tag, is_wanted: &dyn Fn(Tag) -> bool) -> Step<DataSet> {
    let begin = if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 };
    let last_of_meta = Tag(2, 0xffff);
    let mut meta = Reader { bytes, at: begin, encoding: EXPLICIT, is_whole, last: last_of_meta, is_wanted: &|_| true };
    let mut syntax = None;
    if bytes.get(begin..begin + 2) == Some(&[2, 0]) {
        syntax = meta.data_set(0, None)?.ascii(tags::TRANSFER_SYNTAX_UID).map(str::to_owned);
    }
    let rest = &bytes[meta.at..];
    let inflated;
    let (bytes, is_whole, encoding) = match syntax.as_deref() {
        Some(DEFLATED) => {
            let (bytes, is_at_end) = inflate(rest);
            inflated = bytes;
            (&inflated[..], is_whole || is_at_end, EXPLICIT)
        }
        Some(IMPLICIT_VR) => (rest, is_whole, IMPLICIT),
        Some(EXPLICIT_VR_BIG_ENDIAN) => (rest, is_whole, Encoding { is_explicit: true, is_big_endian: true }),
        Some(_) => (rest, is_whole, EXPLICIT),
        None if rest.get(4..6).is_some_and(|vr| VR::from_binary([vr[0], vr[1]]).is_some()) => {
            (rest, is_whole, EXPLICIT)
        }
        None => (rest, is_whole, IMPLICIT),
    };
    Reader { bytes, at: 0, encoding, is_whole, last, is_wanted }.data_set(0, None)
}

/// What can be had of a deflated data set that may be cut off, and whether its end was reached.
fn inflate(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut inflated = Vec::new();
    let outcome = flate2::read::DeflateDecoder::new(bytes).take(LARGEST_INFLATED).read_to_end(&mut inflated);
    let is_at_end = outcome.is_ok() && (inflated.len() as u64) < LARGEST_INFLATED;
    (inflated, is_at_end)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
    /// Whether the data set ends with `bytes`.
    is_whole: bool,
    last: Tag,
    is_wanted: &'a dyn Fn(Tag) -> bool,
}

struct Header {
    tag: Tag,
    vr: VR,
    length: u32,
}

impl Reader<'_> {
    /// Reads elements to `end` (of an item with a length), to an item's delimiter or beyond the last wanted tag.
    fn data_set(&mut self, depth: usize, end: Option<usize>) -> Step<DataSet> {
        let mut data = DataSet::new();
        while self.at < end.unwrap_or(self.bytes.len()) {
            // Beyond the last wanted tag the encoding may be another one: after the file meta group.
            let begin = self.at;
            let tag = Tag(self.u16()?, self.u16()?);
            self.at = begin;
            if tag > self.last && depth == 0 {
                return Ok(data);
            }
            let header = self.header()?;
            if header.tag == ITEM_END && depth > 0 {
                return Ok(data);
            }
            if let Some(element) = self.element(&header, depth)? {
                data.insert(header.tag, element);
            }
        }
        match end {
            None if depth == 0 && self.is_whole => Ok(data),
            None => Err(Stop::NeedsMore),
            Some(end) if end == self.at => Ok(data),
            Some(_) => Err(Stop::Damaged("an element reaches beyond its item".to_owned())),
        }
    }

    fn element(&mut self, header: &Header, depth: usize) -> Step<Option<Element>> {
        let is_kept = depth > 0 || (self.is_wanted)(header.tag);
        let vr = header.vr;
        if vr == VR::SQ || header.length == UNDEFINED {
            let items = self.items(header.length, depth + 1)?;
            return Ok(is_kept.then_some(Element { vr: VR::SQ, value: Value::Items(items), is_copied: true }));
        }
        let mut bytes = self.take(header.length as usize)?.to_vec();
        if self.encoding.is_big_endian {
            swap(vr, &mut bytes);
        }
        Ok(is_kept.then_some(Element { vr, value: Value::Bytes(bytes), is_copied: true }))
    }

    /// The items of a sequence, or the fragments of encapsulated pixels, which are passed over.
    fn items(&mut self, length: u32, depth: usize) -> Step<Vec<DataSet>> {
        if depth > DEEPEST {
            return Err(Stop::Damaged(format!("sequences are nested deeper than {DEEPEST}")));
        }
        let end = (length != UNDEFINED).then(|| self.at.saturating_add(length as usize));
        if end.is_some_and(|end| end > self.bytes.len()) {
            return Err(Stop::NeedsMore);
        }
        let mut items = Vec::new();
        while end.is_none_or(|end| self.at < end) {
            let header = self.header()?;
            match header.tag {
                SEQUENCE_END => return Ok(items),
                ITEM if header.length == UNDEFINED => items.push(self.data_set(depth, None)?),
                ITEM => {
                    let end = self.at.saturating_add(header.length as usize);
                    if end > self.bytes.len() {
                        return Err(Stop::NeedsMore);
                    }
                    items.push(self.data_set(depth, Some(end))?);
                }
                tag => return Err(Stop::Damaged(format!("a sequence holds {tag} where an item is expected"))),
            }
        }
        Ok(items)
    }

    fn header(&mut self) -> Step<Header> {
        let tag = Tag(self.u16()?, self.u16()?);
        if tag.0 == 0xfffe {
            return Ok(Header { tag, vr: VR::UN, length: self.u32()? });
        }
        if !self.encoding.is_explicit {
            return Ok(Header { tag, vr: vr_of(tag), length: self.u32()? });
        }
        let two = self.take(2)?;
        let name = [two[0], two[1]];
        let Some(vr) = VR::from_binary(name) else {
            return Err(Stop::Damaged(format!("element {tag} is of an unknown kind (VR `{}`)", name.escape_ascii())));
        };
        use VR::*;
        let length = if matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV) {
            self.take(2)?;
            self.u32()?
        } else {
            u32::from(self.u16()?)
        };
        // A known attribute that passed through a system which did not know it (PS3.5 section 6.2.2).
        let vr = if vr == UN && length != UNDEFINED && vr_of(tag) != SQ { vr_of(tag) } else { vr };
        Ok(Header { tag, vr, length })
    }

    fn take(&mut self, length: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(length).ok_or(Stop::NeedsMore)?;
        let bytes = self.bytes.get(self.at..end).ok_or(Stop::NeedsMore)?;
        self.at = end;
        Ok(bytes)
    }

    fn u16(&mut self) -> Step<u16> {
        let is_big_endian = self.encoding.is_big_endian;
        let bytes = self.take(2)?;
        let pair = [bytes[0], bytes[1]];
        Ok(if is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    }

    fn u32(&mut self) -> Step<u32> {
        let is_big_endian = self.encoding.is_big_endian;
        let bytes = self.take(4)?;
        let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
        Ok(if is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }
}

/// Turns a value from big into little endian.
fn swap(vr: VR, bytes: &mut [u8]) {
    use VR::*;
    let width = match vr {
        AT | OW | SS | US => 2,
        FL | OF | OL | SL | UL => 4,
        FD | OD | OV | SV | UV => 8,
        _ => return,
    };
    bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
}
