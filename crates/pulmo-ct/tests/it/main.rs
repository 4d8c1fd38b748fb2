//! Tests that read and write files.

mod components;
mod dataset;
mod dataset_import;
mod dicom_series;
mod format_fuzz;
mod format_real;
mod intensity;
mod nifti;
mod resample;
mod resample_affine;
