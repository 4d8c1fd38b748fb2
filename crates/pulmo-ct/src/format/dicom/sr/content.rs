//! The content tree of a structured report: items with a name, a value and items below them (PS3.3 C.17.3).
//!
//! One kind of item serves writing and reading. What a report of ours needs can be written; of others' everything is read
//! and what is not understood keeps its place in the tree as [`Value::Other`].

use std::borrow::Cow;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::super::code::Code;
use super::super::dataset::DataSet;
use super::super::fields::{first, items, text};
use super::super::text::decimal;

/// Items nested deeper than this are damage: templates reach about ten.
const DEEPEST: usize = 32;
/// More items than any report has.
const MOST_ITEMS: usize = 200_000;

/// How an item stands to the one above it.
pub(super) mod relationship {
    pub(in super::super) const CONTAINS: &str = "CONTAINS";
    pub(in super::super) const HAS_CONCEPT_MOD: &str = "HAS CONCEPT MOD";
    pub(in super::super) const HAS_OBS_CONTEXT: &str = "HAS OBS CONTEXT";
    pub(in super::super) const INFERRED_FROM: &str = "INFERRED FROM";
}

/// A reference to an image or a segment in one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Image {
    pub(super) sop_class_uid: String,
    pub(super) sop_instance_uid: String,
    pub(super) segments: Vec<u16>,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Only that the items below belong together; with the template that they follow.
    Container {
        template: Option<Cow<'static, str>>,
    },
    Code(Code),
    Text(String),
    /// A number with its unit; `None` where the report says that it could not be had.
    Number(Option<(f64, Code)>),
    Uid(String),
    Image(Image),
    /// A value type that is not used here, by its name.
    Other(String),
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Empty at the root.
    pub(super) relationship: Cow<'static, str>,
    /// What the value is about; rarely absent.
    pub(super) name: Option<Code>,
    pub(super) value: Value,
    pub(super) children: Vec<Item>,
}

impl Item {
    /// An item without others below it.
    pub(super) fn new(relationship: &'static str, name: Code, value: Value) -> Self {
        Self { relationship: relationship.into(), name: Some(name), value, children: Vec::new() }
    }

    /// A container of items.
    pub(super) fn container(relationship: &'static str, name: Code, template: Option<&'static str>) -> Self {
        Self::new(relationship, name, Value::Container { template: template.map(Cow::Borrowed) })
    }

    /// A code.
    pub(super) fn code(relationship: &'static str, name: Code, code: Code) -> Self {
        Self::new(relationship, name, Value::Code(code))
    }

    /// A text.
    pub(super) fn text(relationship: &'static str, name: Code, text: &str) -> Self {
        Self::new(relationship, name, Value::Text(text.to_owned()))
    }

    /// A UID.
    pub(super) fn uid(relationship: &'static str, name: Code, uid: &str) -> Self {
        Self::new(relationship, name, Value::Uid(uid.to_owned()))
    }

    /// Adds items below.
    pub(super) fn with(mut self, children: impl IntoIterator<Item = Item>) -> Self {
        self.children.extend(children);
        self
    }

    /// Whether the item has this name.
    pub(super) fn is_named(&self, name: &Code) -> bool {
        self.name.as_ref().is_some_and(|own| own.is_same(name))
    }

    /// The elements of the item, as they stand in the sequence above or, for the root, in the data set.
    pub(super) fn data_set(&self) -> DataSet {
        let mut data = DataSet::new();
        if !self.relationship.is_empty() {
            data.put_text(tags::RELATIONSHIP_TYPE, &self.relationship);
        }
        if let Some(name) = &self.name {
            data.put_item(tags::CONCEPT_NAME_CODE_SEQUENCE, name.item());
        }
        let value_type = match &self.value {
            Value::Container { template } => {
                data.put_text(tags::CONTINUITY_OF_CONTENT, "SEPARATE");
                if let Some(template) = template {
                    let mut item = DataSet::new();
                    item.put_text(tags::MAPPING_RESOURCE, "DCMR").put_text(tags::TEMPLATE_IDENTIFIER, template);
                    data.put_item(tags::CONTENT_TEMPLATE_SEQUENCE, item);
                }
                "CONTAINER"
            }
            Value::Code(code) => {
                data.put_item(tags::CONCEPT_CODE_SEQUENCE, code.item());
                "CODE"
            }
            Value::Text(text) => {
                data.put_text(tags::TEXT_VALUE, text);
                "TEXT"
            }
            Value::Number(number) => {
                data.put_items(tags::MEASURED_VALUE_SEQUENCE, number.iter().map(measured).collect());
                "NUM"
            }
            Value::Uid(uid) => {
                data.put_text(tags::UID, uid);
                "UIDREF"
            }
            Value::Image(image) => {
                data.put_item(tags::REFERENCED_SOP_SEQUENCE, referenced(image));
                "IMAGE"
            }
            Value::Other(name) => name,
        };
        data.put_text(tags::VALUE_TYPE, value_type);
        if !self.children.is_empty() {
            data.put_items(tags::CONTENT_SEQUENCE, self.children.iter().map(Self::data_set).collect());
        }
        data
    }

    /// Reads the tree of a report.
    ///
    /// Value types, relationships and codes that are unknown here stay in the tree.
    ///
    /// # Errors
    /// What is wrong, if it is nested too deep or has too many items.
    pub(super) fn read(report: &InMemDicomObject) -> Result<Self, String> {
        let mut left = MOST_ITEMS;
        read_item(report, 0, &mut left)
    }
}

fn measured((number, unit): &(f64, Code)) -> DataSet {
    let mut item = DataSet::new();
    item.put_decimals(tags::NUMERIC_VALUE, &[*number]).put_item(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit.item());
    // Type 1C: where 16 characters cannot hold the number.
    if decimal(*number).parse() != Ok(*number) {
        item.put_f64(tags::FLOATING_POINT_VALUE, &[*number]);
    }
    item
}

fn referenced(image: &Image) -> DataSet {
    let mut item = DataSet::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, &image.sop_class_uid)
        .put_text(tags::REFERENCED_SOP_INSTANCE_UID, &image.sop_instance_uid);
    if !image.segments.is_empty() {
        item.put_u16(tags::REFERENCED_SEGMENT_NUMBER, &image.segments);
    }
    item
}

fn read_item(object: &InMemDicomObject, depth: usize, left: &mut usize) -> Result<Item, String> {
    if depth > DEEPEST {
        return Err(format!("its content is nested deeper than {DEEPEST} items"));
    }
    *left = left.checked_sub(1).ok_or_else(|| format!("it has more than {MOST_ITEMS} content items"))?;
    let value_type = text(object, tags::VALUE_TYPE);
    let value = match value_type.as_str() {
        "CONTAINER" => {
            let template =
                first(object, tags::CONTENT_TEMPLATE_SEQUENCE).map(|item| text(item, tags::TEMPLATE_IDENTIFIER));
            Value::Container { template: template.map(Cow::Owned) }
        }
        "CODE" => first(object, tags::CONCEPT_CODE_SEQUENCE)
            .map_or(Value::Other("CODE".to_owned()), |item| Value::Code(read_code(item))),
        "TEXT" => Value::Text(text(object, tags::TEXT_VALUE)),
        "NUM" => Value::Number(first(object, tags::MEASURED_VALUE_SEQUENCE).and_then(read_number)),
        "UIDREF" => Value::Uid(text(object, tags::UID)),
        "IMAGE" => Value::Image(first(object, tags::REFERENCED_SOP_SEQUENCE).map(read_image).unwrap_or_default()),
        _ => Value::Other(value_type),
    };
    let children = items(object, tags::CONTENT_SEQUENCE).iter().map(|child| read_item(child, depth + 1, left));
    Ok(Item {
        relationship: text(object, tags::RELATIONSHIP_TYPE).into(),
        name: first(object, tags::CONCEPT_NAME_CODE_SEQUENCE).map(read_code),
        value,
        children: children.collect::<Result<_, _>>()?,
    })
}

fn read_code(item: &InMemDicomObject) -> Code {
    let values = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE].map(|tag| text(item, tag));
    Code {
        value: values.into_iter().find(|value| !value.is_empty()).unwrap_or_default().into(),
        scheme: text(item, tags::CODING_SCHEME_DESIGNATOR).into(),
        meaning: text(item, tags::CODE_MEANING).into(),
    }
}

/// The number and its unit; the binary form goes first where there is one, as it has all digits.
fn read_number(item: &InMemDicomObject) -> Option<(f64, Code)> {
    let number = |tag: Tag| item.get(tag)?.to_float64().ok();
    let number = number(tags::FLOATING_POINT_VALUE).or_else(|| number(tags::NUMERIC_VALUE))?;
    let unit = first(item, tags::MEASUREMENT_UNITS_CODE_SEQUENCE).map(read_code)?;
    number.is_finite().then_some((number, unit))
}

fn read_image(item: &InMemDicomObject) -> Image {
    let segments = item.get(tags::REFERENCED_SEGMENT_NUMBER).and_then(|element| element.to_multi_int().ok());
    Image {
        sop_class_uid: text(item, tags::REFERENCED_SOP_CLASS_UID),
        sop_instance_uid: text(item, tags::REFERENCED_SOP_INSTANCE_UID),
        segments: segments.unwrap_or_default(),
    }
}
