use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pulmo::ct::LabelMap;
use pulmo::ct::format::dicom::SourceSeries;
use pulmo::ct::format::{OpenOptions, open_ct, open_label_map, write_label_map};
use pulmo::ct::orient::Turn;

/// A DICOM series made by pydicom.
fn series() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit")
}

fn convert<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulmo"));
    command.arg("convert").args(arguments).env("SOURCE_DATE_EPOCH", "1700000000");
    command.output().expect("the binary of this package is built")
}

#[track_caller]
fn done<S: AsRef<OsStr>>(arguments: &[S]) {
    let output = convert(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The error text of a conversion that must be refused.
#[track_caller]
fn refused<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    let output = convert(arguments);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An L on the second slice, lying on the series' grid: no flip or turn maps it onto itself.
fn mask(path: &Path) -> LabelMap {
    let source = SourceSeries::open(&series(), &OpenOptions::default()).unwrap();
    let [slices, rows, columns] = source.grid().shape();
    let mut labels = vec![0_u8; slices * rows * columns];
    let mut mark = |slice: usize, row: usize, column: usize| labels[(slice * rows + row) * columns + column] = 1;
    (0..4).for_each(|row| mark(1, row, 1));
    (1..3).for_each(|column| mark(1, 3, column));
    mark(0, 0, 0);
    let map = LabelMap::new(*source.grid(), labels).unwrap();
    write_label_map(path, &map).unwrap();
    map
}

#[test]
fn a_ct_keeps_its_values_and_its_place_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    done(&[series(), at("ct.nii.gz")]);
    done(&[at("ct.nii.gz"), at("not/there/yet/ct.nrrd")]);
    std::fs::write(at("file"), "no folder").unwrap();
    let error = refused(&[at("ct.nii.gz"), at("file/ct.nrrd")]);
    assert!(error.contains("cannot make folder"), "{error}");
    done(&[at("ct.nii.gz"), at("ct.nrrd")]);
    done(&[at("ct.nrrd"), at("ct.mha")]);
    done(&[at("ct.mha"), at("back.nii")]);
    let original = open_ct(&series(), &OpenOptions::default()).unwrap().volume;
    for name in ["ct.nii.gz", "ct.nrrd", "ct.mha", "back.nii"] {
        let volume = open_ct(&at(name), &OpenOptions::default()).unwrap().volume;
        assert_eq!(volume.hu(), original.hu(), "{name}");
        original.grid().must_equal(volume.grid()).unwrap();
    }
}

#[test]
fn a_mask_goes_through_dicom_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let original = mask(&at("mask.nii.gz"));
    let ct = series();
    for object in ["seg", "seg-labelmap", "rtstruct"] {
        let (dicom, back) = (at(&format!("{object}.dcm")), at(&format!("{object}.nrrd")));
        done(&[
            at("mask.nii.gz").as_os_str(),
            dicom.as_ref(),
            "--to".as_ref(),
            object.as_ref(),
            "--ct".as_ref(),
            ct.as_ref(),
        ]);
        done(&[dicom.as_os_str(), back.as_ref(), "--ct".as_ref(), ct.as_ref()]);
        let read = open_label_map(&back).unwrap();
        assert_eq!(read.labels(), original.labels(), "{object}");
        original.grid().must_equal(read.grid()).unwrap();
    }
}

#[test]
fn a_mask_whose_axes_run_the_other_way_is_turned_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let original = mask(&at("mask.nii.gz"));
    let turned = Turn::towards("RAI", original.grid()).unwrap().labels(&original).unwrap();
    assert_ne!(turned.labels(), original.labels());
    write_label_map(&at("turned.nrrd"), &turned).unwrap();
    let ct = series();
    for (name, object) in [("turned.nrrd", "turned.dcm"), ("mask.nii.gz", "plain.dcm")] {
        done(&[at(name).as_os_str(), at(object).as_ref(), "--ct".as_ref(), ct.as_ref()]);
    }
    assert_eq!(std::fs::read(at("turned.dcm")).unwrap(), std::fs::read(at("plain.dcm")).unwrap());
}

#[test]
fn a_report_tells_volume_and_share_of_lung() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let original = mask(&at("mask.nii.gz"));
    // The lungs are the second slice: 5 of the 6 voxels lie in them.
    let [_, rows, columns] = original.grid().shape();
    let lungs: Vec<u8> = (0..original.labels().len()).map(|at| u8::from(at / (rows * columns) == 1)).collect();
    write_label_map(&at("lungs.nii.gz"), &LabelMap::new(*original.grid(), lungs).unwrap()).unwrap();
    let ct = series();
    done(&[at("mask.nii.gz").as_os_str(), at("seg.dcm").as_ref(), "--ct".as_ref(), ct.as_ref()]);
    let (seg, sr, lungs) = (at("seg.dcm"), at("sr.dcm"), at("lungs.nii.gz"));
    let arguments = ["--to", "sr", "--ct"].map(OsStr::new);
    done(
        &[&[seg.as_os_str(), sr.as_ref()], &arguments[..], &[ct.as_ref(), "--lungs".as_ref(), lungs.as_ref()]].concat(),
    );
    done(&[at("sr.dcm"), at("sr.json")]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(at("sr.json")).unwrap()).unwrap();
    let group = &json["groups"][0];
    assert_eq!(group["finding"]["value"], "112121");
    assert_eq!(group["segment"]["numbers"][0], 1);
    let number = |at: usize| group["numbers"][at]["value"].as_f64().unwrap();
    assert!((number(0) - 6.0 * original.grid().voxel_ml()).abs() < 1e-12);
    assert!((number(1) - 500.0 / (rows * columns) as f64).abs() < 1e-9);
    assert!(group["numbers"][1]["equation"].as_str().unwrap().contains("lung mask"));
    assert_eq!(json["groups"][1]["finding"]["value"], "39607008");
}

#[test]
fn pictures_and_documents_become_files_of_the_study() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    mask(&at("mask.nii.gz"));
    let ct = series();
    let to = |object: &'static str| ["--to".as_ref(), OsStr::new(object), "--ct".as_ref(), ct.as_os_str()];
    done(&[&[at("mask.nii.gz").as_os_str(), at("pictures").as_ref()], &to("capture")[..]].concat());
    assert_eq!(std::fs::read_dir(at("pictures")).unwrap().count(), 2, "the slices with labels");
    std::fs::write(at("report.pdf"), b"%PDF-1.4\n%%EOF\n").unwrap();
    done(&[&[at("report.pdf").as_os_str(), at("report.dcm").as_ref()], &to("pdf")[..]].concat());
    assert!(at("report.dcm").is_file());
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_mask_another_uid() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let map = mask(&at("mask.nii.gz"));
    let ct = series();
    let make = |mask: &str, name: &str| {
        done(&[at(mask).as_os_str(), at(name).as_ref(), "--ct".as_ref(), ct.as_ref()]);
        std::fs::read(at(name)).unwrap()
    };
    let first = make("mask.nii.gz", "one.dcm");
    assert_eq!(first, make("mask.nii.gz", "two.dcm"));
    let mut labels = map.labels().to_vec();
    labels[5] = 1;
    write_label_map(&at("other.nii.gz"), &LabelMap::new(*map.grid(), labels).unwrap()).unwrap();
    let other = make("other.nii.gz", "other.dcm");
    let uid = |bytes: &[u8]| {
        bytes[132..400].windows(5).position(|part| part == b"2.25.").map(|at| bytes[132 + at..][..44].to_vec())
    };
    assert_ne!(uid(&first).unwrap(), uid(&other).unwrap());
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    mask(&at("mask.nii.gz"));
    std::fs::write(at("there.nrrd"), "precious").unwrap();
    assert!(refused(&[at("mask.nii.gz"), at("there.nrrd")]).contains("--force"));
    assert_eq!(std::fs::read(at("there.nrrd")).unwrap(), b"precious");
    assert!(refused(&[at("mask.nii.gz"), at("seg.dcm")]).contains("--ct"));
    assert!(refused(&[at("mask.nii.gz"), at("mask.xyz")]).contains(".nii"));
    let ct = series();
    let several = ["--ct".as_ref(), ct.as_os_str(), "--label".as_ref(), OsStr::new("2=lung")];
    let error = refused(&[&[at("mask.nii.gz").as_os_str(), at("seg.dcm").as_ref()], &several[..]].concat());
    assert!(error.contains("1"), "{error}");
    assert!(!at("seg.dcm").exists());
}

#[test]
fn flags_that_do_not_apply_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).into_os_string();
    mask(Path::new(&at("mask.nii.gz")));
    let object = [at("mask.nii.gz"), at("seg.dcm"), "--ct".into(), series().into_os_string()];
    done(&object);
    let convert = |from: &str, flags: &[&str]| {
        let words = [at(from), at("out.nii.gz")].into_iter().chain(flags.iter().map(|&flag| flag.into()));
        refused(&words.collect::<Vec<_>>())
    };
    for flags in [
        &["--label", "1=lung"][..],
        &["--lungs", "lungs.nii.gz"],
        &["--algorithm", "net:1"],
        &["--manual"],
        &["--anonymous"],
        &["--new-study"],
    ] {
        let error = convert("seg.dcm", flags);
        assert!(error.contains(&format!("{} is for a DICOM object", flags[0])), "{error}");
    }
    for flags in [["--segment", "1"], ["--overlap", "higher"], ["--threshold", "0.4"]] {
        let error = convert("mask.nii.gz", &flags);
        assert!(error.contains(&format!("{} is for a DICOM SEG", flags[0])), "{error}");
    }
    // NaN would give an empty mask, and 0 a full one.
    for threshold in ["NaN", "0", "7", "-0.5"] {
        let error = convert("seg.dcm", &[&format!("--threshold={threshold}")]);
        assert!(error.contains("above 0 and up to 1"), "{error}");
    }
    assert!(!Path::new(&at("out.nii.gz")).exists());
    done(&[at("seg.dcm"), at("out.nii.gz"), "--threshold".into(), "0.4".into(), "--segment".into(), "1".into()]);
}
