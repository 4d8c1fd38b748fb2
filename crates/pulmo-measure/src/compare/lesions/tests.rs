//! Lesions by hand, and against components of SimpleITK: `oracles/lesions`.

use super::*;
use crate::compare::{ALL, LesionRule, Settings};
use pulmo_ct::components::Connectivity;
use pulmo_ct::{Affine, Grid, Spacing};
use serde_json::Value;

fn map(shape: [usize; 3], spacing_mm: [f64; 3], labels: Vec<u8>) -> LabelMap {
    let affine = Affine::axial(Spacing::new(spacing_mm).unwrap(), [0.0; 3]);
    LabelMap::new(Grid::new(shape, affine).unwrap(), labels).unwrap()
}

/// Voxels of 1 mL in a row. The reference has three lesions (2, 1 and 3 mL), the prediction three (3, 1 and 1 mL).
#[test]
fn by_hand() {
    let row = |labels: &[u8]| map([1, 1, labels.len()], [10.0; 3], labels.to_vec());
    let reference = row(&[1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0]);
    let prediction = row(&[0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 1]);
    let counted = |least_ml: f64, overlap: f64| {
        let lesions = LesionRule { least_ml, overlap, ..LesionRule::DEFAULT };
        let pair = MaskPair::new(&reference, &prediction, 1).unwrap().with(Settings { lesions, ..Settings::LESION });
        *pair.lesions()
    };
    let one = Lesions { reference: 3, reference_found: 2, prediction: 3, prediction_found: 2 };
    assert_eq!(counted(0.1, 0.0), one);
    assert_eq!((one.sensitivity(), one.precision(), one.f1()), (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(2.0 / 3.0)));
    // Half of the first lesion is covered, a third of the last.
    assert_eq!(counted(0.1, 0.5), Lesions { reference_found: 1, prediction_found: 1, ..one });
    // Below 2 mL nothing counts, not even as what finds another.
    assert_eq!(counted(2.0, 0.0), Lesions { reference: 2, reference_found: 1, prediction: 1, prediction_found: 1 });
}

#[test]
fn empty_masks_follow_the_stated_rule() {
    let row = |labels: &[u8]| map([1, 1, labels.len()], [10.0; 3], labels.to_vec());
    let (empty, full) = (row(&[0, 2]), row(&[1, 0]));
    let value = |name: &str, reference, prediction| {
        let pair = MaskPair::new(reference, prediction, 1).unwrap();
        ALL.iter().find(|metric| metric.name() == name).unwrap().compute(&pair)
    };
    assert_eq!(value("lesion_sensitivity", &empty, &full), None);
    assert_eq!(value("lesion_sensitivity", &full, &empty), Some(0.0));
    assert_eq!(value("lesion_precision", &full, &empty), None);
    assert_eq!(value("lesion_precision", &empty, &full), Some(0.0));
    assert_eq!(value("lesion_f1", &empty, &empty), None);
    assert_eq!(value("lesion_f1", &empty, &full), Some(0.0));
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Labels written as lengths of runs of 0, 1, 0, …
fn unpacked(runs: &Value) -> Vec<u8> {
    numbers(runs).iter().enumerate().flat_map(|(k, &length)| vec![(k % 2) as u8; length as usize]).collect()
}

#[test]
fn counts_are_those_of_simpleitk() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/lesions/truth.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let shape: [usize; 3] = std::array::from_fn(|axis| case["shape"][axis].as_u64().unwrap() as usize);
        let spacing_mm: [f64; 3] = std::array::from_fn(|axis| case["spacing_mm"][axis].as_f64().unwrap());
        let reference = map(shape, spacing_mm, unpacked(&case["reference"]));
        let prediction = map(shape, spacing_mm, unpacked(&case["prediction"]));
        for rule in case["rules"].as_array().unwrap() {
            let expected = &rule["expected"];
            let rule = &rule["rule"];
            let lesions = LesionRule {
                connectivity: serde_json::from_value::<Connectivity>(rule["connectivity"].clone()).unwrap(),
                least_ml: rule["least_ml"].as_f64().unwrap(),
                overlap: rule["overlap"].as_f64().unwrap(),
            };
            let pair =
                MaskPair::new(&reference, &prediction, 1).unwrap().with(Settings { lesions, ..Settings::LESION });
            assert_eq!(&serde_json::to_value(pair.lesions()).unwrap(), expected, "{shape:?} {rule}");
        }
    }
}
