//! Numbers that are far too large, and flags that do not apply, are refused at once with what is expected.

use std::ffi::OsStr;

use super::pulmo;

#[test]
fn what_is_too_large_or_does_not_apply_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    super::report::model(&model);
    let model = model.display().to_string();
    for (words, expected) in [
        ("segment ct.nii.gz -m none -o out --threads 100000", "--threads 100000: expected 1024 at most"),
        ("evaluate a.nii.gz b.nii.gz --network-grid 4000x4000x4000", "each 1 to 4096"),
        ("model show paper --input 3x99999999x99999999x99999999", "larger than any CT"),
        ("model show paper --classes 99999999999", "from 2 (background and one label) to 256"),
        ("model show unet --widths 99999999999,2", "from 1 to 4096"),
        ("model show paper --widths 3", "--widths is for `unet`, and the network is `paper`"),
        ("model load none --widths 3", "--widths is for `unet`, and the network is `paper`"),
        (&format!("model show {model} --classes 3"), "--classes is for a network by name"),
        (&format!("model show {model} --widths 3"), "--widths is for a network by name"),
    ] {
        let words: Vec<&OsStr> = words.split(' ').map(OsStr::new).collect();
        let output = pulmo(&words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}
