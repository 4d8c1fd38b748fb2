//! Folders, patterns, CSV, nnU-Net, Decathlon, MONAI.

use std::path::Path;

use pulmo_ct::dataset::import::{Cause, Options, Request};
use pulmo_ct::dataset::{self, DataList, IntensityStored, Split};

use super::archive::{ct, cut, greys, mask, shifted_mask, text};
use super::{Run, left_out, listing, names};

/// Cases a, b, c in images/ and labels/, and one of each fault.
fn faulty_folder(root: &Path) {
    for (number, name) in ["a", "b", "c", "cut", "off", "copy", "unknown"].into_iter().enumerate() {
        ct(&root.join(format!("images/{name}_0000.nii.gz")), number);
        mask(&root.join(format!("labels/{name}_mask.nii.gz")), &[1], number + 1);
    }
    mask(&root.join("lungs/a.nii.gz"), &[1, 2], 5);
    cut(&root.join("images/cut_0000.nii.gz"));
    shifted_mask(&root.join("labels/off_mask.nii.gz"));
    std::fs::copy(root.join("images/b_0000.nii.gz"), root.join("images/copy_0000.nii.gz")).unwrap();
    mask(&root.join("labels/unknown_mask.nii.gz"), &[1, 7], 2);
    ct(&root.join("images/unmasked.nii.gz"), 50);
    mask(&root.join("labels/pictureless.nii.gz"), &[1], 1);
    greys(&root.join("images/windowed.nii.gz"), 3);
    mask(&root.join("labels/windowed.nii.gz"), &[1], 1);
    text(&root.join("images/read me.txt"), "x");
    text(&root.join("images/._a_0000.nii.gz"), "x");
}

#[test]
fn a_folder_is_imported_but_for_its_faults() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    faulty_folder(archive.path());
    let before = listing(archive.path());
    let imported = run.import("folder", archive.path(), &Options::default()).unwrap();
    assert_eq!(names(&imported), ["a", "b", "c"]);
    let expected = [
        ("pictureless", Cause::Missing),
        ("unmasked", Cause::Missing),
        ("cut", Cause::Damaged),
        ("copy", Cause::Duplicated),
        ("off", Cause::Mismatch),
        ("unknown", Cause::Mismatch),
        ("windowed", Cause::NotHu),
        ("read me.txt", Cause::Foreign),
    ];
    assert_eq!(left_out(&imported), expected.map(|(name, cause)| (name.to_owned(), cause)));
    assert!(imported.flow.has_defects());
    let steps: Vec<usize> = imported.flow.steps.iter().map(|step| step.cases).collect();
    assert_eq!(steps[0], steps[1..].iter().sum::<usize>(), "every case is accounted for");
    assert_eq!(listing(archive.path()), before, "nothing is written into the archive");
    let case = &imported.list.cases[1];
    assert_eq!((case.slices, case.spacing_mm), (Some(3), Some([5.0, 0.8, 0.7])));
    assert_eq!(case.infiltrate_ml, Some(0.006), "two voxels of 2.8 cubic mm, to a thousandth");
    assert!(imported.list.cases[0].lungs.is_some());
    assert!(run.text().contains("{root}/images/a_0000.nii.gz"), "{}", run.text());
    let table = imported.flow.to_markdown();
    for part in ["| left out: a copy | 1 |", "| in data.toml | 3 |", "as that of case `b`", "[7]"] {
        assert!(table.contains(part), "`{part}` not in:\n{table}");
    }
    let first = run.text();
    run.import("folder", archive.path(), &Options::default()).unwrap();
    assert_eq!(run.text(), first, "an import can be repeated");
}

#[test]
fn the_folder_of_the_list_is_made_but_never_in_an_archive() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    faulty_folder(archive.path());
    let import = |kind: &str, output: &Path| {
        let options = Options::default();
        let request = Request { root: archive.path(), output, options: &options, progress: &|_, _, _| () };
        dataset::import(dataset::kind(kind).unwrap(), &request)
    };
    let output = folder.path().join("new/lists/data.toml");
    import("folder", &output).unwrap();
    assert_eq!(DataList::load(&output).unwrap().cases.len(), 3);
    let before = listing(archive.path());
    let error = import("mosmed", &archive.path().join("new/data.toml")).unwrap_err();
    assert!(error.to_string().contains("nothing is written"), "{error}");
    assert_eq!(listing(archive.path()), before);
    assert!(!archive.path().join("new").exists());
}

#[test]
fn a_folder_by_patterns_gives_patients_and_sites() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path();
    for (number, name) in ["s1/p1_x", "s1/p1_y", "s2/p2_x"].into_iter().enumerate() {
        greys(&root.join(format!("{name}_ct.nii.gz")), number);
        mask(&root.join(format!("{name}_roi.nii.gz")), &[4], 1);
    }
    ct(&root.join("s2/p3_z_ct.nii.gz"), 9);
    let options = Options {
        images: Some("{site}/{patient}_{case}_ct.nii.gz".to_owned()),
        labels: Some("{site}/{patient}_{case}_roi.nii.gz".to_owned()),
        label_names: vec![(pulmo_ct::dataset::list::LabelValue(4), "opacity".to_owned())],
        ..Options::default()
    };
    let imported = run.import("folder", root, &options).unwrap();
    let seen: Vec<_> =
        imported.list.cases.iter().map(|c| (c.name.as_str(), c.patient.as_str(), c.site.as_str())).collect();
    assert_eq!(seen, [("x", "p1", "s1"), ("y", "p1", "s1")], "a second `x` has no name of its own");
    assert_eq!(left_out(&imported), [("z".to_owned(), Cause::Missing), ("x".to_owned(), Cause::Duplicated)]);
    assert_eq!(imported.list.intensity_stored, IntensityStored::EightBit, "all are greys");
    let wrong = Options { images: Some("{case}.nii".to_owned()), ..Options::default() };
    assert!(run.import("folder", root, &wrong).unwrap_err().to_string().contains("--images and --labels"));
    let wrong = Options { classes: vec!["x".to_owned()], ..Options::default() };
    assert!(run.import("folder", root, &wrong).unwrap_err().to_string().contains("--class is not for `folder`"));
}

#[test]
fn a_table_names_everything() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path();
    for number in 0..3 {
        ct(&root.join(format!("{number}.nii.gz")), number);
        mask(&root.join(format!("m{number}.nii.gz")), &[1], number);
    }
    let rows = "image,labels,patient,site,split,note\n0.nii.gz,m0.nii.gz,p,x,test,\"a, b\"\n\
                1.nii.gz,m1.nii.gz,q,y,,\n2.nii.gz,,,,,\n3.nii.gz,m2.nii.gz,,,,\n";
    text(&root.join("cases.csv"), rows);
    let imported = run.import("csv", &root.join("cases.csv"), &Options::default()).unwrap();
    let case = &imported.list.cases[0];
    assert_eq!((case.split, case.note.as_deref(), case.site.as_str()), (Split::Test, Some("a, b"), "x"));
    assert_eq!(left_out(&imported), [("2".to_owned(), Cause::Missing), ("3".to_owned(), Cause::Missing)]);
    text(&root.join("bad.csv"), "image,mask\n");
    assert!(
        run.import("csv", &root.join("bad.csv"), &Options::default()).unwrap_err().to_string().contains("`labels`")
    );
}

#[test]
fn nnunet_versions_one_and_two() {
    for (version, description) in [
        (1, r#"{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "lesion"}, "numTraining": 3}"#),
        (
            2,
            r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "lesion": 1}, "numTraining": 3, "file_ending": ".nii.gz", "licence": "CC0"}"#,
        ),
    ] {
        let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
        let root = archive.path();
        text(&root.join("dataset.json"), description);
        for number in 0..2 {
            ct(&root.join(format!("imagesTr/case_{number}_0000.nii.gz")), number);
            mask(&root.join(format!("labelsTr/case_{number}.nii.gz")), &[1], 4);
        }
        ct(&root.join("imagesTs/t_0000.nii.gz"), 7);
        ct(&root.join("imagesTr/odd.nii.gz"), 8);
        let imported = run.import("nnunet", root, &Options::default()).unwrap();
        assert_eq!(names(&imported), ["case_0", "case_1"], "version {version}");
        assert_eq!(imported.list.labels.values().collect::<Vec<_>>(), ["lesion"]);
        assert_eq!(left_out(&imported), [("imagesTr/odd.nii.gz".to_owned(), Cause::Foreign)]);
        assert!(!imported.flow.expected[0].agrees() && !imported.flow.expected[0].explanation.is_empty());
        assert_eq!(imported.list.licence, if version == 2 { "CC0" } else { "" });
        let inside =
            Request { root, output: &root.join("data.toml"), options: &Options::default(), progress: &|_, _, _| () };
        let error = pulmo_ct::dataset::import(pulmo_ct::dataset::kind("nnunet").unwrap(), &inside).unwrap_err();
        assert!(error.to_string().contains("in the archive"), "{error}");
        text(&root.join("dataset.json"), &description.replace("\"CT\"", "\"CT\", \"1\": \"PET\""));
        assert!(run.import("nnunet", root, &Options::default()).unwrap_err().to_string().contains("2 channels"));
    }
}

#[test]
fn the_decathlon_lists_its_cases() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path();
    let description = r#"{"name": "Lung", "licence": "CC-BY-SA 4.0", "reference": "TCIA", "modality": {"0": "CT"},
        "labels": {"0": "background", "1": "cancer"}, "numTraining": 2, "numTest": 1, "test": ["./imagesTs/t.nii.gz"],
        "training": [{"image": "./imagesTr/l_1.nii.gz", "label": "./labelsTr/l_1.nii.gz"},
                     {"image": "./imagesTr/l_2.nii.gz", "label": "./labelsTr/l_2.nii.gz"}]}"#;
    text(&root.join("dataset.json"), description);
    ct(&root.join("imagesTr/l_1.nii.gz"), 1);
    mask(&root.join("labelsTr/l_1.nii.gz"), &[1], 4);
    ct(&root.join("imagesTr/l_9.nii.gz"), 9);
    text(&root.join("imagesTr/._l_1.nii.gz"), "left by another computer");
    let imported = run.import("decathlon", root, &Options::default()).unwrap();
    assert_eq!(names(&imported), ["l_1"]);
    assert_eq!((imported.list.name.as_str(), imported.list.licence.as_str()), ("Lung", "CC-BY-SA 4.0"));
    let missing = [("l_2".to_owned(), Cause::Missing), ("imagesTr/l_9.nii.gz".to_owned(), Cause::Foreign)];
    assert_eq!(left_out(&imported), missing);
    text(&root.join("dataset.json"), &description.replace("./imagesTr/l_2", "../../l_2"));
    assert!(run.import("decathlon", root, &Options::default()).unwrap_err().to_string().contains("leads out"));
}

#[test]
fn a_list_of_monai_has_folds() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path();
    for number in 0..3 {
        ct(&root.join(format!("{number}.nii.gz")), number);
        mask(&root.join(format!("m{number}.nii.gz")), &[1], number);
    }
    let list = r#"{"training": [{"image": "0.nii.gz", "label": "m0.nii.gz", "fold": 0},
        {"image": ["./1.nii.gz"], "label": "m1.nii.gz", "fold": 1}, {"image": ["a", "b"], "label": "m1.nii.gz"}],
        "testing": [{"image": "2.nii.gz"}]}"#;
    text(&root.join("list.json"), list);
    let options = Options { fold: Some(1), ..Options::default() };
    let imported = run.import("monai", &root.join("list.json"), &options).unwrap();
    let splits: Vec<Split> = imported.list.cases.iter().map(|case| case.split).collect();
    assert_eq!(splits, [Split::Train, Split::Validation]);
    let expected = [("training[2]".to_owned(), Cause::Foreign), ("2".to_owned(), Cause::NotAnnotated)];
    assert_eq!(left_out(&imported), expected);
    let options = Options { fold: Some(5), ..Options::default() };
    assert!(run.import("monai", &root.join("list.json"), &options).is_err());
}
