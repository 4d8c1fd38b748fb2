//! `pulmo inspect` on folders, multi-frame files, single slices and other formats.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::pulmo;

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles")).join(name)
}

/// The exit code, the answer and what was said beside it.
fn inspect(path: &Path, options: &[&str]) -> (Option<i32>, String, String) {
    let mut arguments = vec!["inspect".as_ref(), path.as_os_str()];
    arguments.extend(options.iter().map(std::ffi::OsStr::new));
    let output = pulmo(&arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(path: &Path, options: &[&str]) -> Value {
    let (_, out, error) = inspect(path, &[options, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out} {error}"))
}

#[test]
fn a_series_is_described_for_people_and_for_scripts() {
    let folder = oracle("dicom_series/signed16_jpeg_70");
    let (code, out, _) = inspect(&folder, &[]);
    assert_eq!(code, Some(0), "{out}");
    for word in
        ["JPEG Lossless SV1", "20 x 24", "2.500 x 0.800 x 0.700", "axial", "is taken", "padding", "columns to L"]
    {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert!(!out.contains("Phantom"), "no name is printed");
    let value = json(&folder, &[]);
    assert_eq!((&value["taken"], &value["series"][0]["slices"]), (&1.into(), &2.into()));
    assert_eq!(value["volume"]["shape"], serde_json::json!([2, 20, 24]));
    assert_eq!(value["volume"]["tilt_degrees"], 0.0);
    assert!(value["volume"]["lowest_hu"].as_f64().unwrap() >= -2524.0);
    assert!(json(&folder, &["--headers-only"])["volume"].is_null());
}

#[test]
fn a_folder_of_several_series_says_why_none_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for (at, name) in ["dicom_codecs/unsigned12_jpegls.dcm", "dicom_series/signed16_rle/0.dcm"].iter().enumerate() {
        std::fs::copy(oracle(name), folder.path().join(at.to_string())).unwrap();
    }
    let value = json(folder.path(), &[]);
    assert_eq!(value["series"].as_array().unwrap().len(), 2);
    assert_eq!(value["series"][value["taken"].as_u64().unwrap() as usize - 1]["transfer_syntax"], "JPEG-LS Lossless");
    assert!(value["why"].as_str().unwrap().contains("only one that is a CT volume"));
    let (code, out, _) = inspect(folder.path(), &["--series", "9"]);
    assert!(code == Some(1) && out.contains("no series `9`"), "{out}");
}

#[test]
fn single_files_are_what_they_are() {
    let (code, out, _) = inspect(&oracle("dicom_codecs/signed16_htj2k.dcm"), &[]);
    assert!(code == Some(0) && out.contains("High-Throughput JPEG 2000") && out.contains("enhanced"), "{out}");
    let (code, out, _) = inspect(&oracle("dicom_series/signed16_rle/0.dcm"), &[]);
    assert!(code == Some(0) && out.contains("a CT image") && out.contains("single slice"), "{out}");
    assert!(json(&oracle("dicom_series/signed16_rle/0.dcm"), &[])["taken"].is_null(), "no volume by itself");
    // A slice that has no place in space is of no use in a folder either.
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(oracle("dicom_series/signed16_explicit/0.dcm")).unwrap();
    let tag = [0x28, 0x00, 0x30, 0x00, b'D', b'S'];
    let at = bytes.windows(6).position(|window| window == tag).unwrap();
    let without_spacing = [&bytes[..at], &[0x28, 0x00, 0x31, 0x00], &bytes[at + 4..]].concat();
    std::fs::write(folder.path().join("0.dcm"), without_spacing).unwrap();
    let (code, out, _) = inspect(&folder.path().join("0.dcm"), &[]);
    assert!(code == Some(1) && out.contains("no usable"), "{out}");
    let (code, out, _) = inspect(&oracle("nifti/int16_le.nii.gz"), &[]);
    assert!(code == Some(0) && out.contains("NIfTI-1 (int16)"), "{out}");
    let (code, _, error) = inspect(&oracle("nifti/NOTE.md"), &[]);
    assert_eq!(code, Some(2), "{error}");
    let (code, ..) = inspect(Path::new("/no/such/path"), &[]);
    assert_eq!(code, Some(2));
}
