//! `--series`, `--allow-gaps` and `--straighten` belong to DICOM: elsewhere they are refused before any work, not passed
//! over.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pulmo::ct::format::write_volume;
use pulmo::ct::phantom::{PhantomOptions, thorax};

use super::pulmo;

#[test]
fn what_only_a_series_has_is_refused_elsewhere_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = PhantomOptions { shape: [8, 24, 24], spacing_mm: [32.0, 14.0, 14.0], ..PhantomOptions::seeded(7) };
    write_volume(&at("ct.nii.gz"), &thorax(&options).unwrap().volume).unwrap();
    let (ct, out) = (at("ct.nii.gz"), at("out/x.nii.gz"));
    let (ct, out) = (ct.as_os_str(), out.as_os_str());
    // Neither model nor mask is there: what is said comes before they are looked for.
    let [model, mask, to] = ["-m", "--mask", "-o"].map(OsStr::new);
    let series = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit");
    for arguments in [
        &["segment".as_ref(), series.as_os_str(), ct, model, ct, to, out][..],
        &["run".as_ref(), ct, model, ct, to, out],
        &["report".as_ref(), ct, mask, ct, to, out],
        &["lungs".as_ref(), ct, to, out],
        &["convert".as_ref(), ct, out],
        &["inspect".as_ref(), ct],
    ] {
        for flag in [&["--series", "2"][..], &["--allow-gaps"], &["--straighten"]] {
            let words: Vec<&OsStr> = flag.iter().map(OsStr::new).collect();
            let run = pulmo(&[arguments, &words].concat());
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            assert_eq!(run.status.code(), Some(2), "{arguments:?} {flag:?}: {said}");
            let start = format!("{}: `", flag.join(" "));
            assert!(said.contains(&start) && said.contains("is no DICOM file"), "{arguments:?}: {said}");
            assert!(said.contains(&format!("hint: leave {} out", flag[0])), "{said}");
            assert!(!at("out").exists(), "{arguments:?} {flag:?}");
        }
    }
}

/// With --ct it is the CT's series that is chosen, whatever IN is.
#[test]
fn a_mask_may_be_put_on_a_chosen_series() {
    let folder = tempfile::tempdir().unwrap();
    let oracle =
        |name: &str| -> PathBuf { Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series").join(name) };
    let (ct, seg) = (oracle("signed16_explicit"), folder.path().join("seg.dcm"));
    let volume = folder.path().join("ct.nii.gz");
    let run = pulmo(&["convert".as_ref(), ct.as_ref(), volume.as_ref(), "--series".as_ref(), "1".as_ref()]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let grid = pulmo::ct::format::open_ct(&volume, &pulmo::ct::format::OpenOptions::default()).unwrap();
    let labels = vec![1; grid.volume.grid().voxels()];
    let mask = folder.path().join("mask.nii.gz");
    let map = pulmo::ct::LabelMap::new(*grid.volume.grid(), labels).unwrap();
    pulmo::ct::format::write_label_map(&mask, &map).unwrap();
    let arguments: [&OsStr; 7] = [
        "convert".as_ref(),
        mask.as_ref(),
        seg.as_ref(),
        "--ct".as_ref(),
        ct.as_ref(),
        "--series".as_ref(),
        "1".as_ref(),
    ];
    let run = pulmo(&arguments);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(seg.is_file());
}
