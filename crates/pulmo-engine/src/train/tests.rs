use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulmo_ct::phantom::{PhantomOptions, thorax};
use tempfile::TempDir;

use super::*;
use crate::error::Error;
use crate::error::Result;
use crate::model::Model;
use crate::recipe::Monitor;
use crate::segment::{Segmentation, Segmenter};

const TINY: &str = r#"
name = "tiny"
network = { architecture = "unet", input_channels = 1, classes = 2, widths = [4, 8] }
input.grid = { mode = "whole", size = [8, 24, 24] }
input.intensity = { kind = "window", center_hu = -450.0, width_hu = 1300.0 }
training.batch_size = 2
training.phase = [
    { name = "one", epochs = 2, learning_rate = 1e-2 },
    { name = "two", epochs = 2, learning_rate = 3e-3 },
]
augmentation = [
    { probability = 0.5, transform = { kind = "flip", axes = [false, false, true] } },
    { probability = 0.5, transform = { kind = "rotate", degrees = [10.0, 0.0, 0.0] } },
    { probability = 0.5, transform = { kind = "noise", strength = 0.02 } },
]
"#;

fn recipe(overrides: &[&str]) -> Recipe {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    Recipe::parse(TINY, "tiny", &overrides).unwrap()
}

fn cases(training: usize, validation: usize) -> Cases {
    let case = |seed: u64| {
        let options =
            PhantomOptions { shape: [12, 32, 32], spacing_mm: [20.0, 10.0, 10.0], ..PhantomOptions::seeded(seed) };
        let phantom = thorax(&options).unwrap();
        let source = CaseSource::Volumes(Arc::new((phantom.volume, phantom.infiltrate)));
        Case { name: format!("phantom_{seed}"), source }
    };
    Cases {
        training: (0..training as u64).map(case).collect(),
        validation: (100..100 + validation as u64).map(case).collect(),
        ..Cases::default()
    }
}

struct Setting {
    folder: TempDir,
    stop: AtomicBool,
}

impl Setting {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), stop: AtomicBool::new(false) }
    }

    fn train(&self, recipe: &Recipe, cases: &Cases, resume: bool, progress: &mut dyn FnMut(Event)) -> Result<Outcome> {
        let kernels = Kernels::default();
        let cache_bytes = 1 << 20;
        let folder = self.folder.path();
        let request =
            Request { recipe, cases, folder, resume, cache_bytes, max_network_bytes: None, kernels, stop: &self.stop };
        train(&request, progress)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }
}

#[test]
fn the_loss_falls_and_the_model_can_be_read() {
    let setting = Setting::new();
    let recipe = recipe(&["training.phase=[{ name = \"all\", epochs = 12, learning_rate = 2e-2 }]", "augmentation=[]"]);
    let cases = cases(4, 1);
    let mut losses = Vec::new();
    let mut dice = Vec::new();
    let outcome = setting
        .train(&recipe, &cases, false, &mut |event| {
            if let Event::Epoch(report) = event {
                losses.push(report.training_loss);
                dice.push(report.validation.and_then(|found| found.dice));
            }
        })
        .unwrap();
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < 0.75 * losses[0], "{losses:?}");
    let model = Model::load(&setting.folder.path().join("model.safetensors")).unwrap();
    assert_eq!(model.sha256, outcome.model_sha256);
    assert_eq!(model.recipe, recipe);
    assert_eq!((model.labels, model.provenance.epoch), (vec!["infiltrate".to_owned()], outcome.best.epoch));
    let best = dice.iter().flatten().fold(0.0, |best: f64, &dice| best.max(dice));
    assert_eq!(model.provenance.validation_dice, Some(best), "{dice:?}");
    let log = String::from_utf8(setting.read("log.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 12 * (2 + 1));
    let kinds: BTreeSet<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["epoch", "step"]);
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let (recipe, cases) = (recipe(&[]), cases(4, 1));
    let unbroken = Setting::new();
    unbroken.train(&recipe, &cases, false, &mut |_| {}).unwrap();

    let broken = Setting::new();
    // Stopped in the middle of epochs 2 (of phase one) and 4 (of phase two), with one resume that does nothing new.
    for stop_in in [2, 4] {
        broken.stop.store(false, Ordering::Relaxed);
        let stopped = broken.train(&recipe, &cases, true, &mut |event| {
            if matches!(event, Event::Step { epoch, step: 1, .. } if epoch == stop_in) {
                broken.stop.store(true, Ordering::Relaxed);
            }
        });
        assert!(matches!(stopped, Err(Error::Stopped { epochs }) if epochs == stop_in - 1), "{stopped:?}");
    }
    broken.stop.store(false, Ordering::Relaxed);
    let mut resumed_after = None;
    broken
        .train(&recipe, &cases, true, &mut |event| {
            if let Event::Started { epochs_done, .. } = event {
                resumed_after = Some(epochs_done);
            }
        })
        .unwrap();
    assert_eq!(resumed_after, Some(3));
    assert_eq!(broken.read("model.safetensors"), unbroken.read("model.safetensors"));
    let weights = |setting: &Setting| {
        pulmo_net::weights::read_weights_file(setting.folder.path().join("checkpoint.safetensors")).unwrap().tensors
    };
    assert_eq!(weights(&broken), weights(&unbroken));
    // The log has each epoch once, with the same numbers.
    let losses = |setting: &Setting| -> Vec<(u64, String)> {
        let log = String::from_utf8(setting.read("log.jsonl")).unwrap();
        let line = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            (value["epoch"].as_u64().unwrap(), format!("{} {}", value["loss"], value["training_loss"]))
        };
        log.lines().map(line).collect()
    };
    assert_eq!(losses(&broken), losses(&unbroken));
    // A finished run resumed again changes nothing.
    broken.train(&recipe, &cases, true, &mut |_| {}).unwrap();
    assert_eq!(broken.read("model.safetensors"), unbroken.read("model.safetensors"));
}

#[test]
fn patches_train_too_and_threads_and_cache_change_nothing() {
    let patches =
        "input.grid={ mode = \"patches\", size = [8, 16, 16], spacing_mm = [20.0, 12.0, 12.0], patches_per_case = 2 }";
    let (recipe, cases) =
        (recipe(&[patches, "training.phase=[{ name = \"all\", epochs = 1, learning_rate = 1e-2 }]"]), cases(2, 1));
    let run = |threads: usize, cache_bytes: usize| {
        let setting = Setting::new();
        let request = Request {
            recipe: &recipe,
            cases: &cases,
            folder: setting.folder.path(),
            resume: false,
            cache_bytes,
            max_network_bytes: None,
            kernels: Kernels::default(),
            stop: &setting.stop,
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outcome = pool.install(|| train(&request, &mut |_| {})).unwrap();
        assert!(outcome.best.dice.is_some());
        setting.read("model.safetensors")
    };
    let one = run(1, 0);
    assert_eq!(one, run(3, 1 << 30));
}

#[test]
fn lungs_and_infiltrates_are_learnt_and_segmented_together() {
    let phantom = |seed| {
        let options =
            PhantomOptions { shape: [12, 32, 32], spacing_mm: [20.0, 10.0, 10.0], ..PhantomOptions::seeded(seed) };
        thorax(&options).unwrap()
    };
    let classes = |phantom: &pulmo_ct::phantom::Phantom| {
        let both = phantom.lungs.labels().iter().zip(phantom.infiltrate.labels());
        let labels = both.map(|(&lung, &infiltrate)| if infiltrate > 0 { 2 } else { u8::from(lung > 0) }).collect();
        pulmo_ct::LabelMap::new(*phantom.lungs.grid(), labels).unwrap()
    };
    let case = |seed| {
        let phantom = phantom(seed);
        let source = CaseSource::Volumes(Arc::new((phantom.volume.clone(), classes(&phantom))));
        Case { name: format!("phantom_{seed}"), source }
    };
    let cases = Cases {
        training: (0..4).map(case).collect(),
        validation: vec![case(100)],
        labels: vec!["lung".to_owned(), "infiltrate".to_owned()],
        ..Cases::default()
    };
    let phase = "training.phase=[{ name = \"all\", epochs = 6, learning_rate = 2e-2 }]";
    let patches =
        "input.grid={ mode = \"patches\", size = [8, 24, 24], spacing_mm = [20.0, 12.0, 12.0], patches_per_case = 2 }";
    for grid in ["input.grid.size=[12, 32, 32]", patches] {
        let setting = Setting::new();
        let recipe = recipe(&["network.classes=3", "augmentation=[]", "training.repeats=8", phase, grid]);
        let outcome = setting.train(&recipe, &cases, false, &mut |_| {}).unwrap();
        assert!(outcome.best.dice.unwrap() > 0.3, "{grid}: {:?}", outcome.best);
        let model = Model::load(&setting.folder.path().join("model.safetensors")).unwrap();
        let mut segmenter = Segmenter::new(model, Kernels::default()).unwrap();
        let unseen = phantom(101);
        let found = segmenter.segment(&unseen.volume, |_, _| {}).unwrap();
        assert_eq!(found.labels.grid(), unseen.volume.grid());
        let [lung, infiltrate] = &found.classes[..] else { panic!("{:?}", found.classes) };
        assert_eq!((lung.name.as_str(), infiltrate.name.as_str()), ("lung", "infiltrate"));
        assert_eq!((found.infiltrate.voxels, found.labels.count(2) as u64), (infiltrate.voxels, infiltrate.voxels));
        let marked = found.labels.labels().iter().zip(unseen.lungs.labels()).filter(|(found, _)| **found > 0);
        let (inside, all) = marked.fold((0, 0), |(inside, all), (_, &lung)| (inside + u32::from(lung > 0), all + 1));
        assert!(all > 500 && f64::from(inside) > 0.6 * f64::from(all), "{grid}: {inside} of {all} in the lungs");
        let lungs = found.lungs().expect("the model knows lungs");
        assert_eq!(lungs.count(1), all as usize, "infiltrate lies in the lung, too");
        assert_eq!(found.infiltrate_mask().count(1) as u64, infiltrate.voxels);
        check_limited(&mut segmenter, &unseen.volume, &found);
    }
}

/// The least memory that would do: nearly the same mask.
fn check_limited(segmenter: &mut Segmenter, ct: &pulmo_ct::CtVolume, free: &Segmentation) {
    segmenter.set_max_bytes(Some(1 << 20));
    let Err(Error::Run { hint, .. }) = segmenter.segment(ct, |_, _| {}) else { panic!("1 MiB is too little") };
    let least: u64 = hint.trim_start_matches("this would do: --max-ram ").trim_end_matches("MiB").parse().expect(&hint);
    segmenter.set_max_bytes(Some(least << 20));
    let limited = segmenter.segment(ct, |_, _| {}).unwrap();
    let both = limited.labels.labels().iter().zip(free.labels.labels());
    let (same, marked) = both.fold((0_u32, 0_u32), |(same, marked), (&a, &b)| {
        (same + 2 * u32::from(a > 0 && b > 0), marked + u32::from(a > 0) + u32::from(b > 0))
    });
    let dice = f64::from(same) / f64::from(marked);
    assert!(dice > 0.85, "Dice of the masks with and without a limit: {dice}, {:?}", limited.inference);
}

#[test]
fn nothing_is_overwritten_unasked() {
    let (recipe, cases, setting) = (recipe(&[]), cases(1, 0), Setting::new());
    std::fs::write(setting.folder.path().join("notes.txt"), "mine").unwrap();
    for resume in [false, true] {
        let error = setting.train(&recipe, &cases, resume, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
        assert!(error.hint().unwrap().contains("--resume"));
    }
    assert_eq!(std::fs::read_dir(setting.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_run_resumes_only_with_its_own_recipe_and_cases() {
    let (small, two, setting) =
        (recipe(&["training.phase.0.epochs=1", "training.phase.1.epochs=1"]), cases(2, 0), Setting::new());
    setting.train(&small, &two, false, &mut |_| {}).unwrap();
    let error = setting.train(&small, &cases(3, 0), true, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("other cases"), "{error}");
    let mut wider = small.clone();
    wider.network.widths = vec![4, 12];
    let error = setting.train(&wider, &two, true, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("widths") && error.hint().unwrap().contains("another folder"), "{error}");
    std::fs::write(setting.folder.path().join("checkpoint.safetensors"), b"half").unwrap();
    assert!(setting.train(&small, &two, true, &mut |_| {}).is_err());
}

#[test]
fn data_that_cannot_be_trained_on_is_refused_by_name() {
    let (recipe, setting) = (recipe(&[]), Setting::new());
    let error = setting.train(&recipe, &cases(0, 1), false, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("no training case"), "{error}");
    let mut twice = cases(1, 0);
    twice.validation = twice.training.clone();
    let error = setting.train(&recipe, &twice, false, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("`phantom_0` is listed twice"), "{error}");
    let mut missing = cases(1, 0);
    missing.training[0].source = CaseSource::Files { ct: "/none/ct.nii".into(), reference: "/none/mask.nii".into() };
    let error = setting.train(&recipe, &missing, false, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("case `phantom_0`"), "{error}");
}

#[test]
fn a_loss_that_is_not_finite_names_the_case() {
    let recipe = recipe(&["training.phase=[{ name = \"wild\", epochs = 3, learning_rate = 1e30 }]", "augmentation=[]"]);
    let error = Setting::new().train(&recipe, &cases(2, 0), false, &mut |_| {}).unwrap_err();
    let Error::NotFinite { cases, .. } = &error else { panic!("{error}") };
    assert_eq!(cases.len(), 2);
    assert!(error.to_string().contains("phantom_") && error.hint().unwrap().contains("learning_rate"), "{error}");
}

#[test]
fn without_validation_the_last_epoch_is_the_model() {
    let setting = Setting::new();
    let recipe = recipe(&["training.phase.0.epochs=1", "training.phase.1.epochs=1", "training.monitor=\"loss\""]);
    assert_eq!(recipe.training.monitor, Monitor::Loss);
    let outcome = setting.train(&recipe, &cases(2, 0), false, &mut |_| {}).unwrap();
    assert_eq!((outcome.best.epoch, outcome.best.dice), (2, None));
}

#[test]
fn a_plan_needs_more_memory_for_larger_inputs() {
    let peak = |recipe: &Recipe| Memory::plan(recipe, None, 0).unwrap().network.peak_bytes;
    let (small, large) = (peak(&recipe(&[])), peak(&recipe(&["input.grid.size=[16, 48, 48]"])));
    assert!(small > 8 * 24 * 24 * 4 * 4 && large > 3 * small, "{small} {large}");
}
