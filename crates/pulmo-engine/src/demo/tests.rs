use super::*;
use crate::recipe::GridMode;

fn small(folder: &Path, stop: &AtomicBool, run: impl FnOnce(&Options<'_>)) {
    let mut options = Options::new(folder, stop).unwrap();
    options.shape = [8, 32, 32];
    options.recipe.input.grid = GridMode::Whole { size: [8, 32, 32] };
    options.recipe.training.batch_size = 1;
    options.recipe.network.widths = vec![4, 8];
    options.recipe.training.phase[0].epochs = 1;
    (options.training_cases, options.held_out_cases) = (3, 2);
    run(&options);
}

#[test]
fn the_recipe_is_valid() {
    let recipe = recipe().unwrap();
    assert_eq!(recipe.name, "demo");
    assert_eq!(recipe.network.classes, 2);
}

#[test]
fn a_tiny_demonstration_writes_everything_and_reports_what_it_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    small(folder.path(), &stop, |options| {
        let mut seen = Vec::new();
        let found = run(options, &mut |progress| seen.push(progress)).unwrap();
        assert_eq!(found.report.cases.len(), 2);
        assert_eq!(found.report.training_loss.len(), 1);
        assert!(seen.contains(&Progress::Drawn(5, 5)) && seen.contains(&Progress::Trained(3, 3)));
        assert_eq!(seen.last(), Some(&Progress::Judged(2, 2)));
        for file in [
            "data.toml",
            "data/training/images/training_03.nii.gz",
            "data/held_out/labels/held_out_02.nii.gz",
            "model.safetensors",
            "predictions/held_out_01/mask.nii.gz",
            "predictions/held_out_01/result.json",
            "demo.json",
            "demo.txt",
        ] {
            assert!(folder.path().join(file).is_file(), "{file}");
        }
        let text = std::fs::read(folder.path().join("predictions/held_out_01/result.json")).unwrap();
        let result: crate::result::CaseResult = serde_json::from_slice(&text).unwrap();
        let image = folder.path().join("data/held_out/images/held_out_01.nii.gz");
        let opened = pulmo_ct::format::open_ct(&image, &pulmo_ct::format::OpenOptions::default()).unwrap();
        let names = crate::output::OutputFolder::nowhere(crate::case_key::PROJECT_KEY);
        assert_eq!(result.input.source, names.source(&opened.origin, &image).unwrap(), "the file is known again");
        for (phantom, prediction) in found.held_out.iter().zip(&found.predictions) {
            assert_eq!(phantom.volume.grid(), prediction.grid());
        }
    });
}

#[test]
fn the_control_trains_on_masks_of_other_cases() {
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    small(folder.path(), &stop, |options| {
        let options = Options { shuffle_masks: true, ..options.clone() };
        let drawn = data::draw(&options, &mut |_| {}).unwrap();
        for case in &drawn.cases.training {
            let crate::train::CaseSource::Files { ct, reference } = &case.source else { panic!("files") };
            assert_ne!(ct.file_name(), reference.file_name());
        }
        let list = std::fs::read_to_string(folder.path().join("data.toml")).unwrap();
        assert!(list.contains("phantoms"));
    });
}
