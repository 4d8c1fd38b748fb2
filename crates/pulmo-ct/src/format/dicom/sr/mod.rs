//! Structured reports with measurements: TID 1500, Imaging Measurement Report, as Comprehensive 3D SR.
//!
//! `content` is the tree of content items, `write` fills in the template, `read` finds measurement groups in anybody's report,
//! `code` holds the template's concepts. What stands where: `docs/decisions/0010-contours-and-reports.md`.

mod code;
pub(super) mod content;
mod read;
mod write;

pub use self::code::SUM_OF_VOXELS;
pub use self::read::{Report, read};
pub use self::write::write;
use super::code::{Code, LUNG};
use super::object::{DicomObject, Settings};
use super::seg::{self, Segment};
use super::source::SourceSeries;
use crate::error::{Error, Result};

/// What was measured of one thing: a measurement group of TID 1411 (or 1410, 1501).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// What people call the thing; empty if the report does not say.
    pub tracking_id: String,
    /// Its UID, the same in the segmentation; empty if the report does not say.
    pub tracking_uid: String,
    /// Whether it is an organ or a finding.
    pub category: Option<Code>,
    /// What it is.
    pub finding: Option<Code>,
    /// How all of it was measured.
    pub method: Option<Code>,
    /// Where it is.
    pub sites: Vec<Site>,
    /// The segment that shows it.
    pub segment: Option<SegmentReference>,
    /// SeriesInstanceUID of the images that were segmented.
    pub source_series_uid: Option<String>,
    /// The numbers, in the report's order.
    pub numbers: Vec<Number>,
    /// What a reader must know of them, one sentence each.
    pub comments: Vec<String>,
}

impl Group {
    /// A segment of a lung CT, with no numbers yet: tracked as in the segmentation, its volume counts voxels, and its site is the lung.
    #[must_use]
    pub fn of(source: &SourceSeries, segment: &Segment, settings: &Settings) -> Self {
        Self {
            tracking_id: segment.label.clone(),
            tracking_uid: seg::tracking_uid(source, segment, settings),
            category: Some(segment.category.clone()),
            finding: Some(segment.kind.clone()),
            method: Some(SUM_OF_VOXELS),
            sites: vec![Site { site: LUNG, laterality: segment.laterality.clone() }],
            source_series_uid: Some(source.series_instance_uid().to_owned()),
            ..Self::default()
        }
    }
}

/// A part of the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Which.
    pub site: Code,
    /// On which side.
    pub laterality: Option<Code>,
}

/// A segment of a segmentation object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentReference {
    /// SOPClassUID of the segmentation.
    pub sop_class_uid: String,
    /// SOPInstanceUID of the segmentation.
    pub sop_instance_uid: String,
    /// SeriesInstanceUID of the segmentation; empty if the report does not list it as evidence.
    pub series_instance_uid: String,
    /// SegmentNumber; more than one in some makers' reports.
    pub numbers: Vec<u16>,
}

impl SegmentReference {
    /// A segment of an object that was just made.
    #[must_use]
    pub fn of(segmentation: &DicomObject, number: u16) -> Self {
        Self {
            sop_class_uid: segmentation.sop_class_uid().to_owned(),
            sop_instance_uid: segmentation.sop_instance_uid().to_owned(),
            series_instance_uid: segmentation.series_instance_uid().to_owned(),
            numbers: vec![number],
        }
    }
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// What was measured.
    pub name: Code,
    /// The value; `None` where the report says that there is none.
    pub value: Option<f64>,
    /// The unit, in UCUM; `None` where there is no value.
    pub unit: Option<Code>,
    /// How the value comes about, in words; a share names its whole here.
    pub equation: Option<String>,
}

impl Number {
    /// A volume in mL.
    #[must_use]
    pub fn volume_ml(ml: f64) -> Self {
        Self { name: code::VOLUME, value: Some(ml), unit: Some(code::MILLILITRE), equation: None }
    }

    /// A volume in mL that is not all of a segment: with its rule in words, as `voxels at or above -300 HU`.
    ///
    /// # Errors
    /// [`Error::Value`] if there is no rule.
    pub fn volume_by(ml: f64, rule: &str) -> Result<Self> {
        if rule.trim().is_empty() {
            return Err(Error::Value { problem: "a part of a volume without its rule in words".to_owned() });
        }
        Ok(Self { equation: Some(rule.to_owned()), ..Self::volume_ml(ml) })
    }

    /// A share of a volume in per cent, with the whole in words, as `of the volume of both lungs by the lung mask`.
    ///
    /// # Errors
    /// [`Error::Value`] if the whole is not named or the share is not from 0 to 100.
    pub fn percent(percent: f64, of_what: &str) -> Result<Self> {
        if of_what.trim().is_empty() {
            return Err(Error::Value { problem: "a share without its whole in words".to_owned() });
        }
        if !(0.0..=100.0).contains(&percent) {
            return Err(Error::Value { problem: format!("a share of {percent} %, expected 0 to 100") });
        }
        let equation = Some(of_what.to_owned());
        Ok(Self { name: code::VOLUME_RATIO, value: Some(percent), unit: Some(code::PERCENT), equation })
    }
}
