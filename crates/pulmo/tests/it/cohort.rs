//! `pulmo cohort` from outside: what stands on the page, and what must not.

use std::ffi::OsStr;
use std::path::Path;

use pulmo::ct::format::{write_label_map, write_volume};
use pulmo::ct::{Affine, CtVolume, Grid, LabelMap, Spacing};

use super::pulmo;

const HOSTILE: &str = "x\"><script>alert(1)</script>";

/// A CT of 2 x 10 x 10 voxels of 1 mL and its masks: `marked` voxels in the reference, `found` in the prediction.
fn case(root: &Path, name: &str, marked: usize, found: usize) {
    let grid = Grid::new([2, 10, 10], Affine::axial(Spacing::new([10.0; 3]).unwrap(), [0.0; 3])).unwrap();
    for folder in ["ct", "reference", "masks"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let file = format!("{name}.nii.gz");
    let mask = |n: usize| LabelMap::new(grid, (0..200).map(|at| u8::from(at < n)).collect()).unwrap();
    write_volume(&root.join("ct").join(&file), &CtVolume::new(grid, vec![-700.0; 200]).unwrap()).unwrap();
    write_label_map(&root.join("reference").join(&file), &mask(marked)).unwrap();
    write_label_map(&root.join("masks").join(&file), &mask(found)).unwrap();
}

fn run(arguments: &[&OsStr], code: i32) -> String {
    let run = pulmo(arguments);
    let talk = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(code), "{talk}");
    talk
}

/// Three cases, of which one has no prediction, evaluated through the program; and a training of three epochs.
fn setting(root: &Path) {
    let mut list = "name = \"boxes\"\nnotes = \"boxes, not patients\"\nlabels = { 1 = \"infiltrate\" }\n".to_owned();
    for (name, marked, found) in [("a", 100, 80), ("b", 50, 90), ("c", 40, 40)] {
        case(root, name, marked, found);
        list += &format!("[[case]]\nname = \"{name}\"\nimage = \"ct/{name}.nii.gz\"\n");
        list += &format!("labels = \"reference/{name}.nii.gz\"\npatient = \"p{}\"\nsplit = \"test\"\n", marked / 50);
    }
    std::fs::write(root.join("data.toml"), list).unwrap();
    std::fs::remove_file(root.join("masks/c.nii.gz")).unwrap();
    let (masks, data, out) = (root.join("masks"), root.join("data.toml"), root.join("evaluation"));
    let arguments =
        ["evaluate".as_ref(), masks.as_ref(), "--data".as_ref(), data.as_ref(), "-o".as_ref(), out.as_ref()];
    run(&arguments, 1);
    let run = root.join("runs/first");
    std::fs::create_dir_all(&run).unwrap();
    let epoch = |n: usize, loss: f64, dice: f64, best: bool| {
        format!(
            "{{\"kind\":\"step\",\"epoch\":{n},\"loss\":9}}\n{{\"kind\":\"epoch\",\"epoch\":{n},\"epochs\":3,\
             \"phase\":\"all\",\"learning_rate\":0.1,\"training_loss\":{loss},\"validation\":{{\"dice\":{dice},\
             \"loss\":{loss},\"cases\":[]}},\"best\":{best},\"seconds\":1}}\n"
        )
    };
    let log = epoch(1, 1.5, 0.25, true) + &epoch(2, 1.0, 0.75, true) + &epoch(3, 0.5, 0.5, false);
    std::fs::write(run.join("log.jsonl"), log).unwrap();
}

/// Nothing on the page is fetched from elsewhere.
#[track_caller]
fn stands_alone(page: &str) {
    for elsewhere in ["http", "src=\"/", "href=", "url(", "@import", "file:"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert!(page.matches("<script").count() <= 1 && page.contains("Not for diagnosis"));
    assert!(page.contains("<meta name=\"viewport\"") && page.contains("<html lang=\"en\">"));
}

#[test]
fn an_evaluation_and_a_training_become_one_page() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    setting(root);
    let (evaluation, runs, page) = (root.join("evaluation"), root.join("runs"), root.join("cohort.html"));
    let (data, masks) = (root.join("data.toml"), root.join("masks"));
    let arguments: Vec<&OsStr> = vec![
        "cohort".as_ref(),
        evaluation.as_ref(),
        runs.as_ref(),
        "-o".as_ref(),
        page.as_ref(),
        "--data".as_ref(),
        data.as_ref(),
        "--predictions".as_ref(),
        masks.as_ref(),
    ];
    let talk = run(&arguments, 0);
    assert!(talk.contains("2 cases of 3 patients, 1 case without numbers, 1 training"), "{talk}");
    let page = std::fs::read_to_string(page).unwrap();
    stands_alone(&page);
    assert!(!page.contains(&*root.to_string_lossy()), "a page names no folders of the user's");
    // a: 100 and 80 mL, Dice 160/180; b: 50 and 90 mL, Dice 100/140.
    let row = |case: &str| page.split(&format!("<tr><td>{case}</td>")).nth(1).unwrap().split("</tr>").next().unwrap();
    for (case, numbers) in [("a", ["100.0", "80.0", "0.889"]), ("b", ["50.0", "90.0", "0.714"])] {
        // The first row of a case is the table's, since only failed cases have rows before it.
        numbers.iter().for_each(|number| assert!(row(case).contains(number), "{case}: {number}: {}", row(case)));
    }
    assert!(row("c").contains("the prediction is missing"), "{}", row("c"));
    // Differences -20 and 40: bias 10, SD 42.43, limits 10 - 83.2 and 10 + 83.2.
    assert!(page.contains("bias 10.0, limits of agreement \u{2212}73.2 and 93.2"));
    // Three cases were found, two measured; c's reason stands in the flow too.
    assert!(page.contains("found (a prediction, a reference or both)</td><td>3</td>"), "{page}");
    assert!(page.contains("<td class=\"words\">c</td><td class=\"words\">prediction missing</td>"), "{page}");
    assert!(page.contains("By opacity volume"), "100 and 50 mL lie in two parts");
    assert!(page.contains("boxes, not patients") && page.contains("Cohort: boxes"));
    assert!(page.contains("Training: first") && page.contains("epoch 2 was the best"));
    assert!(page.contains("validation: 0.250 at first, 0.500 at last."));
    // Two worst cases with two pictures each, which are PNG files with words for who cannot see them.
    assert_eq!(page.matches("<img src=\"data:image/png;base64,iVBOR").count(), 4);
    assert_eq!(page.matches(" alt=\"").count(), 4);
}

#[test]
fn what_is_given_twice_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    setting(root);
    let (evaluation, runs, page) = (root.join("evaluation"), root.join("runs"), root.join("cohort.html"));
    // The run stands in its folder, and the evaluation is named by a detour too.
    let (first, detour) = (runs.join("first"), runs.join("../evaluation/evaluation.json"));
    let arguments: Vec<&OsStr> = vec![
        "cohort".as_ref(),
        evaluation.as_ref(),
        runs.as_ref(),
        first.as_ref(),
        detour.as_ref(),
        "-o".as_ref(),
        page.as_ref(),
    ];
    let talk = run(&arguments, 0);
    assert!(talk.contains("2 cases of 3 patients, 1 case without numbers, 1 training"), "{talk}");
    assert_eq!(talk.matches("is given twice; it is shown once").count(), 2, "{talk}");
    assert_eq!(std::fs::read_to_string(page).unwrap().matches("Training: first").count(), 1);
}

#[test]
fn names_cannot_break_out_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let text = serde_json::json!({
        "schema": "pulmo-evaluation/1",
        "pulmo_version": HOSTILE,
        "notes": [HOSTILE],
        "protocol": {"labels": [{"name": HOSTILE, "value": 1}], "network_shape": null},
        "metrics": [{"name": format!("dice {HOSTILE}"), "unit": HOSTILE, "better": "higher", "empty_masks": HOSTILE}],
        "cases": [
            {"case": HOSTILE, "facts": {"patient": "p", "site": HOSTILE, "data_set": HOSTILE}, "measured": {"shape": [1, 1, 1], "spacing_mm": [1.0, 1.0, 1.0], "results": [
                {"label": HOSTILE, "grid": "native", "overlap": {"reference": 1}, "reference_ml": 1.0, "prediction_ml": 3.0,
                 "metrics": [{"metric": format!("dice {HOSTILE}"), "value": 0.5, "unit": HOSTILE}]}]}},
            {"case": "b", "facts": {"data_set": "other"}, "failed": {"reason": HOSTILE, "hint": HOSTILE}},
        ],
    });
    let (source, page) = (folder.path().join("evaluation.json"), folder.path().join("page.html"));
    std::fs::write(&source, text.to_string()).unwrap();
    let title = format!("--title={HOSTILE}");
    run(&["cohort".as_ref(), source.as_ref(), "-o".as_ref(), page.as_ref(), title.as_ref()], 0);
    let page = std::fs::read_to_string(page).unwrap();
    stands_alone(&page);
    assert!(!page.contains("<script>alert") && !page.contains("x\">"), "{page}");
    assert!(page.matches("&#60;script&#62;alert(1)").count() > 10);
}

#[test]
fn results_without_references_are_a_cohort_too_and_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (case, ml) in [("a", 12.5), ("b", 0.0)] {
        std::fs::create_dir_all(root.join("masks").join(case)).unwrap();
        let text = serde_json::json!({"case": case, "infiltrate": {"volume_ml": ml}, "warnings": ["thick slices"],
            "model": {"recipe": "paper", "sha256": "0123456789abcdef", "data": [{"name": "boxes", "licence": "CC0"}]}});
        std::fs::write(root.join("masks").join(case).join("result.json"), text.to_string()).unwrap();
    }
    let (masks, page) = (root.join("masks"), root.join("page.html"));
    run(&["cohort".as_ref(), masks.as_ref(), "-o".as_ref(), page.as_ref()], 0);
    let text = std::fs::read_to_string(&page).unwrap();
    stands_alone(&text);
    for part in ["12.5", "thick slices", "paper, 0123456789ab", "boxes (licence: CC0)", "Volume of the prediction"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("Agreement of volumes") && !text.contains("Volume of the reference"));

    std::fs::create_dir(root.join("empty")).unwrap();
    let empty = root.join("empty");
    let talk = run(&["cohort".as_ref(), empty.as_ref(), "-o".as_ref(), page.as_ref()], 2);
    assert!(talk.contains("holds no evaluation") && talk.contains("hint: "), "{talk}");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), text, "the former page stays");
}
