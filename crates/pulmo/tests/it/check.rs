//! `pulmo check` from outside: words, JSON and exit codes.

use std::ffi::OsStr;
use std::path::Path;

use pulmo::ct::format::{write_label_map, write_volume};
use pulmo::ct::phantom::{PhantomOptions, thorax};
use pulmo::ct::{CtVolume, LabelMap};

use super::pulmo;

fn case(folder: &Path, name: &str, seed: u64, change: fn(f32) -> f32) -> String {
    let options = PhantomOptions { shape: [32, 72, 72], spacing_mm: [8.0, 4.8, 4.8], ..PhantomOptions::seeded(seed) };
    let phantom = thorax(&options).unwrap();
    let hu = phantom.volume.hu().iter().map(|&hu| change(hu)).collect();
    let volume = CtVolume::new(*phantom.volume.grid(), hu).unwrap();
    write_volume(&folder.join(format!("{name}.nii.gz")), &volume).unwrap();
    write_label_map(&folder.join(format!("{name}_mask.nii.gz")), &phantom.infiltrate).unwrap();
    format!("[[case]]\nname = \"{name}\"\nimage = \"{name}.nii.gz\"\nlabels = \"{name}_mask.nii.gz\"\n")
}

fn list(folder: &Path, cases: &[String]) {
    let text = format!("name = \"phantoms\"\n[labels]\n1 = \"infiltrate\"\n{}", cases.concat());
    std::fs::write(folder.join("data.toml"), text).unwrap();
}

#[test]
fn findings_decide_the_exit_code_and_name_the_case() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mut cases = vec![case(folder, "one", 1, |hu| hu), case(folder, "two", 2, |hu| hu)];
    list(folder, &cases);
    let sound = pulmo(&["check".as_ref(), folder.as_ref()]);
    let said = String::from_utf8_lossy(&sound.stdout).into_owned();
    assert_eq!(sound.status.code(), Some(0), "{said}");
    assert!(said.contains("2 cases, 10 checks: 0 findings"), "{said}");

    cases.push(case(folder, "copy", 1, |hu| hu.clamp(-1350.0, 150.0)) + "split = \"test\"\n");
    let empty = case(folder, "empty", 3, |hu| hu);
    let path = folder.join("empty_mask.nii.gz");
    let map = pulmo::ct::format::open_label_map(&path).unwrap();
    write_label_map(&path, &LabelMap::new(*map.grid(), vec![0; map.labels().len()]).unwrap()).unwrap();
    cases.push(empty);
    list(folder, &cases);
    let data = folder.join("data.toml");
    let found = pulmo(&["check".as_ref(), data.as_ref()]);
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(1), "{said}");
    for words in [
        "copy (not_hu): ",
        "empty (empty_or_tiny_mask): ",
        "(same_patient): probably one patient, on two sides of the split",
    ] {
        assert!(said.contains(words), "`{words}` not in: {said}");
    }
    let arguments: [&OsStr; 4] = ["check".as_ref(), "--json".as_ref(), "--quiet".as_ref(), data.as_ref()];
    let json: serde_json::Value = serde_json::from_slice(&pulmo(&arguments).stdout).unwrap();
    assert_eq!(json["cases"], 4);
    assert_eq!(json["checks"].as_array().unwrap().len(), 10);
    let pair = json["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "same_patient").unwrap();
    assert_eq!(pair["cases"], serde_json::json!(["one", "copy"]));

    for wrong in [folder.join("nowhere"), folder.join("one.nii.gz")] {
        assert_eq!(pulmo(&["check".as_ref(), wrong.as_ref()]).status.code(), Some(2));
    }
    let bare = tempfile::tempdir().unwrap();
    let refused = pulmo(&["check".as_ref(), bare.path().as_ref()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pulmo import"));
}
