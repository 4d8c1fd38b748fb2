use super::*;

#[test]
fn reads_the_layer_table_and_the_manifest() {
    let table = layer_table(
        "text\n| crate | what | may depend on |\n|---|---|---|\n| `a` | x | `b`, `c` |\n| `b` | y | |\n\nmore\n",
    );
    assert_eq!(table["a"], BTreeSet::from(["b".to_owned(), "c".to_owned()]));
    assert!(table["b"].is_empty());
    let manifest = "[package]\nname = \"pulmo-x\"\n[dependencies]\npulmo-ct.workspace = true\nserde = \"1\"\n[dev-dependencies]\npulmo-net = {}\n";
    assert_eq!(own_dependencies(manifest), ["pulmo-ct"]);
}

#[test]
fn finds_what_it_forbids() {
    let folder = std::env::temp_dir().join(format!("pulmo-tidy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("misc.rs");
    std::fs::write(&file, "fn f(gt: u8) {\n    println!(\"x\");\n    unsafe { x() }\n}\n#[cfg(test)]\nprintln!()")
        .unwrap();
    let found = source_file(&folder, &file, &BTreeSet::from(["gt".to_owned()])).join("\n");
    std::fs::write(&file, "x\n".repeat(FILE_LINES + 1)).unwrap();
    let long = source_file(&folder, &file, &BTreeSet::new()).join("\n");
    std::fs::remove_dir_all(&folder).unwrap();
    for expected in
        ["misc.rs: a file name", "misc.rs:1: `gt`", "misc.rs:2: only terminal.rs prints", "misc.rs:3: `unsafe`"]
    {
        assert!(found.contains(expected), "`{expected}` not in:\n{found}");
    }
    assert!(!found.contains("misc.rs:6"), "tests may print");
    assert!(long.contains("501 lines"));
}

#[test]
fn this_repository_is_tidy_in_its_layers() {
    assert_eq!(layers(crate::root()), Vec::<String>::new());
}

#[test]
fn the_glossary_bans_only_words_in_backticks_in_its_last_column() {
    let banned =
        banned_words("| term | identifier | not |\n|---|---|---|\n| reference | `reference` | `gt`, ground truth |\n");
    assert_eq!(banned, BTreeSet::from(["gt".to_owned()]));
}
