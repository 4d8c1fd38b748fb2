//! From `segment --probabilities` to `evaluate --probabilities`.

use std::ffi::OsStr;

use pulmo::ct::format::{OpenOptions, open_ct, open_label_map, write_label_map, write_volume};
use pulmo::ct::phantom::{PhantomOptions, thorax};

use super::pulmo;
use super::report::model;

/// Expected calibration error in ten bins, a probability on a border in the bin below.
fn calibration_error(shares: &[f32], reference: &[u8]) -> f64 {
    let mut bins = [[0.0_f64; 3]; 10];
    for (&share, &label) in shares.iter().zip(reference) {
        let share = f64::from(share);
        let bin = ((share * 10.0).ceil() as usize).clamp(1, 10) - 1;
        bins[bin][0] += 1.0;
        bins[bin][1] += share;
        bins[bin][2] += f64::from(u8::from(label > 0));
    }
    bins.iter().map(|[_, shares, hits]| (shares - hits).abs()).sum::<f64>() / shares.len() as f64
}

#[test]
fn probabilities_of_a_segmentation_are_judged_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = PhantomOptions { shape: [16, 40, 40], spacing_mm: [16.0, 8.0, 8.0], ..PhantomOptions::seeded(7) };
    let phantom = thorax(&options).unwrap();
    write_volume(&at("a.nii.gz"), &phantom.volume).unwrap();
    std::fs::create_dir(at("references")).unwrap();
    write_label_map(&at("references/a.nii.gz"), &phantom.infiltrate).unwrap();
    model(&at("model.safetensors"));

    let (ct, weights, out) = (at("a.nii.gz"), at("model.safetensors"), at("out"));
    let segment: [&OsStr; 7] = [
        "segment".as_ref(),
        ct.as_ref(),
        "-m".as_ref(),
        weights.as_ref(),
        "-o".as_ref(),
        out.as_ref(),
        "--probabilities".as_ref(),
    ];
    let run = pulmo(&segment);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let shares = open_ct(&at("out/a/probabilities.nii.gz"), &OpenOptions::default()).unwrap().volume;
    let mask = open_label_map(&at("out/a/mask.nii.gz")).unwrap();
    mask.grid().must_equal(shares.grid()).unwrap();
    let ct = open_ct(&at("a.nii.gz"), &OpenOptions::default()).unwrap().volume;
    ct.grid().must_equal(shares.grid()).unwrap();
    assert!(shares.hu().iter().all(|share| (0.0..=1.0).contains(share)));
    let lowest = shares.hu().iter().copied().fold(1.0, f32::min);
    let highest = shares.hu().iter().copied().fold(0.0, f32::max);
    assert!(highest - lowest > 0.05, "the model tells voxels apart: {lowest} to {highest}");
    assert!(mask.labels().contains(&0) && mask.labels().contains(&1), "the threshold parts them");
    for (&share, &label) in shares.hu().iter().zip(mask.labels()) {
        // The file holds steps of 1/255.
        assert!((share - 0.5).abs() < 0.003 || (share > 0.5) == (label == 1), "{share} in the mask as {label}");
    }

    let (references, judged) = (at("references"), at("judged"));
    let evaluate: [&OsStr; 7] = [
        "evaluate".as_ref(),
        out.as_ref(),
        references.as_ref(),
        "--probabilities".as_ref(),
        out.as_ref(),
        "-o".as_ref(),
        judged.as_ref(),
    ];
    let run = pulmo(&evaluate);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(at("judged/evaluation.json")).unwrap()).unwrap();
    let found = json["calibration"]["pooled_expected_error"].as_f64().unwrap();
    let expected = calibration_error(shares.hu(), phantom.infiltrate.labels());
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    assert!(expected > 0.01, "a model that has learnt nothing is not calibrated: {expected}");
}
