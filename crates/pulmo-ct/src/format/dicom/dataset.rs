//! A DICOM data set as bytes: what is read to be copied, and what is written.
//!
//! Text stays the bytes it was in the source file, whatever its character set; nothing here decodes or encodes
//! it. Writing is Explicit VR Little Endian (PS3.5 section 7.1.2), or Implicit VR Little Endian where a value is too long for the
//! two bytes that explicit VR has for its length; elements in the order of their tags, sequences and items with explicit lengths,
//! every value padded to an even length.

use std::collections::BTreeMap;
use std::io::{self, Write};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, uids};

use super::text::decimal;

/// The value of an element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Little endian, as in the file; text in the source's character set.
    Bytes(Vec<u8>),
    /// The items of a sequence.
    Items(Vec<DataSet>),
}

/// One element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) vr: VR,
    pub(super) value: Value,
    /// Taken from the source as it is: exactness goes before the limits of its VR.
    pub(super) is_copied: bool,
}

/// How a data set is written; little endian always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// With the kind of each value; those of text and numbers hold at most 65,534 bytes.
    ExplicitVr,
    /// Without; every value may be long.
    ImplicitVr,
}

impl Encoding {
    /// TransferSyntaxUID.
    pub(super) fn transfer_syntax(self) -> &'static str {
        match self {
            Self::ExplicitVr => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            Self::ImplicitVr => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        }
    }
}

/// Elements by tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DataSet {
    elements: BTreeMap<Tag, Element>,
}

/// The VR that the standard's dictionary gives an attribute; UN for one it does not know.
pub(super) fn vr_of(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed())
}

/// Whether a value of this VR takes four bytes for its length (PS3.5 table 7.1-1).
fn has_long_length(vr: VR) -> bool {
    use VR::*;
    matches!(vr, OB | OD | OF | OL | OV | OW | SQ | SV | UC | UN | UR | UT | UV)
}

/// What fills a value up to an even length.
fn padding(vr: VR) -> u8 {
    if matches!(vr, VR::UI | VR::OB | VR::UN) { 0 } else { b' ' }
}

impl DataSet {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Tag, &Element)> {
        self.elements.iter().map(|(tag, element)| (*tag, element))
    }

    pub(super) fn get(&self, tag: Tag) -> Option<&Element> {
        self.elements.get(&tag)
    }

    /// Puts an element as it is, in place of one with this tag.
    pub(super) fn insert(&mut self, tag: Tag, element: Element) -> &mut Self {
        self.elements.insert(tag, element);
        self
    }

    /// Takes an element out.
    pub(super) fn remove(&mut self, tag: Tag) {
        self.elements.remove(&tag);
    }

    /// The bytes of an element without the padding at both ends; `None` if it is absent, empty or a sequence.
    pub(super) fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match &self.get(tag)?.value {
            Value::Bytes(bytes) => {
                let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
                let begin = bytes.iter().position(|byte| !is_padding(byte))?;
                let end = bytes.iter().rposition(|byte| !is_padding(byte))? + 1;
                Some(&bytes[begin..end])
            }
            Value::Items(_) => None,
        }
    }

    /// The text of an element that is in ASCII by its VR (UI, CS, DA, …); `None` if absent, empty or not ASCII.
    pub(super) fn ascii(&self, tag: Tag) -> Option<&str> {
        let bytes = self.bytes(tag)?;
        if bytes.is_ascii() { std::str::from_utf8(bytes).ok() } else { None }
    }

    /// Copies an element of `source`, bytes and all; does nothing where `source` lacks it.
    pub(super) fn copy(&mut self, source: &Self, tag: Tag) -> &mut Self {
        if let Some(element) = source.get(tag) {
            self.insert(tag, Element { is_copied: true, ..element.clone() });
        }
        self
    }

    /// Puts an empty value (type 2) where there is none.
    pub(super) fn empty_unless_present(&mut self, tag: Tag) -> &mut Self {
        self.elements.entry(tag).or_insert_with(|| {
            let vr = vr_of(tag);
            let value = if vr == VR::SQ { Value::Items(Vec::new()) } else { Value::Bytes(Vec::new()) };
            Element { vr, value, is_copied: false }
        });
        self
    }

    /// Puts bytes under the VR of the dictionary.
    pub(super) fn put_bytes(&mut self, tag: Tag, bytes: Vec<u8>) -> &mut Self {
        self.put_bytes_as(tag, vr_of(tag), bytes)
    }

    /// Puts bytes under a VR, where the dictionary leaves the choice (OB or OW, US or SS).
    pub(super) fn put_bytes_as(&mut self, tag: Tag, vr: VR, bytes: Vec<u8>) -> &mut Self {
        self.insert(tag, Element { vr, value: Value::Bytes(bytes), is_copied: false })
    }

    /// Puts our own text; several values are separated by a backslash. Checked when the object is finished.
    pub(super) fn put_text(&mut self, tag: Tag, text: &str) -> &mut Self {
        self.put_bytes(tag, text.as_bytes().to_vec())
    }

    /// Puts numbers as decimal strings (DS), each with all the digits that 16 characters can hold.
    pub(super) fn put_decimals(&mut self, tag: Tag, numbers: &[f64]) -> &mut Self {
        let texts: Vec<String> = numbers.iter().map(|&x| decimal(x)).collect();
        self.put_text(tag, &texts.join("\\"))
    }

    /// Puts an integer string (IS).
    pub(super) fn put_integer(&mut self, tag: Tag, number: i64) -> &mut Self {
        self.put_text(tag, &number.to_string())
    }

    /// Puts 16 bit unsigned numbers (US).
    pub(super) fn put_u16(&mut self, tag: Tag, numbers: &[u16]) -> &mut Self {
        self.put_bytes_as(tag, VR::US, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Puts 32 bit unsigned numbers (UL).
    pub(super) fn put_u32(&mut self, tag: Tag, numbers: &[u32]) -> &mut Self {
        self.put_bytes_as(tag, VR::UL, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Puts 64 bit floating point numbers (FD).
    pub(super) fn put_f64(&mut self, tag: Tag, numbers: &[f64]) -> &mut Self {
        self.put_bytes_as(tag, VR::FD, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    /// Puts tags (AT), as pointers to attributes.
    pub(super) fn put_tags(&mut self, tag: Tag, tags: &[Tag]) -> &mut Self {
        let bytes = tags.iter().flat_map(|Tag(group, element)| [group.to_le_bytes(), element.to_le_bytes()]);
        self.put_bytes_as(tag, VR::AT, bytes.flatten().collect())
    }

    /// Puts a sequence.
    pub(super) fn put_items(&mut self, tag: Tag, items: Vec<DataSet>) -> &mut Self {
        self.insert(tag, Element { vr: VR::SQ, value: Value::Items(items), is_copied: false })
    }

    /// Puts a sequence of one item.
    pub(super) fn put_item(&mut self, tag: Tag, item: DataSet) -> &mut Self {
        self.put_items(tag, vec![item])
    }

    /// Explicit VR, unless a value needs the longer length fields of implicit VR.
    pub(super) fn encoding(&self) -> Encoding {
        let fits = |element: &Element| match &element.value {
            Value::Bytes(bytes) => has_long_length(element.vr) || bytes.len() < usize::from(u16::MAX),
            Value::Items(items) => items.iter().all(|item| item.encoding() == Encoding::ExplicitVr),
        };
        if self.elements.values().all(fits) { Encoding::ExplicitVr } else { Encoding::ImplicitVr }
    }

    /// How many bytes [`DataSet::write`] writes.
    pub(super) fn written_length(&self, encoding: Encoding) -> u64 {
        self.elements.values().map(|element| element.written_length(encoding)).sum()
    }

    /// Writes the data set without file meta information.
    ///
    /// # Errors
    /// What `out` gives, and `InvalidInput` for a value that is too long for its length field.
    pub(super) fn write(&self, encoding: Encoding, out: &mut dyn Write) -> io::Result<()> {
        for (tag, element) in self.iter() {
            element.write(tag, encoding, out)?;
        }
        Ok(())
    }
}

impl Element {
    fn value_length(&self, encoding: Encoding) -> u64 {
        match &self.value {
            Value::Bytes(bytes) => (bytes.len() as u64).next_multiple_of(2),
            Value::Items(items) => items.iter().map(|item| 8 + item.written_length(encoding)).sum(),
        }
    }

    fn written_length(&self, encoding: Encoding) -> u64 {
        let has_longer_header = encoding == Encoding::ExplicitVr && has_long_length(self.vr);
        (if has_longer_header { 12 } else { 8 }) + self.value_length(encoding)
    }

    fn write(&self, tag: Tag, encoding: Encoding, out: &mut dyn Write) -> io::Result<()> {
        let length = self.value_length(encoding);
        let too_long = |_| {
            let problem = format!("element {tag} has {length} bytes, more than its VR {} can hold", self.vr);
            io::Error::new(io::ErrorKind::InvalidInput, problem)
        };
        write_tag(tag, out)?;
        if encoding == Encoding::ExplicitVr {
            out.write_all(&self.vr.to_bytes())?;
        }
        if encoding == Encoding::ExplicitVr && !has_long_length(self.vr) {
            out.write_all(&u16::try_from(length).map_err(too_long)?.to_le_bytes())?;
        } else {
            if encoding == Encoding::ExplicitVr {
                out.write_all(&[0, 0])?;
            }
            out.write_all(&u32::try_from(length).map_err(too_long)?.to_le_bytes())?;
        }
        match &self.value {
            Value::Bytes(bytes) => {
                out.write_all(bytes)?;
                if bytes.len() % 2 == 1 {
                    out.write_all(&[padding(self.vr)])?;
                }
            }
            Value::Items(items) => {
                for item in items {
                    write_tag(Tag(0xfffe, 0xe000), out)?;
                    // Within the sequence, whose length fits.
                    out.write_all(&(item.written_length(encoding) as u32).to_le_bytes())?;
                    item.write(encoding, out)?;
                }
            }
        }
        Ok(())
    }
}

fn write_tag(Tag(group, element): Tag, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&group.to_le_bytes())?;
    out.write_all(&element.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::tags;

    #[test]
    fn elements_are_written_as_the_standard_says() {
        let mut item = DataSet::new();
        item.put_text(tags::CODE_VALUE, "112121");
        let mut data = DataSet::new();
        data.put_item(tags::CONCEPT_NAME_CODE_SEQUENCE, item).put_text(tags::MODALITY, "SEG").put_u16(tags::ROWS, &[7]);
        let mut out = Vec::new();
        assert_eq!(data.encoding(), Encoding::ExplicitVr);
        data.write(Encoding::ExplicitVr, &mut out).unwrap();
        let expected = [
            &[8, 0, 0x60, 0, b'C', b'S', 4, 0, b'S', b'E', b'G', b' '][..],
            &[0x28, 0, 0x10, 0, b'U', b'S', 2, 0, 7, 0],
            &[0x40, 0, 0x43, 0xa0, b'S', b'Q', 0, 0, 22, 0, 0, 0],
            &[0xfe, 0xff, 0, 0xe0, 14, 0, 0, 0, 8, 0, 0, 1, b'S', b'H', 6, 0],
            b"112121",
        ];
        assert_eq!(out, expected.concat());
        assert_eq!(data.written_length(Encoding::ExplicitVr), out.len() as u64);
    }

    #[test]
    fn a_value_too_long_for_explicit_vr_is_written_without_vr() {
        let mut item = DataSet::new();
        item.put_text(tags::CONTOUR_DATA, &"x".repeat(70_000));
        let mut data = DataSet::new();
        data.put_item(tags::CONTOUR_SEQUENCE, item);
        assert_eq!(data.encoding(), Encoding::ImplicitVr);
        let error = data.write(Encoding::ExplicitVr, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("(3006,0050) has 70000 bytes"), "{error}");
        let mut out = Vec::new();
        data.write(Encoding::ImplicitVr, &mut out).unwrap();
        assert_eq!(data.written_length(Encoding::ImplicitVr), out.len() as u64);
        let header = [
            [0x06, 0x30, 0x40, 0, 0x80, 0x11, 1, 0],
            [0xfe, 0xff, 0, 0xe0, 0x78, 0x11, 1, 0],
            [0x06, 0x30, 0x50, 0, 0x70, 0x11, 1, 0],
        ];
        assert_eq!(out[..24], header.concat());
    }
}
