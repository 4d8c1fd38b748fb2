//! Who was scanned and when: read only where a user asks for identity, or to key it.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::SourceSeries;
use super::dataset::DataSet;

/// Name, ID and date of a study. Its debug output shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// PatientName, its first group (letters of the alphabet), parts separated by spaces: family, given, ….
    pub name: String,
    /// PatientID.
    pub id: String,
    /// StudyDate as YYYY-MM-DD; empty where there is none or it is no date.
    pub study_date: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

impl SourceSeries {
    /// Who was scanned and when, from the first slice's header; what is absent there is empty.
    ///
    /// Characters that SpecificCharacterSet does not explain become U+FFFD.
    #[must_use]
    pub fn person(&self) -> Person {
        let header = self.header();
        let name = text(header, tags::PATIENT_NAME);
        let parts = name.split('=').next().unwrap_or_default().split('^');
        let parts: Vec<&str> = parts.map(str::trim).filter(|part| !part.is_empty()).collect();
        Person {
            name: parts.join(" "),
            id: text(header, tags::PATIENT_ID),
            study_date: header.ascii(tags::STUDY_DATE).and_then(date).unwrap_or_default(),
        }
    }
}

fn text(header: &DataSet, tag: Tag) -> String {
    let bytes = header.bytes(tag).unwrap_or_default();
    if let (true, Ok(plain)) = (bytes.is_ascii(), std::str::from_utf8(bytes)) {
        return plain.to_owned();
    }
    // Of several sets the first is in force where no escape sequence says otherwise; it may be left empty.
    let sets = header.ascii(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default();
    let first = sets.split('\\').find(|set| !set.trim().is_empty()).unwrap_or("ISO_IR 6");
    let decoded = SpecificCharacterSet::from_code(first).and_then(|set| set.decode(bytes).ok());
    decoded
        .unwrap_or_else(|| bytes.iter().map(|&byte| if byte.is_ascii() { byte as char } else { '\u{fffd}' }).collect())
}

/// `20240131` as `2024-01-31`.
fn date(text: &str) -> Option<String> {
    let is_date = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_digit());
    is_date.then(|| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_their_own_letters() {
        let read = |set: &str, name: &[u8]| {
            let mut header = DataSet::new();
            header.put_text(tags::SPECIFIC_CHARACTER_SET, set).put_bytes(tags::PATIENT_NAME, name.to_vec());
            text(&header, tags::PATIENT_NAME)
        };
        assert_eq!(read("ISO_IR 100", b"M\xfcller^J\xfcrgen"), "Müller^Jürgen");
        assert_eq!(read("ISO_IR 192", "Müller^Jürgen".as_bytes()), "Müller^Jürgen");
        assert_eq!(read("nonsense", b"M\xfcller"), "M\u{fffd}ller");
        assert_eq!((date("20240131"), date("2024")), (Some("2024-01-31".to_owned()), None));
    }
}
