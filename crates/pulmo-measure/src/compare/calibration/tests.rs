use super::*;
use pulmo_ct::{Affine, Grid, Spacing};
use serde_json::Value;

fn row(labels: &[u8]) -> LabelMap {
    let affine = Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3]);
    LabelMap::new(Grid::new([1, 1, labels.len()], affine).unwrap(), labels.to_vec()).unwrap()
}

/// Four voxels of 0.25, one of which carries the label, are right; two of 1, one of which does, are off by a half.
#[test]
fn by_hand() {
    let reference = row(&[1, 0, 0, 0, 1, 0]);
    let observed = Observed { reference: &reference, label: 1, region: None };
    let found = Calibration::measure(Probabilities::Float(&[0.25, 0.25, 0.25, 0.25, 1.0, 1.0]), &observed, 10).unwrap();
    assert_eq!((found.voxels(), found.bins[2].voxels, found.bins[9].voxels), (6, 4, 2));
    assert_eq!((found.bins[2].reference_share(), found.bins[2].mean_probability()), (Some(0.25), Some(0.25)));
    assert_eq!(found.expected_error(), Some(0.5 * 2.0 / 6.0));
    assert_eq!(found.largest_error(), Some(0.5));
    assert_eq!(found.brier(), Some((0.75_f64.powi(2) + 3.0 * 0.25_f64.powi(2) + 1.0) / 6.0));
    let region = [true, true, true, true, false, false];
    let lungs = Observed { region: Some(&region), ..observed };
    let found = Calibration::measure(Probabilities::Of255(&[51, 51, 51, 51, 255, 255]), &lungs, 5).unwrap();
    assert_eq!(found.bins[0].voxels, 4, "0.2 lies on the bound and belongs below");
    assert!((found.expected_error().unwrap() - 0.05).abs() < 1e-15);
}

#[test]
fn refuses_what_is_no_probability() {
    let reference = row(&[1, 0]);
    let observed = Observed { reference: &reference, label: 1, region: None };
    for bad in [[0.5, 1.5], [0.5, -0.1], [0.5, f32::NAN]] {
        let refused = Calibration::measure(Probabilities::Float(&bad), &observed, 10).unwrap_err().to_string();
        assert!(refused.contains("voxel 1"), "{refused}");
    }
    assert!(Calibration::measure(Probabilities::Float(&[0.5]), &observed, 10).is_err());
    assert!(Calibration::measure(Probabilities::Float(&[0.5, 0.5]), &observed, 0).is_err());
    let nothing = Observed { region: Some(&[false, false]), ..observed };
    let found = Calibration::measure(Probabilities::Float(&[0.5, 0.5]), &nothing, 4).unwrap();
    assert_eq!((found.expected_error(), found.largest_error(), found.brier()), (None, None, None));
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn agrees_with_scikit_learn_and_monai() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/calibration/truth.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let bytes: Vec<u8> = numbers(&case["bytes"]).iter().map(|&x| x as u8).collect();
        let reference = row(&numbers(&case["reference"]).iter().map(|&x| x as u8).collect::<Vec<u8>>());
        let observed = Observed { reference: &reference, label: 1, region: None };
        let bins = case["bins"].as_u64().unwrap() as usize;
        let found = Calibration::measure(Probabilities::Of255(&bytes), &observed, bins).unwrap();
        let near = |found: f64, expected: &Value, tolerance: f64| {
            let expected = expected.as_f64().unwrap();
            assert!((found - expected).abs() <= tolerance, "{bins} bins: found {found}, expected {expected}");
        };
        let kept: Vec<&Bin> = found.bins.iter().filter(|bin| bin.voxels > 0).collect();
        assert_eq!(kept.iter().map(|bin| bin.voxels as f64).collect::<Vec<f64>>(), numbers(&case["voxels"]));
        for (k, bin) in kept.iter().enumerate() {
            near(bin.mean_probability().unwrap(), &case["mean_probability"][k], 1e-12);
            near(bin.reference_share().unwrap(), &case["share"][k], 1e-12);
        }
        near(found.expected_error().unwrap(), &case["expected_error"], 1e-12);
        near(found.largest_error().unwrap(), &case["largest_error"], 1e-12);
        near(found.brier().unwrap(), &case["brier"], 1e-12);
        near(found.expected_error().unwrap(), &case["monai_float32"]["expected"], 1e-6);
        near(found.largest_error().unwrap(), &case["monai_float32"]["maximum"], 1e-6);
        // As floats the bytes are rounded, and a voxel on a bound may change its bin; the pooled sums hold all the same.
        let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let floats = Calibration::measure(Probabilities::Float(&floats), &observed, bins).unwrap();
        near(floats.brier().unwrap(), &case["brier"], 1e-6);
    }
}
