//! In which numbers a network's activations are held.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// In which numbers activations and their gradients are held between operations.
///
/// Sums, statistics, losses, parameters, their gradients and the optimiser are in float32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As they are computed (in a session of float64: as float64).
    #[default]
    Float32,
    /// Rounded to bfloat16, which takes half the memory.
    Bfloat16,
}

impl Precision {
    /// Both, with the names that recipes and options use.
    pub const ALL: [Precision; 2] = [Precision::Float32, Precision::Bfloat16];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
        }
    }
}

impl Display for Precision {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| format!("unknown precision `{text}`; expected float32 or bfloat16"))
    }
}
