use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use pulmo::ct::format::write_label_map;
use pulmo::ct::{Affine, Grid, LabelMap, Spacing};
use serde_json::Value;

use super::{evaluate_schema, pulmo};

/// A row of 20 voxels of 1 mL, of which the first `count` are labelled.
fn mask(path: &Path, count: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let grid = Grid::new([1, 1, 20], Affine::axial(Spacing::new([10.0; 3]).unwrap(), [0.0; 3])).unwrap();
    let labels = (0..20).map(|i| u8::from(i < count)).collect();
    write_label_map(path, &LabelMap::new(grid, labels).unwrap()).unwrap();
}

/// References of 10 voxels, listed with these patients.
fn references(folder: &Path, patients: &[&str]) {
    let mut list = "name = \"phantoms\"\nlabels = { 1 = \"infiltrate\" }\n".to_owned();
    for (case, patient) in patients.iter().enumerate() {
        mask(&folder.join(format!("references/case_{case}.nii.gz")), 10);
        let file = format!("references/case_{case}.nii.gz");
        list += &format!("[[case]]\nname = \"case_{case}\"\nimage = \"{file}\"\nlabels = \"{file}\"\n");
        list += &format!("split = \"test\"\npatient = \"{patient}\"\n");
    }
    std::fs::write(folder.join("data.toml"), list).unwrap();
}

/// Evaluates predictions of `counts` voxels: Dice is 2 c / (10 + c) up to 10 voxels.
fn evaluated(folder: &Path, name: &str, counts: &[usize]) {
    evaluated_with(folder, name, counts, &[]);
}

fn evaluated_with(folder: &Path, name: &str, counts: &[usize], more: &[&str]) {
    for (case, &count) in counts.iter().enumerate() {
        mask(&folder.join(name).join("masks").join(format!("case_{case}.nii.gz")), count);
    }
    let (masks, data, out) = (folder.join(name).join("masks"), folder.join("data.toml"), folder.join(name));
    let mut arguments: Vec<&OsStr> =
        vec!["evaluate".as_ref(), masks.as_ref(), "--data".as_ref(), data.as_ref(), "-o".as_ref(), out.as_ref()];
    arguments.extend(more.iter().map(OsStr::new));
    let run = pulmo(&arguments);
    assert!(out.join("evaluation.json").exists(), "{}", String::from_utf8_lossy(&run.stderr));
}

fn compare(folder: &Path, arguments: &[&str]) -> Output {
    let results = arguments.iter().map(|argument| match argument.split_once('@') {
        Some((name, result)) => format!("{name}{}", folder.join(result).display()),
        None => (*argument).to_owned(),
    });
    let words: Vec<String> = std::iter::once("compare".to_owned()).chain(results).collect();
    pulmo(&words.iter().map(AsRef::as_ref).collect::<Vec<&OsStr>>())
}

/// What a comparison prints, which fits its schema.
#[track_caller]
fn json(output: &Output) -> Value {
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(evaluate_schema::errors_by("comparison", &found), Vec::<String>::new());
    found
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
}

const ALONE: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const PERFECT: [usize; 6] = [10; 6];
const WORSE: [usize; 6] = [5, 6, 7, 8, 9, 10];

fn dice(count: usize) -> f64 {
    2.0 * count as f64 / (10 + count) as f64
}

#[test]
fn paired_numbers_are_those_of_paper_and_pencil() {
    let folder = tempfile::tempdir().unwrap();
    references(folder.path(), &ALONE);
    evaluated(folder.path(), "good", &PERFECT);
    evaluated(folder.path(), "worse", &WORSE);
    let out = folder.path().join("out").display().to_string();
    let run = compare(
        folder.path(),
        &["@good", "@worse", "--metric=dice", "--metric=volume_error_ml", "--margin=dice=0.5", "-o", &out, "--json"],
    );
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let found = json(&run);
    assert_eq!(found["schema"], "pulmo-comparison/1");
    let row = &found["contrasts"][0];
    let (numbers, mean) = (&row["comparison"], WORSE.map(dice).iter().sum::<f64>() / 6.0);
    assert_eq!((numbers["cases"].as_u64(), numbers["patients"].as_u64()), (Some(6), Some(6)));
    close(&numbers["mean_first"], 1.0);
    close(&numbers["mean_second"], mean);
    close(&numbers["difference"], mean - 1.0);
    // Five losses and a zero: of 64 signs 4 are as far (the zero's sign does not matter), of 32 ranks 2.
    close(&numbers["permutation"]["p"], 4.0 / 64.0);
    close(&numbers["wilcoxon"]["p"], 2.0 / 32.0);
    close(&row["permutation_p_holm"], 8.0 / 64.0);
    assert_eq!(found["family"]["tests"], 2);
    assert_eq!(row["verdict"], "non_inferior", "the largest loss is 1/3");
    let (low, high) = (&numbers["interval"]["low"], &numbers["interval"]["high"]);
    assert!(low.as_f64().unwrap() < mean - 1.0 && mean - 1.0 < high.as_f64().unwrap());
    // The volume error is best near zero: 0 against 5, 4, 3, 2, 1 and 0 mL without the sign.
    let error = &found["contrasts"][1];
    assert_eq!(error["absolute"], true);
    close(&error["comparison"]["difference"], 2.5);
    // Volumes: 10 against 5 to 10 mL.
    let volumes = found["volumes"].as_array().unwrap().iter().find(|row| row["first"] == "good").unwrap();
    close(&volumes["ml"]["bias"], -2.5);
    close(&volumes["ml"]["sd"], 3.5_f64.sqrt());

    let csv = std::fs::read_to_string(folder.path().join("out/compare.csv")).unwrap();
    for line in [
        "differences,infiltrate,dice,1,good,worse,,,cases,6",
        "differences,infiltrate,dice,1,good,worse,,,p_sign_flips,0.0625",
        "differences,infiltrate,dice,1,good,worse,,,verdict,non-inferior",
        "volumes,infiltrate,,,good,worse,,,ml_bias,-2.5",
    ] {
        assert!(csv.lines().any(|found| found == line), "`{line}` not in:\n{csv}");
    }
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("out/compare.json")).unwrap()).unwrap();
    assert_eq!(kept, found);
    let markdown = std::fs::read_to_string(folder.path().join("out/compare.md")).unwrap();
    assert!(markdown.contains("## Methods") && markdown.contains("Not a medical device"), "{markdown}");
    assert!(
        !(csv + &markdown + &kept.to_string()).contains(&*folder.path().to_string_lossy()),
        "no folders in results"
    );
}

#[test]
fn patients_are_flipped_with_all_their_cases() {
    let folder = tempfile::tempdir().unwrap();
    references(folder.path(), &["a", "a", "a", "b", "b", "c"]);
    evaluated(folder.path(), "good", &PERFECT);
    evaluated(folder.path(), "worse", &WORSE);
    let found = json(&compare(folder.path(), &["@good", "@worse", "--metric=dice", "--json"]));
    let numbers = &found["contrasts"][0]["comparison"];
    assert_eq!((found["patients"].as_u64(), found["patients_known"].as_bool()), (Some(3), Some(true)));
    assert_eq!((numbers["cases"].as_u64(), numbers["patients"].as_u64()), (Some(6), Some(3)));
    // Patients a and b lose, c is equal: of 8 signs 4 are as far; of 4 signs of two ranks 2.
    close(&numbers["permutation"]["p"], 0.5);
    close(&numbers["wilcoxon"]["p"], 0.5);
    assert_eq!(found["volumes"][0]["repeated_measures"], true);
    let table = compare(folder.path(), &["@good", "@worse", "--metric=dice"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("6 cases of 3 patients") && table.contains("Few patients"), "{table}");
    assert!(table.contains("Some patients have several cases"), "{table}");
}

#[test]
fn equal_names_are_runs_of_one_method() {
    let folder = tempfile::tempdir().unwrap();
    references(folder.path(), &ALONE);
    for (name, counts) in [("one", [10; 6]), ("two", [5; 6]), ("three", [10; 6])] {
        evaluated(folder.path(), name, &counts);
    }
    let found = json(&compare(folder.path(), &["a=@one", "a=@two", "b=@three", "--metric=dice", "--json"]));
    let spread = &found["runs"][0]["spread"];
    close(&spread["run_means"][1], dice(5));
    close(&spread["over_runs"]["sd"], (1.0 - dice(5)) / 2.0_f64.sqrt());
    close(&found["contrasts"][0]["comparison"]["mean_first"], f64::midpoint(1.0, dice(5)));
    // Runs alone are a spread without a contrast.
    let alone = compare(folder.path(), &["a=@one", "a=@two", "--metric=dice"]);
    let table = String::from_utf8(alone.stdout).unwrap();
    assert_eq!(alone.status.code(), Some(0));
    assert!(table.contains("Spread over runs") && !table.contains("Differences"), "{table}");
}

#[test]
fn what_is_not_the_same_is_refused_and_what_is_missing_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    references(folder.path(), &ALONE);
    evaluated(folder.path(), "good", &PERFECT);
    evaluated(folder.path(), "short", &WORSE[..4]);
    let run = compare(folder.path(), &["@good", "@short", "--metric=dice", "--json"]);
    let talk = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(1), "{talk}");
    assert_eq!((json(&run)["cases"].as_u64(), json(&run)["left_out"].as_array().unwrap().len()), (Some(4), 2));
    assert!(talk.contains("failed: case_4: left out: failed in short (the prediction is missing"), "{talk}");

    mask(&folder.path().join("references/case_2.nii.gz"), 9);
    evaluated(folder.path(), "other", &PERFECT);
    let refused = |arguments: &[&str], said: &str| {
        let run = compare(folder.path(), arguments);
        let talk = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{talk}");
        assert!(talk.contains(said) && talk.contains("hint: "), "`{said}` not in: {talk}");
    };
    refused(&["@good", "@other"], "case_2");
    refused(&["@good", "@good"], "two results are called `good`");
    refused(&["@good", "@nowhere"], "nowhere");
    refused(&["@good", "@short", "--metric=loss"], "metric `loss` is not in all results");
    refused(&["@good", "@short", "--metric=dice", "--margin=jaccard=0.1"], "`jaccard`, which is not compared");
    refused(&["@good", "@short", "--grid=network"], "no network's grid");
    refused(&["@good", "@data.toml"], "is no JSON");
}

#[test]
fn metrics_that_were_set_otherwise_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    references(folder.path(), &ALONE);
    evaluated(folder.path(), "plain", &PERFECT);
    for (flag, said) in [
        ("--tolerance-mm=2", ["tolerance of surfaces is 3 mm in plain", "2 mm in other"]),
        ("--smallest-lesion-ml=0.5", ["smallest lesion is 0.1 mL in plain", "0.5 mL in other"]),
        ("--lesion-overlap=0.5", ["must be covered is 0 in plain", "0.5 in other"]),
    ] {
        evaluated_with(folder.path(), "other", &WORSE, &[flag, "--force"]);
        let run = compare(folder.path(), &["@plain", "@other"]);
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{flag}");
        assert!(said.iter().all(|said| text.contains(said)) && text.contains("--lesion-overlap"), "{text}");
    }
}
