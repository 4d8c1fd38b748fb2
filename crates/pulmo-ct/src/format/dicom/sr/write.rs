//! Writes measurement groups as a report after TID 1500.

use std::collections::BTreeMap;

use dicom_dictionary_std::{tags, uids};

use super::content::relationship::{CONTAINS, HAS_CONCEPT_MOD, HAS_OBS_CONTEXT, INFERRED_FROM};
use super::content::{Image, Item, Value};
use super::{Group, Number, Site, code};
use crate::error::{Error, Result};
use crate::format::dicom::RESEARCH_SENTENCE;
use crate::format::dicom::dataset::DataSet;
use crate::format::dicom::object::{self, DicomObject, Draft, ObjectKind, Settings};
use crate::format::dicom::source::SourceSeries;
use crate::format::dicom::uid::Hash;

const KIND: ObjectKind = ObjectKind {
    sop_class_uid: uids::COMPREHENSIVE3_DSR_STORAGE,
    modality: "SR",
    series_digit: 3,
    series_description: "Measurements (research)",
    is_in_space: false,
};

/// Writes a report with `groups` (PS3.16 TID 1500) on the source's study as Comprehensive 3D SR.
///
/// Each group says what was measured where, on which segment and from which series, with its numbers and the algorithm; a share
/// carries its whole in words as the equation it is inferred from. Only what is given is written. The report is complete and unverified, and ends
/// with the research sentence as a comment. Read back by [`super::read`] the groups are equal, numbers to the bit.
///
/// # Errors
/// [`Error::Value`] if there is no group, one has no tracking identifier, UID or finding, or a number is not finite or has no unit; as
/// [`Draft::finish`] otherwise.
pub fn write(source: &SourceSeries, groups: &[Group], settings: &Settings) -> Result<DicomObject> {
    groups.iter().try_for_each(must_be_whole)?;
    if groups.is_empty() {
        return Err(Error::Value { problem: "a report without measurements".to_owned() });
    }
    let mut draft = Draft::new(source, settings, KIND)?;
    let data = &mut draft.data;
    let root = tree(source, groups, settings);
    let content = root.data_set();
    for (tag, element) in content.iter() {
        data.insert(tag, element.clone());
    }
    data.put_text(tags::COMPLETION_FLAG, "COMPLETE")
        .put_text(tags::VERIFICATION_FLAG, "UNVERIFIED")
        .put_text(tags::PRELIMINARY_FLAG, "FINAL")
        .put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence(source, groups)])
        .put_items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new())
        .put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    draft.finish()
}

fn must_be_whole(group: &Group) -> Result<()> {
    let refuse =
        |what: String| Err(Error::Value { problem: format!("measurement group `{}` {what}", group.tracking_id) });
    if group.tracking_id.is_empty() || group.tracking_uid.is_empty() || group.finding.is_none() {
        return refuse("needs a tracking identifier, a tracking UID and a finding".to_owned());
    }
    let is_whole = |number: &Number| number.value.is_none_or(|value| value.is_finite() && number.unit.is_some());
    match group.numbers.iter().find(|number| !is_whole(number)) {
        Some(number) => refuse(format!("has a {} that is not finite or has no unit", number.name.meaning)),
        None => Ok(()),
    }
}

/// The rows of TID 1500.
fn tree(source: &SourceSeries, groups: &[Group], settings: &Settings) -> Item {
    let measurements = Item::container(CONTAINS, code::IMAGING_MEASUREMENTS, None)
        .with(groups.iter().map(|group| measurement_group(group, source, settings)));
    let mut root = Item::container("", code::IMAGING_MEASUREMENT_REPORT, Some("1500"));
    root = root.with([Item::code(HAS_CONCEPT_MOD, code::LANGUAGE, code::AMERICAN_ENGLISH)]);
    root.with(observer(settings)).with([
        Item::code(HAS_CONCEPT_MOD, code::PROCEDURE_REPORTED, code::CT_CHEST),
        measurements,
        Item::text(CONTAINS, code::COMMENT, RESEARCH_SENTENCE),
    ])
}

/// The device that observed, TID 1002 and 1004: the algorithm at its version has a UID of its own.
fn observer(settings: &Settings) -> [Item; 3] {
    let algorithm = &settings.algorithm;
    let uid = Hash::new("device").field(&algorithm.name).field(&algorithm.version).uid();
    [
        Item::code(HAS_OBS_CONTEXT, code::OBSERVER_TYPE, code::DEVICE),
        Item::uid(HAS_OBS_CONTEXT, code::DEVICE_OBSERVER_UID, &uid),
        Item::text(
            HAS_OBS_CONTEXT,
            code::DEVICE_OBSERVER_NAME,
            format!("{} {}", algorithm.name, algorithm.version).trim(),
        ),
    ]
}

/// The rows of TID 1411.
fn measurement_group(group: &Group, source: &SourceSeries, settings: &Settings) -> Item {
    let mut items = vec![
        Item::text(HAS_OBS_CONTEXT, code::TRACKING_IDENTIFIER, &group.tracking_id),
        Item::uid(HAS_OBS_CONTEXT, code::TRACKING_UID, &group.tracking_uid),
    ];
    items.extend(group.category.clone().map(|category| Item::code(CONTAINS, code::FINDING_CATEGORY, category)));
    items.extend(group.finding.clone().map(|finding| Item::code(CONTAINS, code::FINDING, finding)));
    items.extend(group.method.clone().map(|method| Item::code(HAS_CONCEPT_MOD, code::METHOD, method)));
    items.extend(group.sites.iter().map(|Site { site, laterality }| {
        let side = laterality.clone().map(|side| Item::code(HAS_CONCEPT_MOD, code::LATERALITY, side));
        Item::code(HAS_CONCEPT_MOD, code::FINDING_SITE, site.clone()).with(side)
    }));
    let algorithm = &settings.algorithm;
    items.push(Item::text(HAS_CONCEPT_MOD, code::ALGORITHM_NAME, &algorithm.name));
    items.push(Item::text(HAS_CONCEPT_MOD, code::ALGORITHM_VERSION, algorithm.version_in_words()));
    if let Some(segment) = &group.segment {
        let image = Image {
            sop_class_uid: segment.sop_class_uid.clone(),
            sop_instance_uid: segment.sop_instance_uid.clone(),
            segments: segment.numbers.clone(),
        };
        items.push(Item::new(CONTAINS, code::REFERENCED_SEGMENT, Value::Image(image)));
        let series = group.source_series_uid.as_deref().unwrap_or(source.series_instance_uid());
        items.push(Item::uid(CONTAINS, code::SOURCE_SERIES, series));
    }
    items.extend(group.numbers.iter().map(measurement));
    items.extend(group.comments.iter().map(|comment| Item::text(CONTAINS, code::COMMENT, comment)));
    // Without a region the group follows TID 1501.
    let template = if group.segment.is_some() { "1411" } else { "1501" };
    Item::container(CONTAINS, code::MEASUREMENT_GROUP, Some(template)).with(items)
}

/// The rows of TID 300; the equation after TID 315.
fn measurement(number: &Number) -> Item {
    let value = number.value.zip(number.unit.clone());
    let equation = number.equation.as_deref().map(|words| Item::text(INFERRED_FROM, code::EQUATION, words));
    Item::new(CONTAINS, number.name.clone(), Value::Number(value)).with(equation)
}

/// What the report rests on: the slices and every segmentation, all of the source's study (PS3.3 table 10-4).
fn evidence(source: &SourceSeries, groups: &[Group]) -> DataSet {
    let mut images = DataSet::new();
    images
        .put_text(tags::SERIES_INSTANCE_UID, source.series_instance_uid())
        .put_items(tags::REFERENCED_SOP_SEQUENCE, object::references(source));
    let mut series = vec![images];
    let mut segmentations: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for segment in groups.iter().filter_map(|group| group.segment.as_ref()) {
        let of_series = segmentations.entry(&segment.series_instance_uid).or_default();
        of_series.insert(&segment.sop_instance_uid, &segment.sop_class_uid);
    }
    for (uid, instances) in segmentations {
        let mut item = DataSet::new();
        let references = instances.iter().map(|(instance, class)| object::reference(class, instance));
        item.put_text(tags::SERIES_INSTANCE_UID, uid).put_items(tags::REFERENCED_SOP_SEQUENCE, references.collect());
        series.push(item);
    }
    let mut study = DataSet::new();
    study
        .put_text(tags::STUDY_INSTANCE_UID, source.study_instance_uid())
        .put_items(tags::REFERENCED_SERIES_SEQUENCE, series);
    study
}
