//! Tests that read and write files.

mod components;
mod dataset;
mod dataset_import;
mod dicom_series;
mod format_fuzz;
mod format_real;
mod intensity;
mod meta_image;
mod nifti;
mod nrrd;
mod orientations;
mod resample;
mod resample_affine;
mod text_oracle;
mod turned;
