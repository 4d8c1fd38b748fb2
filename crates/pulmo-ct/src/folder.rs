//! Folders for results that leave no trace where no result came.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::unfinished::{self, Note};

/// A folder that is there, and what had to be made for it: taken back when this is dropped, as far as it is still empty.
#[derive(Debug)]
pub struct MadeFolder {
    /// Outermost first.
    made: Vec<PathBuf>,
    /// Ctrl-C takes them back as well.
    _notes: Vec<Note>,
}

impl MadeFolder {
    /// Makes `path` and the folders around it, where they are not there.
    ///
    /// # Errors
    /// [`Error::Io`] if one cannot be made; what was made until then is taken back.
    pub fn make(path: &Path) -> Result<Self> {
        let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        missing.reverse();
        // Another program may make the same folder at the same time.
        let mut made = Self { made: missing, _notes: Vec::new() };
        let failed = |source| Error::Io { action: "make folder", path: path.to_owned(), source };
        made._notes = unfinished::make_folders(&made.made, path).map_err(failed)?;
        Ok(made)
    }

    /// Finds out whether files can be written into `path`, which need not be there, and leaves everything as it was.
    ///
    /// For the time before long work: a process that is ended during it then leaves no empty folder.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be made or takes no file.
    pub fn probe(path: &Path) -> Result<()> {
        let _folder = Self::make(path)?;
        tempfile::tempfile_in(path).map(drop).map_err(|source| Error::write(path, source))
    }
}

impl Drop for MadeFolder {
    fn drop(&mut self) {
        // A folder that holds something cannot be removed, which is as it should be.
        for folder in self.made.iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_goes_again_unless_something_lies_in_it() {
        let outer = tempfile::tempdir().unwrap();
        let (old, new) = (outer.path().join("old"), outer.path().join("new"));
        std::fs::create_dir(&old).unwrap();
        MadeFolder::probe(&old.join("a/b")).unwrap();
        assert!(old.exists() && !old.join("a").exists(), "an empty folder that was there before stays");
        drop(MadeFolder::make(&new.join("a")).unwrap());
        assert!(!new.exists());
        let folder = MadeFolder::make(&new.join("a/b")).unwrap();
        std::fs::write(new.join("a/result"), "kept").unwrap();
        drop(folder);
        assert!(new.join("a/result").exists() && !new.join("a/b").exists());
        let error = MadeFolder::probe(&new.join("a/result/c")).unwrap_err();
        assert!(error.to_string().contains("cannot make folder"), "{error}");
    }
}
