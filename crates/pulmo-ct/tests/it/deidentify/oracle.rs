//! Against files, lists and results of other tools, and against real series.

use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::open_file;
use pulmo_ct::deidentify::{Key, Options, Outcome, run};
use pulmo_ct::format::{OpenOptions, open_ct};

use super::{CANARY, DATE, Run, files, has, oracle, plain_bytes};

#[test]
fn the_lists_are_those_of_the_oracle() {
    for name in ["table_e1_1.tsv", "coded_words.txt"] {
        let used = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deidentify").join(name);
        assert_eq!(std::fs::read(oracle(name)).unwrap(), std::fs::read(used).unwrap(), "{name}");
    }
}

/// The first ten slices of each series would do, but whole series prove the order too.
#[allow(clippy::print_stderr, reason = "a test says what it measured or why it did not run")]
#[test]
fn the_voxels_stay_those_of_the_source() {
    let series = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/dicom_series"));
    let mut sources: Vec<PathBuf> = std::fs::read_dir(series).unwrap().map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.is_dir());
    let real = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if real.is_dir() {
        sources.extend(["cip", "ibsi"].map(|name| real.join(name)));
    } else {
        eprintln!("skipped: no real data at {}", real.display());
    }
    for source in sources {
        let Some(folder) = files(&source)
            .into_iter()
            .find(|path| std::fs::read(path).is_ok_and(|bytes| bytes.get(128..132) == Some(b"DICM")))
        else {
            continue;
        };
        let folder = folder.parent().unwrap();
        let output = tempfile::tempdir().unwrap();
        let output = output.path().join("out");
        let report = run(folder, Some(&output), &Key::random().unwrap(), &Options::default(), &|_, _| true).unwrap();
        assert_eq!(report.failures().count(), 0, "{}: {report:?}", source.display());
        let Ok(expected) = open_ct(folder, &OpenOptions::default()) else { continue };
        let opened = open_ct(&output, &OpenOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        assert_eq!(opened.volume.hu(), expected.volume.hu(), "{}", source.display());
        assert_eq!(opened.volume.grid(), expected.volume.grid(), "{}", source.display());
    }
}

#[test]
fn files_made_by_pydicom_give_nothing_away() {
    let job = Run::new();
    std::fs::create_dir_all(job.input()).unwrap();
    let names = ["deflated", "jp", "kr", "ru", "gb"];
    for name in names {
        std::fs::copy(oracle(&format!("seeded_{name}.dcm")), job.input().join(name)).unwrap();
    }
    let report = job.go();
    assert_eq!(report.count(|outcome| *outcome == Outcome::Written), names.len(), "{report:?}");
    // The names as bytes of their character sets: JIS X 0208, KS X 1001, ISO 8859-5, GB 18030.
    let abroad: [&[u8]; 5] =
        [b"$B6b;e?}", b"\xc4\xab\xb3\xaa", b"\xba\xd0\xdd\xd0\xe0\xd5\xd9\xda\xd0", b"\xbd\xf0\xcb\xbf", b"Kanarie"];
    for path in files(&job.output()) {
        let bytes = plain_bytes(&path);
        for needle in [CANARY, "Vogel", DATE, "112358.2468", ".7654321", "094Y"] {
            assert!(!has(&bytes, needle), "{needle}");
        }
        for needle in abroad {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
        let object = open_file(&path).unwrap();
        assert_eq!(object.get(tags::SPECIFIC_CHARACTER_SET), None, "all text that is left is ASCII");
        assert_eq!(object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap().len(), 48);
    }
}

#[test]
fn whatever_another_tool_changes_is_changed() {
    let job = Run::new();
    std::fs::create_dir_all(job.input()).unwrap();
    std::fs::copy(oracle("seeded_deflated.dcm"), job.input().join("a")).unwrap();
    job.go();
    let (before, after) = (open_file(oracle("seeded_deflated.dcm")).unwrap(), job.objects().remove(0));
    let lines = std::fs::read_to_string(oracle("dicom_anonymizer.tsv")).unwrap();
    let (mut only_here, mut kept) = (0, Vec::new());
    for line in lines.lines() {
        let (number, state) = line.split_once('\t').unwrap();
        let number = u32::from_str_radix(number, 16).unwrap();
        let tag = Tag((number >> 16) as u16, (number & 0xffff) as u16);
        if before.get(tag).is_none_or(|element| element.value().to_str().is_ok_and(|value| value.is_empty())) {
            continue;
        }
        let is_same = after.get(tag).map(|element| element.value()) == before.get(tag).map(|element| element.value());
        match (state, is_same) {
            ("kept", false) => only_here += 1,
            ("removed" | "emptied" | "changed", true) => kept.push(tag),
            _ => (),
        }
    }
    assert_eq!(kept, [], "the other tool does not keep these");
    assert!(only_here > 2000, "{only_here} attributes that the other tool keeps are changed here");
}
