//! Every order and direction of the axes, through every format: values and patient positions.

use std::collections::BTreeMap;
use std::path::Path;

use pulmo_ct::format::{OpenOptions, open_ct, open_label_map, write_label_map, write_volume};
use pulmo_ct::{Error, Grid};

use super::turned::{self, ENDINGS, holds};

/// The most that two grids' voxels lie apart in mm.
fn apart_mm(one: &Grid, other: &Grid) -> f64 {
    let pairs = one.corners_mm().into_iter().zip(other.corners_mm());
    pairs.flat_map(|(a, b)| [0, 1, 2].map(|n: usize| (a[n] - b[n]).abs())).fold(0.0, f64::max)
}

#[test]
fn come_back_from_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut read = 0;
    for float in [false, true] {
        for turned in turned::all(float) {
            let grid = turned.volume.grid();
            for ending in ENDINGS.into_iter().filter(|ending| holds(ending, grid)) {
                let what = format!("{}{ending}", turned.name);
                // NIfTI-1 has float32 some 900 mm from the origin; NRRD keeps every bit; MetaImage splits a vector
                // into length and direction.
                let allowed = if ending.starts_with(".ni") { 1e-4 } else { 1e-12 * 1000.0 };
                let path = folder.path().join(format!("ct{ending}"));
                write_volume(&path, &turned.volume).unwrap();
                let ct = open_ct(&path, &OpenOptions::default()).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert_eq!(ct.volume.hu(), turned.volume.hu(), "{what}");
                assert_eq!(ct.volume.grid().shape(), grid.shape(), "{what}");
                let apart = apart_mm(ct.volume.grid(), grid);
                assert!(apart <= allowed, "{what}: {apart} mm");
                assert_eq!(ct.origin.encoding, if float { "float32" } else { "int16" });
                assert_eq!(ct.origin.file_stem.as_deref(), Some("ct"));
                assert_eq!(ct.warnings.iter().any(|w| w.contains("sheared")), grid.is_sheared(), "{what}");

                let path = folder.path().join(format!("mask.v2{ending}"));
                write_label_map(&path, &turned.labels).unwrap();
                let labels = open_label_map(&path).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert_eq!(labels.labels(), turned.labels.labels(), "{what}");
                assert!(apart_mm(labels.grid(), grid) <= allowed, "{what}");
                if ending.starts_with(".n") && ending != ".nii" && ending != ".nii.gz" {
                    assert_eq!(labels, turned.labels, "{what}: to the bit");
                }
                read += 1;
            }
        }
    }
    assert_eq!(read, 2 * (3 * 48 * 6 + 2 * 48 * 4));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2 * 8, "six names, and two that lie beside headers: {names:?}");
}

#[test]
fn a_sheared_grid_is_refused_where_it_cannot_be_held() {
    let folder = tempfile::tempdir().unwrap();
    let sheared = turned::all(false).into_iter().find(|turned| turned.volume.grid().is_sheared()).unwrap();
    for ending in [".mha", ".mhd"] {
        let error = write_volume(&folder.path().join(format!("x{ending}")), &sheared.volume).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }));
        assert!(error.to_string().contains("degrees off a right angle"), "{error}");
        assert!(error.hint().unwrap().contains(".nrrd"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn oracle(name: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/orientations")).join(name);
    std::fs::read(path).unwrap()
}

/// Bytes of base64.
fn decode(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for n in 0..4 {
            let six = group.get(n).map_or(0, |byte| alphabet.iter().position(|known| known == byte).unwrap());
            bits = bits << 6 | six as u32;
        }
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[test]
fn agree_with_three_other_tools() {
    let truth: Vec<BTreeMap<i32, [f64; 3]>> = serde_json::from_slice(&oracle("truth.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let writers = ["nibabel.nii.gz", "simpleitk.nii.gz", "simpleitk.nrrd", "pynrrd.nrrd", "simpleitk.mha"];
    for name in writers {
        let files: Vec<String> = serde_json::from_slice(&oracle(&format!("{name}.json"))).unwrap();
        assert_eq!(files.len(), 48);
        let allowed = if name.contains(".nii") { 2e-4 } else { 1e-9 };
        for (n, file) in files.iter().enumerate() {
            let path = folder.path().join(name);
            std::fs::write(&path, decode(file)).unwrap();
            let opened = open_ct(&path, &OpenOptions::default()).unwrap_or_else(|e| panic!("{name} {n}: {e}"));
            let grid = opened.volume.grid();
            let [_, rows, columns] = grid.shape();
            assert_eq!(opened.volume.hu().len(), 24);
            for (at, &hu) in opened.volume.hu().iter().enumerate() {
                let index = [at / (rows * columns), at / columns % rows, at % columns].map(|n| n as f64);
                let (found, expected) = (grid.affine().voxel_to_world(index), truth[n % 3][&(hu as i32)]);
                for axis in 0..3 {
                    let apart = (found[axis] - expected[axis]).abs();
                    assert!(apart <= allowed, "{name} {n}: {hu} HU lies at {found:?}, expected {expected:?}");
                }
            }
            assert!(!opened.warnings.iter().any(|w| w.contains("disagree") || w.contains("angle")), "{name} {n}");
        }
    }
}
