//! Hand-made cases: what a reader can check on paper.

use super::*;

#[test]
fn a_box_of_opacity_stands_where_it_was_put() {
    let found = boxes().quantities();
    // 10 x 10 x 15 voxels of 0.064 mL, all in the lower third of the left lung, at its back.
    let ml = 1500.0 * 0.064;
    assert!((found.opacity.total_ml - ml).abs() < 1e-9);
    for id in ["both", "left", "lower", "left_lower", "dorsal", "left_dorsal"] {
        assert!((found.region(id).unwrap().opacity_ml - ml).abs() < 1e-9, "{id}");
    }
    for id in ["right", "upper", "middle", "ventral", "right_lower", "right_dorsal"] {
        assert_eq!(found.region(id).unwrap().opacity_ml, 0.0, "{id}");
    }
    assert_eq!(found.foci.count, 1);
    assert_eq!(found.involvement.len(), 1, "other rules on request only");
    assert_eq!(found.involvement[0].rule_id, "inside_lung");
    assert!((found.attenuation.as_ref().unwrap().mean_hu + 450.0).abs() < 1e-9);
    assert_eq!(found.attenuation.as_ref().unwrap().cuts[0].higher_percent, 0.0);
    assert_eq!(found.score("mosmed").unwrap().text, "CT-1");
    let flags: Vec<&str> = found.flags.iter().map(|flag| flag.id.as_str()).collect();
    assert_eq!(flags, ["thick_slices"], "4 mm");
}

/// The same patient, lying prone: the grid is turned with him, and nothing else changes.
#[test]
fn a_prone_patient_keeps_his_back() {
    let supine = boxes();
    let grid = *supine.ct.grid();
    let [slices, rows, columns] = grid.shape();
    // Rows run towards the front and columns towards the right, as a prone scan is stored.
    let turned = |values: &[u8]| -> Vec<u8> {
        (0..slices * rows * columns)
            .map(|k| {
                let (slice, row, column) = (k / (rows * columns), k / columns % rows, k % columns);
                values[(slice * rows + rows - 1 - row) * columns + columns - 1 - column]
            })
            .collect()
    };
    let mut affine = *grid.affine();
    affine.origin_mm = affine.voxel_to_world([0.0, (rows - 1) as f64, (columns - 1) as f64]);
    affine.columns[1] = affine.columns[1].map(|x| -x);
    affine.columns[2] = affine.columns[2].map(|x| -x);
    let grid = Grid::new(grid.shape(), affine).unwrap();
    let mut hu = supine.ct.hu().to_vec();
    for (slice_hu, slice) in hu.chunks_exact_mut(rows * columns).zip(0..) {
        let from = &supine.ct.hu()[slice * rows * columns..][..rows * columns];
        slice_hu.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
    }
    let prone = Case {
        ct: CtVolume::new(grid, hu).unwrap(),
        opacity: LabelMap::new(grid, turned(supine.opacity.labels())).unwrap(),
        lungs: LabelMap::new(grid, turned(supine.lungs.labels())).unwrap(),
        scan: ScanFacts { patient_position: Some("HFP".to_owned()), ..ScanFacts::default() },
    };
    let (supine, prone) = (supine.quantities(), prone.quantities());
    for (one, other) in supine.regions.iter().zip(&prone.regions) {
        assert_eq!(one.id, other.id);
        assert!((one.opacity_ml - other.opacity_ml).abs() < 1e-9, "{}", one.id);
        assert!((one.lung_ml - other.lung_ml).abs() < 1e-9, "{}", one.id);
    }
    assert!(prone.region("left_dorsal").unwrap().opacity_ml > 90.0);
    assert!(prone.flag("prone").is_some());
}

#[test]
fn a_failed_lung_mask_suppresses_and_does_not_footnote() {
    let case = boxes();
    let problems = ["the right lung has two parts of equal size".to_owned()];
    let failed = quantify(&Input { lung_problems: &problems, ..case.input() }, &Options::default()).unwrap();
    let missing = quantify(&Input { lungs: None, ..case.input() }, &Options::default()).unwrap();
    let empty = LabelMap::new(*case.ct.grid(), vec![2; case.ct.grid().voxels()]).unwrap();
    let one_lung = quantify(&Input { lungs: Some(&empty), ..case.input() }, &Options::default()).unwrap();
    for (found, why) in [(failed, "lung_mask_failed"), (missing, "no_lung_mask"), (one_lung, "lung_empty")] {
        assert!(found.lung.is_none() && found.involvement.is_empty() && found.regions.is_empty(), "{why}");
        assert!(found.scores.is_empty() && found.levels.is_empty(), "{why}");
        assert_eq!(found.lung_left_out.as_ref().unwrap().reason_id, why);
        assert_eq!(found.scores_left_out.len(), scores::ALL.len());
        assert!(found.flag("lung_mask_failed").is_some(), "{why}");
        assert!(found.opacity.total_ml > 90.0 && found.attenuation.is_some(), "{why}: what needs no lung stays");
        assert_eq!(found.opacity.inside_lung_ml, None);
        let json = serde_json::to_string(&found.involvement).unwrap() + &serde_json::to_string(&found.regions).unwrap();
        assert_eq!(json, "[][]", "no share anywhere");
    }
}

#[test]
fn lobes_are_lungs_where_there_is_no_mask() {
    let case = boxes();
    let labels = lobes::convention("totalsegmentator").unwrap().labels;
    let drawn = case.lungs.labels().iter().enumerate().map(|(k, &lung)| {
        let slice = k / (60 * 80);
        match (lung, slice < 20, slice < 25) {
            (1, true, _) => 11,
            (1, false, _) => 10,
            (2, true, _) => 14,
            (2, false, true) => 13,
            (2, ..) => 12,
            _ => 0,
        }
    });
    let map = LabelMap::new(*case.ct.grid(), drawn.collect()).unwrap();
    let input = Input { lungs: None, lobes: Some((&map, &labels)), ..case.input() };
    let found = quantify(&input, &Options::default()).unwrap();
    assert_eq!(found.lung, case.quantities().lung);
    let lobe = found.region("left_lower_lobe").unwrap();
    assert!((lobe.opacity_ml - 96.0).abs() < 1e-9 && lobe.group == "lobes");
    // 1500 voxels of 50 x (21 + 29) / 2 per slice in 15 slices: 8 %.
    assert!((lobe.percent.unwrap() - 100.0 * 1500.0 / (15.0 * (25.0 * 21.0 + 25.0 * 29.0))).abs() < 1e-9);
    assert_eq!(found.score("pan25").unwrap().points, 2);
    assert_eq!(found.score("tss20").unwrap().points, 1);
}

#[test]
fn without_opacity_there_are_zeros_and_no_nan() {
    let mut case = boxes();
    case.opacity = LabelMap::new(*case.ct.grid(), vec![0; case.ct.grid().voxels()]).unwrap();
    let found = case.quantities();
    assert_eq!(found.opacity.total_ml, 0.0);
    assert_eq!(found.opacity.outside_lung_percent, None);
    assert_eq!(found.involvement[0].percent, 0.0);
    assert_eq!(found.foci.count, 0);
    assert_eq!(found.attenuation_left_out.as_ref().unwrap().reason_id, "no_opacity");
    assert_eq!(found.score("mosmed").unwrap().text, "CT-0");
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Quantities>(&json).unwrap(), found, "what was written is read again");
}

#[test]
fn several_labels_are_one_opacity_and_other_grids_are_refused() {
    let mut case = boxes();
    let labels = case.opacity.labels().iter().enumerate().map(|(k, &l)| if l == 1 && k % 2 == 0 { 3 } else { l });
    case.opacity = LabelMap::new(*case.ct.grid(), labels.collect()).unwrap();
    let input = Input { opacity_labels: &[1, 3], ..case.input() };
    let both = quantify(&input, &Options::default()).unwrap();
    assert_eq!(both.opacity.voxels, 1500);
    assert_eq!(case.quantities().opacity.voxels as usize, case.opacity.count(1));
    assert!(case.opacity.count(3) > 0);
    let mut affine = *case.ct.grid().affine();
    affine.origin_mm[0] += 1.0;
    let elsewhere = Grid::new(case.ct.grid().shape(), affine).unwrap();
    let moved = LabelMap::new(elsewhere, case.lungs.labels().to_vec()).unwrap();
    assert!(quantify(&Input { lungs: Some(&moved), ..case.input() }, &Options::default()).is_err());
}

/// Results grade images, never patients.
#[test]
fn no_text_calls_a_patient_anything() {
    let mut texts = Vec::new();
    for rubric in scores::ALL {
        texts.extend([rubric.name, rubric.source, rubric.gap_rule.unwrap_or_default()].map(str::to_owned));
    }
    for flag in flags::ALL {
        texts.extend([flag.threshold(), flag.source().to_owned()]);
    }
    for seed in 0..3 {
        let phantom = phantoms::phantom(seed, [32, 96, 96], [8.0, 3.6, 3.6]);
        texts.push(serde_json::to_string(&phantom.quantities()).unwrap());
    }
    texts.push(serde_json::to_string(&boxes().quantities()).unwrap());
    for text in texts {
        let text = text.to_lowercase();
        for word in ["severe", "severity", "mild", "moderate", "critical", "pneumonia", "diagnos"] {
            assert!(!text.contains(word), "`{word}` in {text}");
        }
    }
}
