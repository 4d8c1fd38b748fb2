use std::path::Path;
use std::process::{Command, Output};

use pulmo::ct::format::{open_label_map, write_volume};
use pulmo::ct::orient::Turn;
use pulmo::ct::phantom::{LEFT_LUNG, PhantomOptions, RIGHT_LUNG, thorax};

fn lungs(input: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulmo"));
    command.arg("lungs").arg(input).arg("-o").arg(output).args(more);
    command.output().expect("the binary of this package is built")
}

#[test]
fn both_lungs_of_a_phantom_come_out_on_its_grid_with_their_volumes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let phantom = thorax(&PhantomOptions { lesions: [0, 0], ..PhantomOptions::seeded(2) }).unwrap();
    // Stored as most NIfTI software shows it: left and right, front and back the other way round.
    let turned = Turn::towards("RAS", phantom.volume.grid()).unwrap();
    write_volume(&at("ct.nii.gz"), &turned.ct(&phantom.volume).unwrap()).unwrap();
    let output = lungs(&at("ct.nii.gz"), &at("lungs.nii.gz"), &["--json", "--pictures"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code() == Some(0), json["problems"].as_array().unwrap().is_empty(), "{said}");
    let written = open_label_map(&at("lungs.nii.gz")).unwrap();
    let truth = turned.labels(&phantom.lungs).unwrap();
    truth.grid().must_equal(written.grid()).unwrap();
    for (label, name) in [(LEFT_LUNG, "left_ml"), (RIGHT_LUNG, "right_ml")] {
        let both = written.labels().iter().zip(truth.labels()).filter(|&(&a, &b)| a == label && b == label).count();
        let dice = 2.0 * both as f64 / (written.count(label) + truth.count(label)) as f64;
        assert!(dice > 0.8, "{name}: Dice {dice}");
        // NIfTI holds the grid in float32.
        assert!((json[name].as_f64().unwrap() / written.volume_ml(label) - 1.0).abs() < 1e-5, "{name}");
    }
    assert!(at("lungs-axial.png").exists() && at("lungs-coronal.png").exists());
    let again = lungs(&at("ct.nii.gz"), &at("lungs.nii.gz"), &[]);
    assert_eq!(again.status.code(), Some(2), "nothing is replaced unasked");
}

#[test]
fn a_volume_without_lungs_gives_no_mask() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let phantom = thorax(&PhantomOptions::seeded(2)).unwrap();
    let voxels = phantom.volume.hu().iter().zip(phantom.lungs.labels());
    let solid = voxels.map(|(&hu, &lung)| if lung > 0 { 40.0 } else { hu }).collect();
    let volume = pulmo::ct::CtVolume::new(*phantom.volume.grid(), solid).unwrap();
    write_volume(&at("ct.nii.gz"), &volume).unwrap();
    let output = lungs(&at("ct.nii.gz"), &at("lungs.nii.gz"), &[]);
    assert!(matches!(output.status.code(), Some(1 | 2)), "doubtful at least");
}
