//! What `dataset::check` finds, in phantoms and in real data.

use std::path::Path;

use pulmo_ct::dataset::check::facts::Facts;
use pulmo_ct::dataset::check::placement::Placement;
use pulmo_ct::dataset::check::signature::{SAME, Signature};
use pulmo_ct::dataset::check::small::{SIDE, Small, TURNS, turned};
use pulmo_ct::dataset::check::{ALL, Finding, Weight, run};
use pulmo_ct::dataset::list::LabelValue;
use pulmo_ct::dataset::{Case, DataList, IntensityStored, Split};
use pulmo_ct::format::{write_label_map, write_volume};
use pulmo_ct::orient::Turn;
use pulmo_ct::phantom::{Phantom, PhantomOptions, thorax};
use pulmo_ct::resample::affine::{Interpolation, to_spacing};
use pulmo_ct::{CtVolume, LabelMap, Spacing};

fn phantom(seed: u64) -> Phantom {
    let options = PhantomOptions { shape: [32, 72, 72], spacing_mm: [8.0, 4.8, 4.8], ..PhantomOptions::seeded(seed) };
    thorax(&options).unwrap()
}

fn signature(volume: &CtVolume) -> Signature {
    Signature::of(&Small::of(volume))
}

fn changed(volume: &CtVolume, change: impl Fn(f32) -> f32) -> CtVolume {
    CtVolume::new(*volume.grid(), volume.hu().iter().map(|&hu| change(hu)).collect()).unwrap()
}

#[allow(clippy::print_stderr, reason = "a test says what it measured or why it did not run")]
#[test]
fn copies_are_recognised_and_other_patients_are_not() {
    let volumes: Vec<CtVolume> = (0..6).map(|seed| phantom(seed).volume).collect();
    let signatures: Vec<Signature> = volumes.iter().map(signature).collect();
    let mut highest: f64 = 0.0;
    for (k, a) in signatures.iter().enumerate() {
        for b in &signatures[k + 1..] {
            highest = highest.max(a.likeness(b).0);
        }
    }
    let volume = &volumes[0];
    let resampled = to_spacing(volume, Spacing::new([6.0, 4.0, 4.0]).unwrap(), Interpolation::Linear).unwrap();
    let turned = Turn::towards("LAI", volume.grid()).unwrap();
    let turned = CtVolume::new(*volume.grid(), turned.ct(volume).unwrap().into_hu()).unwrap();
    let windowed = changed(volume, |hu| ((hu.clamp(-1350.0, 150.0) + 1350.0) / 1500.0 * 255.0).round());
    let mut lowest: f64 = 1.0;
    for copy in [
        &resampled,
        &turned,
        &windowed,
        &to_spacing(&windowed, Spacing::new([8.0, 6.0, 6.0]).unwrap(), Interpolation::Linear).unwrap(),
    ] {
        lowest = lowest.min(signatures[0].likeness(&signature(copy)).0);
    }
    eprintln!("phantoms: copies from {lowest:.3}, others up to {highest:.3}");
    assert!(lowest > SAME, "{lowest}");
    assert!(highest < SAME - 0.05, "{highest}");
}

/// The chest wall of some of these is thinner than a field of the small picture, so that their lungs are open.
#[test]
fn a_thin_chest_wall_hides_no_lung() {
    let plane = SIDE * SIDE;
    for seed in [1003, 1005, 1030, 1032] {
        let spacing_mm = [256.0 / 24.0, 4.32, 4.32];
        let options = PhantomOptions { shape: [24, 80, 80], spacing_mm, ..PhantomOptions::seeded(seed) };
        let Phantom { volume, infiltrate, .. } = thorax(&options).unwrap();
        let small = Small::of(&volume);
        let mask = small.of_mask(&infiltrate);
        let right = Placement::of(&small, &mask).unwrap();
        assert!(right.here > 0.75 && right.fault().is_none(), "{seed}: {right:?}");
        for turn in (0..TURNS.len()).filter(|&turn| TURNS[turn].1) {
            let wrong: Vec<f32> = mask.chunks(plane).flat_map(|slice| turned(slice, SIDE, turn)).collect();
            let wrong = Placement::of(&small, &wrong).unwrap();
            assert!(wrong.fault().is_some(), "{seed}, {}: {wrong:?}", TURNS[turn].0);
        }
    }
}

/// Writes some cases as a folder of NIfTI files and lists them.
fn folder(at: &Path, cases: &[(&str, &CtVolume, &LabelMap)]) -> DataList {
    for part in ["images", "labels"] {
        std::fs::create_dir_all(at.join(part)).unwrap();
    }
    for (name, volume, map) in cases {
        write_volume(&at.join(format!("images/{name}.nii.gz")), volume).unwrap();
        write_label_map(&at.join(format!("labels/{name}.nii.gz")), map).unwrap();
    }
    let names: Vec<&str> = cases.iter().map(|case| case.0).collect();
    listed(at, ["images", "labels"], None, &names)
}

fn listed(at: &Path, [images, labels]: [&str; 2], lungs: Option<&str>, names: &[&str]) -> DataList {
    let file = |part: &str, name: &str| at.join(part).join(format!("{name}.nii.gz"));
    let mut names = names.to_vec();
    names.sort_unstable();
    let case = |name: &&str| Case {
        name: (*name).to_owned(),
        image: file(images, name),
        labels: file(labels, name),
        lungs: lungs.map(|part| file(part, name)),
        patient: (*name).to_owned(),
        ..Case::default()
    };
    DataList {
        name: "test".to_owned(),
        labels: std::collections::BTreeMap::from([(LabelValue(1), "infiltrate".to_owned())]),
        cases: names.iter().map(case).collect(),
        ..DataList::default()
    }
}

fn of<'a>(found: &'a [Finding], check: &str) -> Vec<&'a Finding> {
    found.iter().filter(|finding| finding.check == check).collect()
}

fn names(finding: &Finding) -> Vec<&str> {
    finding.cases.iter().map(String::as_str).collect()
}

#[test]
fn sound_phantoms_pass_and_every_fault_is_found() {
    let temporary = tempfile::tempdir().unwrap();
    let sound: Vec<Phantom> = (10..15).map(phantom).collect();
    let cases: Vec<(String, &Phantom)> = sound.iter().enumerate().map(|(k, one)| (format!("sound_{k}"), one)).collect();
    let mut all: Vec<(&str, &CtVolume, &LabelMap)> =
        cases.iter().map(|(name, one)| (name.as_str(), &one.volume, &one.infiltrate)).collect();
    let list = folder(&temporary.path().join("sound"), &all);
    let found = run(&list, &|_| ());
    assert!(found.is_empty(), "{found:#?}");

    let upset = phantom(20);
    let grid = *upset.volume.grid();
    let windowed = changed(&upset.volume, |hu| hu.clamp(-1350.0, 150.0));
    // Rows in reverse in image and mask, rows and columns exchanged in the mask only.
    let reverse = Turn::towards("LAS", &grid).unwrap();
    let flipped = phantom(21);
    let flipped_mask = LabelMap::new(
        grid,
        Turn::towards("PLS", &grid).unwrap().labels(&flipped.infiltrate).unwrap().labels().to_vec(),
    )
    .unwrap();
    let prone = phantom(22);
    let prone_image = CtVolume::new(grid, reverse.ct(&prone.volume).unwrap().into_hu()).unwrap();
    let prone_mask = LabelMap::new(grid, reverse.labels(&prone.infiltrate).unwrap().labels().to_vec()).unwrap();
    let (empty, tiny) = (phantom(23), phantom(24));
    let nothing = LabelMap::new(grid, vec![0; grid.voxels()]).unwrap();
    let mut dot = vec![0; grid.voxels()];
    dot[grid.voxels() / 2] = 3;
    let dot = LabelMap::new(grid, dot).unwrap();
    let coarse = to_spacing(&sound[0].volume, Spacing::new([20.0, 6.0, 6.0]).unwrap(), Interpolation::BSpline).unwrap();
    let coarse_mask = LabelMap::new(*coarse.grid(), vec![1; coarse.grid().voxels()]).unwrap();
    all.extend([
        ("windowed", &windowed, &upset.infiltrate),
        ("flipped", &flipped.volume, &flipped_mask),
        ("prone", &prone_image, &prone_mask),
        ("empty", &empty.volume, &nothing),
        ("tiny", &tiny.volume, &dot),
        ("off", &upset.volume, &coarse_mask),
        ("again", &sound[1].volume, &sound[1].infiltrate),
        ("coarse", &coarse, &coarse_mask),
    ]);
    let mut list = folder(&temporary.path().join("faults"), &all);
    std::fs::write(temporary.path().join("faults/images/tiny.nii.gz"), b"damaged").unwrap();
    list.cases.iter_mut().filter(|case| case.name == "again").for_each(|case| case.split = Split::Test);
    let found = run(&list, &|_| ());
    let expected: [(&str, &[&[&str]]); 10] = [
        ("unreadable", &[&["tiny"]]),
        ("not_hu", &[&["windowed"]]),
        ("off_grid", &[&["off"]]),
        ("unknown_label", &[&["tiny"]]),
        ("empty_or_tiny_mask", &[&["empty"], &["tiny"]]),
        ("misplaced_mask", &[&["flipped"]]),
        ("front_and_back", &[&["prone"]]),
        ("outlier_spacing", &[&["coarse"]]),
        ("duplicate_image", &[&["again", "sound_1"]]),
        ("same_patient", &[&["again", "sound_1"], &["coarse", "sound_0"], &["off", "windowed"]]),
    ];
    assert_eq!(expected.len(), ALL.len());
    let all_found = found.clone();
    for (check, cases) in expected {
        let found: Vec<_> = of(&found, check).iter().map(|finding| names(finding)).collect();
        assert_eq!(found, cases, "{check}: {all_found:#?}");
    }
    let torn = of(&found, "same_patient")[0];
    assert!(torn.problem.contains("on two sides of the split (test and train)"), "{}", torn.problem);
    assert!(found.iter().all(|finding| !finding.advice.is_empty() && finding.weight == Weight::Problem));
}

fn covid8bit() -> Option<DataList> {
    let folder = super::format_real::real("covid8bit")?;
    let corona = ["001", "002", "003", "005", "006", "008"].map(|k| format!("coronacases_{k}"));
    let other =
        ["10_85902_1", "10_85902_3", "14_85914_0", "29_86491_1", "4_85506_1"].map(|k| format!("radiopaedia_{k}"));
    let names: Vec<&str> = corona.iter().chain(&other).map(String::as_str).collect();
    Some(listed(&folder, ["ct", "infection"], Some("lung"), &names))
}

#[allow(clippy::print_stderr, reason = "a test says what it measured or why it did not run")]
#[test]
fn the_patient_who_is_there_twice_is_found_in_real_cts_and_no_other() {
    let Some(list) = covid8bit() else { return };
    let facts: Vec<Facts> = list.cases.iter().map(|case| Facts::of(case, &list)).collect();
    let mut scores = Vec::new();
    for (k, a) in facts.iter().enumerate() {
        for b in &facts[k + 1..] {
            let (a, b) = (a, b);
            let score = a.image.as_ref().unwrap().signature.likeness(&b.image.as_ref().unwrap().signature).0;
            scores.push((score, a.name.as_str(), b.name.as_str()));
        }
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (score, a, b) in &scores {
        eprintln!("{score:.3} {a} {b}");
    }
    for case in &facts {
        eprintln!(
            "{} {:?} {:?}",
            case.name,
            case.image.as_ref().unwrap().bone,
            case.labels.as_ref().unwrap().placement
        );
    }
    assert_eq!((scores[0].1, scores[0].2), ("radiopaedia_10_85902_1", "radiopaedia_10_85902_3"));
    assert!(scores[0].0 > 0.9 && scores[1].0 < 0.7, "{scores:?}");

    let find = |list: &DataList, check: &str| -> Vec<Vec<String>> {
        let check = ALL.iter().find(|known| known.name() == check).unwrap();
        check.find(list, &facts).into_iter().map(|finding| finding.cases).collect()
    };
    assert_eq!(find(&list, "same_patient"), [["radiopaedia_10_85902_1", "radiopaedia_10_85902_3"]]);
    assert_eq!(find(&list, "misplaced_mask"), Vec::<Vec<String>>::new());
    assert_eq!(find(&list, "not_hu").len(), 11);
    let upside_down = find(&list, "front_and_back");
    assert!(upside_down.iter().flatten().all(|name| name.starts_with("radiopaedia")), "{upside_down:?}");
    assert!(upside_down.contains(&vec!["radiopaedia_10_85902_3".to_owned()]), "{upside_down:?}");
    let mut known = list.clone();
    known.intensity_stored = IntensityStored::EightBit;
    let check = ALL.iter().find(|check| check.name() == "not_hu").unwrap();
    assert!(check.find(&known, &facts).iter().all(|finding| finding.weight == Weight::Note));
}
