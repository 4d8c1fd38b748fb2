use super::*;
use crate::network_grid::resize_nearest;
use crate::statistics::Summary;
use pulmo_ct::{Affine, Grid, LabelMap, Spacing};
use serde_json::Value;

fn map(shape: [usize; 3], spacing_mm: [f64; 3], labels: Vec<u8>) -> LabelMap {
    let affine = Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3]);
    LabelMap::new(Grid::new(shape, affine).unwrap(), labels).unwrap()
}

fn row(labels: &[u8]) -> LabelMap {
    map([1, 1, labels.len()], [10.0, 10.0, 10.0], labels.to_vec())
}

fn value(name: &str, reference: &[u8], prediction: &[u8]) -> Option<f64> {
    let metric = ALL.iter().find(|m| m.name() == name).unwrap();
    metric.compute(&MaskPair::new(&row(reference), &row(prediction), 1).unwrap())
}

#[test]
fn by_hand() {
    let (reference, prediction) = (&[1, 1, 1, 0, 2], &[0, 0, 1, 1, 1]);
    assert_eq!(value("dice", reference, prediction), Some(2.0 / 6.0));
    assert_eq!(value("jaccard", reference, prediction), Some(1.0 / 5.0));
    assert_eq!(value("sensitivity", reference, prediction), Some(1.0 / 3.0));
    assert_eq!(value("precision", reference, prediction), Some(1.0 / 3.0));
    assert_eq!(value("volume_error_ml", &[1, 1, 1, 0], &[1, 0, 0, 0]), Some(-2.0));
    assert_eq!(value("volume_error_percent", &[1, 1, 0, 0], &[1, 1, 1, 0]), Some(50.0));
    assert_eq!(value("false_positive_ml", &[0, 2, 0, 0], &[0, 1, 1, 0]), Some(2.0));
}

#[test]
fn empty_masks_follow_the_stated_rule() {
    let (empty, full) = (&[0, 2], &[1, 0]);
    for name in ["dice", "jaccard"] {
        assert_eq!(value(name, empty, empty), None, "{name}");
        assert_eq!(value(name, empty, full), Some(0.0), "{name}");
        assert_eq!(value(name, full, empty), Some(0.0), "{name}");
    }
    assert_eq!(value("sensitivity", empty, full), None);
    assert_eq!(value("sensitivity", full, empty), Some(0.0));
    assert_eq!(value("precision", full, empty), None);
    assert_eq!(value("precision", empty, full), Some(0.0));
    assert_eq!(value("volume_error_ml", empty, empty), Some(0.0));
    assert_eq!(value("volume_error_percent", empty, full), None);
    assert_eq!(value("volume_error_percent", full, empty), Some(-100.0));
    assert_eq!(value("false_positive_ml", empty, empty), Some(0.0));
    assert_eq!(value("false_positive_ml", full, full), None);
}

/// What every metric must keep; a new one that does not is named here.
#[test]
fn contract() {
    let reference = row(&[1, 1, 0, 2]);
    let elsewhere = map([1, 1, 4], [10.0, 10.0, 11.0], vec![1, 1, 0, 2]);
    assert!(MaskPair::new(&reference, &elsewhere, 1).is_err(), "another grid must be refused");
    for metric in ALL {
        let name = metric.name();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(plain), "{name}: lower case, digits and underscores");
        assert!(!metric.empty_rule().is_empty(), "{name}: state what an empty mask gives");
        assert!(!metric.formula().is_empty(), "{name}: state the formula");
        assert!(ALL.iter().filter(|m| m.formula() == metric.formula()).count() == 1, "{name}: another has its formula");
        assert!(ALL.iter().filter(|m| m.name() == name).count() == 1, "{name}: listed twice");
        // A metric of lesion-free cases is defined for two empty masks, all others for two full ones.
        let of = |label| metric.compute(&MaskPair::new(&reference, &reference, label).unwrap());
        let identical = of(1).or_else(|| of(7)).unwrap_or_else(|| panic!("{name} of identical masks is not defined"));
        match metric.better() {
            Better::Higher => assert_eq!(identical, 1.0, "{name} of identical masks"),
            Better::Lower | Better::NearZero => assert_eq!(identical, 0.0, "{name} of identical masks"),
        }
        match metric.unit() {
            "1" => {}
            "%" => assert!(name.ends_with("percent"), "{name}: the unit stands last in the name"),
            unit => assert!(name.ends_with(&unit.to_lowercase()), "{name}: the unit `{unit}` stands last in the name"),
        }
    }
}

#[test]
fn pooled_counts_every_voxel_once() {
    let mut total = Overlap::default();
    total += Overlap { reference: 2, prediction: 2, both: 2 };
    total += Overlap { reference: 6, prediction: 0, both: 0 };
    assert_eq!(dice::Dice.pooled(&total), Some(4.0 / 10.0));
    assert_eq!(volume_error::VolumeError.pooled(&total), None);
    assert_eq!(dice::Dice.pooled(&Overlap::default()), None);
}

fn truth() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dice/truth.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn labels_of(text: &Value) -> Vec<u8> {
    text.as_str().unwrap().bytes().map(|b| b - b'0').collect()
}

fn assert_close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-12, "{what}: found {found}, expected {expected}");
}

#[test]
fn agrees_with_surface_distance_and_simpleitk() {
    let truth = truth();
    let cases = truth["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let shape: Vec<usize> = numbers(&case["shape"]).iter().map(|&x| x as usize).collect();
        let spacing_mm: [f64; 3] = numbers(&case["spacing_mm"]).try_into().unwrap();
        let shape: [usize; 3] = shape.try_into().unwrap();
        let reference = map(shape, spacing_mm, labels_of(&case["reference"]));
        let prediction = map(shape, spacing_mm, labels_of(&case["prediction"]));
        let pair = MaskPair::new(&reference, &prediction, 1).unwrap();
        let expected = &case["expected"];
        assert_close(dice::Dice.compute(&pair).unwrap(), &expected["dice_surface_distance"], "surface-distance");
        for metric in ALL.iter().filter(|m| !m.native_only()) {
            assert_close(metric.compute(&pair).unwrap(), &expected[metric.name()], metric.name());
        }
        assert_close(pair.reference_ml(), &expected["reference_ml"], "reference mL");
        assert_close(pair.prediction_ml(), &expected["prediction_ml"], "prediction mL");
    }
}

#[test]
fn resizes_like_pytorch() {
    for axis in truth()["resized"].as_array().unwrap() {
        let (size, to) = (axis["size"].as_u64().unwrap() as usize, axis["to"].as_u64().unwrap() as usize);
        // Indices beyond 255 do not fit a label: the low and the high byte go through as two label maps.
        let bytes = |shift: usize| {
            let labels = map([1, 1, size], [1.0; 3], (0..size).map(|i| (i >> shift) as u8).collect());
            resize_nearest(&labels, [1, 1, to]).unwrap().labels().to_vec()
        };
        let found: Vec<f64> =
            bytes(0).iter().zip(bytes(8)).map(|(&low, high)| f64::from(low) + 256.0 * f64::from(high)).collect();
        assert_eq!(found, numbers(&axis["index"]), "{size} to {to}");
    }
}

#[test]
fn describes_like_numpy() {
    let expected = &truth()["statistics"];
    let values: Vec<Option<f64>> = numbers(&expected["values"]).into_iter().map(Some).collect();
    let summary = Summary::of(&values).unwrap();
    assert_close(summary.mean, &expected["mean"], "mean");
    assert_close(summary.sd.unwrap(), &expected["sd"], "sd");
    assert_close(summary.q1, &expected["q1"], "q1");
    assert_close(summary.median, &expected["median"], "median");
    assert_close(summary.q3, &expected["q3"], "q3");
}
