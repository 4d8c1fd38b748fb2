use super::*;
use crate::terminal::hint;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    folder
}

fn suffixes(prediction: &str, reference: &str) -> Suffixes {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Suffixes { prediction: some(prediction), reference: some(reference) }
}

fn seen(pairing: &Pairing) -> Vec<(&str, bool, bool)> {
    pairing.pairs.iter().map(|p| (p.case.as_str(), p.prediction.is_some(), p.reference.is_some())).collect()
}

fn listed(case: &str) -> Listed {
    let facts = CaseFacts::of_case(case);
    Listed { case: case.into(), reference: PathBuf::from(format!("{case}.nii")), lungs: None, facts }
}

#[test]
fn names_pair_files_and_folders_of_any_format() {
    let predictions =
        folder(&["a/mask.nrrd", "b_pred.mha", "c/report.html", "e-seg.NII.GZ", ".hidden.nii", "notes.txt"]);
    let references = folder(&["a_mask.nii.gz", "b_Segmentation.seg.nrrd", "d_mask.nii.gz", "e.mhd"]);
    let pairing = pair(predictions.path(), references.path(), &Suffixes::default()).unwrap();
    assert_eq!(seen(&pairing), [("a", true, true), ("b", true, true), ("d", false, true), ("e", true, true)]);
    assert_eq!(pairing.no_masks, [2, 0]);
    let lines = pairing.describe().join("\n");
    for words in ["3 pairs", "a: prediction `a/mask.nrrd`, reference `a_mask.nii.gz`", "1 without a prediction: d"] {
        assert!(lines.contains(words), "`{words}` not in {lines}");
    }
}

#[test]
fn two_files_that_could_be_one_case_are_an_error_that_names_both() {
    let references = folder(&["a.nii.gz"]);
    for [first, second] in [["a.nii.gz", "a.nrrd"], ["a.nii.gz", "a_seg.nii.gz"], ["a/mask.nii", "a_pred.nii"]] {
        let predictions = folder(&[first, second]);
        let error = pair(predictions.path(), references.path(), &Suffixes::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("case `a`") && text.contains(first) && text.contains(second), "{text}");
        assert!(hint(&error).unwrap().contains("--prediction-suffix"));
    }
    let two = folder(&["a/mask.nii", "a/mask.mha"]);
    let error = pair(two.path(), references.path(), &Suffixes::default()).unwrap_err().to_string();
    assert!(error.contains("mask.nii") && error.contains("mask.mha"), "{error}");
}

#[test]
fn a_suffix_says_which_of_two_files_is_the_mask() {
    let predictions = folder(&["a.nii.gz", "a_lesions.nii.gz"]);
    let references = folder(&["a.nii.gz", "a_seg.nii.gz"]);
    let pairing = pair(predictions.path(), references.path(), &suffixes("_lesions", "_seg")).unwrap();
    let [only] = &pairing.pairs[..] else { panic!("one case: {pairing:?}") };
    assert!(only.prediction.as_ref().unwrap().ends_with("a_lesions.nii.gz"));
    assert!(only.reference.as_ref().unwrap().ends_with("a_seg.nii.gz"));
}

#[test]
fn a_list_names_the_cases_and_takes_the_name_as_it_is_first() {
    let predictions = folder(&["a_seg.nii", "b_pred.nii", "z.nii"]);
    let pairing =
        pair_listed(predictions.path(), ["b", "a_seg", "c"].map(listed).into(), &Suffixes::default()).unwrap();
    assert_eq!(seen(&pairing), [("a_seg", true, true), ("b", true, true), ("c", false, true)]);
    assert_eq!(pairing.not_listed, ["z"]);
    let twice = folder(&["b.nii", "b_pred.nii"]);
    assert!(pair_listed(twice.path(), vec![listed("b")], &Suffixes::default()).is_err());
    assert!(pair_listed(twice.path(), vec![listed("b"), listed("b")], &Suffixes::default()).is_err());
}

#[test]
fn no_pair_is_an_error_with_advice() {
    let (predictions, references) = (folder(&["a.nii.gz"]), folder(&["b_mask.nii.gz"]));
    let error = pair(predictions.path(), references.path(), &Suffixes::default()).unwrap_err();
    assert!(error.to_string().contains("`a`") && error.to_string().contains("`b`"), "{error}");
    assert!(hint(&error).unwrap().contains("--reference-suffix"));
    assert!(pair(Path::new("no such folder"), references.path(), &Suffixes::default()).is_err());
}

#[test]
fn a_case_of_two_files_is_not_called_mask() {
    for (prediction, reference, case) in [
        ("out/a7/mask.nii.gz", "references/case_7.nii.gz", "case_7"),
        ("case_7_pred.nii.gz", "mask.nii", "case_7_pred"),
        ("mask.nii.gz", "seg.dcm", "case"),
    ] {
        assert_eq!(case_of_two(Path::new(prediction), Path::new(reference)), case);
    }
}
