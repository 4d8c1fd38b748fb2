//! The proofs: programs in `proofs/<name>/run.py` that hold what `pulmo` writes against real archives, viewers and readers.
//!
//! They need what no test needs: Debian's archive and conformance tools, Python packages, a browser. `needs.txt` beside
//! each names what, one thing a line, and what is missing is said before anything starts:
//!
//! ```text
//! program NAME: where it comes from      found on the path
//! file PATH: where it comes from         found in the file system
//! python MODULE: where it comes from     imported by $PULMO_PYTHON, default python3
//! npm PACKAGE@VERSION                    unpacked into target/proofs/npm when it is not there yet
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, cargo, source, target_folder};

/// Lists the proofs, each with the first line of what it says of itself.
pub(crate) fn list(root: &Path) -> Outcome {
    for folder in proofs(root) {
        let text = source::text(&folder.join("run.py"));
        let says = text.lines().next().unwrap_or_default().trim_matches('"');
        println!("{}: {says}", name_of(&folder));
    }
    Ok(())
}

/// Builds `pulmo` and runs one proof with it, or all of them.
///
/// The proof finds the program in `$PULMO` and a folder of its own in `$PROOF_OUT`, below `target/proofs`.
pub(crate) fn run(root: &Path, name: Option<&str>) -> Outcome {
    let all = proofs(root);
    let chosen: Vec<&PathBuf> = all.iter().filter(|folder| name.is_none_or(|name| name == name_of(folder))).collect();
    if chosen.is_empty() {
        let names: Vec<String> = all.iter().map(|folder| name_of(folder)).collect();
        return Err(format!("no proof of that name; there are {}", names.join(", ")));
    }
    let missing: Vec<String> = chosen.iter().flat_map(|folder| missing(folder)).collect();
    if !missing.is_empty() {
        return Err(format!("install first:\n  {}", missing.join("\n  ")));
    }
    cargo(&["build", "--package", "pulmo"], &[])?;
    let failed: Vec<String> = chosen.iter().filter(|folder| !succeeds(folder)).map(|folder| name_of(folder)).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn proofs(root: &Path) -> Vec<PathBuf> {
    source::entries(&root.join("proofs")).into_iter().filter(|path| path.join("run.py").is_file()).collect()
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn python() -> String {
    std::env::var("PULMO_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// What the proof needs and this machine lacks.
fn missing(folder: &Path) -> Vec<String> {
    let needs = source::text(&folder.join("needs.txt"));
    needs.lines().filter(|line| !line.is_empty() && !is_there(line)).map(str::to_owned).collect()
}

fn is_there(need: &str) -> bool {
    let (kind, rest) = need.split_once(' ').unwrap_or((need, ""));
    let what = rest.split(": ").next().unwrap_or_default();
    match kind {
        "program" => {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&paths).any(|folder| folder.join(what).is_file())
        }
        "file" => Path::new(what).exists(),
        "python" => runs(Command::new(python()).args(["-c", &format!("import {what}")])),
        "npm" => npm(what),
        _ => false,
    }
}

/// Whether the package lies unpacked in `target/proofs/npm`, after an attempt to put it there.
///
/// It is packed and unpacked, not installed: what a proof serves or drives is whole without its dependencies, and
/// nothing of it runs at installation.
fn npm(package: &str) -> bool {
    let all = target_folder().join("proofs/npm");
    let folder = all.join(package.trim_start_matches('@').replace(['/', '@'], "-"));
    if folder.join("package/package.json").is_file() {
        return true;
    }
    println!("$ npm pack {package}");
    let archive = folder.with_file_name(format!("{}.tgz", name_of(&folder)));
    std::fs::create_dir_all(&folder).is_ok()
        && runs(Command::new("npm").args(["pack", "--pack-destination"]).arg(&all).arg(package))
        && runs(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))
}

fn succeeds(folder: &Path) -> bool {
    let name = name_of(folder);
    let program = std::env::var_os("PULMO").map_or_else(|| target_folder().join("debug/pulmo"), PathBuf::from);
    println!("$ {} proofs/{name}/run.py", python());
    let status = Command::new(python())
        .arg(folder.join("run.py"))
        .env("PULMO", program)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PROOF_OUT", target_folder().join("proofs").join(&name))
        .env("PROOF_NPM", target_folder().join("proofs/npm"))
        .status();
    status.is_ok_and(|status| status.success())
}
