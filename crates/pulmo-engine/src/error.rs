//! The crate's one error.

use std::path::{Path, PathBuf};

/// What can go wrong between volumes and tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A volume or a data list could not be used.
    #[error(transparent)]
    Ct(#[from] pulmo_ct::Error),
    /// A network or its weights could not be used.
    #[error(transparent)]
    Net(#[from] pulmo_net::Error),
    /// A file or folder of this program could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause from the operating system.
        source: std::io::Error,
    },
    /// A recipe is not valid TOML, has an unknown key or a value out of range.
    #[error("recipe `{origin}`: {problem}")]
    Recipe {
        /// The file, or the name of what it was read from.
        origin: String,
        /// Key, found, expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A model file cannot be used.
    #[error("`{}` is not a usable model: {problem}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Found and expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// A run folder, its checkpoint or its cases do not allow what was asked.
    #[error("{problem}")]
    Run {
        /// Found and expected.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// One case cannot be used.
    #[error("case `{case}` cannot be used")]
    Case {
        /// The case key of the data list.
        case: String,
        /// What is wrong with it.
        #[source]
        source: Box<Error>,
    },
    /// The loss or a gradient became NaN or infinite.
    #[error("{what} is not finite in epoch {epoch}, step {step}, at {}", list(cases))]
    NotFinite {
        /// `loss`, or the parameter whose gradient it is.
        what: String,
        /// Epoch of the whole run, from 1.
        epoch: usize,
        /// Step within the epoch, from 1.
        step: usize,
        /// The cases of that batch.
        cases: Vec<String>,
    },
    /// The caller asked to stop; the last checkpoint is complete.
    #[error("stopped after {epochs} finished epochs")]
    Stopped {
        /// Epochs that the checkpoint holds.
        epochs: usize,
    },
}

fn list(cases: &[String]) -> String {
    let quoted: Vec<String> = cases.iter().map(|case| format!("case `{case}`")).collect();
    quoted.join(", ")
}

impl Error {
    /// The advice that belongs under the message, if there is any.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Ct(error) => error.hint(),
            Self::Net(error) => error.hint(),
            Self::Recipe { hint, .. } | Self::Model { hint, .. } | Self::Run { hint, .. } => {
                Some(hint.as_str()).filter(|hint| !hint.is_empty())
            }
            Self::Case { source, .. } => source.hint(),
            Self::NotFinite { .. } => Some(
                "look at the named case; if it is sound, lower `training.phase.learning_rate` or raise `training.optimiser.epsilon`",
            ),
            Self::Stopped { .. } => Some("go on with --resume"),
            Self::Io { source, .. } => pulmo_ct::error::io_hint(source),
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

    /// An [`Error::Run`].
    pub fn run(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Run { problem: problem.into(), hint: hint.into() }
    }

    /// An [`Error::Model`].
    pub fn model(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Model { path: path.to_owned(), problem: problem.into(), hint: hint.into() }
    }

    /// This error with the case it happened at.
    #[must_use]
    pub fn at_case(self, case: &str) -> Self {
        Self::Case { case: case.to_owned(), source: Box::new(self) }
    }
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;
