//! The repository's files, and Rust source without its tests.

use std::path::{Path, PathBuf};

/// Folders directly in the root that hold nothing of ours.
const SKIPPED: &[&str] = &["target", "runs", "demo"];

/// All files under `folder` with this extension, sorted; hidden folders are left out.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in entries(&next) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_skipped = next == folder && SKIPPED.contains(&name.as_str());
                if !name.starts_with('.') && !is_skipped {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What lies directly in `folder`, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The text of a file; empty if it cannot be read as UTF-8.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whether the whole file is test code, a bench or an example.
pub(crate) fn is_test_file(path: &Path) -> bool {
    let folder = path.iter().any(|part| part == "tests" || part == "benches" || part == "examples");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// The lines before the tests at a file's foot.
pub(crate) fn without_tests(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]").collect()
}
