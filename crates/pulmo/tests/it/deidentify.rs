//! `pulmo deidentify` from outside: what it says and where it puts things.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::pulmo;

const CANARY: &str = "KANARIE";

fn oracle(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/deidentify")).join(name)
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An input folder full of canaries, in names and contents.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("KANARIE^Vogel/1921");
        std::fs::create_dir_all(&deep).unwrap();
        for name in ["deflated", "jp", "kr", "ru", "gb"] {
            let from = oracle(&format!("seeded_{name}.dcm"));
            std::fs::copy(from, deep.join(format!("KANARIE {name}.dcm"))).unwrap();
        }
        std::fs::write(deep.join("KANARIE.txt"), "KANARIE called").unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, more: &[&OsStr]) -> (Option<i32>, String, String) {
        let (input, output, key) = (self.at("KANARIE^Vogel"), self.at("out"), self.at("key"));
        let mut args =
            vec!["deidentify".as_ref(), input.as_os_str(), output.as_os_str(), "--key".as_ref(), key.as_os_str()];
        args.extend(more);
        let output = pulmo(&args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

fn names_no_canary(text: &str) {
    for needle in [CANARY, "Kanarie", "Vogel", ".7654321", "19210307", "Канарейка"] {
        assert!(!text.contains(needle), "{needle}: {text}");
    }
}

/// The paths below `folder`, without it.
fn tree(folder: &Path, root: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            tree(&path, root, found);
        }
    }
}

#[test]
fn neither_log_nor_names_nor_files_tell() {
    let place = Place::new();
    let map = place.at("map.csv");
    let (code, stdout, stderr) = place.run(&["--map".as_ref(), map.as_os_str(), "--json".as_ref()]);
    assert_eq!(code, Some(0), "{stderr}");
    names_no_canary(&(stdout.clone() + &stderr));
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["written"], 5);
    assert_eq!(summary["set_aside"]["not_dicom"], 1);
    assert_eq!(summary["edition"], "2026c");
    let mut names = Vec::new();
    tree(&place.at("out"), &place.at("out"), &mut names);
    assert_eq!(names.iter().filter(|name| name.ends_with(".dcm")).count(), 5);
    names_no_canary(&names.join("\n"));
    for name in names.iter().filter(|name| name.ends_with(".dcm")) {
        let bytes = std::fs::read(place.at("out").join(name)).unwrap();
        names_no_canary(&String::from_utf8_lossy(&bytes));
    }
    assert!(std::fs::read_to_string(&map).unwrap().contains(CANARY), "the map leads back");
    let (code, stdout, _) = place.run(&[]);
    assert_eq!(code, Some(0));
    assert!(stdout.starts_with("0 files written, 5 already there"), "{stdout}");
}

#[test]
fn a_failed_file_is_exit_code_1_and_has_a_number() {
    let place = Place::new();
    let path = place.at("KANARIE^Vogel/1921/KANARIE jp.dcm");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let (code, stdout, stderr) = place.run(&[]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("file 3: it cannot be read"), "{stderr}");
    names_no_canary(&(stdout + &stderr));
}

#[test]
fn wrong_places_and_wrong_keys_do_nothing() {
    let place = Place::new();
    let inside = place.at("out/map.csv");
    let (code, stdout, stderr) = place.run(&["--map".as_ref(), inside.as_os_str()]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("may not lie in the output folder"), "{stderr}");
    names_no_canary(&stderr);
    std::fs::write(place.at("key"), "no key").unwrap();
    let (code, _, stderr) = place.run(&[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(!place.at("out").exists());
    std::fs::remove_file(place.at("key")).unwrap();
    std::fs::remove_dir_all(place.at("KANARIE^Vogel")).unwrap();
    let (code, _, stderr) = place.run(&[]);
    assert_eq!(code, Some(2), "{stderr}");
    names_no_canary(&stderr);
    assert!(stderr.contains("cannot be read") && !place.at("key").exists(), "{stderr}");
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let place = Place::new();
    let (code, stdout, stderr) = place.run(&["--dry-run".as_ref()]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("(0010,0010) PatientName") && stdout.contains("private elements"), "{stdout}");
    names_no_canary(&(stdout + &stderr));
    assert!(!place.at("out").exists() && !place.at("key").exists());
}
