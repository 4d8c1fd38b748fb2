//! Tests that read and write files.

mod capture;
mod components;
mod ct_series;
mod dataset;
mod dataset_check;
mod dataset_import;
mod deidentify;
mod dicom_codecs;
mod dicom_objects;
mod dicom_seg;
mod dicom_series;
mod dicom_study;
mod distance;
mod format_fuzz;
mod format_real;
mod intensity;
mod meta_image;
mod nifti;
mod nrrd;
mod orientations;
mod resample;
mod resample_affine;
mod rtstruct;
mod sr;
mod text_oracle;
mod turned;
