//! `segment --max-ram`: within a limit, recorded, or refused with what would do.

use std::ffi::OsStr;

use pulmo::ct::format::write_volume;
use pulmo::ct::phantom::{PhantomOptions, thorax};
use pulmo::engine::Model;
use pulmo::engine::model::Provenance;
use pulmo::engine::recipe::Recipe;
use serde_json::Value;

use super::pulmo;

const RECIPE: &str = r#"
name = "wide"
network = { architecture = "unet", input_channels = 1, classes = 2, widths = [8, 16] }
input.grid = { mode = "whole", size = [16, 128, 128] }
input.intensity = { kind = "window", center_hu = -450.0, width_hu = 1300.0 }
training.phase = [{ name = "one", epochs = 1, learning_rate = 1e-2 }]
"#;

#[test]
fn a_memory_limit_is_kept_and_recorded_or_refused_with_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = PhantomOptions { shape: [16, 40, 40], spacing_mm: [16.0, 8.0, 8.0], ..PhantomOptions::seeded(7) };
    write_volume(&at("a.nii.gz"), &thorax(&options).unwrap().volume).unwrap();
    let recipe = Recipe::parse(RECIPE, "wide", &[]).unwrap();
    let weights = recipe.network.initial_weights(5).unwrap();
    let (labels, provenance, sha256) = (vec!["infiltrate".to_owned()], Provenance::default(), String::new());
    Model { recipe, labels, provenance, weights, sha256 }.save(&at("model.safetensors")).unwrap();

    let segment = |out: &str, more: &[&str]| {
        let (ct, model, out) = (at("a.nii.gz"), at("model.safetensors"), at(out));
        let mut arguments: Vec<&OsStr> = vec!["segment".as_ref(), ct.as_ref(), "-m".as_ref(), model.as_ref()];
        arguments.extend::<[&OsStr; 2]>(["-o".as_ref(), out.as_ref()]);
        arguments.extend(more.iter().map(OsStr::new));
        let run = pulmo(&arguments);
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    let inference = |out: &str| -> Value {
        let bytes = std::fs::read(at(out).join("a/result.json")).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["inference"].clone()
    };
    let (code, talk) = segment("free", &[]);
    assert!(code == Some(0) && !talk.contains("windows of"), "{talk}");
    let free = inference("free");
    assert_eq!((&free["window"], &free["max_bytes"]), (&serde_json::json!([16, 128, 128]), &Value::Null));

    assert_eq!(free["precision"], "float32", "as the model was trained");
    let (code, talk) = segment("narrow", &["--precision", "bfloat16"]);
    let narrow = inference("narrow");
    assert!(code == Some(0) && narrow["precision"] == "bfloat16", "{narrow} {talk}");
    assert!(narrow["predicted_peak_bytes"].as_u64() < free["predicted_peak_bytes"].as_u64(), "{narrow} {free}");
    let (code, talk) = segment("half", &["--precision", "half"]);
    assert!(code == Some(2) && talk.contains("unknown precision `half`; expected float32 or bfloat16"), "{talk}");

    let (code, talk) = segment("none", &["--max-ram", "1MiB"]);
    assert!(code == Some(2) && talk.contains("1 MiB are too little"), "{talk}");
    let (_, least) = talk.split_once("this would do: --max-ram ").expect(&talk);
    let least = least.split_whitespace().next().unwrap();
    let (code, talk) = segment("limited", &["--max-ram", least]);
    assert!(code == Some(0) && talk.contains("in place of 16 x 128 x 128, to keep to "), "{talk}");
    let limited = inference("limited");
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap();
    assert_eq!(number(&limited, "max_bytes") >> 20, least.trim_end_matches("MiB").parse::<u64>().unwrap());
    assert!(number(&limited, "predicted_peak_bytes") <= number(&limited, "max_bytes"), "{limited}");
    assert!(number(&limited, "max_bytes") < number(&free, "predicted_peak_bytes"), "{limited}, {free}");
    assert_eq!((&limited["window_without_limit"], &limited["overlap"]), (&free["window"], &serde_json::json!(0.5)));
    assert_ne!(limited["window"], free["window"]);
}
