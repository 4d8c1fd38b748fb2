//! What no compiler checks: layers, sizes, words, printing. Every finding names the file and the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{Outcome, oracles, source};

/// Lines a source file may have, tests left out.
const FILE_LINES: usize = 500;
/// Bytes a truth file of an oracle may have.
const TRUTH_BYTES: u64 = 50_000;

/// Left-overs of work in progress, written so that this list does not find itself.
const LEFT_OVERS: &[&str] =
    &[concat!("to", "do!("), concat!("db", "g!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
/// Printing, which only `terminal.rs` and xtask may do.
const PRINTING: &[&str] = &["println!(", "eprintln!(", "print!(", "eprint!("];
/// File names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Checks the repository.
pub(crate) fn run(root: &Path) -> Outcome {
    let mut findings = layers(root);
    let banned = banned_words(&source::text(&root.join("GLOSSARY.md")));
    for file in source::files(root, "rs") {
        findings.extend(source_file(root, &file, &banned));
    }
    findings.extend(prose(root));
    findings.extend(oracle_topics(root));
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    Err(format!("tidy: {} findings", findings.len()))
}

/// Compares the layer table of ARCHITECTURE.md with the manifests.
fn layers(root: &Path) -> Vec<String> {
    let table = layer_table(&source::text(&root.join("ARCHITECTURE.md")));
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let folders = source::entries(&root.join("crates")).into_iter().chain([root.join("xtask")]);
    for folder in folders.filter(|folder| folder.join("Cargo.toml").is_file()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        seen.insert(name.clone());
        let Some(allowed) = table.get(&name) else {
            findings.push(format!("ARCHITECTURE.md: crate `{name}` is not in the layer table"));
            continue;
        };
        for dependency in own_dependencies(&source::text(&folder.join("Cargo.toml"))) {
            if !allowed.contains(&dependency) {
                findings.push(format!(
                    "{name}/Cargo.toml: depends on `{dependency}`, which the layer table does not allow"
                ));
            }
        }
    }
    let missing = table.keys().filter(|name| !seen.contains(*name));
    findings.extend(missing.map(|name| format!("ARCHITECTURE.md: there is no crate `{name}`")));
    findings
}

/// Crate to what it may depend on, from the rows `| `crate` | … | `dep`, `dep` |` under "may depend on".
fn layer_table(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = text.lines().skip_while(|line| !line.contains("| may depend on |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            Some((in_backticks(cells.first()?).first()?.clone(), in_backticks(cells.last()?).into_iter().collect()))
        })
        .collect()
}

fn in_backticks(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Our own crates in `[dependencies]` of a manifest; what only tests need is free.
fn own_dependencies(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| name.starts_with("pulmo"))
        .map(str::to_owned)
        .collect()
}

/// The words in backticks in the last column of the glossary's tables.
fn banned_words(glossary: &str) -> BTreeSet<String> {
    let rows = glossary.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|line| line.trim_matches('|').split('|').next_back()).flat_map(in_backticks).collect()
}

fn source_file(root: &Path, file: &Path, banned: &BTreeSet<String>) -> Vec<String> {
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = source::text(file);
    let mut findings = Vec::new();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        findings.push(format!("{name}: a file name must say what is in it"));
    }
    if source::is_test_file(file) {
        return findings;
    }
    let lines = source::without_tests(&text);
    if lines.len() > FILE_LINES {
        findings.push(format!("{name}: {} lines, at most {FILE_LINES} without tests", lines.len()));
    }
    let may_print = stem == "terminal" || name.starts_with("xtask");
    for (number, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut report = |rule: &str| findings.push(format!("{name}:{}: {rule}", number + 1));
        if LEFT_OVERS.iter().any(|word| line.contains(word)) {
            report("unfinished work");
        }
        if !may_print && PRINTING.iter().any(|call| code.contains(call)) {
            report("only terminal.rs prints");
        }
        if code.contains("unsafe ") && !name.starts_with("crates/pulmo-kernel") && !name.starts_with("xtask") {
            report("`unsafe` is for pulmo-kernel only");
        }
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        // A file format's own field names are the right words where it is read.
        let words = words.filter(|word| !name.contains("/format/") && banned.contains(*word));
        words.for_each(|word| report(&format!("`{word}`: see GLOSSARY.md")));
    }
    findings
}

/// Prose and settings speak of the project only: no paths of one machine.
fn prose(root: &Path) -> Vec<String> {
    let files = ["md", "toml", "py", "rs"].into_iter().flat_map(|extension| source::files(root, extension));
    let machine = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/op", "t/")];
    files
        .filter(|file| machine.iter().any(|path| source::text(file).contains(path)))
        .map(|file| format!("{}: a path of one machine", file.strip_prefix(root).unwrap_or(&file).display()))
        .collect()
}

fn oracle_topics(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for topic in oracles::topics(root) {
        let name = topic.strip_prefix(root).unwrap_or(&topic).display().to_string();
        let note = std::fs::read_to_string(topic.join("NOTE.md")).unwrap_or_default();
        // Truths that this repository cannot remake say so.
        let elsewhere = |file: &str| file == "make.py" && note.contains("Made elsewhere");
        let wanted = ["make.py", "NOTE.md"].into_iter().filter(|file| !topic.join(file).is_file() && !elsewhere(file));
        findings.extend(wanted.map(|file| format!("{name}: no {file}")));
        for truth in oracles::truths(&topic) {
            let bytes = truth.metadata().map_or(0, |found| found.len());
            if bytes > TRUTH_BYTES {
                findings.push(format!("{name}: {} has {bytes} bytes, at most {TRUTH_BYTES}", truth.display()));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
