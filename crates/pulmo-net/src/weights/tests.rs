use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Fate, KeyTable, read_weights_file, transfer, write_safetensors};
use crate::{Error, Tensor, Weights};

fn oracle(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/torchvision_weights")).join(name)
}

fn truth(set: &str) -> Weights {
    let text = std::fs::read_to_string(oracle("truth.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let tensor = |value: &serde_json::Value| Tensor {
        shape: value["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect(),
        values: value["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap_or(f64::INFINITY) as f32)
            .collect(),
    };
    json[set].as_object().unwrap().iter().map(|(name, value)| (name.clone(), tensor(value))).collect()
}

#[test]
fn every_serialisation_gives_torchs_values_to_the_bit() {
    for (file, set) in [
        ("tiny_zip.pth", "tiny"),
        ("tiny_legacy.pth", "tiny"),
        ("nested_state_dict.pth", "tiny"),
        ("nested_model.pth", "tiny"),
        ("layouts_zip.pth", "layouts"),
        ("layouts_legacy.pth", "layouts"),
    ] {
        let read = read_weights_file(oracle(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let truth = truth(set);
        let names = |weights: &Weights| weights.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&read.tensors), names(&truth), "{file}");
        for (name, expected) in truth {
            let found = &read.tensors[&name];
            assert_eq!(found.shape, expected.shape, "{file} {name}");
            let bits = |tensor: &Tensor| tensor.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(found), bits(&expected), "{file} {name}");
        }
    }
}

#[test]
fn pickles_are_not_executed() {
    let trace = std::path::Path::new("pulmo_pickle_was_executed");
    for file in ["hostile.pth", "hostile_legacy.pth"] {
        let result = read_weights_file(oracle(file));
        assert!(!trace.exists(), "{file}");
        if let Ok(read) = result {
            assert!(read.tensors.keys().all(|name| name == "stem.0.weight"), "{file}");
        }
    }
}

#[test]
fn a_cut_file_is_an_error_at_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.bin");
    let safetensors = folder.path().join("whole.safetensors");
    write_safetensors(&safetensors, &truth("tiny"), &BTreeMap::new()).unwrap();
    for whole in [oracle("tiny_zip.pth"), oracle("tiny_legacy.pth"), safetensors] {
        let bytes = std::fs::read(&whole).unwrap();
        for length in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = read_weights_file(&path).expect_err(&format!("{} cut to {length}", whole.display()));
            assert!(matches!(error, Error::WeightFile { .. }) && error.hint().is_some(), "{length}: {error:?}");
        }
    }
}

#[test]
fn foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    for (bytes, expected) in [
        (b"\x1f\x8b\x08rest".to_vec(), "gzip"),
        (b"<!DOCTYPE html>".to_vec(), "web page"),
        ([vec![0; 128], b"DICM".to_vec()].concat(), "DICOM"),
        (b"hello world".to_vec(), "not a PyTorch checkpoint"),
        (b"\x10\0\0\0\0\0\0\0{\"not\": \"closed ".to_vec(), "safetensors"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = read_weights_file(&path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
    assert!(matches!(read_weights_file(folder.path().join("none")), Err(Error::Io { action: "read", .. })));
}

#[test]
fn safetensors_come_back_with_their_notes_and_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.safetensors"), folder.path().join("b.pth"));
    let weights = truth("layouts");
    let notes = BTreeMap::from([("network".to_owned(), "{\"architecture\": \"paper\"}".to_owned())]);
    write_safetensors(&first, &weights, &notes).unwrap();
    write_safetensors(&second, &weights, &notes).unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let read = read_weights_file(&second).unwrap();
    assert_eq!((read.tensors, read.metadata), (weights, notes));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn a_tensor_that_does_not_fill_its_shape_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, "old").unwrap();
    let wrong = Weights::from([("a".to_owned(), Tensor { shape: vec![2, 2], values: vec![0.0; 3] })]);
    let error = write_safetensors(&path, &wrong, &BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("`a` has 3 values"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
}

/// Our names for the tiny file's tensors, all zero.
fn network(stem_channels: usize) -> Weights {
    let mut network = Weights::new();
    for (key, tensor) in truth("tiny") {
        if let super::keys::Mapping::To(name) = KeyTable::Torchvision.our_name(&key) {
            let mut shape = tensor.shape.clone();
            if key == "stem.0.weight" {
                shape[1] = stem_channels;
            }
            network.insert(name, Tensor::filled(&shape, 0.0));
        }
    }
    network.insert("head.conv.weight".to_owned(), Tensor::filled(&[2, 4, 1, 1, 1], 7.0));
    network
}

#[test]
fn torchvisions_encoder_is_loaded_and_the_rest_kept() {
    let file = read_weights_file(oracle("tiny_zip.pth")).unwrap().tensors;
    assert_eq!(KeyTable::detect(&file).unwrap(), KeyTable::Torchvision);
    let mut weights = network(3);
    let report = transfer(&file, &mut weights, KeyTable::Torchvision).unwrap();
    assert_eq!(report.counts(), [12, 0, 3, 1], "{}", report.table());
    assert_eq!(weights["encoder.stem.conv.weight"], file["stem.0.weight"]);
    assert_eq!(weights["encoder.layer1.block2.norm2.bias"], file["layer1.1.conv2.1.bias"]);
    assert_eq!(weights["encoder.layer2.block1.downsample.norm.running_var"], file["layer2.0.downsample.1.running_var"]);
    assert_eq!(weights["head.conv.weight"], Tensor::filled(&[2, 4, 1, 1, 1], 7.0));
    let table = report.table();
    assert!(table.contains("400 Kinetics actions") && table.contains("12 loaded, 0 adapted, 3 skipped, 1 missing"));
}

#[test]
fn a_stem_for_one_channel_is_the_sum_over_three() {
    let file = read_weights_file(oracle("tiny_legacy.pth")).unwrap().tensors;
    let mut weights = network(1);
    let report = transfer(&file, &mut weights, KeyTable::Torchvision).unwrap();
    assert_eq!(report.counts(), [11, 1, 3, 1]);
    assert!(report.entries.iter().any(|entry| matches!(&entry.fate, Fate::Adapted(how) if how.contains("summed"))));
    let (three, one) = (&file["stem.0.weight"].values, &weights["encoder.stem.conv.weight"].values);
    assert_eq!(one[9], three[27] + three[36] + three[45], "second filter, first tap");
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let file = read_weights_file(oracle("tiny_zip.pth")).unwrap().tensors;
    let mut weights = network(3);
    weights.insert("encoder.stem.norm.bias".into(), Tensor::filled(&[5], 0.0));
    let before = weights.clone();
    let error = transfer(&file, &mut weights, KeyTable::Torchvision).unwrap_err().to_string();
    assert!(error.contains("`stem.1.bias` has shape 4, `encoder.stem.norm.bias` needs 5"), "{error}");
    weights = network(3);
    weights.insert("encoder.layer3.block1.norm1.bias".into(), Tensor::filled(&[5], 0.0));
    let error = transfer(&file, &mut weights, KeyTable::Torchvision).unwrap_err().to_string();
    assert!(error.contains("lacks `encoder.layer3.block1.norm1.bias` and 0 more"), "{error}");
    let error = transfer(&file, &mut before.clone(), KeyTable::Faimed3d).unwrap_err();
    assert!(error.to_string().contains("no tensor of the file fits") && error.hint().is_some(), "{error}");
    let mut broken = file.clone();
    broken.get_mut("stem.1.bias").unwrap().values[2] = f32::NAN;
    let error = transfer(&broken, &mut network(3), KeyTable::Torchvision).unwrap_err().to_string();
    assert!(error.contains("`stem.1.bias` holds values that are not finite"), "{error}");
}

#[test]
fn another_networks_checkpoint_is_not_taken_for_a_known_one() {
    let file = read_weights_file(oracle("other_network.pth")).unwrap().tensors;
    let error = KeyTable::detect(&file).unwrap_err();
    assert!(error.to_string().contains("`conv1.bias`") && error.hint().unwrap().contains("stem.0.weight"), "{error}");
}
