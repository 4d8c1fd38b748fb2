use super::*;

fn refused(text: &str) -> crate::Error {
    Recipe::parse(text, "mine.toml", &[]).unwrap_err()
}

#[test]
fn an_empty_file_is_the_paper_and_survives_writing() {
    let recipe = Recipe::parse("", "empty", &[]).unwrap();
    assert_eq!(recipe, Recipe::default());
    assert_eq!(recipe.input.grid.size(), [20, 224, 224]);
    let text = recipe.to_toml();
    assert_eq!(Recipe::parse(&text, "written", &[]).unwrap(), recipe);
}

#[test]
fn the_recipes_that_ship_are_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let recipe = Recipe::load(&entry.unwrap().path(), &[]).unwrap();
        assert_eq!(Recipe::parse(&recipe.to_toml(), "written", &[]).unwrap(), recipe);
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn an_unknown_key_names_key_file_line_and_neighbour() {
    let error = refused("name = \"x\"\n[training]\nbatchsize = 2\n");
    let text = error.to_string();
    assert!(text.contains("mine.toml") && text.contains("line 3") && text.contains("batchsize"), "{text}");
    assert_eq!(error.hint(), Some("did you mean `batch_size`?"));
    let error = refused("[training]\nloss = \"dice_cross_entrpy\"");
    assert_eq!(error.hint(), Some("did you mean `dice_cross_entropy`?"));
    let error = refused("[[augmentation]]\nprobability = 0.5\ntransform = { kind = \"warp\", strenth = 0.2 }");
    assert!(error.hint().is_some_and(|hint| hint.contains("`strength`")), "{error}");
}

#[test]
fn a_wrong_type_names_the_line() {
    let error = refused("seed = 1\n[training]\nbatch_size = \"two\"\n").to_string();
    assert!(error.contains("line 3") && error.contains("two"), "{error}");
    assert!(refused("seed = -4").to_string().contains("line 1"));
}

#[test]
fn values_out_of_range_name_the_key() {
    for (text, key) in [
        ("training.batch_size = 0", "training.batch_size"),
        ("training.threshold = 1.5", "training.threshold"),
        ("training.phase = []", "training.phase"),
        ("network = { architecture = \"paper\", input_channels = 3, classes = 1 }", "network.classes"),
        ("input.grid = { mode = \"whole\", size = [0, 4, 4] }", "input.grid.size"),
        ("input.grid = { mode = \"patches\", size = [4, 4, 4], overlap = 1.0 }", "input.grid.overlap"),
        ("input.foreground_labels = [0]", "input.foreground_labels"),
        (
            "augmentation = [{ probability = 2.0, transform = { kind = \"warp\", strength = 0.1 } }]",
            "augmentation.0.probability",
        ),
        (
            "augmentation = [{ probability = 0.2, transform = { kind = \"warp\", strength = 0.6 } }]",
            "augmentation.0.transform.strength",
        ),
        ("training.phase = [{ name = \"a\", epochs = 1, learning_rate = 0.0 }]", "training.phase.0.learning_rate"),
    ] {
        let error = refused(text).to_string();
        assert!(error.contains(key), "{text}: {error}");
    }
}

#[test]
fn overrides_change_single_values() {
    let overrides =
        ["training.phase.0.epochs=5", "name=mine", "training.phase.1.learning_rate=1", "input.grid.size=[8, 32, 32]"];
    let overrides = overrides.map(str::to_owned);
    let recipe = Recipe::parse("", "paper.toml", &overrides).unwrap();
    assert_eq!(recipe.training.phase[0].epochs, 5);
    assert_eq!(recipe.training.phase[1].learning_rate, 1.0);
    assert_eq!((recipe.name.as_str(), recipe.input.grid.size()), ("mine", [8, 32, 32]));
    for (bad, part) in [
        ("training.phase.9.epochs=5", "`9` is no index"),
        ("trainin.batch_size=2", "nearest is `training`"),
        ("training.batch_sise=2", "batch_sise"),
        ("training.batch_size", "no `=`"),
        ("training.batch_size=two", "two"),
        ("name.first=two", "plain value"),
    ] {
        let error = Recipe::parse("", "paper.toml", &[bad.to_owned()]).unwrap_err();
        assert!(error.to_string().contains(part), "{bad}: {error}");
    }
}

#[test]
fn epochs_belong_to_phases() {
    let training = Recipe::default().training;
    assert_eq!(training.epochs(), 53);
    assert_eq!(training.phase_of(2), Some((0, 2)));
    assert_eq!(training.phase_of(3), Some((1, 0)));
    assert_eq!(training.phase_of(53), None);
}
