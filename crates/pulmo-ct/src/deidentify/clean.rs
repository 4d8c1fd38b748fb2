//! One data set: every element judged, every sequence entered.

use std::collections::BTreeMap;

use dicom_core::value::{DataSetSequence, Value};
use dicom_core::{DataElement, Length, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use super::key::Key;
use super::policy::{self, Kind, Place, Rule};
use super::{Options, codes, dates, text, uids};

/// Sequences are entered no deeper.
const DEEPEST: usize = 32;

/// What became of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was removed.
    Removed,
    /// Its value was removed.
    Emptied,
    /// A dummy or a code took the place of its value.
    Replaced,
    /// Its date was moved by whole days, or its time kept beside one.
    Shifted,
    /// It stayed as it was, or its items were cleaned.
    Kept,
}

impl Change {
    /// The word for it in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Emptied => "emptied",
            Self::Replaced => "replaced",
            Self::Shifted => "shifted",
            Self::Kept => "kept",
        }
    }
}

/// How often each attribute met each change.
pub type Changes = BTreeMap<(Tag, Change), u64>;

/// Cleans the data set of one object.
#[derive(Debug)]
pub(super) struct Cleaner<'a> {
    pub(super) key: &'a Key,
    pub(super) options: &'a Options,
    pub(super) is_enhanced: bool,
    /// What takes the place of the patient's name and number.
    pub(super) patient: &'a str,
    /// By how many days dates move.
    pub(super) shift_days: i64,
    pub(super) changes: Changes,
}

impl Cleaner<'_> {
    /// The data set without what identifies.
    pub(super) fn data_set(&mut self, object: InMemDicomObject) -> InMemDicomObject {
        self.elements(object, 0)
    }

    fn elements(&mut self, object: InMemDicomObject, depth: usize) -> InMemDicomObject {
        let mut cleaned = InMemDicomObject::new_empty();
        for element in object {
            let tag = element.header().tag;
            let (element, change) = self.element(element, depth);
            *self.changes.entry((tag, change)).or_default() += 1;
            if let Some(element) = element {
                cleaned.put(element);
            }
        }
        cleaned
    }

    fn element(&mut self, element: InMemElement, depth: usize) -> (Option<InMemElement>, Change) {
        let (tag, vr) = (element.header().tag, element.vr());
        let place = Place { depth, is_enhanced: self.is_enhanced };
        if depth == 0 && [tags::PATIENT_NAME, tags::PATIENT_ID].contains(&tag) {
            let vr = if tag == tags::PATIENT_ID { VR::LO } else { VR::PN };
            return (Some(text_element(tag, vr, vec![self.patient.to_owned()])), Change::Replaced);
        }
        let rule = policy::rule(tag, vr, place, self.options);
        let kept = match rule {
            Rule::Remove | Rule::Empty | Rule::Dummy => return without_value(rule, tag),
            Rule::Keep => Some(element).filter(is_plain_number),
            Rule::Items => self.items(element, depth),
            Rule::Uids => {
                let uids = values(&element).map(|old| old.iter().map(|uid| self.uid(tag, uid)).collect());
                return (uids.map(|uids| text_element(tag, VR::UI, uids)), Change::Replaced);
            }
            Rule::Shift => {
                let moved = self.moved(&element);
                if let Some(moved) = moved {
                    return (Some(text_element(tag, vr, moved)), Change::Shifted);
                }
                None
            }
            Rule::Characteristic => self.characteristic(element),
            Rule::Device => {
                values(&element).filter(|v| v.iter().all(|v| is_printable(v))).map(|v| text_element(tag, vr, v))
            }
            Rule::IfKnown => known(element),
        };
        match kept {
            Some(element) => (Some(element), Change::Kept),
            None => without_value(policy::without_value(policy::need(tag, place)), tag),
        }
    }

    /// A sequence with its items cleaned; `None` if nothing is left of any of them.
    fn items(&mut self, element: InMemElement, depth: usize) -> Option<InMemElement> {
        let tag = element.header().tag;
        let items = element.into_value().into_items()?;
        if items.is_empty() {
            return Some(sequence(tag, Vec::new()));
        }
        if depth >= DEEPEST {
            return None;
        }
        let mut cleaned = Vec::with_capacity(items.len());
        for item in items {
            if codes::is_entry(&item) {
                cleaned.extend(codes::clean(&item));
            } else {
                cleaned.push(self.elements(item, depth + 1));
            }
        }
        // A frame's groups keep their place even if one is empty.
        let is_left = tag.group() == 0x5200 || cleaned.iter().any(|item| item.iter().next().is_some());
        is_left.then(|| sequence(tag, cleaned))
    }

    fn uid(&self, tag: Tag, uid: &str) -> String {
        // Where the table names no instance, a UID of the standard or of a public scheme says what, not which.
        let is_class = super::table::row(tag).is_none() && uids::is_public(uid);
        if is_class { uid.to_owned() } else { uids::replace(self.key, uid) }
    }

    /// Dates moved by the patient's days; `None` if one of them is no date.
    fn moved(&self, element: &InMemElement) -> Option<Vec<String>> {
        let moved = |value: &String| match element.vr() {
            _ if value.is_empty() => Some(String::new()),
            VR::DA => dates::shift_date(value, self.shift_days),
            VR::DT => dates::shift_date_time(value, self.shift_days),
            _ => dates::time_of_day(value),
        };
        values(element)?.iter().map(moved).collect()
    }

    fn characteristic(&self, element: InMemElement) -> Option<InMemElement> {
        let tag = element.header().tag;
        if element.vr() != VR::AS {
            return known(element);
        }
        let ages = values(&element)?;
        let age = ages.first().filter(|age| text::is_age(age))?;
        let age = if self.options.cap_age && is_over_89(age) { "090Y".to_owned() } else { age.clone() };
        Some(text_element(tag, VR::AS, vec![age]))
    }
}

/// Whether a binary integer holds no more values than its attribute has: a row of them can spell a name.
fn is_plain_number(element: &InMemElement) -> bool {
    const SEVERAL: [Tag; 6] = [
        tags::LUT_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::ACQUISITION_MATRIX,
        tags::DIMENSION_INDEX_VALUES,
    ];
    let is_integer = matches!(element.vr(), VR::US | VR::SS | VR::UL | VR::SL | VR::UV | VR::SV);
    !is_integer || element.value().multiplicity() <= 1 || SEVERAL.contains(&element.header().tag)
}

/// Whether an age (AS) is over 89 years.
fn is_over_89(age: &str) -> bool {
    let (number, unit) = age.split_at(3);
    let number: f64 = number.parse().unwrap_or(f64::INFINITY);
    match unit {
        "Y" => number > 89.0,
        // The largest are 83 years and 19 years.
        "M" => number >= 90.0 * 12.0,
        _ => false,
    }
}

/// The element if each of its values is known; empty values say nothing.
fn known(element: InMemElement) -> Option<InMemElement> {
    let (tag, vr) = (element.header().tag, element.vr());
    let kind = Kind::of(vr);
    if kind == Kind::Number {
        return Some(element);
    }
    let is_known = |value: &String| match kind {
        _ if value.is_empty() => true,
        Kind::CodedWord => text::is_coded_word(value),
        Kind::NumberText => text::is_number(value),
        _ => text::is_technical(tag, value),
    };
    let mut values = values(&element)?;
    if tag == tags::IMAGE_TYPE || tag == tags::FRAME_TYPE {
        // What stands behind the first two values may be the maker's own.
        values = values.iter().enumerate().filter(|(at, v)| *at < 2 || is_known(v)).map(|(_, v)| v.clone()).collect();
    }
    values.iter().all(is_known).then(|| text_element(tag, vr, values))
}

fn without_value(rule: Rule, tag: Tag) -> (Option<InMemElement>, Change) {
    use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
    let Some(vr) = dicom_dictionary_std::StandardDataDictionary.by_tag(tag).map(|entry| entry.vr().relaxed()) else {
        return (None, Change::Removed);
    };
    let dummy = match vr {
        VR::DA => "19000101",
        VR::DT => "19000101000000",
        VR::TM => "000000",
        VR::AS => "000Y",
        // Unspecified: stored values without a name are not taken for HU.
        _ if tag == tags::RESCALE_TYPE => "US",
        _ if tag == tags::STACK_ID => "1",
        _ => "REMOVED",
    };
    match rule {
        Rule::Empty if vr == VR::SQ => (Some(sequence(tag, Vec::new())), Change::Emptied),
        Rule::Empty => (Some(DataElement::new(tag, vr, PrimitiveValue::Empty)), Change::Emptied),
        Rule::Dummy => (Some(text_element(tag, vr, vec![dummy.to_owned()])), Change::Replaced),
        _ => (None, Change::Removed),
    }
}

/// The values of a text element without padding.
pub(super) fn values(element: &InMemElement) -> Option<Vec<String>> {
    let Value::Primitive(value) = element.value() else { return None };
    Some(value.to_multi_str().iter().map(|text| text.trim_matches([' ', '\0']).to_owned()).collect())
}

pub(super) fn text_element(tag: Tag, vr: VR, values: Vec<String>) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::Strs(values.into_iter().collect()))
}

pub(super) fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED))
}

fn is_printable(value: &str) -> bool {
    value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}
