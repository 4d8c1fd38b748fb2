//! What a file says of how its CT was made: what a reader must know before trusting numbers from it.

use serde::{Deserialize, Serialize};

/// How a CT was made, as far as its file says so. Holds nothing that names a patient, and no date.
///
/// Only DICOM says such things; other formats give the default, in which everything is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanFacts {
    /// ConvolutionKernel, its values joined with `/`; `None` if it is not given.
    pub kernel: Option<String>,
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// ManufacturerModelName.
    pub scanner_model: Option<String>,
    /// Whether a contrast agent is named; `None` where the format cannot say it. DICOM's silence is `false`.
    pub contrast_agent: Option<bool>,
    /// SliceThickness in mm, which is not the distance between slices.
    pub slice_thickness_mm: Option<f64>,
    /// PatientPosition: `HFS` is head first and supine, `HFP` prone.
    pub patient_position: Option<String>,
    /// PatientAge in whole years; 90 stands for 90 and more, which alone could name a patient.
    pub age_years: Option<u16>,
}
