//! The crate's one error.

use std::path::{Path, PathBuf};

/// What can go wrong with files and volumes.
///
/// Every message names what was found and what was expected; the file stands in its own field and a
/// hint says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause from the operating system.
        source: std::io::Error,
    },
    /// A file's content is damaged, contradicts itself or is not what it claims to be.
    #[error("`{}` is not usable: {problem}", path.display())]
    Invalid {
        /// The file or folder.
        path: PathBuf,
        /// Field, found, expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A valid file that holds something this program does not read.
    #[error("`{}` is not supported: {problem}", path.display())]
    Unsupported {
        /// The file or folder.
        path: PathBuf,
        /// Which feature, by the format's own name.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// Two volumes that must share one grid do not.
    #[error("grids differ: {problem}")]
    GridMismatch {
        /// Found and expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A value that no volume can have, from a caller or a file.
    #[error("{problem}")]
    Value {
        /// Found and expected.
        problem: String,
    },
}

impl Error {
    /// The advice that belongs under the message, if there is any.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Invalid { hint, .. } | Self::Unsupported { hint, .. } | Self::GridMismatch { hint, .. } => {
                Some(hint.as_str()).filter(|hint| !hint.is_empty())
            }
            Self::Io { source, .. } => io_hint(source),
            Self::Value { .. } => None,
        }
    }

    /// An [`Error::Io`] for reading `path`.
    pub fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Io { action: "read", path: path.to_owned(), source }
    }

    /// An [`Error::Io`] for writing `path`.
    pub fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Io { action: "write", path: path.to_owned(), source }
    }

    /// An [`Error::Invalid`].
    pub fn invalid(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { path: path.to_owned(), problem: problem.into(), hint: hint.into() }
    }

    /// An [`Error::Unsupported`].
    pub fn unsupported(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), problem: problem.into(), hint: hint.into() }
    }
}

/// What a user can do about an error of the operating system, where that is plain.
#[must_use]
pub fn io_hint(error: &std::io::Error) -> Option<&'static str> {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Some("the disk is full: free some space, or write elsewhere"),
        std::io::ErrorKind::PermissionDenied => Some("this user may not do that there"),
        std::io::ErrorKind::NotFound => Some("check the path"),
        _ => None,
    }
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
