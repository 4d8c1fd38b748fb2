//! Files that are either the old one or the new one, never half.
//!
//! Everything is written to a temporary file in the same folder and renamed when it is complete, so a
//! killed process or a full disk leaves the old file in place. After Ctrl-C the temporary files go too; see
//! [`unfinished`](crate::unfinished).

use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::unfinished::{self, Note};

/// Writes `bytes` to `path`, replacing what was there in one step.
///
/// The folder must exist.
///
/// # Errors
/// [`Error::Io`] if the temporary file cannot be made, written or renamed; `path` is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes))
}

/// Writes what `content` puts into its (buffered) argument to `path`, replacing what was there in one step.
///
/// # Errors
/// [`Error::Io`] if `content` fails or the temporary file cannot be made, written or renamed; `path` is then
/// untouched.
pub fn write_with(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed = |source| Error::write(path, source);
    let (_note, file) = temporary(path, true).map_err(failed)?;
    let mut out = BufWriter::new(file);
    content(&mut out).map_err(failed)?;
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    unfinished::in_one_step(|| file.persist(path)).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Writes `bytes` to `path` unless something stands there; `false` if something does.
///
/// # Errors
/// Whatever the system says; `path` is then untouched.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    write_new_with(path, bytes, true)
}

/// Writes `bytes` to `path` in one step so that only its owner can read and write it (0600).
///
/// # Errors
/// [`Error::Io`]; `path` is then untouched.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::write(path, source);
    let (_note, mut file) = temporary(path, false).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    unfinished::in_one_step(|| file.persist(path)).map_err(|e| failed(e.error))?;
    Ok(())
}

/// [`write_private`] unless something stands there; `false` if something does.
///
/// # Errors
/// Whatever the system says; `path` is then untouched.
pub fn write_new_private(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    write_new_with(path, bytes, false)
}

fn write_new_with(path: &Path, bytes: &[u8], is_public: bool) -> io::Result<bool> {
    let (_note, mut file) = temporary(path, is_public)?;
    file.write_all(bytes)?;
    match unfinished::in_one_step(|| file.persist_noclobber(path)) {
        Ok(_) => Ok(true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Puts the folder that `fill` fills at `path`, replacing what was there in one step.
///
/// The folder around it must exist.
///
/// # Errors
/// Those of `fill`, or [`Error::Io`] if something cannot be made or renamed; `path` is then untouched.
pub fn write_folder<E: From<Error>>(
    path: &Path,
    fill: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let failed = |source| E::from(Error::write(path, source));
    let make = || tempfile::Builder::new().prefix(".pulmo-").tempdir_in(folder_of(path));
    let (_note, temporary) = unfinished::temporary_folder(make).map_err(failed)?;
    // A temporary folder is private to its owner; a result should be as readable as any other folder.
    let content = temporary.path().join("content");
    std::fs::create_dir(&content).map_err(failed)?;
    fill(&content)?;
    unfinished::in_one_step(|| {
        if path.exists() {
            // Moved aside first, so that the new folder's appearance is one step.
            std::fs::rename(path, temporary.path().join("replaced"))?;
        }
        std::fs::rename(&content, path)
    })
    .map_err(failed)
}

/// A file beside `path` that goes unless it is put in its place; private to its owner unless it `is_public`.
fn temporary(path: &Path, is_public: bool) -> io::Result<(Note, NamedTempFile)> {
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".pulmo-");
    // A temporary file is private to its owner by default; a result should be as readable as any other file.
    #[cfg(unix)]
    if is_public {
        temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    unfinished::file(|| temporary.tempfile_in(folder_of(path)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");

        let error = write_with(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(error.unwrap_err().to_string().contains("table.csv"));
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("none/x.json"), b"{}").unwrap_err();
        assert!(error.to_string().contains("x.json"), "{error}");
    }
}
