//! Real CTs and masks, against numbers from SimpleITK, pydicom and nibabel.
//!
//! The data lie beside the repository and are never part of it; each test says so and passes without them.

use std::path::{Path, PathBuf};

use pulmo_ct::CtVolume;
use pulmo_ct::format::{OpenOptions, Opened, open_ct, open_label_map, write_label_map};
use sha2::{Digest, Sha256};

/// A path below the shared data, or `None` with a printed reason.
#[allow(clippy::print_stderr, reason = "a test that checks nothing must say so")]
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if !path.exists() {
        eprintln!("skipped: shared/data/{name} is not here");
        return None;
    }
    Some(path)
}

fn open(path: &Path) -> Opened {
    open_ct(path, &OpenOptions::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn sum(volume: &CtVolume) -> f64 {
    volume.hu().iter().map(|&hu| f64::from(hu)).sum()
}

/// SHA-256 of the values as little endian float32, as NumPy's `tobytes` gives them.
fn hash(volume: &CtVolume) -> String {
    let mut hash = Sha256::new();
    for chunk in volume.hu().chunks(1 << 16) {
        hash.update(chunk.iter().flat_map(|hu| hu.to_le_bytes()).collect::<Vec<u8>>());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_axial(opened: &Opened, shape: [usize; 3], spacing_mm: [f64; 3], origin_mm: [f64; 3]) {
    let grid = opened.volume.grid();
    assert_eq!(grid.shape(), shape);
    let found = grid.affine();
    for axis in 0..3 {
        assert!((grid.spacing().mm()[axis] - spacing_mm[axis]).abs() < 1e-6, "{:?}", grid.spacing());
        assert!((found.origin_mm[axis] - origin_mm[axis]).abs() < 1e-5, "{:?}", found.origin_mm);
        assert!((found.direction()[axis][2 - axis] - 1.0).abs() < 1e-9, "{:?}", found.direction());
    }
}

#[test]
fn a_hospital_series_in_jpeg_lossless_with_padding() {
    let Some(folder) = real("ricord") else { return };
    let opened = open(&folder);
    assert_axial(&opened, [255, 512, 512], [1.25, 0.703_125, 0.703_125], [-192.2, -180.0, -349.25]);
    // SimpleITK's voxels with its -3024 (padding) replaced by -1024.
    assert_eq!(sum(&opened.volume), -33_763_117_429.0);
    assert_eq!(hash(&opened.volume), "68ccc4e1108d7c48da0ae066c2ea2e1b43040f0f6af19bfd7a5cd62c1cdabb10");
    assert_eq!(opened.origin.padding_share, 14_221_860.0 / (255.0 * 512.0 * 512.0));
    assert_eq!(opened.origin.encoding, "JPEG Lossless SV1");
    assert_eq!(opened.warnings, Vec::<String>::new());
}

#[test]
fn jpeg_2000_slices_without_uids() {
    let (Some(folder), Some(mask), Some(small)) = (
        real("totalseg/example_ct_dicom"),
        real("totalseg/example_seg_dicom.nii.gz"),
        real("totalseg/example_ct_sm.nii.gz"),
    ) else {
        return;
    };
    let opened = open(&folder);
    assert_axial(&opened, [20, 512, 512], [2.0, 0.976_562_5, 0.976_562_5], [-249.511_718_75, -437.511_718_75, -804.5]);
    assert_eq!(hash(&opened.volume), "44352f6ea210f6924bc4a4e1bdd315093aa20dfc9abcc840ffed009fb57b6ac4");
    assert_eq!(opened.origin.series_instance_uid, None);
    let labels = open_label_map(&mask).unwrap();
    assert_eq!(labels.labels().iter().filter(|&&label| label > 0).count(), 739_420);
    let small = open(&small);
    assert_eq!((small.volume.grid().shape(), sum(&small.volume)), ([30, 101, 122], -130_894_872.0));
}

#[test]
fn one_ct_as_dicom_and_as_nifti_is_the_same() {
    let (Some(folder), Some(nifti)) = (real("ibsi/dicom/image"), real("ibsi/nifti/image/phantom.nii.gz")) else {
        return;
    };
    let (dicom, mut nifti) = (open(&folder), open(&nifti));
    assert_axial(&dicom, [60, 201, 204], [3.0, 0.977, 0.977], [-174.394_500_732, -79.625_503_54, -100.400_001_526]);
    dicom.volume.grid().must_equal(nifti.volume.grid()).unwrap();
    assert_eq!(dicom.volume.hu(), nifti.volume.hu());
    assert_eq!(hash(&dicom.volume), "f2811a4eacb078b693557227c3b2538f9f3b122f5c91a3f1869c05128d0eec97");
    assert!(nifti.warnings.drain(..).all(|w| !w.contains("disagree")));
}

#[test]
fn a_small_chest_of_79_files() {
    let Some(folder) = real("cip/ct-64Dicom") else { return };
    let opened = open(&folder);
    assert_axial(&opened, [79, 64, 64], [3.987_337_179_487_18, 4.171_872, 4.171_872], [-128.414, -264.414, -360.256]);
    assert_eq!(hash(&opened.volume), "f98f77e981690979b27ca4d73ab8ef8bb28d7f21ca617b44883cc8299c37b511");
}

#[test]
fn fifty_infection_masks() {
    let Some(folder) = real("mosmed/masks") else { return };
    let copy = tempfile::tempdir().unwrap();
    let mut total = 0;
    for study in 255..=304 {
        let path = folder.join(format!("study_0{study}_mask.nii.gz"));
        let labels = open_label_map(&path).unwrap_or_else(|e| panic!("{e}"));
        total += labels.count(1);
        assert_eq!(labels.count(0) + labels.count(1), labels.labels().len());
        if study == 255 {
            assert_eq!(labels.count(1), 45_526);
            assert_eq!(format!("{:.0}", labels.volume_ml(1)), "310");
            assert_eq!(labels.grid().shape(), [38, 512, 512]);
            let out = copy.path().join("mask.nii.gz");
            write_label_map(&out, &labels).unwrap();
            assert_eq!(open_label_map(&out).unwrap(), labels);
        }
    }
    assert_eq!(total, 1_025_933);
}

#[test]
fn eight_bit_volumes_open_with_a_warning() {
    let (Some(ct), Some(mask)) =
        (real("covid8bit/ct/coronacases_001.nii.gz"), real("covid8bit/infection/coronacases_001.nii.gz"))
    else {
        return;
    };
    let opened = open(&ct);
    assert_eq!((opened.volume.grid().shape(), sum(&opened.volume)), ([159, 256, 256], 833_870_861.0));
    assert!(opened.warnings.iter().any(|w| w.contains("probably not HU")), "{:?}", opened.warnings);
    let labels = open_label_map(&mask).unwrap();
    assert_eq!(labels.count(1), 169_045);
    opened.volume.grid().must_equal(labels.grid()).unwrap();
}

/// The files below a folder whose names end so.
fn below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path, endings));
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_nifti_and_nrrd_file_opens() {
    let Some(folder) = real("") else { return };
    let files = below(&folder, &[".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd"]);
    for path in &files {
        let opened = open(path);
        let sheared = opened.warnings.iter().filter(|w| w.contains("sheared") || w.contains("disagree"));
        assert_eq!(sheared.count(), 0, "{}: {:?}", path.display(), opened.warnings);
    }
    assert!(files.len() >= 92, "{} files", files.len());
}

#[test]
fn one_chest_as_nrrd_and_as_dicom_is_the_same() {
    let (Some(folder), Some(nrrd)) = (real("cip/ct-64Dicom"), real("cip/ct-64.nrrd")) else { return };
    let (dicom, nrrd) = (open(&folder), open(&nrrd));
    dicom.volume.grid().must_equal(nrrd.volume.grid()).unwrap();
    assert_eq!(dicom.volume.hu(), nrrd.volume.hu());
    assert_eq!(hash(&nrrd.volume), "f98f77e981690979b27ca4d73ab8ef8bb28d7f21ca617b44883cc8299c37b511");
}

#[test]
fn an_oblique_chest_and_its_lungs() {
    let (Some(oblique), Some(lungs), Some(codes)) =
        (real("cip/ct-64-transformed.nrrd"), real("cip/wholeLung-64.nrrd"), real("cip/lm-64.nrrd"))
    else {
        return;
    };
    let oblique = open(&oblique);
    let row = oblique.volume.grid().affine().columns[1];
    assert_eq!(row, [-1.426_864_259_376_343_6, 3.920_277_333_263_348_5, 0.0]);
    assert_eq!(oblique.warnings, Vec::<String>::new());
    assert_eq!(hash(&oblique.volume), "f98f77e981690979b27ca4d73ab8ef8bb28d7f21ca617b44883cc8299c37b511");
    // Numbers by SimpleITK.
    assert_eq!(open_label_map(&lungs).unwrap().count(1), 65_624);
    // Codes that hold a lung's part in the low byte and a vessel in the high one.
    let error = open_label_map(&codes).unwrap_err();
    assert!(error.to_string().contains("holds 782, expected labels: integers from 0 to 255"), "{error}");
    assert!(error.hint().unwrap().contains("chest regions of 16 bits"), "{error:?}");
}

#[test]
fn a_lung_mask_of_3d_slicer_lies_on_the_grid_of_the_infiltrates() {
    let (Some(lungs), Some(infiltrate)) =
        (real("mosmed/study_0255_Segmentation.seg.nrrd"), real("mosmed/masks/study_0255_mask.nii.gz"))
    else {
        return;
    };
    let (lungs, infiltrate) = (open_label_map(&lungs).unwrap(), open_label_map(&infiltrate).unwrap());
    assert_eq!(lungs.count(1), 629_506);
    assert_eq!(format!("{:.0}", lungs.volume_ml(1)), "4290");
    infiltrate.grid().must_equal(lungs.grid()).unwrap();
    let both = lungs.labels().iter().zip(infiltrate.labels()).filter(|pair| *pair == (&1, &1)).count();
    assert_eq!(both, 41_077);
}
