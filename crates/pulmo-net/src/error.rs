//! The crate's one error.

use std::path::PathBuf;

/// What can go wrong with networks and weight files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A weight file could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause from the operating system.
        source: std::io::Error,
    },
    /// A weight file is damaged or of another kind.
    #[error("`{}` is not a usable weight file: {problem}", path.display())]
    WeightFile {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// Weights do not belong to the network.
    #[error("weights do not fit the network: {problem}")]
    Weights {
        /// Which tensor, found, expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A network description that cannot be built.
    #[error("network cannot be built: {problem}")]
    Network {
        /// Found and expected.
        problem: String,
    },
    /// Loss or a gradient became NaN or infinite.
    #[error("{what} is not finite")]
    NotFinite {
        /// `loss`, or the parameter whose gradient it is.
        what: String,
    },
}

impl Error {
    /// The advice that belongs under the message, if there is any.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::WeightFile { hint, .. } | Self::Weights { hint, .. } => {
                Some(hint.as_str()).filter(|hint| !hint.is_empty())
            }
            Self::NotFinite { .. } => Some("a lower learning rate usually helps; look at the named case first"),
            Self::Io { .. } | Self::Network { .. } => None,
        }
    }
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
