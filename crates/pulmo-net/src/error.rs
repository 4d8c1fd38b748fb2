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
    /// A run does not fit into the memory that it may take.
    #[error(
        "{:.2} GiB are too little for the network: it needs {:.2} GiB at least, even where activations are computed twice to save memory",
        gib(*max_bytes), gib(*needed_bytes)
    )]
    Memory {
        /// The smallest that would do.
        needed_bytes: u64,
        /// What was given.
        max_bytes: u64,
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
            Self::Memory { .. } => Some("give it more memory, or make its input or its batch smaller"),
            Self::Io { .. } | Self::Network { .. } => None,
        }
    }
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
