//! SHA-256 of images, by which a case is known again and a copy is found.

use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// SHA-256 of an image in lower-case hexadecimal: of a file's bytes, or of a folder by [`of_files`].
///
/// # Errors
/// [`Error::Io`] if something cannot be read.
pub fn of_image(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return of_file(path);
    }
    let mut files = Vec::new();
    collect(path, 0, &mut files)?;
    of_files(&files)
}

/// SHA-256 of the sorted hexadecimal hashes of files, one a line: it depends on contents alone, not on names.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read.
pub fn of_files(files: &[PathBuf]) -> Result<String> {
    let mut hashes = files.par_iter().map(|file| of_file(file)).collect::<Result<Vec<String>>>()?;
    hashes.sort_unstable();
    Ok(of_bytes(hashes.join("\n").as_bytes()))
}

/// SHA-256 of a file's bytes, read piece by piece.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    let failed = |source| Error::read(path, source);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(hexadecimal(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

/// SHA-256 of bytes.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below a folder, hidden ones left out, in no order; `depth` ends a link to a parent.
pub(super) fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    const DEEPEST: usize = 16;
    let failed = |source| Error::read(folder, source);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if !path.is_dir() {
            files.push(path);
        } else if depth < DEEPEST {
            collect(&path, depth + 1, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_known_by_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("a", b"one");
        write("b", b"two");
        let first = of_image(folder.path()).unwrap();
        std::fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
        assert_eq!(of_image(folder.path()).unwrap(), first, "names do not matter");
        write("c", b"One");
        assert_ne!(of_image(folder.path()).unwrap(), first);
        assert_eq!(of_bytes(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
