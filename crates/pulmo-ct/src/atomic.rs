//! Files that are either the old one or the new one, never half.
//!
//! Everything is written to a temporary file in the same folder and renamed when it is complete, so a
//! killed process or a full disk leaves the old file in place.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

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
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".pulmo-");
    // A temporary file is private to its owner by default; a result should be as readable as any other file.
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut out = BufWriter::new(temporary.tempfile_in(folder_of(path)).map_err(failed)?);
    content(&mut out).map_err(failed)?;
    let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Writes `bytes` to `path` unless something stands there; `false` if something does.
///
/// # Errors
/// Whatever the system says; `path` is then untouched.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".pulmo-");
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = temporary.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Writes `bytes` to `path` in one step so that only its owner can read and write it (0600).
///
/// # Errors
/// [`Error::Io`]; `path` is then untouched.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::write(path, source);
    // A temporary file is private to its owner by default.
    let mut file = tempfile::Builder::new().prefix(".pulmo-").tempfile_in(folder_of(path)).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
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
