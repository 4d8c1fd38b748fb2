//! The concepts of TID 1500 and the templates below it, with the meanings of PS3.16.

pub(super) use crate::format::dicom::code::Code;

pub(super) const IMAGING_MEASUREMENT_REPORT: Code = Code::new("126000", "DCM", "Imaging Measurement Report");
pub(super) const LANGUAGE: Code = Code::new("121049", "DCM", "Language of Content Item and Descendants");
pub(super) const AMERICAN_ENGLISH: Code = Code::new("en-US", "RFC5646", "English (United States)");
pub(super) const OBSERVER_TYPE: Code = Code::new("121005", "DCM", "Observer Type");
pub(super) const DEVICE: Code = Code::new("121007", "DCM", "Device");
pub(super) const DEVICE_OBSERVER_UID: Code = Code::new("121012", "DCM", "Device Observer UID");
pub(super) const DEVICE_OBSERVER_NAME: Code = Code::new("121013", "DCM", "Device Observer Name");
pub(super) const PROCEDURE_REPORTED: Code = Code::new("121058", "DCM", "Procedure reported");
/// The name that LOINC gives 24627-2.
pub(super) const CT_CHEST: Code = Code::new("24627-2", "LN", "CT Chest");
pub(super) const IMAGING_MEASUREMENTS: Code = Code::new("126010", "DCM", "Imaging Measurements");
pub(super) const MEASUREMENT_GROUP: Code = Code::new("125007", "DCM", "Measurement Group");
pub(super) const TRACKING_IDENTIFIER: Code = Code::new("112039", "DCM", "Tracking Identifier");
pub(super) const TRACKING_UID: Code = Code::new("112040", "DCM", "Tracking Unique Identifier");
pub(super) const FINDING_CATEGORY: Code = Code::new("276214006", "SCT", "Finding category");
pub(super) const FINDING: Code = Code::new("121071", "DCM", "Finding");
pub(super) const FINDING_SITE: Code = Code::new("363698007", "SCT", "Finding Site");
pub(super) const OLD_FINDING_SITE: Code = Code::new("G-C0E3", "SRT", "Finding Site");
pub(super) const LATERALITY: Code = Code::new("272741003", "SCT", "Laterality");
pub(super) const OLD_LATERALITY: Code = Code::new("G-C171", "SRT", "Laterality");
pub(super) const METHOD: Code = Code::new("370129005", "SCT", "Measurement Method");
pub(super) const OLD_METHOD: Code = Code::new("G-C036", "SRT", "Measurement Method");
pub(super) const REFERENCED_SEGMENT: Code = Code::new("121191", "DCM", "Referenced Segment");
pub(super) const SOURCE_SERIES: Code = Code::new("121232", "DCM", "Source series for segmentation");
pub(super) const ALGORITHM_NAME: Code = Code::new("111001", "DCM", "Algorithm Name");
pub(super) const ALGORITHM_VERSION: Code = Code::new("111003", "DCM", "Algorithm Version");
pub(super) const EQUATION: Code = Code::new("121420", "DCM", "Equation");
pub(super) const COMMENT: Code = Code::new("121106", "DCM", "Comment");

pub(super) const VOLUME: Code = Code::new("118565006", "SCT", "Volume");
pub(super) const VOLUME_RATIO: Code = Code::new("113288", "DCM", "Volume Ratio");
pub(super) const MILLILITRE: Code = Code::new("mL", "UCUM", "milliliter");
pub(super) const PERCENT: Code = Code::new("%", "UCUM", "Percent");
/// A volume is the number of voxels times the volume of one (CID 7474).
pub const SUM_OF_VOXELS: Code = Code::new("126030", "DCM", "Sum of segmented voxel method for volume");
