//! Coded entries: a code of a public scheme stays, its meaning is written anew, all else in the item goes.

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// The meanings of the codes that CT images carry; another code's meaning becomes the code itself.
const MEANINGS: [(&str, &str, &str); 15] = [
    ("DCM", "113681", "Phantom"),
    ("DCM", "113690", "IEC Head Dosimetry Phantom"),
    ("DCM", "113691", "IEC Body Dosimetry Phantom"),
    ("DCM", "113961", "Reconstruction Algorithm"),
    ("DCM", "113962", "Filtered Back Projection"),
    ("DCM", "113963", "Iterative Reconstruction"),
    ("DCM", "121311", "Localizer"),
    ("DCM", "121322", "Source image for image processing operation"),
    ("SCT", "51185008", "Chest"),
    ("SCT", "39607008", "Lung"),
    ("SCT", "818981001", "Abdomen"),
    ("SCT", "12921003", "Pelvis"),
    ("SRT", "T-D3000", "Chest"),
    ("UCUM", "[hnsf'U]", "Hounsfield unit"),
    ("UCUM", "mm", "millimeter"),
];

const UNITS: [&str; 24] = [
    "1", "%", "mm", "cm", "m", "mm2", "mm3", "mL", "ml", "s", "ms", "min", "deg", "kg", "g", "mg", "keV", "kV", "mA",
    "mAs", "mGy", "mGy.cm", "[hnsf'U]", "Bq/ml",
];

const ENTRY: [Tag; 5] =
    [tags::CODE_VALUE, tags::CODING_SCHEME_DESIGNATOR, tags::CODE_MEANING, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];

/// Whether an item is a coded entry.
pub(super) fn is_entry(item: &InMemDicomObject) -> bool {
    ENTRY.iter().any(|tag| item.get(*tag).is_some())
}

/// A coded entry with a public code and nothing else; `None` if its code is not one of a public scheme.
pub(super) fn clean(item: &InMemDicomObject) -> Option<InMemDicomObject> {
    let text = |tag| item.get(tag)?.to_str().ok().map(|value| value.trim_matches([' ', '\0']).to_owned());
    let (value, scheme) = (text(tags::CODE_VALUE)?, text(tags::CODING_SCHEME_DESIGNATOR)?);
    if !is_public(&scheme, &value) {
        return None;
    }
    let known = MEANINGS.iter().find(|(s, v, _)| (*s, *v) == (scheme.as_str(), value.as_str()));
    let meaning = known.map_or(value.as_str(), |(_, _, meaning)| meaning);
    Some(entry(&value, &scheme, meaning))
}

/// A coded entry.
pub(super) fn entry(value: &str, scheme: &str, meaning: &str) -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        DataElement::new(tags::CODE_VALUE, VR::SH, PrimitiveValue::from(value)),
        DataElement::new(tags::CODING_SCHEME_DESIGNATOR, VR::SH, PrimitiveValue::from(scheme)),
        DataElement::new(tags::CODE_MEANING, VR::LO, PrimitiveValue::from(meaning)),
    ])
}

fn is_public(scheme: &str, value: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match scheme {
        "DCM" => value.len() == 6 && is_digits(value),
        "SCT" => (6..=18).contains(&value.len()) && is_digits(value),
        "SRT" | "SNM3" | "99SDM" => value.split_once('-').is_some_and(|(axis, number)| {
            let is_number = (4..=6).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
            (1..=2).contains(&axis.len())
                && axis.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && is_number
        }),
        "LN" => value
            .split_once('-')
            .is_some_and(|(n, check)| n.len() <= 6 && is_digits(n) && check.len() == 1 && is_digits(check)),
        "UCUM" => UNITS.contains(&value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_codes_stay_without_what_was_typed_beside_them() {
        let mut item = entry("51185008", "SCT", "chest of Mr Smith");
        item.put(DataElement::new(tags::CODING_SCHEME_VERSION, VR::SH, PrimitiveValue::from("Smith")));
        let cleaned = clean(&item).unwrap();
        assert_eq!(cleaned.element(tags::CODE_MEANING).unwrap().to_str().unwrap(), "Chest");
        assert_eq!(cleaned.iter().count(), 3);
        assert_eq!(
            clean(&entry("10200004", "SCT", "x")).unwrap().get(tags::CODE_MEANING).unwrap().to_str().unwrap(),
            "10200004"
        );
        for (value, scheme) in
            [("SMITH", "SCT"), ("51185008", "99HOSPITAL"), ("Smith", "UCUM"), ("P-SMITH", "SRT"), ("1-SMITH", "LN")]
        {
            assert!(clean(&entry(value, scheme, "x")).is_none(), "{scheme} {value}");
        }
    }
}
