use std::ffi::OsStr;
use std::path::Path;

use pulmo::ct::format::write_label_map;
use pulmo::ct::{Affine, Grid, LabelMap, Spacing};

use super::pulmo;

fn mask(path: &Path, spacing_mm: [f64; 3], labels: [u8; 8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let affine = Affine::axial(Spacing::new(spacing_mm).unwrap(), [1.0, 2.0, 3.0]);
    let labels = LabelMap::new(Grid::new([2, 2, 2], affine).unwrap(), labels.to_vec()).unwrap();
    write_label_map(path, &labels).unwrap();
}

const CUBE: [f64; 3] = [10.0, 10.0, 10.0];

#[test]
fn every_case_is_measured_or_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (predictions, references, out) =
        (folder.path().join("predictions"), folder.path().join("references"), folder.path().join("out"));
    mask(&references.join("good_mask.nii.gz"), CUBE, [1, 1, 0, 0, 0, 0, 0, 0]);
    mask(&predictions.join("good/mask.nii.gz"), CUBE, [0, 1, 1, 0, 0, 0, 0, 0]);
    mask(&references.join("empty_mask.nii"), CUBE, [0; 8]);
    mask(&predictions.join("empty.nii.gz"), CUBE, [0; 8]);
    mask(&references.join("shifted_mask.nii.gz"), CUBE, [1; 8]);
    mask(&predictions.join("shifted.nii.gz"), [10.0, 10.0, 11.0], [1; 8]);
    mask(&references.join("absent_mask.nii.gz"), CUBE, [1; 8]);
    mask(&references.join("broken_mask.nii.gz"), CUBE, [1; 8]);
    std::fs::write(predictions.join("broken.nii.gz"), b"not a mask").unwrap();

    let arguments: Vec<&OsStr> = vec![
        "evaluate".as_ref(),
        predictions.as_ref(),
        references.as_ref(),
        "-o".as_ref(),
        out.as_ref(),
        "--reference-suffix=_mask".as_ref(),
        "--network-grid=1x2x2".as_ref(),
        "--note=phantoms only".as_ref(),
    ];
    let run = pulmo(&arguments);
    let (table, talk) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert_eq!(run.status.code(), Some(1), "{talk}");
    assert!(table.contains("2 cases measured, 3 failed"), "{table}");
    assert!(table.contains("Note: phantoms only") && table.contains("Not a medical device"), "{table}");
    for failed in ["failed: absent: the prediction is missing", "failed: broken: cannot read", "failed: shifted: "] {
        assert!(talk.contains(failed), "`{failed}` not in: {talk}");
    }
    assert!(talk.contains("hint: "), "{talk}");

    let csv = std::fs::read_to_string(out.join("evaluation.csv")).unwrap();
    for line in [
        "good,good,,,infiltrate,native,dice,0.5,1,ok",
        "good,good,,,infiltrate,native,reference_ml,2,mL,ok",
        "good,good,,,infiltrate,network,dice,0.5,1,ok",
        "empty,empty,,,infiltrate,native,dice,,1,not defined",
        "absent,absent,,,,,,,,failed: the prediction is missing",
    ] {
        assert!(csv.lines().any(|l| l == line), "`{line}` not in:\n{csv}");
    }
    let json = std::fs::read_to_string(out.join("evaluation.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let dice = &json["summary"][0];
    assert_eq!((dice["macro"]["n"].as_u64(), dice["macro"]["left_out"].as_u64()), (Some(1), Some(1)));
    assert_eq!(json["cases"].as_array().unwrap().len(), 5);
    assert!(!json.to_string().contains(&*folder.path().to_string_lossy()), "results name no folders");
}

#[test]
fn json_goes_to_stdout_and_nothing_measured_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.nii.gz"), folder.path().join("b.nii.gz"));
    mask(&a, CUBE, [1; 8]);
    mask(&b, CUBE, [1; 8]);
    let run = pulmo(&["evaluate".as_ref(), a.as_ref(), b.as_ref(), "--json".as_ref()]);
    assert_eq!(run.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["summary"][0]["micro"].as_f64(), Some(1.0));

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let run = pulmo(&["evaluate".as_ref(), empty.as_ref(), folder.path().as_ref()]);
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("hint: cases are paired by name"));
}

#[test]
fn a_data_list_gives_references_labels_and_notes() {
    let folder = tempfile::tempdir().unwrap();
    let predictions = folder.path().join("predictions");
    for case in ["a", "b"] {
        mask(&folder.path().join(format!("{case}.nii.gz")), CUBE, [2; 8]);
        mask(&predictions.join(format!("{case}/mask.nii.gz")), CUBE, [2; 8]);
    }
    let mut list = "name = \"phantoms\"\nnotes = \"lesion slices only\"\nlabels = { 2 = \"opacity\" }\n".to_owned();
    for (case, split) in [("a", "test"), ("b", "train")] {
        list += &format!("[[case]]\nname = \"{case}\"\nimage = \"{case}.nii.gz\"\nlabels = \"{case}.nii.gz\"\n");
        list += &format!("split = \"{split}\"\n");
    }
    let data = folder.path().join("data.toml");
    std::fs::write(&data, list).unwrap();
    let arguments: [&OsStr; 4] = ["evaluate".as_ref(), predictions.as_ref(), "--data".as_ref(), data.as_ref()];
    let json = pulmo(&[&arguments[..], &["--json".as_ref()]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let facts = serde_json::json!({
        "patient": "a", "data_set": "phantoms", "site": null, "slice_spacing_mm": 10.0, "lesion_free": false
    });
    assert_eq!(json["cases"][0]["facts"], facts);
    let run = pulmo(&arguments);
    let table = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(table.starts_with("1 case measured, 0 failed"), "{table}");
    assert!(table.contains("Note: lesion slices only") && table.contains("opacity"), "{table}");
}
