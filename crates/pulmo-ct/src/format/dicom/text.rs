//! Numbers as DICOM text, and the limits of what an element may hold.
//!
//! Character sets: text of the source is copied as bytes together with its SpecificCharacterSet (0008,0005), so it
//! reads as in the source, whatever the set and even if none is declared. What this program adds is ASCII, which
//! every defined set leaves alone in its initial state; `~` is refused because ISO_IR 13 shows an overline there.

use dicom_core::{Tag, VR};

use super::dataset::{DataSet, Value};
use crate::error::{Error, Result};

/// The longest a decimal string (DS) may be.
const DECIMAL_LENGTH: usize = 16;

/// A number as a decimal string of at most 16 characters, as exactly as these allow.
///
/// What a decimal string gave comes back as the same number. A number that is not finite gives text which the
/// check of the finished object refuses.
pub(super) fn decimal(x: f64) -> String {
    // No negative zero: some readers compare text.
    let x = if x == 0.0 { 0.0 } else { x };
    let fits = |text: &String| text.len() <= DECIMAL_LENGTH;
    let shortest = [x.to_string(), format!("{x:e}")];
    if let Some(text) = shortest.into_iter().find(fits) {
        return text;
    }
    let plain = (0..=DECIMAL_LENGTH).rev().map(|digits| format!("{x:.digits$}")).find(fits);
    let scientific = (0..=DECIMAL_LENGTH).rev().map(|digits| format!("{x:.digits$e}")).find(fits);
    let off = |text: &String| text.parse::<f64>().map_or(f64::INFINITY, |y| (x - y).abs());
    let candidates = [plain, scientific].into_iter().flatten();
    candidates.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or_else(|| x.to_string())
}

/// Checks every element that is not copied from the source: characters and length by its VR (PS3.5 table 6.2-1).
///
/// # Errors
/// [`Error::Value`] that names the tag and how long its value is, never the value.
pub(super) fn check(data: &DataSet) -> Result<()> {
    for (tag, element) in data.iter() {
        match &element.value {
            Value::Items(items) if !element.is_copied => items.iter().try_for_each(check)?,
            Value::Bytes(bytes) if !element.is_copied => check_value(tag, element.vr, bytes)?,
            _ => (),
        }
    }
    Ok(())
}

/// What one value of a VR may hold.
struct Limit {
    characters: usize,
    /// Whether a backslash separates values.
    is_multiple: bool,
    is_allowed: fn(u8) -> bool,
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'}')
}

fn is_long_text(byte: u8) -> bool {
    is_text(byte) || matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c)
}

fn limit(vr: VR) -> Option<Limit> {
    let several = |characters, is_allowed| Some(Limit { characters, is_multiple: true, is_allowed });
    let single = |characters, is_allowed| Some(Limit { characters, is_multiple: false, is_allowed });
    match vr {
        VR::AE => several(16, is_text),
        VR::AS => several(4, |b| b.is_ascii_digit() || b"DWMY".contains(&b)),
        VR::CS => several(16, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b" _".contains(&b)),
        VR::DA => several(8, |b| b.is_ascii_digit()),
        VR::DS => several(DECIMAL_LENGTH, |b| b.is_ascii_digit() || b"+-.eE ".contains(&b)),
        VR::DT => several(26, |b| b.is_ascii_digit() || b"+-. ".contains(&b)),
        VR::IS => several(12, |b| b.is_ascii_digit() || b"+- ".contains(&b)),
        VR::LO | VR::PN => several(64, is_text),
        VR::LT => single(10_240, is_long_text),
        VR::SH => several(16, is_text),
        VR::ST => single(1024, is_long_text),
        VR::TM => several(14, |b| b.is_ascii_digit() || b". ".contains(&b)),
        VR::UI => several(64, |b| b.is_ascii_digit() || b == b'.'),
        VR::UC => several(u32::MAX as usize - 1, is_text),
        VR::UR => single(u32::MAX as usize - 1, is_text),
        VR::UT => single(u32::MAX as usize - 1, is_long_text),
        _ => None,
    }
}

fn check_value(tag: Tag, vr: VR, bytes: &[u8]) -> Result<()> {
    let Some(limit) = limit(vr) else { return Ok(()) };
    let refuse = |problem: String| Err(Error::Value { problem: format!("DICOM element {tag} (VR {vr}) {problem}") });
    let values = bytes.split(|&byte| limit.is_multiple && byte == b'\\');
    for value in values {
        if value.len() > limit.characters {
            return refuse(format!("has {} characters, at most {} are allowed", value.len(), limit.characters));
        }
        if let Some(at) = value.iter().position(|&byte| !(limit.is_allowed)(byte)) {
            return refuse(format!("has a character at place {} that is not allowed there", at + 1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::tags;

    #[test]
    fn decimals_fit_and_stay_exact() {
        for x in [0.0, -0.0, 0.7, -349.25, 0.703125, 1e-20, -123456.789012, 0.1 + 0.2, 1.0 / 3.0, -1e-5 / 3.0, 1e300] {
            let text = decimal(x);
            assert!(text.len() <= 16, "{x}: {text}");
            let off = (text.parse::<f64>().unwrap() - x).abs();
            assert!(off <= x.abs() * 1e-9, "{x}: {text}");
        }
        assert_eq!(decimal(-0.0), "0");
        assert_eq!(decimal(1.0 / 3.0), "0.33333333333333");
        // What stood in 16 characters comes back as the same number.
        for text in ["-123.12345678901", "0.99999999999999", "-0.1234567890123", "1.5e-7"] {
            let x: f64 = text.parse().unwrap();
            assert_eq!(decimal(x).parse::<f64>().unwrap(), x, "{text}");
        }
    }

    #[test]
    fn values_beyond_their_vr_are_named_by_tag_and_length() {
        let problem = |tag, text: &str| {
            let mut data = DataSet::new();
            data.put_text(tag, text);
            check(&data).map_err(|e| e.to_string())
        };
        assert!(problem(tags::SERIES_DESCRIPTION, &"x".repeat(64)).is_ok());
        let error = problem(tags::SERIES_DESCRIPTION, &"x".repeat(65)).unwrap_err();
        assert_eq!(error, "DICOM element (0008,103E) (VR LO) has 65 characters, at most 64 are allowed");
        for (tag, bad) in [
            (tags::MODALITY, "seg"),
            (tags::CODE_VALUE, "12345678901234567"),
            (tags::SERIES_NUMBER, "1234567890123"),
            (tags::SERIES_INSTANCE_UID, "1.2.x"),
            (tags::SEGMENT_LABEL, "\u{dc}berlagerung"),
            (tags::PIXEL_SPACING, "NaN\\1"),
        ] {
            assert!(problem(tag, bad).is_err(), "{tag}");
        }
        // Nested elements too; copied ones keep what the source has.
        let mut item = DataSet::new();
        item.put_text(tags::CODE_VALUE, "12345678901234567");
        let mut data = DataSet::new();
        data.put_item(tags::CONCEPT_NAME_CODE_SEQUENCE, item.clone());
        assert!(check(&data).is_err());
        let mut copy = DataSet::new();
        copy.copy(&data, tags::CONCEPT_NAME_CODE_SEQUENCE);
        assert!(check(&copy).is_ok());
    }
}
