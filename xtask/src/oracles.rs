//! The oracles: numbers made by other tools, each topic a folder with `make.py`, its truths and `NOTE.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, source};

/// Lists the topics and their files.
pub(crate) fn list(root: &Path) -> Outcome {
    for topic in topics(root) {
        let name = topic.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("{name}: {}", truths(&topic).iter().map(|path| file_name(path)).collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

/// Remakes every truth in a temporary folder and compares byte for byte.
///
/// A `make.py` writes beside itself, so a copy of it runs in that folder. Without Python, or without the tools that a
/// topic needs, that topic is said to be not checked.
pub(crate) fn check(root: &Path) -> Outcome {
    let python = std::env::var("PULMO_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut wrong = Vec::new();
    for topic in topics(root) {
        let name = file_name(&topic);
        let folder = std::env::temp_dir().join(format!("pulmo-oracle-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
        let copy = std::fs::copy(topic.join("make.py"), folder.join("make.py"));
        if let Err(error) = copy {
            println!("{name}: not checked: no make.py: {error}");
            continue;
        }
        let run = Command::new(&python).arg("make.py").current_dir(&folder).output();
        match run {
            Err(error) => println!("{name}: not checked: cannot run {python}: {error}"),
            Ok(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                let last = said.lines().last().unwrap_or("no message");
                println!("{name}: not checked: make.py failed: {last}");
            }
            Ok(_) => {
                let differing = truths(&topic).into_iter().filter(|truth| !same(truth, &folder.join(file_name(truth))));
                let differing: Vec<String> = differing.map(|truth| file_name(&truth)).collect();
                println!("{name}: {}", if differing.is_empty() { "the same" } else { "differs" });
                wrong.extend(differing.into_iter().map(|file| format!("{name}/{file}")));
            }
        }
        // A leftover in the system's temporary folder is no failure of the oracle.
        let _ = std::fs::remove_dir_all(&folder);
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("remade truths differ: {}", wrong.join(", "))) }
}

/// The folders of `oracles/`.
pub(crate) fn topics(root: &Path) -> Vec<PathBuf> {
    source::entries(&root.join("oracles")).into_iter().filter(|path| path.is_dir()).collect()
}

/// The truth files of a topic.
pub(crate) fn truths(topic: &Path) -> Vec<PathBuf> {
    let is_truth =
        |path: &PathBuf| path.is_file() && !["py", "md"].iter().any(|e| path.extension().is_some_and(|x| x == *e));
    source::entries(topic).into_iter().filter(is_truth).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((std::fs::read(a), std::fs::read(b)), (Ok(a), Ok(b)) if a == b)
}
