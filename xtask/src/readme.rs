//! The console blocks of README.md as a test: every `$ ` command runs, in order, and must succeed.
//!
//! They run in one fresh folder with the release binary on the path. `cargo run --release -- X` runs as `pulmo X`;
//! other `cargo`, `git` and `cd` commands set things up and are left out. Lines without `$ ` are for the reader.

use std::path::Path;
use std::process::Command;

use crate::{Outcome, source};

/// Runs the blocks of README.md with `binaries` first on the path.
pub(crate) fn run(root: &Path, binaries: &Path) -> Outcome {
    let text = source::text(&root.join("README.md"));
    let commands = commands(&text)?;
    let folder = std::env::temp_dir().join(format!("pulmo-readme-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    let outcome = commands.iter().try_for_each(|command| shell(command, &folder, binaries));
    // What is left over lies in the system's temporary folder; failing to remove it is no failure of the README.
    let _ = std::fs::remove_dir_all(&folder);
    outcome?;
    println!("README.md: {} commands ran", commands.len());
    Ok(())
}

/// The commands of the `console` blocks that are to be run.
fn commands(text: &str) -> Result<Vec<String>, String> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        match line.trim_end() {
            "```console" if !inside => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            line => found.extend(line.strip_prefix("$ ").and_then(runnable)),
        }
    }
    if inside { Err("README.md: a console block is not closed".into()) } else { Ok(found) }
}

fn runnable(command: &str) -> Option<String> {
    if let Some(arguments) = command.strip_prefix("cargo run --release -- ") {
        return Some(format!("pulmo {arguments}"));
    }
    let is_setup = ["cargo ", "git ", "cd "].iter().any(|start| command.starts_with(start));
    (!is_setup).then(|| command.to_owned())
}

fn shell(command: &str, folder: &Path, binaries: &Path) -> Outcome {
    println!("README.md $ {command}");
    let old = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binaries.to_owned()).chain(std::env::split_paths(&old));
    let path = std::env::join_paths(paths).map_err(|error| format!("cannot form PATH: {error}"))?;
    let status = Command::new("sh").args(["-c", command]).current_dir(folder).env("PATH", path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("README.md: `{command}`: {status}")),
        Err(error) => Err(format!("README.md: cannot run `sh`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_to_run() {
        let text = "$ not here\n```console\n$ git clone x\n$ cargo run --release -- demo\noutput\n$ ls demo\n```\n```sh\n$ no\n```\n";
        assert_eq!(commands(text).unwrap(), ["pulmo demo", "ls demo"]);
        assert!(commands("```console\n$ ls\n").is_err());
    }

    #[test]
    fn a_command_that_fails_fails_the_test() {
        let folder = std::env::temp_dir();
        assert!(shell("true", &folder, &folder).is_ok());
        assert!(shell("exit 3", &folder, &folder).unwrap_err().contains("exit 3"));
    }
}
