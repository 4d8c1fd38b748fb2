//! Where results go: nothing is replaced unasked, a folder that cannot be written to is found before the work, and a run
//! that fails or is stopped leaves no empty folder behind.

use std::path::Path;

use pulmo::ct::folder::MadeFolder;

use crate::terminal::advice;

/// Makes sure, before the work, that `folder` can take files of these names; leaves everything as it was.
///
/// # Errors
/// If one of them is there and `force` is not set, or if nothing can be written there.
pub(crate) fn must_take<'a>(
    folder: &Path,
    names: impl IntoIterator<Item = &'a str>,
    force: bool,
) -> anyhow::Result<()> {
    let mut files = names.into_iter().map(|name| folder.join(name));
    match files.find(|file| file.exists()) {
        Some(file) if !force => Err(is_there(&file, "--force replaces it, -o names another folder")),
        _ => Ok(MadeFolder::probe(folder)?),
    }
}

/// [`must_take`] of one file, in whatever folder.
pub(crate) fn must_take_file(file: &Path, force: bool) -> anyhow::Result<()> {
    match file.exists() {
        true if !force => Err(is_there(file, "--force replaces it")),
        _ => Ok(MadeFolder::probe(folder_of(file))?),
    }
}

fn is_there(file: &Path, hint: &str) -> anyhow::Error {
    advice(format!("`{}` is there already", file.display()), hint)
}

/// Makes the folder that a file goes to; it goes again when the value is dropped with nothing in it.
pub(crate) fn make_folder_of(file: &Path) -> anyhow::Result<MadeFolder> {
    Ok(MadeFolder::make(folder_of(file))?)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
