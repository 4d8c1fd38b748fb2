//! Ctrl-C: what is not finished goes, what was there before stays.
//!
//! A named pipe that nobody writes to holds a command where it reads it, however fast the machine is.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pulmo::ct::format::write_volume;
use pulmo::ct::{Affine, CtVolume, Grid, Spacing};

use super::pulmo;

fn ct(path: &Path, lowest: f32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let affine = Affine::axial(Spacing::new([10.0; 3]).unwrap(), [0.0; 3]);
    let grid = Grid::new([2, 2, 2], affine).unwrap();
    write_volume(path, &CtVolume::new(grid, (0..8_u8).map(|at| lowest + f32::from(at)).collect()).unwrap()).unwrap();
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Starts the binary, waits until `sign` is there, presses Ctrl-C, and gives what was said.
fn stopped(arguments: &[&OsStr], sign: &Path) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pulmo"));
    let run = program.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !sign.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} never came", sign.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = format!("kill -INT {}", run.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    said
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_import_that_is_stopped_leaves_what_was_there_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Controls, whose empty masks are made on the way.
    for number in 1..3_u8 {
        ct(&at(&format!("archive/studies/CT-0/study_000{number}.nii.gz")), f32::from(number) - 1000.0);
    }
    let (archive, list) = (at("archive"), at("new/mosmed/data.toml"));
    let import: [&OsStr; 5] = ["import".as_ref(), "mosmed".as_ref(), archive.as_ref(), "-o".as_ref(), list.as_ref()];
    let held = at("archive/studies/CT-0/study_0003.nii.gz");
    pipe(&held);
    let said = stopped(&import, &at("new/mosmed/data.files/masks/study_0002.key"));
    assert!(said.is_empty(), "{said}");
    assert_eq!(names(folder.path()), ["archive"]);

    std::fs::remove_file(&held).unwrap();
    assert!(pulmo(&import).status.code().is_some_and(|code| code < 2));
    let text = std::fs::read_to_string(&list).unwrap();
    let lost = at("new/mosmed/data.files/masks/study_0001.key");
    std::fs::remove_file(&lost).unwrap();
    pipe(&held);
    stopped(&import, &lost);
    assert_eq!(std::fs::read_to_string(&list).unwrap(), text);
    assert_eq!(names(&at("new/mosmed")), ["data.files", "data.flow.json", "data.flow.md", "data.toml"]);
    assert_eq!(names(&at("new/mosmed/data.files/masks")).len(), 4, "two masks with their keys");
}

#[test]
fn an_export_that_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    ct(&at("a.nii.gz"), -1000.0);
    pipe(&at("b.nii.gz"));
    let case = |name: &str| format!("[[case]]\nname = \"{name}\"\nimage = \"{name}.nii.gz\"\nlabels = \"a.nii.gz\"\n");
    let list = format!("name = \"two\"\n[labels]\n1 = \"infiltrate\"\n{}{}", case("a"), case("b"));
    std::fs::write(at("data.toml"), list).unwrap();
    let (list, out) = (at("data.toml"), at("out/deep"));
    let words = ["data", "export", "folder"].map(OsStr::new);
    stopped(&[&words[..], &[list.as_ref(), "-o".as_ref(), out.as_ref()]].concat(), &out.join("images/a.nii.gz"));
    assert_eq!(names(folder.path()), ["a.nii.gz", "b.nii.gz", "data.toml"]);
}

#[test]
fn a_demonstration_that_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/demo");
    stopped(&["demo".as_ref(), "-o".as_ref(), out.as_ref()], &out.join("data/training/lungs/training_01.nii.gz"));
    assert!(names(folder.path()).is_empty());
}
