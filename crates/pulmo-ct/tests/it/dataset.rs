//! Data lists: read, refused, written, found in folders, split by patient.

use std::path::Path;

use pulmo_ct::dataset::{DataList, IntensityStored, Split};

const HEAD: &str = "name = \"two\"\nlicence = \"CC0\"\nnotes = \"lesion slices only\"\nintensity_stored = \"eight_bit\"\n\n[labels]\n1 = \"infiltrate\"\n";

fn touch(path: &Path) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, b"x").unwrap();
}

fn case(name: &str, more: &str) -> String {
    format!(
        "\n[[case]]\nname = \"{name}\"\nimage = \"ct/{name}.nii.gz\"\nlabels = \"infection/{name}.nii.gz\"\n{more}\n"
    )
}

fn folder_of(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        touch(&folder.path().join(format!("ct/{name}.nii.gz")));
        touch(&folder.path().join(format!("infection/{name}.nii.gz")));
    }
    folder
}

fn load(folder: &Path, cases: &str) -> pulmo_ct::Result<DataList> {
    let path = folder.join("data.toml");
    std::fs::write(&path, format!("{HEAD}{cases}")).unwrap();
    DataList::load(&path)
}

#[test]
fn a_list_comes_back_as_it_was_saved() {
    let folder = folder_of(&["a", "b"]);
    let list = load(folder.path(), &(case("a", "patient = \"p\"\nsplit = \"test\"") + &case("b", ""))).unwrap();
    assert_eq!(list.intensity_stored, IntensityStored::EightBit);
    assert_eq!(list.notes, "lesion slices only");
    assert_eq!(list.cases[0].image, folder.path().join("ct/a.nii.gz"));
    assert_eq!((list.cases[1].patient.as_str(), list.cases[1].split), ("b", Split::Train));
    assert_eq!(list.of_split(Split::Test).count(), 1);
    let again = folder.path().join("again.toml");
    list.save(&again).unwrap();
    assert_eq!(DataList::load(&again).unwrap(), list);
    let text = std::fs::read_to_string(&again).unwrap();
    assert!(text.contains("image = \"ct/a.nii.gz\""), "paths are relative to the list: {text}");
}

#[test]
fn what_is_wrong_is_named_by_case_and_key() {
    let folder = folder_of(&["a", "b"]);
    let both = |a: &str, b: &str| case("a", a) + &case("b", b);
    for (cases, parts) in [
        (case("a", "") + &case("a", ""), ["case `a`", "`name`"]),
        (case("c", ""), ["case `c`", "`image`"]),
        (case("a", "lungs = \"nowhere.nii\""), ["case `a`", "`lungs`"]),
        (both("patient = \"p\"", "patient = \"p\"\nsplit = \"test\""), ["case `b`", "`patient`"]),
        (case("a", "splits = \"test\""), ["splits", "line"]),
        (case("a", "split = \"tset\""), ["tset", "line"]),
        ("[[case]]\nname = \"a\"\n".to_owned(), ["image", "line"]),
    ] {
        let message = load(folder.path(), &cases).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in: {message}");
    }
    std::fs::write(folder.path().join("data.toml"), "name = \"x\"\n[labels]\n0 = \"air\"\n").unwrap();
    let message = DataList::load(&folder.path().join("data.toml")).unwrap_err().to_string();
    assert!(message.contains("label `0`"), "{message}");
    assert!(DataList::load(&folder.path().join("none.toml")).is_err());
}

#[test]
fn patients_stay_together_and_the_seed_decides() {
    let names: Vec<String> = (0..20).map(|k| format!("c{k:02}")).collect();
    let folder = folder_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let cases: String =
        names.iter().enumerate().map(|(k, name)| case(name, &format!("patient = \"p{}\"", k / 2))).collect();
    let mut list = load(folder.path(), &cases).unwrap();
    list.split_by_patient(0.2, 0.2, 1).unwrap();
    for (split, expected) in [(Split::Train, 12), (Split::Validation, 4), (Split::Test, 4)] {
        assert_eq!(list.of_split(split).count(), expected, "{split:?}");
    }
    assert!(list.cases.chunks(2).all(|pair| pair[0].split == pair[1].split));
    let first = list.clone();
    list.cases.reverse();
    list.split_by_patient(0.2, 0.2, 1).unwrap();
    list.cases.reverse();
    assert_eq!(list, first, "the order of the cases does not matter");
    list.split_by_patient(0.2, 0.2, 2).unwrap();
    assert_ne!(list, first);
    assert!(list.split_by_patient(0.5, 0.5, 1).is_err());
    assert!(list.split_by_patient(-0.1, 0.5, 1).is_err());
    list.save(&folder.path().join("data.toml")).unwrap();
}
