//! Nobody is named unless asked, neither by DICOM nor by a file's name.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulmo::ct::LabelMap;
use pulmo::ct::format::dicom::{Kind, SourceSeries, kind_of};
use pulmo::ct::format::{OpenOptions, write_label_map};
use pulmo::report::Report;

use super::{Case, model, must_succeed};
use crate::evaluate_schema::must_fit;
use crate::pulmo;

/// A DICOM series made by pydicom, and an empty mask of it.
fn series_and_mask(folder: &Path) -> (PathBuf, PathBuf) {
    let series = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit");
    let source = SourceSeries::open(&series, &OpenOptions::default()).unwrap();
    let mask = folder.join("mask.nii.gz");
    let mut labels = vec![0; source.grid().voxels()];
    labels[3] = 1;
    write_label_map(&mask, &LabelMap::new(*source.grid(), labels).unwrap()).unwrap();
    (series, mask)
}

#[test]
fn nobody_is_named_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (series, mask) = series_and_mask(folder.path());
    let person = SourceSeries::open(&series, &OpenOptions::default()).unwrap().person();
    assert!(!person.name.is_empty() && !person.id.is_empty(), "the oracle names somebody");
    let made = |name: &str, more: &[&str]| {
        let output = folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulmo"));
        command.env("SOURCE_DATE_EPOCH", "1700000000").arg("report").arg(&series).arg("--mask").arg(&mask);
        let result = command.args(more).arg("-o").arg(&output).output().unwrap();
        must_succeed(&result);
        let said = [result.stdout, result.stderr].concat();
        (output, String::from_utf8_lossy(&said).into_owned())
    };
    let (plain, said) = made("plain", &["--dicom", "pdf"]);
    assert!(!said.contains(&person.name));
    // Names of files may be those of patients: the terminal may repeat them, what is handed on may not.
    let folder_of_scans = folder.path().join("scans");
    std::fs::create_dir(&folder_of_scans).unwrap();
    for file in std::fs::read_dir(&series).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, folder_of_scans.join(file.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder_of_scans.join("MEIER_ANNA.txt"), "no DICOM").unwrap();
    let output = folder.path().join("scans_report");
    let arguments: [&OsStr; 6] =
        ["report".as_ref(), folder_of_scans.as_ref(), "--mask".as_ref(), mask.as_ref(), "-o".as_ref(), output.as_ref()];
    must_succeed(&pulmo(&arguments));
    for name in ["report.html", "report.json", "report.md"] {
        let text = std::fs::read_to_string(output.join(name)).unwrap();
        assert!(text.contains("files that are not DICOM, left out (1): …") && !text.contains("MEIER"), "{name}");
    }
    for name in ["report.html", "report.json", "report.csv", "report.md", "report.pdf"] {
        let bytes = std::fs::read(plain.join(name)).unwrap();
        for secret in [&person.name, &person.id] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "identity in {name}");
        }
    }
    assert_eq!(kind_of(&plain.join("report.dcm")).unwrap(), Some(Kind::Pdf));
    let (named, _) = made("named", &["--with-identity"]);
    must_fit("report", &std::fs::read_to_string(named.join("report.json")).unwrap());
    let html = std::fs::read_to_string(named.join("report.html")).unwrap();
    assert!(html.contains(&person.name) && html.contains(&person.id));
}

/// Every file below a folder, with what is packed in it unpacked.
fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files_below(&path));
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|end| end == "gz") {
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
            bytes.extend(unpacked);
        }
        found.push((path, bytes));
    }
    found
}

#[test]
fn no_output_of_report_and_run_bears_the_name_of_a_file() {
    const NAMES: [&str; 3] = ["Mueller", "mueller", "Johannes"];
    let case = Case::new();
    model(&case.at("model.safetensors"));
    for (from, to) in
        [("ct", "Mueller_Johannes"), ("mask", "Mueller_Johannes_mask"), ("lungs", "lungs_of_Mueller_Johannes")]
    {
        std::fs::rename(case.at(&format!("{from}.nii.gz")), case.at(&format!("{to}.nii.gz"))).unwrap();
    }
    std::fs::copy(case.at("Mueller_Johannes.nii.gz"), case.at("other.nii.gz")).unwrap();
    let (model, ct, other) =
        (case.at("model.safetensors"), case.at("Mueller_Johannes.nii.gz"), case.at("other.nii.gz"));
    let (mask, lungs) = (case.at("Mueller_Johannes_mask.nii.gz"), case.at("lungs_of_Mueller_Johannes.nii.gz"));
    let start = |output: &str, words: &[&OsStr], more: &[&str]| {
        let output = case.at(output);
        let mut arguments = words.to_vec();
        arguments.extend::<[&OsStr; 2]>(["-o".as_ref(), output.as_ref()]);
        arguments.extend(more.iter().map(OsStr::new));
        pulmo(&arguments)
    };
    let run: [&OsStr; 4] = ["run".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref()];
    let report: [&OsStr; 6] =
        ["report".as_ref(), ct.as_ref(), "--mask".as_ref(), mask.as_ref(), "--lungs".as_ref(), lungs.as_ref()];
    must_succeed(&start("run", &run, &["--pictures", "--probabilities"]));
    must_succeed(&start("report", &report, &[]));
    // The result of `segment` is named by the file, for masks are paired by it; a report made from it is not.
    let segment: [&OsStr; 4] = ["segment".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref()];
    must_succeed(&start("segment", &segment, &[]));
    let result = case.at("segment/Mueller_Johannes/result.json").display().to_string();
    must_succeed(&start("of_result", &report, &["--result", &result]));
    for folder in ["run", "report", "of_result"] {
        let files = files_below(&case.at(folder));
        assert!(files.len() >= 5, "{folder}");
        for (path, bytes) in files {
            let path = path.strip_prefix(case.folder.path()).unwrap().display().to_string();
            for name in NAMES {
                let is_in = bytes.windows(name.len()).any(|window| window == name.as_bytes());
                assert!(!is_in && !path.contains(name), "`{name}` in {path}");
            }
        }
    }
    // The key is that of the content: the same file by another name is the same case, in report and in run.
    let of = |folder: &str| -> Report { serde_json::from_str(&case.text(&format!("{folder}/report.json"))).unwrap() };
    let key = of("report").case;
    assert!(key.len() == 12 && key.bytes().all(|letter| letter.is_ascii_hexdigit()), "{key}");
    assert_eq!(of(&format!("run/{key}")).case, key);
    let renamed = [&[report[0], other.as_os_str()], &report[2..]].concat();
    must_succeed(&start("renamed", &renamed, &["--case", "P 07/b"]));
    assert_eq!(of("renamed").case, "P_07_b", "a name that is given is made fit for a folder");
    assert_eq!(of("renamed").input.source, format!("file {key}"));
    must_succeed(&start("named", &run, &["--case", "p07"]));
    assert_eq!(of("named/p07").case, "p07");
    must_succeed(&start("named", &run, &["--file-names"]));
    assert_eq!(of("named/Mueller_Johannes").case, "Mueller_Johannes", "where it was asked for");
    let two = [&run[..], &[other.as_os_str()]].concat();
    let refused = start("two", &two, &["--case", "p07"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--case names one CT"));
}
