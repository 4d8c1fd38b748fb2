//! `pulmo import` and `pulmo data` from outside: exit codes, files, streams.

use std::ffi::OsStr;
use std::path::Path;

use pulmo::ct::format::{write_label_map, write_volume};
use pulmo::ct::{Affine, CtVolume, Grid, LabelMap, Spacing};

use super::pulmo;

/// Six cases with images, labels and, for the last, nothing but an image.
fn archive(root: &Path) {
    let affine = Affine::axial(Spacing::new([10.0, 10.0, 10.0]).unwrap(), [1.0, 2.0, 3.0]);
    let grid = Grid::new([2, 2, 2], affine).unwrap();
    for folder in ["images", "labels"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for number in 0..7_u8 {
        let hu = (0..8).map(|at| f32::from(at * 7 + number) - 1000.0).collect();
        let volume = CtVolume::new(grid, hu).unwrap();
        write_volume(&root.join(format!("images/case_{number}.nii.gz")), &volume).unwrap();
        if number < 6 {
            let labels = (0..8).map(|at| u8::from(at <= number)).collect();
            let labels = LabelMap::new(grid, labels).unwrap();
            write_label_map(&root.join(format!("labels/case_{number}.nii.gz")), &labels).unwrap();
        }
    }
}

#[test]
fn a_folder_is_imported_shown_measured_split_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string();
    archive(&folder.path().join("scans"));
    let run = |arguments: &[&OsStr], code: i32| {
        let run = pulmo(arguments);
        let (out, talk) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
        assert_eq!(run.status.code(), Some(code), "{out}\n{talk}");
        (out, talk)
    };
    let (scans, data) = (path("scans"), path("data.toml"));
    let (table, talk) = run(&["import".as_ref(), "folder".as_ref(), &scans, "-o".as_ref(), &data], 1);
    assert!(table.contains("| left out: missing | 1 |") && table.contains("case_6"), "{table}");
    assert!(talk.contains("6 cases") && talk.contains("licence of these data is not known"), "{talk}");
    assert!(folder.path().join("data.flow.md").exists() && folder.path().join("data.flow.json").exists());
    let (json, _) = run(&["import".as_ref(), "folder".as_ref(), &scans, "-o".as_ref(), &data, "--json".as_ref()], 1);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["cases"], &json["flow"]["excluded"][0]["cause"]), (&6.into(), &"missing".into()));

    let (table, _) = run(&["data".as_ref(), "show".as_ref(), &data], 0);
    assert!(table.contains("case_5") && table.contains("6 cases of 6 patients"), "{table}");
    let page = path("not/there/yet/stats.html");
    let (table, _) = run(&["data".as_ref(), "stats".as_ref(), &data, "--page".as_ref(), &page], 0);
    assert!(table.contains("infiltrate (mL)") && table.contains("0 cases without infiltrates"), "{table}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("Not a medical device") && !page.contains("http"), "{page}");
    let (json, _) = run(&["data".as_ref(), "stats".as_ref(), &data, "--json".as_ref()], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["figures"].as_array().unwrap().len(), 6);

    let splits = path("splits");
    let (lines, _) = run(&["data".as_ref(), "split".as_ref(), &data, "-o".as_ref(), &splits, "--folds=3".as_ref()], 0);
    assert_eq!(lines.matches("4 train, 2 validation, 0 test").count(), 3, "{lines}");
    let fold = folder.path().join("splits/fold_1.toml");
    assert!(std::fs::read_to_string(&fold).unwrap().contains("split = \"validation\""));
    run(&["data".as_ref(), "split".as_ref(), &data, "-o".as_ref(), &splits], 2);
    run(&["data".as_ref(), "split".as_ref(), &data, "-o".as_ref(), &splits, "--folds=9".as_ref()], 2);

    let (raw, json) = (path("raw"), path("splits/splits_final.json"));
    let arguments: Vec<&OsStr> = vec![
        "data".as_ref(),
        "export".as_ref(),
        "nnunet".as_ref(),
        &data,
        "-o".as_ref(),
        &raw,
        "--splits".as_ref(),
        &json,
    ];
    let (line, _) = run(&arguments, 0);
    assert!(line.contains("6 cases"), "{line}");
    assert!(folder.path().join("raw/imagesTr/case_3_0000.nii.gz").exists());
    assert_eq!(std::fs::read(folder.path().join("raw/splits_final.json")).unwrap(), std::fs::read(json).unwrap());
    let (_, talk) = run(&["import".as_ref(), "folder".as_ref(), &scans, "-o".as_ref(), &scans], 2);
    assert!(talk.contains("it is a folder"), "{talk}");
    run(&["import".as_ref(), "unheard_of".as_ref(), &scans], 2);
    let (_, talk) = run(&["import".as_ref(), "mosmed".as_ref(), &scans, "-o".as_ref(), &data], 2);
    assert!(talk.contains("hint: "), "{talk}");
}

/// A list whose cases carry these names, all for training.
fn list_of(folder: &Path, names: &[&str]) -> std::path::PathBuf {
    let scans = folder.join("scans");
    archive(&scans);
    for (number, name) in names.iter().enumerate() {
        for part in ["images", "labels"] {
            let at = |name: &str| scans.join(part).join(format!("{name}.nii.gz"));
            std::fs::rename(at(&format!("case_{number}")), at(name)).unwrap();
        }
    }
    let data = folder.join("data.toml");
    let import: [&OsStr; 5] = ["import".as_ref(), "folder".as_ref(), scans.as_ref(), "-o".as_ref(), data.as_ref()];
    assert!(pulmo(&import).status.code().is_some_and(|code| code < 2));
    data
}

#[test]
fn published_folds_are_taken_by_name_and_pickles_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = list_of(folder.path(), &["coronacases_004", "coronacases_001", "coronacases_007"]);
    let (out, pickle) = (folder.path().join("folds"), folder.path().join("splits_final.pkl"));
    let split = |rule: &[&OsStr]| {
        let fixed: [&OsStr; 5] = ["data".as_ref(), "split".as_ref(), data.as_ref(), "-o".as_ref(), out.as_ref()];
        let run = pulmo(&[&fixed[..], rule].concat());
        (run.status.code(), String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap())
    };
    let (code, lines, talk) = split(&["--published".as_ref(), "ma_2021".as_ref()]);
    assert_eq!((code, lines.matches("1 train, 2 validation").count()), (Some(0), 3), "{lines}{talk}");
    assert!(talk.contains("not compared with their file") && talk.contains("3 of the 20 published cases"), "{talk}");
    assert!(talk.contains("fold 3 is left out") && talk.contains("fold 4 is left out"), "{talk}");
    std::fs::write(&pickle, b"\x80\x04K").unwrap();
    let (code, _, talk) = split(&["--from".as_ref(), pickle.as_ref()]);
    assert!(code == Some(2) && talk.contains("a Python pickle") && talk.contains("json.dumps"), "{talk}");
}

#[test]
fn a_training_within_a_memory_limit_is_planned_or_refused_with_what_fits() {
    let folder = tempfile::tempdir().unwrap();
    let data = list_of(folder.path(), &[]);
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/paper.toml");
    let plan = |limit: &str, setting: &str| {
        let fixed: [&OsStr; 7] = [
            "train".as_ref(),
            recipe.as_ref(),
            "--data".as_ref(),
            data.as_ref(),
            "--plan".as_ref(),
            "--set=training.batch_size=1".as_ref(),
            setting.as_ref(),
        ];
        let run = pulmo(&[&fixed[..], &["--max-ram".as_ref(), limit.as_ref()]].concat());
        (run.status.code(), String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap())
    };
    let (float32, bfloat16) = ("--set=training.precision=float32", "--set=training.precision=bfloat16");
    let (code, text, _) = plan("4GiB", float32);
    assert!(code == Some(0) && text.contains("activations are computed twice"), "{text}");
    let (code, _, talk) = plan("3GiB", float32);
    assert!(code == Some(2) && talk.contains("this would fit: --set 'training.precision=bfloat16'"), "{talk}");
    let (code, text, talk) = plan("3GiB", bfloat16);
    assert!(code == Some(0) && text.contains("network 2."), "{text}{talk}");
    let (code, _, talk) = plan("2GiB", bfloat16);
    assert!(code == Some(2) && talk.contains("this would fit: --set 'input.grid.size=[20, "), "{talk}");
    let (code, _, talk) = plan("4GiB", "--set=training.precision=half");
    assert!(code == Some(2) && talk.contains("float32"), "{talk}");
    assert_eq!(plan("4", float32).0, Some(2), "a size has a unit");
}
