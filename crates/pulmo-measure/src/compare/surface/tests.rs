//! Surfaces and their metrics by hand, and against other tools: `oracles/surface_distance`.

use super::*;
use crate::compare::{ALL, Settings};
use pulmo_ct::{Affine, Grid, LabelMap};
use serde_json::Value;

fn map(shape: [usize; 3], spacing_mm: [f64; 3], labels: Vec<u8>) -> LabelMap {
    let affine = Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3]);
    LabelMap::new(Grid::new(shape, affine).unwrap(), labels).unwrap()
}

fn value(name: &str, pair: &MaskPair) -> Option<f64> {
    ALL.iter().find(|metric| metric.name() == name).unwrap().compute(pair)
}

/// Two single voxels, two rows of 3 mm and one column of 4 mm apart: every distance is √(6² + 4²) mm.
#[test]
fn two_voxels_by_hand() {
    let mut labels = [vec![0; 5 * 6 * 7], vec![0; 5 * 6 * 7]];
    labels[0][(2 * 6 + 2) * 7 + 2] = 1;
    labels[1][(2 * 6 + 4) * 7 + 3] = 1;
    let [reference, prediction] = labels.map(|labels| map([5, 6, 7], [5.0, 3.0, 4.0], labels));
    let pair = MaskPair::new(&reference, &prediction, 1).unwrap();
    let apart = 52.0_f64.sqrt();
    for name in ["hd95_voxels_mm", "hd95_pooled_mm"] {
        assert_eq!(value(name, &pair), Some(apart), "{name}");
    }
    // The corners of a voxel are one voxel wide: those that face each other are one row and no column apart.
    let surfaces = pair.surfaces().unwrap();
    assert_eq!(surfaces.reference.elements().len(), 8);
    assert_eq!(surfaces.reference.elements()[0].mm, 3.0);
    assert_eq!(surfaces.reference.elements()[7].mm, apart);
    assert_eq!(value("hd95_surface_mm", &pair), Some(apart), "seven of eight corners are 87.5 % of the area");
    let corner_mm2 = (12.0_f64.powi(2) + 20.0_f64.powi(2) + 15.0_f64.powi(2)).sqrt() / 8.0;
    assert!((surfaces.reference.mm2() - 8.0 * corner_mm2).abs() < 1e-12);
    let within = |tolerance_mm| {
        let settings = Settings { tolerance_mm, ..Settings::LESION };
        value("surface_dice", &pair.clone().with(settings)).unwrap()
    };
    // Two of eight corners are 3 mm away; a tolerance that is short of it by a rounding error does not lose them.
    assert!((within(3.0 - 1e-9) - 0.25).abs() < 1e-12);
    assert_eq!((within(2.9), within(apart)), (0.0, 1.0));
}

#[test]
fn empty_masks_and_sheared_grids_follow_the_stated_rule() {
    let full = map([2, 2, 2], [1.0; 3], vec![1; 8]);
    let empty = map([2, 2, 2], [1.0; 3], vec![0; 8]);
    for (reference, prediction, dice) in
        [(&full, &empty, Some(0.0)), (&empty, &full, Some(0.0)), (&empty, &empty, None)]
    {
        let pair = MaskPair::new(reference, prediction, 1).unwrap();
        assert_eq!(value("surface_dice", &pair), dice);
        for name in ["hd95_surface_mm", "hd95_voxels_mm", "hd95_pooled_mm", "mean_surface_distance_mm"] {
            assert_eq!(value(name, &pair), None, "{name}");
        }
    }
    let mut affine = Affine::axial(Spacing::new([5.0, 1.0, 1.0]).unwrap(), [0.0; 3]);
    affine.columns[0] = [0.0, 1.0, 5.0];
    let tilted = LabelMap::new(Grid::new([2, 2, 2], affine).unwrap(), vec![1; 8]).unwrap();
    let pair = MaskPair::new(&tilted, &tilted, 1).unwrap();
    assert_eq!((value("hd95_surface_mm", &pair), value("surface_dice", &pair)), (None, None));
    assert!(pair.no_distances().unwrap().contains("degrees off a right angle"));
    assert_eq!(value("dice", &pair), Some(1.0));
}

fn truth(file: &str) -> Value {
    let path = format!("{}/../../oracles/surface_distance/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn three(value: &Value) -> [f64; 3] {
    numbers(value).try_into().unwrap()
}

#[test]
fn areas_are_those_of_surface_distance() {
    for table in truth("areas.json").as_array().unwrap() {
        let found = areas::areas_mm2(three(&table["spacing_mm"]));
        for (code, (found, expected)) in found.iter().zip(numbers(&table["mm2"])).enumerate() {
            assert!((found - expected).abs() < 1e-12, "code {code}: found {found}, expected {expected}");
        }
    }
}

/// Labels written as lengths of runs of 0, 1, 0, …
fn unpacked(runs: &Value) -> Vec<u8> {
    numbers(runs).iter().enumerate().flat_map(|(k, &length)| vec![(k % 2) as u8; length as usize]).collect()
}

#[test]
fn agrees_with_surface_distance_monai_and_medpy() {
    let cases = truth("truth.json");
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let shape = three(&case["shape"]).map(|n| n as usize);
        let spacing_mm = three(&case["spacing_mm"]);
        let reference = map(shape, spacing_mm, unpacked(&case["reference"]));
        let prediction = map(shape, spacing_mm, unpacked(&case["prediction"]));
        let pair = MaskPair::new(&reference, &prediction, 1).unwrap();
        for (name, expected) in case["expected"].as_object().unwrap() {
            let expected = expected.as_f64().unwrap();
            let found = value(name, &pair).unwrap();
            assert!((found - expected).abs() <= 1e-9, "{shape:?} {name}: found {found}, expected {expected}");
        }
        for dice in case["surface_dice"].as_array().unwrap() {
            let settings = Settings { tolerance_mm: dice["tolerance_mm"].as_f64().unwrap(), ..Settings::LESION };
            let found = value("surface_dice", &pair.clone().with(settings)).unwrap();
            let expected = dice["value"].as_f64().unwrap();
            assert!((found - expected).abs() <= 1e-9, "{shape:?} surface Dice: found {found}, expected {expected}");
        }
        let monai = case["monai_hd95_float32"].as_f64().unwrap();
        let found = value("hd95_voxels_mm", &pair).unwrap();
        assert!((found - monai).abs() <= 1e-6 * monai, "{shape:?}: found {found}, MONAI {monai}");
    }
}

/// Flipping both masks along an axis moves no surface with respect to the other.
#[test]
fn flips_change_nothing() {
    let case = &truth("truth.json")[0];
    let shape = three(&case["shape"]).map(|n| n as usize);
    let flipped = |runs: &Value| {
        let labels = unpacked(runs);
        labels.chunks_exact(shape[2]).flat_map(|row| row.iter().rev().copied()).collect::<Vec<u8>>()
    };
    let spacing_mm = three(&case["spacing_mm"]);
    let [reference, prediction] = ["reference", "prediction"].map(|name| map(shape, spacing_mm, flipped(&case[name])));
    let pair = MaskPair::new(&reference, &prediction, 1).unwrap();
    for (name, expected) in case["expected"].as_object().unwrap() {
        assert!((value(name, &pair).unwrap() - expected.as_f64().unwrap()).abs() < 1e-9, "{name}");
    }
}
