//! How results are named on the command line.

use std::path::{Path, PathBuf};

/// What `[NAME=]PATH` on the command line says; a path that exists is never taken apart.
pub(super) fn parse(text: &str) -> (Option<String>, PathBuf) {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !Path::new(text).exists() => (Some(name.to_owned()), path.into()),
        _ => (None, text.into()),
    }
}

/// The name of a result that was given none: that of its folder, or of its file.
pub(super) fn default_name(path: &Path) -> String {
    let named = if path.file_name().is_some_and(|name| name == "evaluation.json") { path.parent() } else { Some(path) };
    let name = named.and_then(|path| if path.is_dir() { path.file_name() } else { path.file_stem() });
    name.map_or_else(|| "evaluation".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_command_line_or_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a=b");
        std::fs::create_dir(&odd).unwrap();
        assert_eq!(parse("new=runs/2"), (Some("new".into()), "runs/2".into()));
        assert_eq!(parse(&odd.to_string_lossy()), (None, odd.clone()));
        assert_eq!(default_name(&odd), "a=b");
        assert_eq!(default_name(&odd.join("evaluation.json")), "a=b");
        assert_eq!(default_name(Path::new("x/y.json")), "y");
    }
}
