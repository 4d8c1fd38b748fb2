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
    let page = path("stats.html");
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
    run(&["import".as_ref(), "unheard_of".as_ref(), &scans], 2);
    let (_, talk) = run(&["import".as_ref(), "mosmed".as_ref(), &scans, "-o".as_ref(), &data], 2);
    assert!(talk.contains("hint: "), "{talk}");
}
