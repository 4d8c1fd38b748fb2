//! Enhanced multi-frame CT in every compressed transfer syntax, against DCMTK, CharLS, OpenJPEG and OpenJPH.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pulmo_ct::format::{OpenOptions, Opened, list, open_ct};
use serde::Deserialize;
use sha2::{Digest, Sha256};

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_codecs")).join(name)
}

#[derive(Deserialize)]
struct Truth {
    sha256: String,
    sum: f64,
    lossy: bool,
    first: Vec<f32>,
}

fn truth() -> BTreeMap<String, Truth> {
    serde_json::from_slice(&std::fs::read(oracle("truth.json")).unwrap()).unwrap()
}

fn open(path: &Path) -> Opened {
    let options = OpenOptions { known_not_hu: true, ..OpenOptions::default() };
    open_ct(path, &options).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn hash(hu: &[f32]) -> String {
    let bytes: Vec<u8> = hu.iter().flat_map(|hu| hu.to_le_bytes()).collect();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_code_stream_gives_what_other_decoders_give() {
    let truth = truth();
    assert!(truth.len() > 30);
    let mut wrong = Vec::new();
    for (name, truth) in &truth {
        let opened = open(&oracle(&format!("{name}.dcm")));
        let grid = opened.volume.grid();
        assert_eq!((grid.shape(), grid.spacing().mm()), ([3, 64, 80], [2.5, 0.8, 0.7]), "{name}");
        assert_eq!(grid.affine().origin_mm, [-10.0, 20.0, 0.0], "frames in the order of their positions");
        assert_eq!((opened.origin.files, opened.origin.slices), (1, 3));
        let is_warned = opened.warnings.iter().any(|w| w.contains("HU are approximate"));
        assert_eq!(is_warned, truth.lossy, "{name}: {:?}", opened.warnings);
        let hu = opened.volume.hu();
        // Transforms in floating point round differently: a few samples differ by one.
        let is_rounded = name.ends_with("j2k_lossy") || name.ends_with("htj2k_lossy");
        let sum: f64 = hu.iter().map(|&hu| f64::from(hu)).sum();
        let is_right = if is_rounded {
            (sum - truth.sum).abs() <= 0.2 * hu.len() as f64
                && hu[20 * 80..].iter().zip(&truth.first).all(|(a, b)| (a - b).abs() <= 2.0)
        } else {
            hash(hu) == truth.sha256
        };
        if !is_right {
            wrong.push(format!("{name}: {:?} for {:?}, sum {sum} for {}", &hu[1600..1608], truth.first, truth.sum));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_multi_frame_file_is_a_volume_alone_and_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one");
    std::fs::copy(oracle("signed16_jpegls.dcm"), &path).unwrap();
    let alone = open(&path);
    assert_eq!(open(folder.path()).volume, alone.volume);
    let listing = list(&path, &OpenOptions::default()).unwrap();
    assert_eq!((listing.taken, listing.series[0].slices), (Some(0), 3));
    assert_eq!(listing.series[0].transfer_syntax, "JPEG-LS Lossless");
    assert_eq!(listing.series[0].object, "an enhanced multi-frame CT");
}

#[test]
fn a_frame_that_is_cut_off_or_damaged_is_never_taken_silently() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.dcm");
    let options = OpenOptions { known_not_hu: true, ..OpenOptions::default() };
    for name in truth().into_keys() {
        let whole = std::fs::read(oracle(&format!("{name}.dcm"))).unwrap();
        let start = whole.len() / 3;
        for length in (start..whole.len() - 64).step_by(whole.len() / 23) {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(open_ct(&path, &options).is_err(), "{name}: {length} of {} bytes were taken", whole.len());
        }
        // Damage inside a code stream may go unseen; it must not crash or hang.
        for at in (start..whole.len() - 8).step_by(whole.len() / 61) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            bytes[at + 3] = 0xff;
            std::fs::write(&path, &bytes).unwrap();
            let _ = open_ct(&path, &options);
        }
    }
}
