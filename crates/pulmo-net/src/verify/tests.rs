use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Golden, Kind, formula};
use crate::Network;
use crate::schedule::OneCycle;
use crate::verify::compare::Check;
use crate::weights::KeyTable;
use crate::weights::keys::Mapping;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/paper_net"));
    let mut folders: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

#[test]
fn the_formula_gives_the_recorded_number_of_target_voxels() {
    for folder in folders() {
        let golden = Golden::read(&folder).unwrap();
        let example = formula::example(golden.batch, golden.channels, golden.size, &golden.salt);
        let voxels = example.target.iter().filter(|&&label| label == 1).count();
        assert_eq!(voxels, golden.target_voxels, "{}", folder.display());
        for name in ["logits_eval.npy", "logits_train.npy"] {
            assert_eq!(golden.read_logits(&folder, name).unwrap().len(), 2 * example.target.len());
        }
    }
}

#[test]
fn the_one_cycle_curve_is_fastais_to_the_bit() {
    for folder in folders() {
        let golden = Golden::read(&folder).unwrap().one_cycle;
        for (index, expected) in golden.lr.iter().copied().zip(golden.mom.iter().copied()).enumerate() {
            assert_eq!(OneCycle::new(golden.lr_max).at(index as f64 / golden.steps as f64), expected, "step {index}");
        }
    }
}

#[test]
fn every_key_of_faimed3d_has_one_tensor_of_the_paper_network() {
    let golden = Golden::read(&folders()[0]).unwrap();
    let mut ours: BTreeMap<_, _> = Network::paper().parameter_shapes().unwrap().into_iter().collect();
    for (key, shape) in &golden.keys {
        match KeyTable::Faimed3d.our_name(key) {
            Mapping::To(name) => assert_eq!(ours.remove(&name).as_ref(), Some(shape), "{key} -> {name}"),
            other => assert!(key.ends_with("num_batches_tracked"), "{key}: {other:?}"),
        }
    }
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn a_damaged_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Golden::read(folder.path()).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("golden.json"), "{missing}");
    std::fs::write(folder.path().join("golden.json"), "{\"batch\": 1}").unwrap();
    let error = Golden::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("missing field `channels`") && error.hint().is_some(), "{error}");
    std::fs::write(folder.path().join("logits_eval.npy"), "text").unwrap();
    let golden = Golden::read(&folders()[0]).unwrap();
    let error = golden.read_logits(folder.path(), "logits_eval.npy").unwrap_err().to_string();
    assert!(error.contains("not a NumPy file"), "{error}");
}

#[test]
fn the_worst_check_speaks_for_its_kind() {
    let checks = [Check::new("small but out", 2e-8, 1e-8), Check::new("large but allowed", 0.1, 0.2)];
    let kind = Kind::new("gradients", &checks);
    assert_eq!((kind.at.as_str(), kind.failed, kind.passes), ("small but out", 1, false));
    assert!(!Kind::new("gradients", &[]).passes, "nothing compared is no pass");
    assert!(!Kind::new("gradients", &[Check::new("a", f64::NAN, 1.0)]).passes);
}
