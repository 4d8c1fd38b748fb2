//! The paper's protocol on synthetic archives laid out as RICORD 1a, COVID-19-CT-Seg and MosMed are, imported by
//! `pulmo import`. Predictions are dilations and erosions of boxes, so every Dice is known by counting.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pulmo::ct::format::dicom::SourceSeries;
use pulmo::ct::format::{OpenOptions, open_label_map, write_label_map, write_volume};
use pulmo::ct::{Affine, CtVolume, Grid, LabelMap, Spacing};
use serde_json::Value;

use super::{evaluate_schema, pulmo};

/// 20 and 224 are multiples of these, so nearest resizing repeats voxels and changes no Dice. A voxel has 1 mL.
fn grid() -> Grid {
    let affine = Affine::axial(Spacing::new([10.0, 10.0, 10.0]).unwrap(), [1.0, 2.0, 3.0]);
    Grid::new([10, 28, 28], affine).unwrap()
}

/// First and last index along each axis.
type Cube = [[usize; 2]; 3];
/// 4 x 6 x 8 = 192 voxels.
const BOX: Cube = [[3, 6], [5, 10], [6, 13]];
/// Dice of `BOX` and its dilation by one voxel (6 x 8 x 10 = 480): 384 / 672.
const DILATED: f64 = 4.0 / 7.0;
/// Dice of `BOX` and its erosion by one voxel (2 x 4 x 6 = 48): 96 / 240.
const ERODED: f64 = 0.4;

fn grown(cube: Cube, by: isize) -> Cube {
    cube.map(|[first, last]| [first.checked_add_signed(-by).unwrap(), last.checked_add_signed(by).unwrap()])
}

fn mask(grid: Grid, cubes: &[Cube]) -> LabelMap {
    let [slices, rows, columns] = grid.shape();
    let mut labels = vec![0; grid.voxels()];
    for [zs, ys, xs] in cubes {
        for z in zs[0]..=zs[1].min(slices - 1) {
            for y in ys[0]..=ys[1].min(rows - 1) {
                (xs[0]..=xs[1].min(columns - 1)).for_each(|x| labels[(z * rows + y) * columns + x] = 1);
            }
        }
    }
    LabelMap::new(grid, labels).unwrap()
}

fn write_mask(path: &Path, cubes: &[Cube]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_label_map(path, &mask(grid(), cubes)).unwrap();
}

/// A CT in HU whose voxels tell the case's number.
fn write_ct(path: &Path, number: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let hu = (0..grid().voxels()).map(|at| ((at * 31 + number * 7) % 1400) as f32 - 1000.0).collect();
    write_volume(path, &CtVolume::new(grid(), hu).unwrap()).unwrap();
}

fn import(kind: &str, root: &Path, list: &Path) {
    let run = pulmo(&["import".as_ref(), kind.as_ref(), root.as_ref(), "-o".as_ref(), list.as_ref()]);
    // 1: published numbers are larger than those of these small archives.
    assert!(matches!(run.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&run.stderr));
}

/// Runs `pulmo evaluate`; exit code, stdout, stderr and, if it was written, evaluation.json, which fits its schema.
fn evaluate(arguments: &[&OsStr], out: &Path) -> (i32, String, String, Value) {
    let start: [&OsStr; 3] = ["evaluate".as_ref(), "-o".as_ref(), out.as_ref()];
    let run = pulmo(&[&start[..], arguments].concat());
    let json = std::fs::read(out.join("evaluation.json")).unwrap_or_else(|_| b"null".to_vec());
    let json: Value = serde_json::from_slice(&json).unwrap();
    if !json.is_null() {
        assert_eq!(evaluate_schema::errors(&json), Vec::<String>::new(), "the schema and the output differ");
    }
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr), json)
}

fn find<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == name);
    found.unwrap_or_else(|| panic!("`{name}` is not in {list}"))
}

/// Dice of a case on a grid.
fn dice(json: &Value, case: &str, grid: &str) -> f64 {
    let case = find(&json["cases"], "case", case);
    let result = find(&case["measured"]["results"], "grid", grid);
    find(&result["metrics"], "metric", "dice")["value"].as_f64().unwrap()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
}

/// Four masked studies and two controls, and predictions of all but one.
fn mosmed(root: &Path, predictions: &Path) {
    for number in 255..=258 {
        write_ct(&root.join(format!("studies/CT-1/study_0{number}.nii.gz")), number);
        write_mask(&root.join(format!("masks/study_0{number}_mask.nii.gz")), &[BOX]);
    }
    for number in 1..=2 {
        write_ct(&root.join(format!("studies/CT-0/study_000{number}.nii.gz")), number);
    }
    write_mask(&predictions.join("study_0255.nii.gz"), &[grown(BOX, 1)]);
    write_mask(&predictions.join("study_0256_pred.nrrd"), &[grown(BOX, -1)]);
    write_mask(&predictions.join("study_0257/mask.mha"), &[BOX]);
    write_mask(&predictions.join("study_0001-seg.nii"), &[]);
    // Three voxels, 3 mL.
    write_mask(&predictions.join("study_0002.nii.gz"), &[[[0, 0], [0, 0], [0, 2]]]);
}

#[test]
fn a_tree_as_mosmed_has_it_with_known_dice_false_alarms_and_a_missing_case() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (predictions, list, out, lungs) = (at("predictions"), at("data.toml"), at("out"), at("lungs"));
    mosmed(&at("archive"), &predictions);
    write_mask(&predictions.join("study_0900.nii.gz"), &[]);
    import("mosmed", &at("archive"), &list);
    // 4 x 10 x 10 voxels, 400 mL.
    write_mask(&lungs.join("study_0002_lungs.nii.gz"), &[[[0, 3], [0, 9], [0, 9]]]);
    let arguments: [&OsStr; 7] = [
        predictions.as_ref(),
        "--data".as_ref(),
        list.as_ref(),
        "--protocol=paper".as_ref(),
        "--lungs".as_ref(),
        lungs.as_ref(),
        "--resamples=500".as_ref(),
    ];
    let (code, table, talk, json) = evaluate(&arguments, &out);
    assert_eq!(code, 1, "{talk}");
    for words in
        ["5 pairs", "1 without a prediction: study_0258", "left out: study_0900", "prediction `study_0001-seg.nii`"]
    {
        assert!(talk.contains(words), "`{words}` not in {talk}");
    }
    for grid in ["native", "network"] {
        close(dice(&json, "study_0255", grid), DILATED);
        close(dice(&json, "study_0256", grid), ERODED);
        close(dice(&json, "study_0257", grid), 1.0);
        close(dice(&json, "study_0002", grid), 0.0);
    }
    let steps = |what: &str| find(&json["flow"]["steps"], "what", what)["cases"].as_u64().unwrap();
    assert_eq!([steps("found (a prediction, a reference or both)"), steps("paired"), steps("measured")], [7, 5, 5]);
    let excluded = &json["flow"]["excluded"];
    assert_eq!(find(excluded, "case", "study_0258")["cause"], "prediction_missing");
    assert_eq!(find(excluded, "case", "study_0900")["cause"], "not_listed");
    let empty = &json["flow"]["empty_masks"][0];
    assert_eq!((&empty["both_empty"], &empty["reference_empty"]), (&1.into(), &1.into()));

    let alarms = &json["false_alarms"][0];
    assert_eq!((&alarms["lesion_free"], &alarms["silent"], &alarms["with_lungs"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(alarms["share_under_1_ml"], 0.5, "0 mL and 3 mL");
    assert_eq!(alarms["share_under_1_percent_of_lung"], 1.0, "3 mL of 400 mL");

    let row = find(&json["paper"], "data_set", "MosMedData");
    assert_eq!((&row["recognised"], &row["measured"], &row["failed"]), (&false.into(), &3.into(), &1.into()));
    close(row["dice"][0]["macro"]["mean"].as_f64().unwrap(), (DILATED + ERODED + 1.0) / 3.0);
    let pooled = 2.0 * (192.0 + 48.0 + 192.0) / (3.0 * 192.0 + 480.0 + 48.0 + 192.0);
    close(row["dice"][1]["micro"].as_f64().unwrap(), pooled);
    assert!(table.contains("not recognised as MosMedData: 4 of 50 cases by name"), "{table}");
    assert!(table.contains("0 references with the published voxels; so a figure published on it is no comparison"));
    let figure = find(&row["published"], "who", "Ma et al.");
    assert_eq!((&figure["dice"], &figure["same_cases"]), (&0.588.into(), &false.into()));

    let groups: Vec<&Value> =
        json["subgroups"].as_array().unwrap().iter().filter(|one| one["division"] == "opacity_volume").collect();
    assert_eq!(groups.iter().map(|one| one["cases"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3]);
    files_are_there(&out);
}

fn files_are_there(out: &Path) {
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let csv = read("evaluation.csv");
    let line = "study_0257,study_0257,MosMedData COVID19_1110,,infiltrate,network,dice,1,1,ok";
    assert!(csv.lines().any(|one| one == line), "{csv}");
    let fields = |line: &str| line.matches(',').count();
    assert!(csv.lines().filter(|line| !line.contains('"')).all(|line| fields(line) == 9), "{csv}");
    let markdown = read("evaluation.md");
    assert!(markdown.contains("| study_0258 | no prediction | the prediction is missing |"), "{markdown}");
    let latex = read("evaluation.tex");
    assert!(latex.contains("study\\_0258") && !latex.contains("study_0258"), "{latex}");
    assert_eq!(latex.matches("\\begin{").count(), latex.matches("\\end{").count());
    let methods = read("methods.md");
    for words in [env!("CARGO_PKG_VERSION"), "500 resamples", "seed 1", "20 x 224 x 224", "both masks empty in 1"] {
        assert!(methods.contains(words), "`{words}` not in {methods}");
    }
}

#[test]
fn trees_as_covid_19_ct_seg_and_mosmed_have_them_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let predictions = at("predictions");
    mosmed(&at("mosmed"), &predictions);
    for number in 1..=10 {
        let name = format!("coronacases_{number:03}.nii.gz");
        write_ct(&at("ma").join("COVID-19-CT-Seg_20cases").join(&name), 300 + number);
        write_mask(&at("ma").join("Infection_Mask").join(&name), &[BOX]);
        write_mask(&at("ma").join("Lung_Mask").join(&name), &[[[0, 9], [0, 19], [0, 19]]]);
        write_mask(&predictions.join(&name), &[grown(BOX, if number < 6 { 1 } else { -1 })]);
    }
    let (ma, mosmed) = (at("ma.toml"), at("mosmed.toml"));
    import("covid_19_ct_seg", &at("ma"), &ma);
    import("mosmed", &at("mosmed"), &mosmed);
    let arguments: [&OsStr; 7] = [
        predictions.as_ref(),
        "--data".as_ref(),
        ma.as_ref(),
        "--data".as_ref(),
        mosmed.as_ref(),
        "--protocol=paper".as_ref(),
        "--resamples=500".as_ref(),
    ];
    let (code, table, talk, json) = evaluate(&arguments, &at("out"));
    assert_eq!(code, 1, "{talk}");
    let row = find(&json["paper"], "data_set", "Coronacases");
    assert_eq!((&row["measured"], &row["recognised"]), (&10.into(), &false.into()), "names alone are no evidence");
    for dice in row["dice"].as_array().unwrap() {
        close(dice["macro"]["mean"].as_f64().unwrap(), (DILATED + ERODED) / 2.0);
        let interval = &dice["macro_interval"];
        assert!(interval["low"].as_f64().unwrap() >= ERODED && interval["high"].as_f64().unwrap() <= DILATED);
    }
    assert_eq!(find(&row["published"], "who", "Bressem et al.")["dice"], 0.648);
    assert!(table.contains("not recognised as Coronacases: 10 of 10 cases by name, 10 of them measured, 0 references"));
    let sets = json["subgroups"].as_array().unwrap().iter().filter(|one| one["division"] == "data_set");
    let sets: Vec<&str> = sets.map(|one| one["group"].as_str().unwrap()).collect();
    assert_eq!(sets, ["COVID-19-CT-Seg", "MosMedData COVID19_1110"]);
    let alone = &find(&json["cases"], "case", "coronacases_001");
    assert_eq!(alone["measured"]["lung_ml"], 10.0 * 20.0 * 20.0, "the list names the lungs");
}

/// A DICOM series of 2 x 20 x 24 voxels, made by pydicom.
fn series() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit")
}

#[test]
fn a_tree_as_ricord_has_it_is_a_landmark_and_no_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let tree = at("ricord/MIDRC-RICORD-1A/a/b");
    std::fs::create_dir_all(&tree).unwrap();
    for file in ["0.dcm", "1.dcm"] {
        std::fs::copy(series().join(file), tree.join(file)).unwrap();
    }
    let source = SourceSeries::open(&series(), &OpenOptions::default()).unwrap();
    let annotations: Vec<Value> = source
        .slices()
        .iter()
        .map(|slice| {
            // Edges count: columns 4 to 9, rows 3 to 6.
            serde_json::json!({ "id": slice.sop_instance_uid, "labelId": "L", "createdById": "U", "StudyInstanceUID": "1",
                "SeriesInstanceUID": null, "SOPInstanceUID": slice.sop_instance_uid,
                "data": { "vertices": [[4, 3], [9, 3], [9, 6], [4, 6]] } })
        })
        .collect();
    let export = serde_json::json!({
        "labelGroups": [{ "id": "G", "name": "Team", "labels": [{ "id": "L", "name": "Infectious opacity", "scope": "INSTANCE" }] }],
        "datasets": [{ "id": "D", "name": "x", "studies": [], "annotations": annotations }]
    });
    std::fs::write(at("ricord/MIDRC-RICORD-1a_annotations.json"), export.to_string()).unwrap();
    let list = at("data.toml");
    import("ricord_1a", &at("ricord"), &list);
    let text = std::fs::read_to_string(&list).unwrap();
    let case = text.split("name = \"ricord_").nth(1).unwrap().split('"').next().unwrap();
    let judged = |name: &str, prediction: Cube| {
        let file = at(name).join(format!("ricord_{case}.nii.gz"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        write_label_map(&file, &mask(*source.grid(), &[prediction])).unwrap();
        let predictions = at(name);
        let (predictions, list) = (predictions.as_ref(), list.as_ref());
        let arguments = [predictions, "--data".as_ref(), list, "--split=all".as_ref(), "--protocol=paper".as_ref()];
        let (code, table, talk, json) = evaluate(&arguments, &at(name).with_extension("out"));
        assert_eq!(code, 0, "{talk}");
        (table, json)
    };
    // Drawn are 2 x 4 x 6 = 48 voxels. Grown by one in its plane 2 x 6 x 8 = 96: Dice 96 / 144. Shrunk 2 x 2 x 4 = 16:
    // 32 / 64. On the network's grid of 20 x 224 x 224 a row counts as often as floor(i * 20 / 224) is that row.
    let resized = |[_, rows, columns]: Cube| {
        let often = |[first, last]: [usize; 2], of: usize| {
            (0..224).filter(|i| (first..=last).contains(&(i * of / 224))).count() as f64
        };
        20.0 * often(rows, 20) * often(columns, 24)
    };
    let drawn = [[0, 1], [3, 6], [4, 9]];
    let (grown, shrunk) = ([[0, 1], [2, 7], [3, 10]], [[0, 1], [4, 5], [5, 8]]);
    for (name, prediction, native) in [("shrunk", shrunk, 0.5), ("grown", grown, 2.0 / 3.0)] {
        let (_, json) = judged(name, prediction);
        close(dice(&json, &format!("ricord_{case}"), "native"), native);
        let smaller = resized(drawn).min(resized(prediction));
        let expected = 2.0 * smaller / (resized(drawn) + resized(prediction));
        assert!((expected - native).abs() > 1e-3, "20 and 24 do not divide 224: {expected}");
        close(dice(&json, &format!("ricord_{case}"), "network"), expected);
    }
    let (table, json) = judged("again", grown);
    let row = find(&json["paper"], "data_set", "RICORD 1a");
    assert_eq!(row["recognised"], false);
    assert_eq!(find(&row["published"], "who", "Bressem et al.")["dice"], 0.679);
    assert!(table.contains("landmark and no comparison"), "{table}");
}

#[test]
fn axes_that_run_the_other_way_are_turned_and_other_grids_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_mask(&at("references/a.nii.gz"), &[BOX]);
    write_mask(&at("references/b.nii.gz"), &[BOX]);
    // The same voxels with their columns stored from the other side.
    let reference = open_label_map(&at("references/a.nii.gz")).unwrap();
    let Affine { mut columns, mut origin_mm } = *reference.grid().affine();
    let columns_count = grid().shape()[2];
    for i in 0..3 {
        origin_mm[i] += columns[2][i] * (columns_count - 1) as f64;
        columns[2][i] = -columns[2][i];
    }
    let flipped = Grid::new(grid().shape(), Affine { columns, origin_mm }).unwrap();
    let labels = reference.labels().chunks(columns_count).flat_map(|row| row.iter().rev().copied()).collect();
    std::fs::create_dir_all(at("predictions")).unwrap();
    write_label_map(&at("predictions/a.nrrd"), &LabelMap::new(flipped, labels).unwrap()).unwrap();
    let affine = Affine::axial(Spacing::new([10.0, 10.0, 10.0]).unwrap(), [6.0, 2.0, 3.0]);
    let half_a_voxel_off = Grid::new([10, 28, 28], affine).unwrap();
    write_label_map(&at("predictions/b.nrrd"), &mask(half_a_voxel_off, &[BOX])).unwrap();
    let (predictions, references) = (at("predictions"), at("references"));
    let (code, _, talk, json) = evaluate(&[predictions.as_ref(), references.as_ref()], &at("out"));
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("a: the prediction's axes were turned") && talk.contains("failed: b: "), "{talk}");
    close(dice(&json, "a", "native"), 1.0);
    assert_eq!(find(&json["cases"], "case", "a")["measured"]["prediction_turned"], true);
    assert_eq!(find(&json["cases"], "case", "b")["failed"]["cause"], "other_grid");
}

#[test]
fn an_ambiguous_pairing_stops_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_mask(&at("references/a.nii.gz"), &[BOX]);
    write_mask(&at("predictions/a.nii.gz"), &[BOX]);
    write_mask(&at("predictions/a_pred.nii.gz"), &[BOX]);
    let (predictions, references) = (at("predictions"), at("references"));
    let (code, table, talk, json) = evaluate(&[predictions.as_ref(), references.as_ref()], &at("out"));
    assert_eq!((code, table.as_str(), json.is_null()), (2, "", true));
    for words in ["a.nii.gz", "a_pred.nii.gz", "two files could be the prediction of case `a`", "--prediction-suffix"] {
        assert!(talk.contains(words), "`{words}` not in {talk}");
    }
}

#[test]
fn probabilities_are_held_against_the_reference_inside_the_lungs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_mask(&at("references/a.nii.gz"), &[BOX]);
    write_mask(&at("predictions/a/mask.nii.gz"), &[BOX]);
    // 204 of 255 is 0.8, in the box and nowhere else.
    let labels = mask(grid(), &[BOX]).labels().iter().map(|&label| label * 204).collect();
    let shares = LabelMap::new(grid(), labels).unwrap();
    pulmo::ct::format::write_shares(&at("predictions/a/probabilities.nii.gz"), &shares).unwrap();
    write_mask(&at("lungs/a.nii.gz"), &[[[2, 7], [4, 11], [4, 15]]]);
    let (predictions, references, lungs) = (at("predictions"), at("references"), at("lungs"));
    let arguments: [&OsStr; 4] =
        [predictions.as_ref(), references.as_ref(), "--probabilities".as_ref(), predictions.as_ref()];
    let error = |json: &Value| json["calibration"]["pooled_expected_error"].as_f64().unwrap();
    let (code, table, talk, json) = evaluate(&arguments, &at("out"));
    assert_eq!(code, 0, "{talk}");
    assert_eq!(json["calibration"]["region"], "volume");
    // Of 7840 voxels, 192 are 0.2 too unsure.
    assert!((error(&json) - 0.2 * 192.0 / 7840.0).abs() < 1e-7, "{}", json["calibration"]);
    assert!(table.contains("Calibration: reliability curve") && table.contains("0.800"), "{table}");
    let (_, _, _, json) = evaluate(&[&arguments[..], &["--lungs".as_ref(), lungs.as_ref()]].concat(), &at("inside"));
    // The lungs have 6 x 8 x 12 = 576 voxels.
    assert_eq!(
        (&json["calibration"]["region"], json["cases"][0]["measured"]["lung_ml"].as_f64()),
        (&"lungs".into(), Some(576.0))
    );
    assert!((error(&json) - 0.2 * 192.0 / 576.0).abs() < 1e-7, "{}", json["calibration"]);
    let csv = std::fs::read_to_string(at("inside").join("evaluation.csv")).unwrap();
    assert!(csv.contains("a,a,,,probabilities,native,expected_calibration_error,0.066666"), "{csv}");
}
