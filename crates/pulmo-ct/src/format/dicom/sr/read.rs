//! Reads the measurement groups of a report after TID 1500, whoever made it.

use std::collections::HashMap;
use std::path::Path;

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::content::{Item, Value};
use super::{Code, Group, Number, SegmentReference, Site, code};
use crate::error::{Error, Result};
use crate::format::dicom::fields::{items, text};
use crate::format::dicom::file;

/// What a report holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The title.
    pub title: Option<Code>,
    /// The procedures that are reported on.
    pub procedures: Vec<Code>,
    /// The measurement groups, in the report's order.
    pub groups: Vec<Group>,
    /// Comments at the top of the report.
    pub comments: Vec<String>,
    /// Content items in or below measurement groups that have no place in [`Group`]: regions, evaluations, algorithms.
    pub other_items: usize,
    /// CompletionFlag: `COMPLETE` or `PARTIAL`.
    pub completion: String,
    /// VerificationFlag: `VERIFIED` or `UNVERIFIED`.
    pub verification: String,
}

/// SOP classes whose content tree may follow TID 1500.
const CLASSES: [&str; 4] = [
    uids::ENHANCED_SR_STORAGE,
    uids::COMPREHENSIVE_SR_STORAGE,
    uids::COMPREHENSIVE3_DSR_STORAGE,
    uids::EXTENSIBLE_SR_STORAGE,
];

/// Reads a structured report with measurements (TID 1500).
///
/// Groups are found by their name, Measurement Group, wherever they stand. Old codes (SRT) of Finding Site, Finding and Measurement Method count as
/// their successors (SCT); codes of values are given as they are. Agrees with highdicom on the numbers, codes, tracking
/// identifiers and references of a group. Nothing that names a patient or a person is read.
///
/// # Errors
/// [`Error::Invalid`] for damaged files and content nested too deep; [`Error::Unsupported`] for other objects and
/// for reports without a measurement group.
pub fn read(path: &Path) -> Result<Report> {
    let object = file::open(path)?;
    let class = text(&object, tags::SOP_CLASS_UID);
    if !CLASSES.contains(&class.as_str()) {
        let problem = format!(
            "SOP class `{class}`, expected a structured report (Enhanced, Comprehensive, Comprehensive 3D or Extensible SR)"
        );
        return Err(Error::unsupported(path, problem, "give a report with measurements (TID 1500)"));
    }
    let root = Item::read(&object).map_err(|problem| Error::invalid(path, problem, "the file may be damaged"))?;
    let mut report = Report {
        title: root.name.clone(),
        procedures: Vec::new(),
        groups: Vec::new(),
        comments: Vec::new(),
        other_items: 0,
        completion: text(&object, tags::COMPLETION_FLAG),
        verification: text(&object, tags::VERIFICATION_FLAG),
    };
    for item in &root.children {
        match &item.value {
            Value::Code(procedure) if item.is_named(&code::PROCEDURE_REPORTED) => {
                report.procedures.push(procedure.clone())
            }
            Value::Text(text) if item.is_named(&code::COMMENT) => report.comments.push(text.clone()),
            _ => (),
        }
    }
    find_groups(&root, &mut report);
    let series = series_of_instances(&object);
    for segment in report.groups.iter_mut().filter_map(|group| group.segment.as_mut()) {
        segment.series_instance_uid = series.get(&segment.sop_instance_uid).cloned().unwrap_or_default();
    }
    if report.groups.is_empty() {
        let problem = "it has no measurement group (125007, DCM)";
        return Err(Error::unsupported(path, problem, "give a report with measurements (TID 1500)"));
    }
    Ok(report)
}

/// The series of every object that the report lists as evidence.
fn series_of_instances(object: &InMemDicomObject) -> HashMap<String, String> {
    let lists = [tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE];
    let studies = lists.into_iter().flat_map(|tag| items(object, tag));
    let mut series_of = HashMap::new();
    for series in studies.flat_map(|study| items(study, tags::REFERENCED_SERIES_SEQUENCE)) {
        let uid = text(series, tags::SERIES_INSTANCE_UID);
        for instance in items(series, tags::REFERENCED_SOP_SEQUENCE) {
            series_of.insert(text(instance, tags::REFERENCED_SOP_INSTANCE_UID), uid.clone());
        }
    }
    series_of
}

/// The tree's depth is bounded, so the call stack may follow it.
fn find_groups(item: &Item, report: &mut Report) {
    for child in &item.children {
        if child.is_named(&code::MEASUREMENT_GROUP) && matches!(child.value, Value::Container { .. }) {
            let (group, others) = read_group(child);
            report.groups.push(group);
            report.other_items += others;
        } else {
            find_groups(child, report);
        }
    }
}

/// Whether an item has this name, by its code or the one that the code replaced.
fn is_named(item: &Item, name: &Code, old: &Code) -> bool {
    item.is_named(name) || item.is_named(old)
}

/// A group, and how many items in it are something else.
fn read_group(container: &Item) -> (Group, usize) {
    let mut group = Group::default();
    let mut others = 0;
    for item in &container.children {
        match &item.value {
            Value::Text(text) if item.is_named(&code::TRACKING_IDENTIFIER) => group.tracking_id = text.clone(),
            Value::Text(text) if item.is_named(&code::COMMENT) => group.comments.push(text.clone()),
            Value::Uid(uid) if item.is_named(&code::TRACKING_UID) => group.tracking_uid = uid.clone(),
            Value::Uid(uid) if item.is_named(&code::SOURCE_SERIES) => group.source_series_uid = Some(uid.clone()),
            Value::Code(category) if item.is_named(&code::FINDING_CATEGORY) => group.category = Some(category.clone()),
            Value::Code(finding) if item.is_named(&code::FINDING) => group.finding = Some(finding.clone()),
            Value::Code(method) if is_named(item, &code::METHOD, &code::OLD_METHOD) => {
                group.method = Some(method.clone())
            }
            Value::Code(site) if is_named(item, &code::FINDING_SITE, &code::OLD_FINDING_SITE) => {
                let (site, rest) = read_site(site.clone(), item);
                group.sites.push(site);
                others += rest;
            }
            Value::Image(image) if item.is_named(&code::REFERENCED_SEGMENT) => {
                group.segment = Some(SegmentReference {
                    sop_class_uid: image.sop_class_uid.clone(),
                    sop_instance_uid: image.sop_instance_uid.clone(),
                    series_instance_uid: String::new(),
                    numbers: image.segments.clone(),
                });
                others += count(&item.children);
            }
            Value::Number(value) => {
                let (number, rest) = read_measurement(value.as_ref(), item);
                group.numbers.push(number);
                others += rest;
            }
            _ => others += 1 + count(&item.children),
        }
    }
    (group, others)
}

fn read_site(site: Code, item: &Item) -> (Site, usize) {
    let mut laterality = None;
    let mut others = 0;
    for child in &item.children {
        match &child.value {
            Value::Code(side) if is_named(child, &code::LATERALITY, &code::OLD_LATERALITY) => {
                laterality = Some(side.clone())
            }
            _ => others += 1 + count(&child.children),
        }
    }
    (Site { site, laterality }, others)
}

fn read_measurement(value: Option<&(f64, Code)>, item: &Item) -> (Number, usize) {
    let mut equation = None;
    let mut others = 0;
    for child in &item.children {
        match &child.value {
            Value::Text(text) if child.is_named(&code::EQUATION) => equation = Some(text.clone()),
            _ => others += 1 + count(&child.children),
        }
    }
    let name = item.name.clone().unwrap_or(Code::new("", "", ""));
    (
        Number { name, value: value.map(|(value, _)| *value), unit: value.map(|(_, unit)| unit.clone()), equation },
        others,
    )
}

fn count(items: &[Item]) -> usize {
    items.iter().map(|item| 1 + count(&item.children)).sum()
}
