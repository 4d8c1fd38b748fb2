//! What `-o` names: nothing is replaced unasked, and a run that fails leaves no folder.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use pulmo::ct::format::write_label_map;
use pulmo::ct::{Affine, Grid, LabelMap, Spacing};

use super::pulmo;

fn mask(path: &Path, labels: [u8; 4]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let affine = Affine::axial(Spacing::new([10.0; 3]).unwrap(), [0.0; 3]);
    let map = LabelMap::new(Grid::new([1, 2, 2], affine).unwrap(), labels.to_vec()).unwrap();
    write_label_map(path, &map).unwrap();
}

/// Runs in a folder, so that words are as a user types them.
fn run(folder: &Path, words: &str) -> Output {
    let place = |word: &str| {
        let file = folder.join(word);
        if word.contains('/') || file.exists() { file.into_os_string() } else { word.into() }
    };
    let words: Vec<_> = words.split(' ').map(place).collect();
    pulmo(&words.iter().map(AsRef::as_ref).collect::<Vec<&OsStr>>())
}

#[track_caller]
fn must_refuse(output: &Output, problem: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(problem), "{said}");
    assert!(output.stdout.is_empty(), "no work was done");
}

#[test]
fn evaluations_and_comparisons_are_replaced_with_force_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (case, labels) in [("a", [1, 1, 0, 0]), ("b", [1, 0, 0, 0])] {
        mask(&at(&format!("references/{case}.nii.gz")), labels);
        mask(&at(&format!("masks/{case}.nii.gz")), [1, 1, 1, 0]);
    }
    let text = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    assert!(run(folder.path(), "evaluate masks references -o new/first").status.success());
    assert!(run(folder.path(), "evaluate references references -o new/second").status.success());
    let before = text("new/first/evaluation.json");
    for there in ["evaluation.csv", "evaluation.json", "evaluation.md", "evaluation.tex", "methods.md"] {
        let alone = at("alone").join(there);
        std::fs::create_dir_all(at("alone")).unwrap();
        std::fs::write(&alone, "mine").unwrap();
        let refused = run(folder.path(), "evaluate masks references -o alone");
        must_refuse(&refused, &format!("{there}` is there already\n  hint: --force replaces it"));
        assert_eq!(std::fs::read_to_string(&alone).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(at("alone")).unwrap().count(), 1, "nothing is written beside it");
        std::fs::remove_file(alone).unwrap();
    }
    must_refuse(&run(folder.path(), "evaluate references references -o new/first"), "is there already");
    assert_eq!(text("new/first/evaluation.json"), before);
    assert!(run(folder.path(), "evaluate references references -o new/first --force").status.success());
    assert_ne!(text("new/first/evaluation.json"), before);

    let compare = "compare new/first new/second --metric volume_error_ml -o new/compared";
    let done = run(folder.path(), compare);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    must_refuse(&run(folder.path(), compare), "compare.csv` is there already\n  hint: --force replaces it");
    assert!(run(folder.path(), &format!("{compare} --force")).status.success());
}

#[test]
fn what_fails_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    mask(&folder.path().join("masks/a.nii.gz"), [1, 1, 0, 0]);
    mask(&folder.path().join("references/b.nii.gz"), [1, 1, 0, 0]);
    std::fs::write(folder.path().join("file"), "no folder").unwrap();
    let model = folder.path().join("model.safetensors");
    super::report::model(&model);
    for words in [
        "evaluate masks nowhere -o out/a",
        "compare masks references -o out/a",
        "segment missing.nii.gz -m model.safetensors -o out/a",
        "run missing.nii.gz -m model.safetensors -o out/a",
        "report missing.nii.gz --mask file -o out/a",
        "lungs missing.nii.gz -o out/a.nii.gz",
        "convert missing.nii.gz out/a.nii.gz",
        "cohort masks -o out/a.html",
    ] {
        let output = run(folder.path(), words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(!folder.path().join("out").exists(), "{words}: {said}");
    }
    for words in ["evaluate masks masks -o file/a", "segment masks/a.nii.gz -m model.safetensors -o file/a"] {
        must_refuse(&run(folder.path(), words), "cannot make folder");
    }
}
