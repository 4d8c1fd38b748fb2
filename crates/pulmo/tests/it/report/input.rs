//! What a report is made from: masks, landmarks, an earlier result.

use std::ffi::OsStr;
use std::process::Output;

use pulmo::ct::LabelMap;
use pulmo::ct::format::write_label_map;
use pulmo::report::Report;

use super::{Case, model, must_succeed};
use crate::evaluate_schema::must_fit;
use crate::pulmo;

#[test]
fn labels_and_landmarks_that_cannot_be_meant_are_said() {
    let case = Case::new();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let other = case.report("other", &["--labels", "7"]);
    must_succeed(&other);
    assert!(said(&other).contains("the mask holds [1] and no voxel of [7]"), "{}", said(&other));
    assert_eq!(case.report("background", &["--labels", "0"]).status.code(), Some(2));
    must_succeed(&case.report("zones", &["--carina", "30", "--vein", "-20"]));
    for (carina, vein, problem) in [
        ("-20", "30", "--carina -20 does not lie above --vein 30"),
        ("30", "30", "does not lie above"),
        ("9000", "30", "--carina 9000: the CT reaches from"),
        ("30", "nan", "--vein NaN: the CT reaches from"),
    ] {
        let refused = case.report("refused", &["--carina", carina, "--vein", vein]);
        assert_eq!(refused.status.code(), Some(2), "{carina} {vein}");
        assert!(said(&refused).contains(problem), "{}", said(&refused));
    }
    assert!(!case.at("refused").exists());
}

#[test]
fn a_mask_that_is_not_understood_is_refused() {
    let case = Case::new();
    let grid = *case.phantom.volume.grid();
    let two = case.phantom.infiltrate.labels().iter().enumerate().map(|(at, &label)| label * (1 + (at % 2) as u8));
    write_label_map(&case.at("mask.nii.gz"), &LabelMap::new(grid, two.collect()).unwrap()).unwrap();
    let refused = case.report("a", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--labels 1,2"));
    must_succeed(&case.report("a", &["--labels", "1,2"]));
    let report: Report = serde_json::from_str(&case.text("a/report.json")).unwrap();
    assert!((report.quantities.opacity.total_ml - case.phantom.exact.infiltrate_ml).abs() < 1e-3);
}

#[test]
fn a_follow_up_needs_the_same_patient_and_model() {
    let case = Case::new();
    model(&case.at("model.safetensors"));
    let (ct, model, out) = (case.at("ct.nii.gz"), case.at("model.safetensors"), case.at("out"));
    let segment: [&OsStr; 6] =
        ["segment".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref(), "-o".as_ref(), out.as_ref()];
    must_succeed(&pulmo(&segment));
    std::fs::copy(out.join("ct/mask.nii.gz"), case.at("mask.nii.gz")).unwrap();
    let result = out.join("ct/result.json");
    let result = result.to_str().unwrap();
    must_succeed(&case.report("first", &["--result", result, "--patient", "p1"]));
    let earlier = case.at("first/report.json");
    let earlier = earlier.to_str().unwrap();
    must_succeed(&case.report("second", &["--result", result, "--patient", "p1", "--previous", earlier]));
    let html = case.text("second/report.html");
    assert!(html.contains("id=\"follow_up\"") && html.contains("Change since the earlier CT"));
    must_fit("report", &case.text("second/report.json"));
    let report: Report = serde_json::from_str(&case.text("second/report.json")).unwrap();
    let csv = case.text("second/report.csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let follow_up = report.follow_up.unwrap();
    assert!(follow_up.changes.len() > 10, "{:?}", follow_up.changes);
    for change in &follow_up.changes {
        // Every change has its two columns; names are the identifier and the unit.
        let unit = if change.unit == "%" { "percent" } else { &change.unit.to_lowercase() };
        for (when, value) in [("earlier", change.earlier), ("change", change.difference)] {
            let name = format!("{when}_{}_{unit}", change.id.replace('.', "_"));
            let Some(at) = lines[0].iter().position(|column| *column == name) else {
                // Thirds have names of their own by rule.
                assert!(change.id.contains("region."), "no column {name}");
                continue;
            };
            assert_eq!(lines[1][at].parse::<f64>().unwrap(), value, "{name}");
        }
    }
    let other = case.report("third", &["--result", result, "--patient", "p2", "--previous", earlier]);
    assert_eq!(other.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&other.stderr).contains("different patients"));
    assert!(!case.at("third").exists(), "nothing is left behind");
}
