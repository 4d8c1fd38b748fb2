//! How a series was made: the technical attributes that a reader of numbers must know.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::super::file::open_lazily;
use super::header::{SliceHeader, text};
use crate::format::ScanFacts;

/// Ages from here on are one class: rarer ones could name a patient.
const OLDEST_YEARS: u16 = 90;
/// The longest text that is taken over; these attributes are short codes.
const LONGEST: usize = 64;

/// What the series of a slice says of how it was made.
///
/// A file that cannot be read a second time leaves its attributes unknown.
pub(super) fn of(slice: &SliceHeader) -> ScanFacts {
    let mut facts = ScanFacts {
        kernel: technical(&slice.kernel),
        contrast_agent: Some(slice.has_contrast),
        slice_thickness_mm: slice.slice_thickness_mm.filter(|&mm| mm > 0.0),
        ..ScanFacts::default()
    };
    if let Ok((object, _)) = open_lazily(&slice.file) {
        let value = |tag: Tag| technical(&text(&object, tag));
        facts.manufacturer = value(tags::MANUFACTURER);
        facts.scanner_model = value(tags::MANUFACTURER_MODEL_NAME);
        facts.patient_position = value(tags::PATIENT_POSITION).map(|code| code.to_ascii_uppercase());
        facts.age_years = age_of(&object);
    }
    facts
}

/// A short text of printable ASCII, or nothing.
fn technical(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_plain && !text.is_empty()).then(|| text.to_owned())
}

fn age_of(object: &InMemDicomObject) -> Option<u16> {
    age_years(&text(object, tags::PATIENT_AGE))
}

/// An age string (AS: `063Y`, `018M`, `006W`, `012D`) in whole years.
fn age_years(age: &str) -> Option<u16> {
    let age = age.trim();
    let unit = age.chars().last()?;
    let number: u16 = age.strip_suffix(unit)?.parse().ok()?;
    let years = match unit {
        'Y' | 'y' => number,
        'M' | 'm' => number / 12,
        'W' | 'w' => number / 52,
        'D' | 'd' => number / 365,
        _ => return None,
    };
    Some(years.min(OLDEST_YEARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_whole_years_and_the_oldest_are_one_class() {
        for (text, years) in
            [("063Y", Some(63)), ("018M", Some(1)), ("006W", Some(0)), ("400D", Some(1)), ("097Y", Some(90))]
        {
            assert_eq!(age_years(text), years, "{text}");
        }
        for bad in ["", "Y", "63", "-3Y", "063\u{c4}", "x1Y"] {
            assert_eq!(age_years(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_short_plain_text_is_taken_over() {
        assert_eq!(technical(" B70f "), Some("B70f".to_owned()));
        assert_eq!(technical(""), None);
        assert_eq!(technical("M\u{fc}ller"), None);
        assert_eq!(technical(&"x".repeat(65)), None);
    }
}
