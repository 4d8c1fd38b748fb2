//! The one way to open a DICOM file: checked first, parsed second.
//!
//! A file is recognised by its mark or, without preamble, by its first element. The file meta group is read
//! element by element, so that a wrong group length or a missing version (0002,0001) does no harm; the data
//! set is walked through by `lengths` before the parser sees it; a deflated one is inflated to a bound.
//! What remains is an object whose meta group is whole.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::file::ReadPreamble;
use dicom_object::{DefaultDicomObject, FileMetaTable, FileMetaTableBuilder, OpenFileOptions};

use super::codec::{DEFLATED, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR};
use super::lengths::{Encoding, Layout, Walk, is_vr};
use super::pixel_data::PixelData;
use crate::error::{Error, Result};

/// How many bytes one byte of a deflated data set may become: blank slices reach some hundred.
const INFLATES_AT_MOST: u64 = 400;
/// And what every deflated data set may become.
const INFLATES_ALWAYS_TO: u64 = 16 << 20;
/// The longest file that is read into memory as a whole.
const LARGEST: u64 = 16 << 30;

/// Why a file has nothing to offer.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is something else.
    NotDicom,
    /// A DICOM file that is cut off or contradicts itself.
    Damaged {
        /// How.
        how: String,
        /// Its SeriesInstanceUID, if that stands before the damage.
        series_uid: Option<String>,
    },
}

impl Unreadable {
    /// The error for `path`.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::NotDicom => Error::invalid(path, "it is not a DICOM file", "give a DICOM file"),
            Self::Damaged { how, .. } => Error::invalid(path, how, "copy the file again from its source"),
        }
    }
}

impl From<String> for Unreadable {
    fn from(how: String) -> Self {
        Self::Damaged { how, series_uid: None }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Damaged { how: error.to_string(), series_uid: None }
    }
}

/// Opens a DICOM file as a whole, pixel data included.
///
/// # Errors
/// [`Error::Invalid`] if it is no DICOM file, is cut off, or claims lengths that it does not have.
pub(crate) fn open(path: &Path) -> Result<DefaultDicomObject> {
    read(path, Part::Whole).map(|(object, _)| object).map_err(|e| e.at(path))
}

/// Opens a DICOM file without its pixel data and what follows them.
///
/// # Errors
/// As [`open`]: the lengths of the whole file are checked.
pub(crate) fn open_header(path: &Path) -> Result<DefaultDicomObject> {
    read(path, Part::Header).map(|(object, _)| object).map_err(|e| e.at(path))
}

/// The header of a DICOM file and where its pixels lie.
pub(super) fn open_lazily(path: &Path) -> std::result::Result<(DefaultDicomObject, Option<PixelData>), Unreadable> {
    read(path, Part::Header)
}

/// Whether the first bytes of a file (132 at least, if it has them) are those of a DICOM file.
///
/// A file without preamble and mark is recognised by its first element, which must be of group 2 or 8.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    Start::of(head).is_some()
}

/// Where a file's elements begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The file meta group, at this byte.
    Meta(u64),
    /// The data set, in an encoding that only its first element tells.
    DataSet(Encoding),
}

impl Start {
    fn of(head: &[u8]) -> Option<Self> {
        if head.get(128..132) == Some(b"DICM") {
            return Some(Self::Meta(132));
        }
        let [a, b, c, d, e, f, g, h] = *head.first_chunk()?;
        let is_vr = is_vr(&[e, f]);
        let is_early = |number: u8| [0x00, 0x01, 0x05, 0x08, 0x12, 0x16, 0x18].contains(&number);
        match [a, b, c, d] {
            [2, 0, _, 0] if is_vr => Some(Self::Meta(0)),
            [8, 0, number, 0] if is_early(number) && is_vr => Some(Self::DataSet(Encoding::EXPLICIT)),
            [8, 0, number, 0] if is_early(number) && e <= 64 && [f, g, h] == [0; 3] => {
                Some(Self::DataSet(Encoding::IMPLICIT))
            }
            [0, 8, 0, number] if is_early(number) && is_vr => Some(Self::DataSet(Encoding::BIG_ENDIAN)),
            _ => None,
        }
    }
}

/// How much of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Whole,
}

fn read(path: &Path, part: Part) -> std::result::Result<(DefaultDicomObject, Option<PixelData>), Unreadable> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::with_capacity(132);
    (&file).take(132).read_to_end(&mut head)?;
    let (meta, at, encoding) = match Start::of(&head).ok_or(Unreadable::NotDicom)? {
        Start::Meta(at) => {
            let (elements, at) = Walk::new(&file, at, length)?.meta()?;
            let meta = meta_table(&elements)?;
            let encoding = encoding_of(meta.transfer_syntax());
            (meta, at, encoding)
        }
        Start::DataSet(encoding) => (meta_table(&[syntax_element(encoding)])?, 0, encoding),
    };
    let has_mark = head.get(128..132) == Some(b"DICM");
    if meta.transfer_syntax() == DEFLATED {
        let bytes = inflate(path, at)?;
        let layout = Walk::new(Cursor::new(&bytes), 0, bytes.len() as u64)?.data_set(Encoding::EXPLICIT)?;
        let object = parse(&meta, Cursor::new(&bytes), &layout, 0, part)?;
        let mut pixels = layout.pixel_data.map(|(_, stored)| PixelData::deflated(path, at, stored));
        set_offsets(&object, &mut pixels);
        return Ok((object, pixels));
    }
    let mut walk = Walk::new(&file, at, length)?;
    let layout = walk.data_set(encoding).map_err(|how| {
        if has_mark { Unreadable::Damaged { how, series_uid: walk.series_uid() } } else { Unreadable::NotDicom }
    })?;
    if !has_mark && !layout.has_sop_class {
        return Err(Unreadable::NotDicom);
    }
    let object = parse(&meta, &mut file, &layout, at, part)?;
    let mut pixels =
        layout.pixel_data.map(|(_, stored)| PixelData::in_file(path, length, stored, encoding.is_big_endian));
    set_offsets(&object, &mut pixels);
    Ok((object, pixels))
}

/// Tells the pixels their ExtendedOffsetTable (7FE0,0001), 64 bit numbers, if there is one.
fn set_offsets(object: &DefaultDicomObject, pixels: &mut Option<PixelData>) {
    let table = object.get(tags::EXTENDED_OFFSET_TABLE).and_then(|element| element.to_bytes().ok());
    if let (Some(pixels), Some(table)) = (pixels, table) {
        pixels.set_extended_offsets(table.as_chunks::<8>().0.iter().map(|&eight| u64::from_le_bytes(eight)).collect());
    }
}

/// How the data set of a transfer syntax is written.
fn encoding_of(transfer_syntax: &str) -> Encoding {
    match transfer_syntax {
        IMPLICIT_VR => Encoding::IMPLICIT,
        EXPLICIT_VR_BIG_ENDIAN => Encoding::BIG_ENDIAN,
        _ => Encoding::EXPLICIT,
    }
}

fn syntax_element(encoding: Encoding) -> (Tag, Vec<u8>) {
    let uid = match encoding {
        Encoding::IMPLICIT => IMPLICIT_VR,
        Encoding::BIG_ENDIAN => EXPLICIT_VR_BIG_ENDIAN,
        _ => uids::EXPLICIT_VR_LITTLE_ENDIAN,
    };
    (tags::TRANSFER_SYNTAX_UID, uid.as_bytes().to_vec())
}

/// A whole meta group from the elements that are there.
fn meta_table(elements: &[(Tag, Vec<u8>)]) -> std::result::Result<FileMetaTable, Unreadable> {
    let text = |tag: Tag| {
        let bytes = elements.iter().find(|(at, _)| *at == tag).map(|(_, bytes)| bytes)?;
        Some(String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_owned()).filter(|text| !text.is_empty())
    };
    let transfer_syntax = text(tags::TRANSFER_SYNTAX_UID)
        .ok_or_else(|| "its meta group has no TransferSyntaxUID (0002,0010)".to_owned())?;
    let uid = |tag: Tag| {
        let value = text(tag).unwrap_or_default();
        let is_uid = value.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
        if is_uid { Ok(value) } else { Err(format!("({:04x},{:04x}) in its meta group is no UID", tag.0, tag.1)) }
    };
    let mut table = FileMetaTableBuilder::new()
        .transfer_syntax(transfer_syntax)
        .media_storage_sop_class_uid(uid(tags::MEDIA_STORAGE_SOP_CLASS_UID)?)
        .media_storage_sop_instance_uid(uid(tags::MEDIA_STORAGE_SOP_INSTANCE_UID)?);
    if text(tags::IMPLEMENTATION_CLASS_UID).is_some() {
        table = table.implementation_class_uid(uid(tags::IMPLEMENTATION_CLASS_UID)?);
    }
    if let Some(name) = text(tags::IMPLEMENTATION_VERSION_NAME) {
        table = table.implementation_version_name(name);
    }
    if let Some(title) = text(tags::SOURCE_APPLICATION_ENTITY_TITLE) {
        table = table.source_application_entity_title(title);
    }
    Ok(table.build().map_err(|e| causes(&e))?)
}

/// Inflates what follows byte `at` of a file, to a bound.
pub(super) fn inflate(path: &Path, at: u64) -> std::result::Result<Vec<u8>, String> {
    let failed = |e: io::Error| format!("its deflated data set is damaged ({e}): the file is cut off or damaged");
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let bound = INFLATES_ALWAYS_TO + length.saturating_mul(INFLATES_AT_MOST);
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(file).take(bound + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bound {
        return Err(format!("its deflated data set is longer than {INFLATES_AT_MOST} times the file"));
    }
    Ok(bytes)
}

/// Parses the data set, which begins at `at` of `source` and has been walked through.
fn parse(
    meta: &FileMetaTable,
    mut source: impl Read + Seek,
    layout: &Layout,
    at: u64,
    part: Part,
) -> std::result::Result<DefaultDicomObject, Unreadable> {
    let end = match (&layout.pixel_data, part) {
        (Some((pixels_at, _)), Part::Header) => *pixels_at,
        _ => layout.end,
    };
    if end - at > LARGEST {
        return Err(format!("its data set has {} GiB", (end - at) >> 30).into());
    }
    // The parser is told what the bytes are: inflated already, if they were deflated.
    let mut told = meta.clone();
    if told.transfer_syntax() == DEFLATED {
        uids::EXPLICIT_VR_LITTLE_ENDIAN.clone_into(&mut told.transfer_syntax);
        told.update_information_group_length();
    }
    let mut bytes = b"DICM".to_vec();
    told.write(&mut bytes).map_err(|e| causes(&e))?;
    for piece in without(at..end, &layout.opaque) {
        source.seek(SeekFrom::Start(piece.start))?;
        source.by_ref().take(piece.end - piece.start).read_to_end(&mut bytes)?;
    }
    let options = OpenFileOptions::new().read_preamble(ReadPreamble::Never);
    let mut object = options.from_reader(bytes.as_slice()).map_err(|e| causes(&e))?;
    object.update_meta(|table| table.transfer_syntax.clone_from(&meta.transfer_syntax));
    Ok(object)
}

/// The parts of a range that lie in none of the `holes`, which are in order.
fn without(range: Range<u64>, holes: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut pieces = Vec::new();
    let mut from = range.start;
    for hole in holes.iter().filter(|hole| hole.end <= range.end) {
        pieces.push(from..hole.start);
        from = hole.end;
    }
    pieces.push(from..range.end);
    pieces
}

/// An error and what caused it, in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}
