//! Fingerprints, splits and exports of imported data sets.

use std::path::Path;

use pulmo_ct::dataset::export::{ExportOptions, Layout, export};
use pulmo_ct::dataset::fingerprint::fingerprint;
use pulmo_ct::dataset::import::Options;
use pulmo_ct::dataset::list::LabelValue;
use pulmo_ct::dataset::{DataList, Split, fold};
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use serde_json::Value;

use super::archive::{ct, mask};
use super::dicom::Slice;
use super::{Run, listing};

/// Twelve cases of six patients at two sites; case n has n voxels of infiltrates.
fn imported(run: &Run, root: &Path) -> DataList {
    for number in 0..12 {
        let name = format!("s{}/p{}/c{number:02}", number % 4 / 2, number / 2);
        ct(&root.join(format!("{name}_ct.nii.gz")), number);
        mask(&root.join(format!("{name}_seg.nii.gz")), &[5], number);
        mask(&root.join(format!("{name}_lung.nii.gz")), &[1, 2], 50);
    }
    let options = Options {
        images: Some("{site}/{patient}/{case}_ct.nii.gz".to_owned()),
        labels: Some("{site}/{patient}/{case}_seg.nii.gz".to_owned()),
        lungs: Some("{site}/{patient}/{case}_lung.nii.gz".to_owned()),
        label_names: vec![(LabelValue(5), "infiltrate".to_owned())],
        licence: Some("CC0".to_owned()),
        ..Options::default()
    };
    run.import("folder", root, &options).unwrap();
    DataList::load(&run.output()).unwrap()
}

#[test]
fn a_fingerprint_counts_voxels_and_ml() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let list = imported(&run, archive.path());
    let found = fingerprint(&list, &|_, _| ());
    assert_eq!((found.cases, found.patients, found.without_infiltrate), (12, 6, 1));
    assert_eq!(found.sites.into_iter().collect::<Vec<_>>(), [("s0".to_owned(), 6), ("s1".to_owned(), 6)]);
    assert_eq!((found.spacing_mm[0].median, found.shape[2].maximum), (5.0, 8.0));
    let foreground = found.foreground.unwrap();
    assert_eq!(foreground.voxels, (0..12).sum::<u64>());
    let ml = found.figures[11].infiltrate_ml;
    assert!((ml - 11.0 * 5.0 * 0.8 * 0.7 / 1000.0).abs() < 1e-9, "{ml}");
    assert!((found.figures[3].lung_ml.unwrap() - 100.0 * 0.0028).abs() < 1e-9);
    std::fs::write(&list.cases[2].image, b"damaged").unwrap();
    let found = fingerprint(&list, &|_, _| ());
    assert_eq!((found.cases, found.failed.len()), (11, 1));
}

#[test]
fn nnunet_and_the_decathlon_get_the_same_cases_and_folds() {
    let (run, archive, out) = (Run::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut list = imported(&run, archive.path());
    list.cases.iter_mut().filter(|case| case.patient == "p5").for_each(|case| case.split = Split::Test);
    let before = listing(archive.path());
    let folds = list.folds(5, 3).unwrap();
    let options = ExportOptions { folds: folds.clone(), ..ExportOptions::default() };
    let root = out.path().join("Dataset501_x");
    let exported = export(&list, &root, Layout::NnUnet, &options, &|_, _| ()).unwrap();
    assert_eq!((exported.linked + exported.copied, exported.converted), (12, 12), "value 5 becomes 1");
    let description: Value = serde_json::from_slice(&std::fs::read(root.join("dataset.json")).unwrap()).unwrap();
    assert_eq!(description["labels"]["infiltrate"], 1);
    assert_eq!(
        (&description["channel_names"]["0"], &description["numTraining"]),
        (&Value::from("CT"), &Value::from(10))
    );
    assert_eq!(fold::read(&root.join("splits_final.json")).unwrap(), folds);
    for case in &list.cases {
        let part = if case.split == Split::Test { "Ts" } else { "Tr" };
        let labels = open_label_map(&root.join(format!("labels{part}/{}.nii.gz", case.name))).unwrap();
        let original = open_label_map(&case.labels).unwrap();
        assert_eq!(labels.count(1), original.count(5));
        let image = root.join(format!("images{part}/{}_0000.nii.gz", case.name));
        assert_eq!(std::fs::read(image).unwrap(), std::fs::read(&case.image).unwrap());
    }
    let again = Run::new();
    let back = again.import("nnunet", &root, &Options::default()).unwrap();
    assert_eq!(back.list.cases.len(), 10);
    export(&list, &root, Layout::NnUnet, &options, &|_, _| ()).unwrap();
    assert_eq!(listing(archive.path()), before, "an export leaves the archive as it is, twice too");

    let root = out.path().join("Task50_x");
    export(&list, &root, Layout::Decathlon, &options, &|_, _| ()).unwrap();
    let back = again.import("decathlon", &root, &Options::default()).unwrap();
    assert_eq!(back.list.cases.len(), 10);
    assert_eq!(back.list.labels[&LabelValue(5)], "infiltrate");
    assert_eq!(back.list.licence, "CC0");
    let root = out.path().join("plain");
    let options = ExportOptions { copy: true, folds: folds.clone() };
    let exported = export(&list, &root, Layout::Folder, &options, &|_, _| ()).unwrap();
    assert_eq!(fold::read(&root.join("splits_final.json")).unwrap(), folds);
    assert_eq!(exported.copied, 36);
    let plain = DataList::load(&root.join("data.toml")).unwrap();
    let splits = |list: &DataList| list.cases.iter().map(|case| (case.name.clone(), case.split)).collect::<Vec<_>>();
    assert_eq!(splits(&plain), splits(&list));
    assert!(plain.cases.iter().all(|case| case.image.starts_with(&root)));
}

#[test]
fn a_dicom_series_is_converted() {
    let (archive, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 1..=4 {
        Slice::new("p", "2.25.1", "2.25.2", number).write(&archive.path().join(format!("series/{number}.dcm")));
    }
    let image = archive.path().join("series");
    let opened = open_ct(&image, &OpenOptions::default()).unwrap();
    let labels = archive.path().join("mask.nii.gz");
    let map = pulmo_ct::LabelMap::new(*opened.volume.grid(), vec![1; opened.volume.grid().voxels()]).unwrap();
    pulmo_ct::format::write_label_map(&labels, &map).unwrap();
    let case = pulmo_ct::dataset::Case { name: "a b".to_owned(), image, labels, ..Default::default() };
    let labels = [(LabelValue(1), "x".to_owned())].into();
    let list = DataList { name: "one".to_owned(), labels, cases: vec![case], ..DataList::default() };
    let exported = export(&list, out.path(), Layout::NnUnet, &ExportOptions::default(), &|_, _| ()).unwrap();
    assert_eq!(exported.converted, 1);
    assert!(exported.remarks.iter().any(|remark| remark.contains("no splits_final.json")), "{exported:?}");
    let converted = open_ct(&out.path().join("imagesTr/a_b_0000.nii.gz"), &OpenOptions::default()).unwrap();
    assert_eq!(converted.volume.hu(), opened.volume.hu());
    converted.volume.grid().must_equal(opened.volume.grid()).unwrap();
}
