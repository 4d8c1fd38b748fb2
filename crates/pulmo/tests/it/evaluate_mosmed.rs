//! The 50 masks of MosMedData against themselves, and against themselves shifted by one voxel, beside SimpleITK.
//!
//! The masks lie beside the repository and are never part of it; without them the test says so and passes.

use std::path::{Path, PathBuf};

use pulmo::ct::LabelMap;
use pulmo::ct::format::{open_label_map, write_label_map};
use serde_json::Value;

use super::{evaluate_schema, pulmo};

#[allow(clippy::print_stderr, reason = "a test that checks nothing must say so")]
fn masks() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mosmed/masks");
    if !folder.is_dir() {
        eprintln!("skipped: shared/data/mosmed/masks is not here");
        return None;
    }
    Some(folder)
}

fn truth() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/mosmed_masks/truth.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn evaluate(predictions: &Path, references: &Path) -> Value {
    let arguments = ["--protocol=paper", "--resamples=200", "--json"].map(AsRef::as_ref);
    let run = pulmo(&[&["evaluate".as_ref(), predictions.as_ref(), references.as_ref()], &arguments[..]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(evaluate_schema::errors(&json), Vec::<String>::new());
    json
}

/// Dice of a case on the native or the network's grid.
fn dice(case: &Value, grid: &str) -> Option<f64> {
    let results = case["measured"]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["grid"] == grid).unwrap();
    result["metrics"].as_array().unwrap().iter().find(|metric| metric["metric"] == "dice").unwrap()["value"].as_f64()
}

#[track_caller]
fn close(found: Option<f64>, expected: &Value, tolerance: f64) {
    match (found, expected.as_f64()) {
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
        }
        (found, expected) => assert_eq!(found, expected),
    }
}

/// One voxel further along the columns.
fn shift(from: &Path, to: &Path) {
    let map = open_label_map(from).unwrap();
    let columns = map.grid().shape()[2];
    let mut labels = vec![0; map.labels().len()];
    for (to, from) in labels.chunks_mut(columns).zip(map.labels().chunks(columns)) {
        to[1..].copy_from_slice(&from[..columns - 1]);
    }
    write_label_map(to, &LabelMap::new(*map.grid(), labels).unwrap()).unwrap();
}

#[test]
fn fifty_masks_agree_with_themselves_and_are_known_again() {
    let Some(masks) = masks() else { return };
    let json = evaluate(&masks, &masks);
    let truth = truth();
    for (case, expected) in json["cases"].as_array().unwrap().iter().zip(truth["cases"].as_array().unwrap()) {
        assert_eq!((&case["case"], &case["measured"]["reference_sha256"]), (&expected["case"], &expected["sha256"]));
        assert_eq!(dice(case, "native"), Some(1.0));
        let is_empty = expected["resized_empty"].as_bool().unwrap();
        assert_eq!(dice(case, "network"), (!is_empty).then_some(1.0), "{case}");
        let native = &case["measured"]["results"][0];
        let expected_ml = expected["reference_ml"].as_f64().unwrap();
        close(native["reference_ml"].as_f64(), &expected["reference_ml"], 1e-6 * expected_ml);
    }
    let row = &json["paper"][0];
    assert_eq!(
        (&row["data_set"], &row["recognised"], &row["measured"]),
        (&"MosMedData".into(), &true.into(), &50.into())
    );
    let same: Vec<f64> = row["published"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["same_cases"] == true)
        .map(|one| one["dice"].as_f64().unwrap())
        .collect();
    assert_eq!(same, [0.405, 0.588]);
}

#[test]
fn fifty_masks_shifted_by_one_voxel_have_the_dice_that_simpleitk_finds() {
    let Some(masks) = masks() else { return };
    let predictions = tempfile::tempdir().unwrap();
    let truth = truth();
    let cases = truth["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 50);
    for case in cases {
        let name = case["case"].as_str().unwrap();
        shift(&masks.join(format!("{name}_mask.nii.gz")), &predictions.path().join(format!("{name}.nii.gz")));
    }
    let json = evaluate(predictions.path(), &masks);
    for (case, expected) in json["cases"].as_array().unwrap().iter().zip(cases) {
        assert_eq!(case["case"], expected["case"]);
        close(dice(case, "native"), &expected["dice_shifted"], 1e-12);
        close(dice(case, "network"), &expected["dice_shifted_resized"], 1e-12);
    }
    let [resized, native] = &json["paper"][0]["dice"].as_array().unwrap()[..] else { panic!("two grids") };
    close(native["macro"]["mean"].as_f64(), &truth["macro"], 1e-12);
    close(native["micro"].as_f64(), &truth["micro"], 1e-12);
    close(resized["macro"]["mean"].as_f64(), &truth["macro_resized"], 1e-12);
}
