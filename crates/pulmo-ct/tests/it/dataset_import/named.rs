//! COVID-19-CT-Seg, MosMed and COVID-19-20: whole in small, with their irregularities, and MosMed's real masks.

use std::io::{Read, Write};
use std::path::Path;

use pulmo_ct::dataset::import::{Cause, Options};
use pulmo_ct::dataset::{IntensityStored, Split};
use pulmo_ct::format::open_label_map;

use super::archive::{ct, cut, greys, mask, text};
use super::{Run, left_out, listing, names};

const RADIOPAEDIA: [&str; 10] = [
    "4_85506_1",
    "7_85703_0",
    "10_85902_1",
    "10_85902_3",
    "14_85914_0",
    "27_86410_0",
    "29_86490_1",
    "29_86491_1",
    "36_86526_0",
    "40_86625_0",
];

/// The four folders with their twenty files each.
fn twenty_cases(root: &Path) {
    let coronacases = (1..=10).map(|number| format!("coronacases_{number:03}"));
    let radiopaedia = RADIOPAEDIA.iter().map(|name| format!("radiopaedia_{name}"));
    for (number, name) in coronacases.chain(radiopaedia).enumerate() {
        let file = |part: &str| root.join(part).join(format!("{name}.nii.gz"));
        let image = file("COVID-19-CT-Seg_20cases");
        if number < 10 {
            ct(&image, number)
        } else {
            greys(&image, number)
        }
        mask(&file("Infection_Mask"), &[1], 20);
        mask(&file("Lung_Mask"), &[1, 2], 30);
        mask(&file("Lung_and_Infection_Mask"), &[1, 2, 3], 20);
    }
}

/// Zips each folder in `from` into `to`, as the archive has them: flat.
fn zip_folders(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut zip = zip::ZipWriter::new(std::fs::File::create(to.join(format!("{name}.zip"))).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        for (file, _) in listing(&folder) {
            zip.start_file(file.file_name().unwrap().to_string_lossy(), options).unwrap();
            zip.write_all(&std::fs::read(&file).unwrap()).unwrap();
        }
        if name == "Lung_Mask" {
            zip.start_file("../../evil.nii.gz", options).unwrap();
            zip.write_all(b"outside").unwrap();
            zip.start_file("__MACOSX/._coronacases_001.nii.gz", options).unwrap();
        }
        zip.finish().unwrap();
    }
}

#[test]
fn covid_19_ct_seg_from_folders_and_from_zips() {
    let archive = tempfile::tempdir().unwrap();
    let (folders, zips) = (archive.path().join("folders"), archive.path().join("zips"));
    twenty_cases(&folders);
    zip_folders(&folders, &zips);
    let (run, other) = (Run::new(), Run::new());
    let imported = run.import("covid_19_ct_seg", &folders, &Options::default()).unwrap();
    assert!(imported.flow.expected.iter().all(|one| one.agrees()), "{:?}", imported.flow.expected);
    assert_eq!(imported.list.cases.len(), 10);
    assert!(imported.list.cases.iter().all(|case| case.split == Split::Test && case.lungs.is_some()));
    assert!(left_out(&imported).iter().all(|(name, cause)| name.starts_with("radiopaedia") && *cause == Cause::NotHu));
    assert!(!imported.flow.has_defects(), "as published");

    let before = listing(&zips);
    let zipped = other.import("covid_19_ct_seg", &zips, &Options::default()).unwrap();
    assert_eq!(names(&zipped), names(&imported));
    let hashes = |imported: &super::Imported| -> Vec<Option<String>> {
        imported.list.cases.iter().map(|case| case.sha256.clone()).collect()
    };
    assert_eq!(hashes(&zipped), hashes(&imported), "the same images");
    assert_eq!(listing(&zips), before, "nothing is written into the archive");
    assert!(!other.folder.path().join("evil.nii.gz").exists() && !zips.join("evil.nii.gz").exists());
    let foreign: Vec<_> = left_out(&zipped).into_iter().filter(|(_, cause)| *cause == Cause::Foreign).collect();
    assert_eq!(foreign.len(), 1, "{foreign:?}");
    assert!(zipped.flow.remarks.iter().any(|remark| remark.contains("SHA-256 differs")), "not the published zips");

    let greys = Options { intensity: Some(IntensityStored::EightBit), ..Options::default() };
    let imported = run.import("covid_19_ct_seg", &folders, &greys).unwrap();
    let patient = |name: &str| imported.list.cases.iter().find(|case| case.name == name).unwrap().patient.clone();
    assert_eq!(imported.list.cases.len(), 10);
    assert_eq!(patient("radiopaedia_10_85902_1"), patient("radiopaedia_10_85902_3"), "one patient");
    assert_eq!(imported.list.intensity_stored, IntensityStored::EightBit);
    let published = pulmo_ct::dataset::published::named("ma_2021").unwrap().folds();
    assert_eq!(
        imported.list.with_fold_as_is(&published[1]).unwrap().on_both_sides(),
        ["radiopaedia_10_85902_3", "radiopaedia_29_86491_1"]
    );
    assert!(imported.list.with_fold_as_is(&published[4]).is_err(), "four Coronacases");

    let joint = Options { masks: Some("lung_and_infection".to_owned()), ..Options::default() };
    let imported = run.import("covid_19_ct_seg", &folders, &joint).unwrap();
    assert_eq!(imported.list.labels.values().collect::<Vec<_>>(), ["left lung", "right lung", "infiltrate"]);
    assert_eq!(imported.list.cases[0].infiltrate_ml, Some(0.056), "20 voxels of value 3, no lung");
}

#[test]
fn covid_19_ct_seg_without_some_of_its_files() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let (folders, zips) = (archive.path().join("folders"), archive.path().join("zips"));
    twenty_cases(&folders);
    std::fs::remove_file(folders.join("COVID-19-CT-Seg_20cases/coronacases_004.nii.gz")).unwrap();
    ct(&folders.join("COVID-19-CT-Seg_20cases/coronacases_011.nii.gz"), 40);
    std::fs::remove_dir_all(folders.join("Infection_Mask")).unwrap();
    zip_folders(&folders, &zips);
    cut(&zips.join("Lung_Mask.zip"));
    let imported = run.import("covid_19_ct_seg", &zips, &Options::default()).unwrap();
    assert_eq!(imported.list.cases.len(), 9, "{}", imported.flow.to_markdown());
    let of_defect: Vec<_> = left_out(&imported).into_iter().filter(|(_, cause)| cause.is_defect()).collect();
    let expected =
        [("coronacases_004", Cause::Missing), ("coronacases_011", Cause::Foreign), ("Lung_Mask.zip", Cause::Damaged)];
    assert_eq!(of_defect, expected.map(|(name, cause)| (name.to_owned(), cause)));
    let case = &imported.list.cases[0];
    let mask = open_label_map(&case.labels).unwrap();
    assert_eq!((mask.count(1), mask.count(3)), (20, 0), "value 3 of the joint mask becomes label 1");
    assert!(case.lungs.is_none());
    assert!(imported.flow.expected.iter().any(|one| !one.agrees() && !one.explanation.is_empty()));
}

/// 1,110 studies, 50 masks, the registry.
fn mosmed(root: &Path) {
    let mut registry = String::from("\u{feff}study_id,category,study_file,mask_file\r\n");
    let mut number = 0;
    for (class, count) in [("CT-0", 254), ("CT-1", 684), ("CT-2", 125), ("CT-3", 45), ("CT-4", 2)] {
        for _ in 0..count {
            number += 1;
            let study = format!("studies/{class}/study_{number:04}.nii.gz");
            ct(&root.join(&study), number);
            let is_masked = (255..=304).contains(&number);
            let file = format!("masks/study_{number:04}_mask.nii.gz");
            if is_masked {
                mask(&root.join(&file), &[1], number - 250);
            }
            registry += &format!(
                "{number},{class},/{study},{}\r\n",
                if is_masked { format!("/{file}") } else { String::new() }
            );
        }
    }
    text(&root.join("dataset_registry.csv"), &registry);
}

#[test]
fn mosmed_gives_fifty_masks_and_254_controls() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    mosmed(archive.path());
    let imported = run.import("mosmed", archive.path(), &Options::default()).unwrap();
    assert!(imported.flow.expected.iter().all(|one| one.agrees()), "{:?}", imported.flow.expected);
    assert!(!imported.flow.has_defects(), "{}", imported.flow.to_markdown());
    assert_eq!(imported.list.cases.len(), 304);
    let controls = imported.list.cases.iter().filter(|case| case.infiltrate_ml == Some(0.0));
    assert!(controls.clone().all(|case| case.note.as_deref().unwrap().contains("control")));
    assert_eq!(controls.count(), 254);
    assert_eq!(imported.flow.steps[0].cases, 1110);
    assert_eq!(left_out(&imported).len(), 806);
    let text = run.text();
    assert!(text.contains("CC BY-NC-ND 3.0") && text.contains("{root}/studies/CT-1/study_0255.nii.gz"));

    std::fs::remove_file(archive.path().join("studies/CT-1/study_0260.nii.gz")).unwrap();
    std::fs::remove_file(archive.path().join("masks/study_0261_mask.nii.gz")).unwrap();
    cut(&archive.path().join("studies/CT-0/study_0001.nii.gz"));
    std::fs::copy(
        archive.path().join("studies/CT-0/study_0002.nii.gz"),
        archive.path().join("studies/CT-0/study_0003.nii.gz"),
    )
    .unwrap();
    ct(&archive.path().join("studies/CT-2/study_2000.nii.gz"), 2000);
    ct(&archive.path().join("studies/CT-4/study_2001.nii.gz"), 2001);
    let registry = archive.path().join("dataset_registry.csv");
    let rows = std::fs::read_to_string(&registry).unwrap() + "2001,CT-4,/studies/CT-4/study_2001.nii.gz,\r\n";
    super::archive::text(&registry, &rows);
    super::archive::text(&archive.path().join("masks/foo"), "x");
    let imported = run.import("mosmed", archive.path(), &Options::default()).unwrap();
    let of_defect: Vec<_> = left_out(&imported).into_iter().filter(|(_, cause)| cause.is_defect()).collect();
    let expected = [
        ("study_0260", Cause::Missing),
        ("study_0261", Cause::Missing),
        ("study_0001", Cause::Damaged),
        ("study_0003", Cause::Duplicated),
        ("study_2000", Cause::Foreign),
        ("masks/foo", Cause::Foreign),
    ];
    assert_eq!(of_defect, expected.map(|(name, cause)| (name.to_owned(), cause)));
    assert_eq!(imported.list.cases.len(), 300);
    let why = |what: &str| &imported.flow.expected.iter().find(|one| one.what == what).unwrap().explanation;
    assert!(why("studies of CT-1").contains("not all") && why("studies of CT-4").contains("more than was published"));
}

/// The header of a real mask as that of a CT of air: int16, all stored values 0, intercept -1000.
#[cfg(unix)]
fn air_on_the_grid_of(mask: &Path, ct: &Path) {
    let mut header = vec![0_u8; 352];
    flate2::read::GzDecoder::new(std::fs::File::open(mask).unwrap()).read_exact(&mut header).unwrap();
    let dim = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let length = 352 + dim(42) * dim(44) * dim(46) * 2;
    header[70..72].copy_from_slice(&4_i16.to_le_bytes());
    header[72..74].copy_from_slice(&16_i16.to_le_bytes());
    header[108..112].copy_from_slice(&352_f32.to_le_bytes());
    header[112..116].copy_from_slice(&1_f32.to_le_bytes());
    header[116..120].copy_from_slice(&(-1000_f32).to_le_bytes());
    let name = mask.file_name().unwrap().to_string_lossy().into_owned();
    header[148..160].copy_from_slice(&name.as_bytes()[..12]);
    std::fs::create_dir_all(ct.parent().unwrap()).unwrap();
    let mut file = std::fs::File::create(ct).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(length).unwrap();
}

#[cfg(unix)]
#[test]
fn the_real_masks_of_mosmed_pair_with_studies_by_the_registry() {
    let Some(real) = super::real("mosmed") else { return };
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path();
    std::os::unix::fs::symlink(std::fs::canonicalize(real.join("masks")).unwrap(), root.join("masks")).unwrap();
    std::fs::copy(real.join("dataset_registry.csv"), root.join("dataset_registry.csv")).unwrap();
    for number in [255, 256, 304] {
        let mask = real.join(format!("masks/study_{number:04}_mask.nii.gz"));
        air_on_the_grid_of(&mask, &root.join(format!("studies/CT-1/study_{number:04}.nii.gz")));
    }
    let imported = run.import("mosmed", root, &Options::default()).unwrap();
    assert_eq!(names(&imported), ["study_0255", "study_0256", "study_0304"]);
    let published = |what: &str| imported.flow.expected.iter().find(|one| one.what == what).unwrap();
    assert!(published("masks").agrees() && published("rows of the registry").agrees());
    let missing = left_out(&imported).into_iter().filter(|(_, cause)| *cause == Cause::Missing).count();
    assert_eq!(missing, 1110 - 3, "every study whose CT is not here");
    let case = &imported.list.cases[0];
    assert!((case.infiltrate_ml.unwrap() - 310.2).abs() < 0.5, "45,526 voxels: {:?}", case.infiltrate_ml);
    assert_eq!(case.spacing_mm.unwrap()[0], 8.0);
}

#[test]
fn covid_19_20_has_199_cases_to_train_on() {
    let (run, archive) = (Run::new(), tempfile::tempdir().unwrap());
    let root = archive.path().join("COVID-19-20_v2");
    for number in 0..199 {
        let name = format!("Train/volume-covid19-A-{number:04}{}", if number == 7 { "_1" } else { "" });
        ct(&root.join(format!("{name}_ct.nii.gz")), number);
        mask(&root.join(format!("{name}_seg.nii.gz")), &[1], 3);
    }
    for number in 500..550 {
        ct(&root.join(format!("Validation/volume-covid19-A-{number:04}_ct.nii.gz")), number);
    }
    let imported = run.import("covid_19_20", archive.path(), &Options::default()).unwrap();
    assert!(imported.flow.expected.iter().all(|one| one.agrees()), "{:?}", imported.flow.expected);
    assert_eq!((imported.list.cases.len(), imported.flow.steps[0].cases), (199, 249));
    assert!(!imported.flow.has_defects());
    assert_eq!(imported.list.cases[7].patient, "volume-covid19-A-0007");
    assert_eq!(imported.list.cases[7].site, "A");
    std::fs::remove_file(root.join("Train/volume-covid19-A-0003_seg.nii.gz")).unwrap();
    text(&root.join("Train/desktop.ini"), "x");
    let imported = run.import("covid_19_20", &root, &Options::default()).unwrap();
    let of_defect: Vec<_> = left_out(&imported).into_iter().filter(|(_, cause)| cause.is_defect()).collect();
    let expected = [("volume-covid19-A-0003", Cause::Missing), ("Train/desktop.ini", Cause::Foreign)];
    assert_eq!(of_defect, expected.map(|(name, cause)| (name.to_owned(), cause)));
}

#[test]
fn the_real_greys_are_imported_by_pattern() {
    let Some(root) = super::real("covid8bit") else { return };
    let run = Run::new();
    let options = Options {
        images: Some("ct/{case}.nii.gz".to_owned()),
        labels: Some("infection/{case}.nii.gz".to_owned()),
        lungs: Some("lung/{case}.nii.gz".to_owned()),
        ..Options::default()
    };
    let imported = run.import("folder", &root, &options).unwrap();
    assert_eq!(imported.list.cases.len(), 11);
    assert_eq!(imported.list.intensity_stored, IntensityStored::EightBit);
    assert!(!imported.flow.has_defects(), "{}", imported.flow.to_markdown());
}
